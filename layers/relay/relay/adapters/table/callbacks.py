"""CALLBACK items: where agents that push tell of one task. Each has a partition of its own, found by the id in its address alone."""

from collections.abc import Callable
from datetime import datetime

from relay.adapters.table import items
from relay.adapters.table.connection import ConditionFailed, Connection
from relay.adapters.table.items import Item
from relay.domain.callback import LASTS, MAX_EARLY, Callback
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
        return _callback(callback_id, item)

    def keep(self, callback_id: str, body: bytes) -> Callback | None:
        """Keeps what an agent has told too early, in the order it came; the callback if its task has a name meanwhile."""
        result = self._connection.update(
            callback_partition(callback_id),
            CALLBACK,
            expression="SET early = list_append(if_not_exists(early, :none), :told)",
            condition="attribute_exists(sk) AND attribute_not_exists(named_at) AND (attribute_not_exists(early) OR size(early) < :most)",
            values={":none": {"L": []}, ":told": {"L": [items.binary(body)]}, ":most": items.number(MAX_EARLY)},
        )
        found = result.old if isinstance(result, ConditionFailed) else None
        return _callback(callback_id, found) if found and "named_at" in found else None

    def name(self, callback_id: str, task: TaskKey) -> list[bytes]:
        """The task that it is for has its id; what was told too early. From now on nothing is kept."""
        result = self._connection.update(
            callback_partition(callback_id),
            CALLBACK,
            expression="SET task = :task, named_at = :now",
            condition="attribute_exists(sk)",
            values={":task": items.text(task.partition), ":now": items.moment(self._now())},
        )
        return [] if isinstance(result, ConditionFailed) else [bytes(told["B"]) for told in result.get("early", {"L": []})["L"]]


def _callback(callback_id: str, item: Item) -> Callback:
    return Callback(callback_id, TaskKey.from_partition(items.read_text(item, "task")), items.read_text(item, "token_digest"))
