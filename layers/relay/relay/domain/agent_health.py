"""An agent that is down or busy: how long a process asks it nothing, over all its tasks, so that it is probed and not hammered.

Only what says "nobody is there" or "not now" counts. No task is given up on for it: each is asked for again after the pause.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from relay.domain.errors import RelayError, UpstreamBusyError, UpstreamTimeoutError, UpstreamUnavailableError

THRESHOLD = 5  # failures in a row, whichever tasks' they are
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_RETRY_AFTER = timedelta(minutes=15)  # what an agent may ask for; SQS delays no longer either
PROBE_WAIT = timedelta(seconds=12)  # how long the others wait for a probe's outcome: a poll's timeout, and a little more


@dataclass(frozen=True)
class AgentHealth:
    """Failures in a row, and until when nobody asks."""

    failures: int = 0
    rests_until: datetime | None = None

    def left(self, now: datetime) -> timedelta:
        """How long it is still left alone; zero when it may be asked."""
        return max(self.rests_until - now, timedelta(0)) if self.rests_until else timedelta(0)

    def probed(self, now: datetime) -> "AgentHealth":
        """As the others see it while one asks."""
        return AgentHealth(self.failures, now + PROBE_WAIT) if self.failures >= THRESHOLD else self

    def after(self, error: RelayError | None, now: datetime, *, longest: timedelta) -> "AgentHealth":
        """After an answer (None), or an error. `longest` is the longest pause that nobody has asked for."""
        if not isinstance(error, UpstreamUnavailableError | UpstreamTimeoutError):
            return AgentHealth()
        asked = error.retry_after if isinstance(error, UpstreamBusyError) else None
        failures = self.failures + 1
        rest = max(min(asked or timedelta(0), LONGEST_RETRY_AFTER), _pause(failures, longest))
        return AgentHealth(failures, now + rest if rest else None)


def _pause(failures: int, longest: timedelta) -> timedelta:
    if failures < THRESHOLD:
        return timedelta(0)
    return min(FIRST_PAUSE * (1 << min(failures - THRESHOLD, 16)), longest)
