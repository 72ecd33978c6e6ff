"""The gate before a receiver: its circuit breaker, shared over the tasks of an owner, and how many POSTs a process has in flight to it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Lock

from relay import observability
from relay.adapters.table.receivers import Receivers
from relay.domain.breaker import PROBE_MARGIN, Gate, counts, postponed
from relay.domain.keys import ReceiverKey
from relay.domain.outcome import Outcome
from relay.domain.push_config import PushConfig
from relay.domain.webhook_url import origin

IN_FLIGHT = 5  # POSTs of one process to one receiver
_SLOT_SECONDS = 3.0  # how long a POST waits for its turn; the claim allows no more


class ReceiverGate:
    def __init__(self, receivers: Receivers, *, timeout: timedelta, now: Callable[[], datetime], random: Callable[[], float]) -> None:
        self._receivers = receivers
        self._timeout = timeout
        self._now = now
        self._random = random
        self._slots: dict[ReceiverKey, BoundedSemaphore] = {}
        self._making = Lock()

    def postponed(self, config: PushConfig) -> timedelta | None:
        """How long to wait before trying, without spending an attempt; None: POST now. Of those who come half-open, one probes."""
        key, now = _key(config), self._now()
        receiver = self._receivers.state(key)
        gate = receiver.gate(now)
        if gate is Gate.CLOSED:
            return None
        if gate is Gate.HALF_OPEN and self._receivers.probe(key, until=now + self._timeout + PROBE_MARGIN):
            return None
        return postponed(receiver, now, self._random())

    def learn(self, config: PushConfig, outcome: Outcome) -> None:
        """Counts what says that nobody is there; any other answer shows that somebody is."""
        key = _key(config)
        if not counts(outcome):
            self._receivers.answered(key)
        elif self._receivers.failed(key):
            observability.breaker_opened(config)

    @contextmanager
    def slot(self, config: PushConfig) -> Iterator[bool]:
        """A place among the POSTs in flight to this receiver; False when none became free in time."""
        with self._making:
            slots = self._slots.setdefault(_key(config), BoundedSemaphore(IN_FLIGHT))
        is_free = slots.acquire(timeout=_SLOT_SECONDS)
        try:
            yield is_free
        finally:
            if is_free:
                slots.release()


def _key(config: PushConfig) -> ReceiverKey:
    return ReceiverKey(config.key.task.owner, origin(config.url))
