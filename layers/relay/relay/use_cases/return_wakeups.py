"""Return: a wake-up that cannot be worked on now comes back as a fresh copy; never by visibility or batch failure, which would spend the
receive count that is meant for our own faults (design §2 rules 3 and 8).
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from relay import observability
from relay.adapters.queues import Queue
from relay.domain.claim import RETURN_DELAY_SECONDS
from relay.domain.delivery import Call
from relay.domain.wakeup import DeliveryWakeup, next_hop


class ReturnWakeups:
    def __init__(self, queue: Queue, *, random: Callable[[], float]) -> None:
        self._queue = queue
        self._random = random

    def __call__(self, call: Call) -> None:
        """A fresh copy of each of the call's wake-ups comes back in a moment."""
        shortest, longest = RETURN_DELAY_SECONDS
        for wakeup in dict.fromkeys(wakeup for _, wakeup in call.messages):
            self._queue.send(wakeup, timedelta(seconds=shortest + (longest - shortest) * self._random()))
        observability.wakeup_returned(call.key)

    def hop(self, wakeups: Sequence[DeliveryWakeup], now: datetime) -> None:
        """A wait longer than SQS's longest delay goes on; this is no attempt."""
        for wakeup in wakeups:
            self._queue.send(wakeup, next_hop(wakeup, now))
