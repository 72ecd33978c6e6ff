"""Whether an agent that says it pushes reaches the relay: its own POST to a callback shows it, and no call of the relay's can tell.

An agent that does not reach the relay waits in vain for each POST (a2a-sdk up to 5 s, a2akit tries three times): so one of its tasks at a
time has a callback until the first POST has come. That task is polled as ever.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

HEARD_FOR = timedelta(days=7)  # how long a POST counts; each day's first makes it as long again
PROBE_AGAIN = (timedelta(minutes=10), timedelta(hours=1), timedelta(days=1))  # after the first, second, … callback that was not used

_NOTED_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Reach:
    """What is known of one agent. `probes`: callbacks in a row of which nothing has come; the next may follow at `probe_at`."""

    heard_until: datetime | None = None
    probes: int = 0
    probe_at: datetime | None = None

    def is_heard(self, now: datetime) -> bool:
        return self.heard_until is not None and now < self.heard_until

    def is_noted(self, now: datetime) -> bool:
        """A further POST says nothing new."""
        return self.is_heard(now + HEARD_FOR - _NOTED_FOR)

    def may_probe(self, now: datetime) -> bool:
        return not self.is_heard(now) and (self.probe_at is None or self.probe_at <= now)

    def probed(self, now: datetime) -> "Reach":
        return Reach(probes=self.probes + 1, probe_at=now + PROBE_AGAIN[min(self.probes, len(PROBE_AGAIN) - 1)])


def heard(now: datetime) -> Reach:
    return Reach(heard_until=now + HEARD_FOR)
