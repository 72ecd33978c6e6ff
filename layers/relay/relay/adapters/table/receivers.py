"""RECEIVER items: the circuit breakers. Read at most every five seconds per process, written on failures and on leaving a failing state."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from relay.adapters.table import items
from relay.adapters.table.connection import ConditionFailed, Connection
from relay.adapters.table.items import Item
from relay.domain.breaker import FRESH, Receiver, pause
from relay.domain.keys import RECEIVER, ReceiverKey

_FORGOTTEN_AFTER = timedelta(days=2)  # a receiver that nobody POSTs to any more


class Receivers:
    """Threads may share it; what is remembered is replaced whole."""

    def __init__(self, connection: Connection, *, longest_pause: timedelta, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._longest = longest_pause
        self._now = now
        self._known: dict[ReceiverKey, tuple[datetime, Receiver]] = {}

    def state(self, key: ReceiverKey) -> Receiver:
        """As it was at most five seconds ago."""
        now = self._now()
        read_at, known = self._known.get(key, (None, Receiver()))
        if read_at is not None and timedelta(0) <= now - read_at < FRESH:
            return known
        item = self._connection.get(key.partition, RECEIVER)
        return self._remember(key, _receiver(item) if item else Receiver())

    def failed(self, key: ReceiverKey) -> Receiver:
        """Counts one failure; from the threshold on the breaker opens."""
        now = self._now()
        counted = self._update(
            key,
            "SET #ttl = :ttl, v = :v REMOVE probe_until ADD failures :one",
            {":ttl": items.seconds(now + _FORGOTTEN_AFTER), ":v": items.version(), ":one": items.number(1)},
            names={"#ttl": "ttl"},
        )
        if not (length := min(pause(counted.failures), self._longest)):
            return self._remember(key, counted)
        return self._remember(key, self._update(key, "SET open_until = :until", {":until": items.moment(now + length)}))

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

    def _update(self, key: ReceiverKey, expression: str, values: dict[str, Any], names: dict[str, str] | None = None) -> Receiver:
        result = self._connection.update(key.partition, RECEIVER, expression=expression, condition="", values=values, names=names)
        return Receiver() if isinstance(result, ConditionFailed) else _receiver(result)

    def _remember(self, key: ReceiverKey, receiver: Receiver) -> Receiver:
        self._known = {**self._known, key: (self._now(), receiver)}
        return receiver


def _receiver(item: Item) -> Receiver:
    items.checked(item)
    return Receiver(
        failures=items.read_int(item, "failures"),
        open_until=items.read_moment(item, "open_until"),
        probe_until=items.read_moment(item, "probe_until"),
    )
