"""The circuit breaker of a receiver: shared by all tasks of an owner, so that a dead receiver costs one probe, not a timeout per task.

Only what says "nobody is there" counts: connect errors, timeouts, 429 and 502 to 504. A refused body says nothing about the receiver.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from relay.domain.outcome import Outcome, OutcomeKind

THRESHOLD = 5  # counted failures in a row before the breaker opens
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=10)
PROBE_MARGIN = timedelta(seconds=10)  # beyond the POST's own timeout: a probe that has not reported by then is taken for dead
PROBE_WAIT = timedelta(seconds=5)  # how long the others wait for a probe's outcome
FRESH = timedelta(seconds=5)  # a process reads a receiver's state at most that often

_COUNTED_KINDS = frozenset({OutcomeKind.CONNECT_ERROR, OutcomeKind.TIMEOUT})
_COUNTED_STATUSES = frozenset({429, 502, 503, 504})


class Gate(StrEnum):
    """Whether a POST may start."""

    CLOSED = "closed"  # all is well: POST
    OPEN = "open"  # nobody POSTs until the pause is over
    HALF_OPEN = "half-open"  # one probe may POST


@dataclass(frozen=True)
class Receiver:
    """A receiver's failures in a row, and until when its breaker is open. Without failures there is no item."""

    failures: int = 0
    open_until: datetime | None = None
    probe_until: datetime | None = None

    def gate(self, now: datetime) -> Gate:
        if self.failures < THRESHOLD or self.open_until is None:
            return Gate.CLOSED
        return Gate.OPEN if now < self.open_until else Gate.HALF_OPEN


def counts(outcome: Outcome) -> bool:
    """Whether the outcome says that nobody is there."""
    return outcome.kind in _COUNTED_KINDS or outcome.status in _COUNTED_STATUSES


def pause(failures: int) -> timedelta:
    """How long the breaker stays open after so many failures in a row; zero below the threshold."""
    if failures < THRESHOLD:
        return timedelta(0)
    factor = 1 << min(failures - THRESHOLD, 16)
    return min(FIRST_PAUSE * factor, LONGEST_PAUSE)


def postponed(receiver: Receiver, now: datetime, jitter: float) -> timedelta:
    """How long a config waits whose receiver's breaker is not closed: to the end of the pause, spread over half as long again."""
    left = receiver.open_until - now if receiver.open_until and receiver.open_until > now else timedelta(0)
    base = max(left, PROBE_WAIT)
    return base * (1 + 0.5 * jitter)
