"""When something happens again: the next attempt at a receiver, the next poll of an agent.

Pure: the randomness comes in as `jitter`, a number in [0, 1) that the caller draws.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from relay.domain.outcome import Outcome, OutcomeKind

MIN_RETRY_SECONDS = 1.0  # jitter brings no retry below it, unless the schedule itself is shorter
FAILING_RETRIES = 2  # of the schedule, for a config that was given up before and has not healed
# The same body would be refused again: the receiver understood the request and wants another one. All else may pass and is retried.
FINAL_STATUSES = frozenset({400, 405, 406, 411, 413, 414, 415, 422, 431})
GONE_RECHECK = timedelta(hours=1)  # after 410: one more attempt, so that a receiver gone for a redeployment survives
LATE = timedelta(seconds=2)  # that a wake-up may come: SQS's delays are whole seconds, never early, and its clock is another
POLL_GROWTH = 1.5  # from one silent poll to the next
POLL_SPREAD = 0.1  # of the interval

_RETRY_AFTER_SPREAD = 0.1  # of the wait that a receiver asked for, on top of it


@dataclass(frozen=True)
class RetryRules:
    """`schedule`: seconds after the first, second, … failed attempt."""

    schedule: tuple[float, ...]

    @property
    def horizon(self) -> timedelta:
        """How long a notification is tried at most, without what a receiver asks for by `Retry-After`."""
        return timedelta(seconds=sum(self.schedule))

    @property
    def longest(self) -> timedelta:
        return timedelta(seconds=max(self.schedule, default=0))


def retry_delay(attempts_failed: int, rules: RetryRules, *, is_failing: bool, outcome: Outcome, jitter: float) -> timedelta | None:
    """How long to wait after `attempts_failed` failed attempts in a row (1 or more); None: give up.

    Entry 0 of the schedule follows the first attempt. The wait is drawn evenly between zero and the entry ("full jitter"), but not below
    a second: never later than the schedule says, and configs that failed together do not come back together. The receiver's `Retry-After`
    (already bounded) wins when it is longer; up to a tenth is added to it. It never adds an attempt. A status that is final is not retried.
    """
    if attempts_failed < 1:
        raise ValueError("a retry follows at least one failed attempt")
    usable = rules.schedule[:FAILING_RETRIES] if is_failing else rules.schedule
    is_final = outcome.kind is OutcomeKind.REFUSED and outcome.status in FINAL_STATUSES
    if attempts_failed > len(usable) or is_final:
        return None
    entry = usable[attempts_failed - 1]
    spread = max(entry * jitter, min(MIN_RETRY_SECONDS, entry))
    asked = outcome.retry_after.total_seconds() * (1 + _RETRY_AFTER_SPREAD * jitter) if outcome.retry_after else 0.0
    return timedelta(seconds=max(spread, asked))


def comes_before(end: datetime | None, delay: timedelta, now: datetime) -> bool:
    """Whether a wake-up sent now is there before `end`. After it nothing would be told any more, and no dead letter would say so."""
    return end is None or now + delay + LATE < end


def sooner(interval: timedelta, jitter: float) -> timedelta:
    """Up to a tenth, so that tasks which began together are not asked for together for ever. `jitter` in [0, 1)."""
    return interval * (1 - POLL_SPREAD * jitter)


def next_poll(interval: timedelta, *, changed: bool, minimum: timedelta, maximum: timedelta, interrupted: bool) -> timedelta:
    """The interval to the next poll of a task, after one at `interval`.

    Back to the minimum after a change, half as long again after silence. An interrupted task waits for somebody, and the message that
    ends the wait passes through the relay: it is polled at the maximum. Above the maximum nothing goes, not even the minimum.
    """
    if interrupted:
        return maximum
    longer = minimum if changed else max(interval * POLL_GROWTH, minimum)
    return min(longer, maximum)
