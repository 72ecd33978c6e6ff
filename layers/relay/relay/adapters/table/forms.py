"""FORM items: tasks whose caller speaks 0.3 over HTTP+JSON in the proto's words; not in the task's own partition, which is read whole."""

from collections.abc import Callable
from datetime import datetime

from relay.adapters.table import items
from relay.adapters.table.connection import Connection
from relay.domain.keys import FORM, TaskKey
from relay.domain.retention import FORM_LASTS


class Forms:
    def __init__(self, connection: Connection, *, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def is_proto(self, task: TaskKey) -> bool:
        item = self._connection.get(task.form_partition, FORM)
        expires = items.read_moment(items.checked(item), "ttl") if item else None
        return expires is not None and expires > self._now()

    def put_proto(self, task: TaskKey) -> None:
        self._connection.put(
            {
                "pk": items.text(task.form_partition),
                "sk": items.text(FORM),
                "v": items.version(),
                "ttl": items.seconds(self._now() + FORM_LASTS),
            }
        )
