"""RECEIVER items: the circuit breakers. Read at most every five seconds per process, written on failures and on leaving a failing state."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from threading import Lock

from relay.adapters.table import items
from relay.adapters.table.connection import ConditionFailed, Connection
from relay.adapters.table.items import Item
from relay.domain.breaker import FRESH, THRESHOLD, Receiver, pause
from relay.domain.keys import RECEIVER, ReceiverKey

_FORGOTTEN_AFTER = timedelta(days=2)  # a receiver that nobody POSTs to any more


class Receivers:
    """Threads may share it."""

    def __init__(self, connection: Connection, *, longest_pause: timedelta, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._longest = longest_pause
        self._now = now
        self._known: dict[ReceiverKey, tuple[datetime, Receiver]] = {}
        self._reading: dict[ReceiverKey, Lock] = {}

    def state(self, key: ReceiverKey) -> Receiver:
        """As it was at most five seconds ago; of threads that come at the same time one reads."""
        with self._reading.setdefault(key, Lock()):
            now = self._now()
            read_at, known = self._known.get(key, (None, Receiver()))
            if read_at is not None and timedelta(0) <= now - read_at < FRESH:
                return known
            item = self._connection.get(key.partition, RECEIVER)
            return self._remember(key, _receiver(item) if item else Receiver())

    def failing(self) -> Iterator[tuple[ReceiverKey, Receiver]]:
        """Those with failures in a row: for the operator's command only."""
        for item in self._connection.scan_prefix(RECEIVER):
            yield ReceiverKey.from_partition(items.read_text(item, "pk")), _receiver(item)

    def failed(self, key: ReceiverKey) -> bool:
        """Counts one failure; whether it is the one that opened the breaker.

        Not counted is that of a POST which was already in flight when the breaker opened: many at once say no more than one.
        """
        now = self._now()
        counted = self._connection.update(
            key.partition,
            RECEIVER,
            expression="SET #ttl = :ttl, v = :v REMOVE probe_until ADD failures :one",
            condition="attribute_not_exists(open_until) OR open_until <= :now",
            values={
                ":ttl": items.seconds(now + _FORGOTTEN_AFTER),
                ":v": items.version(),
                ":one": items.number(1),
                ":now": items.moment(now),
            },
            names={"#ttl": "ttl"},
        )
        if isinstance(counted, ConditionFailed):
            self._remember(key, _receiver(counted.old) if counted.old else Receiver())
            return False
        receiver = self._remember(key, _receiver(counted))
        if length := min(pause(receiver.failures), self._longest):
            self._open(key, now + length)
        return receiver.failures == THRESHOLD

    def answered(self, key: ReceiverKey) -> None:
        """Leaves a failing state; an answer of a receiver that was not failing writes nothing."""
        _, known = self._known.get(key, (None, Receiver()))
        if known.failures:
            self._connection.delete(key.partition, RECEIVER)
            self._remember(key, Receiver())

    def probe(self, key: ReceiverKey, *, until: datetime) -> bool:
        """One conditional write: whether this caller is the one that may POST now that the pause is over."""
        now = self._now()
        result = self._connection.update(
            key.partition,
            RECEIVER,
            expression="SET probe_until = :until",
            condition="attribute_exists(open_until) AND open_until <= :now AND (attribute_not_exists(probe_until) OR probe_until <= :now)",
            values={":until": items.moment(until), ":now": items.moment(now)},
        )
        if isinstance(result, ConditionFailed):
            self._remember(key, _receiver(result.old) if result.old else Receiver())
            return result.old is None  # healed meanwhile
        self._remember(key, _receiver(result))
        return True

    def _open(self, key: ReceiverKey, until: datetime) -> None:
        opened = self._connection.update(
            key.partition,
            RECEIVER,
            expression="SET open_until = :until",
            condition="attribute_exists(failures)",  # an answer has ended them meanwhile; and what is left would never expire
            values={":until": items.moment(until)},
        )
        if not isinstance(opened, ConditionFailed):
            self._remember(key, _receiver(opened))

    def _remember(self, key: ReceiverKey, receiver: Receiver) -> Receiver:
        self._known[key] = (self._now(), receiver)
        return receiver


def _receiver(item: Item) -> Receiver:
    items.checked(item)
    return Receiver(
        failures=items.read_int(item, "failures"),
        open_until=items.read_moment(item, "open_until"),
        probe_until=items.read_moment(item, "probe_until"),
    )
