"""When something happens again: the next attempt at a receiver, the next poll of an agent.

Pure: the randomness comes in as `jitter`, a number in [0, 1) that the caller draws.
"""

from collections.abc import Sequence
from datetime import timedelta

MIN_RETRY_SECONDS = 1.0  # jitter brings no retry below it, unless the schedule itself is shorter
FAILING_RETRIES = 2  # of the schedule, for a config that was given up before and has not healed
GONE_RECHECK = timedelta(hours=1)  # after 410: one more attempt, so that a receiver gone for a redeployment survives
POLL_GROWTH = 1.5  # from one silent poll to the next

_RETRY_AFTER_SPREAD = 0.1  # of the wait that a receiver asked for, on top of it


def retry_delay(
    attempts_failed: int, schedule: Sequence[float], *, is_failing: bool, retry_after: timedelta | None, jitter: float
) -> timedelta | None:
    """How long to wait after `attempts_failed` failed attempts in a row (1 or more); None: give up.

    `schedule` is in seconds: entry 0 follows the first attempt. The wait is drawn evenly from the upper half of its entry ("equal
    jitter"): never later than the schedule says, spread over half of it, and the first retry never near zero.
    `retry_after` (already bounded) wins when it is longer; up to a tenth is added to it, so that configs told the same do not return at
    once. It never adds an attempt.
    """
    if attempts_failed < 1:
        raise ValueError("a retry follows at least one failed attempt")
    usable = schedule[:FAILING_RETRIES] if is_failing else schedule
    if attempts_failed > len(usable):
        return None
    entry = usable[attempts_failed - 1]
    spread = max(entry * (0.5 + 0.5 * jitter), min(MIN_RETRY_SECONDS, entry))
    asked = retry_after.total_seconds() * (1 + _RETRY_AFTER_SPREAD * jitter) if retry_after else 0.0
    return timedelta(seconds=max(spread, asked))


def next_poll(interval: timedelta, *, changed: bool, minimum: timedelta, maximum: timedelta, interrupted: bool) -> timedelta:
    """The interval to the next poll of a task, after one at `interval`.

    Back to the minimum after a change, half as long again after silence. An interrupted task waits for somebody, and the message that
    ends the wait passes through the relay: it is polled at the maximum. Above the maximum nothing goes, not even the minimum.
    """
    if interrupted:
        return maximum
    longer = minimum if changed else max(interval * POLL_GROWTH, minimum)
    return min(longer, maximum)
