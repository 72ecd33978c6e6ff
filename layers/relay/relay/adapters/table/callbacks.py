"""CALLBACK items: where agents that push tell of one task. Each has a partition of its own, found by the id in its address alone."""

from collections.abc import Callable
from datetime import datetime

from relay.adapters.table import items
from relay.adapters.table.connection import Connection
from relay.domain.callback import LASTS, Callback
from relay.domain.keys import CALLBACK, TaskKey, callback_partition, fits_key


class Callbacks:
    def __init__(self, connection: Connection, *, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def put(self, callback: Callback) -> None:
        self._connection.put(
            {
                "pk": items.text(callback_partition(callback.id)),
                "sk": items.text(CALLBACK),
                "v": items.version(),
                "task": items.text(callback.task.partition),
                "token_digest": items.text(callback.token_digest),
                "ttl": items.seconds(self._now() + LASTS),
            }
        )

    def get(self, callback_id: str) -> Callback | None:
        """One read, whatever it finds."""
        item = self._connection.get(callback_partition(callback_id), CALLBACK) if fits_key(callback_id) else None
        if item is None or items.is_expired(items.checked(item), self._now()):
            return None
        return Callback(callback_id, TaskKey.from_partition(items.read_text(item, "task")), items.read_text(item, "token_digest"))
