"""Which configs the tasks of an agent have, over all tasks: for the dialects that ask so.

One partition per owner and agent. An entry is put before its config and removed after it, so that no config is without one; an entry
whose config is gone says nothing. It holds keys alone: what was registered is read where it is.
"""

import hashlib
from datetime import datetime

from relay.adapters.table import items
from relay.adapters.table.connection import Connection
from relay.domain.keys import AgentKey, ConfigKey, TaskKey

PREFIX = "CONFIG#"


class Directory:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, key: ConfigKey, *, expires: datetime) -> None:
        self._connection.put(
            {
                "pk": items.text(key.task.agent_key.directory),
                "sk": items.text(place(key)),
                "v": items.version(),
                "task": items.text(key.task.partition),
                "config": items.text(key.config_id),
                "ttl": items.seconds(expires),
            }
        )

    def remove(self, key: ConfigKey) -> None:
        self._connection.delete(key.task.agent_key.directory, place(key))

    def following(self, agent: AgentKey, *, after: str, limit: int) -> list[ConfigKey]:
        """At most `limit` entries after that place, the first ones when it is empty; in the order of their places. Fewer: it is the end."""
        first = f"{after}\0" if after else PREFIX
        found = self._connection.query_between(agent.directory, first=first, last=PREFIX + "~", limit=limit)
        return [
            ConfigKey(TaskKey.from_partition(items.read_text(items.checked(item), "task")), items.read_text(item, "config"))
            for item in found
        ]


def place(key: ConfigKey) -> str:
    """Of the same length for every key: a task's and a config's id together could be longer than a sort key."""
    return PREFIX + hashlib.sha256(f"{key.task.partition}#{key.push}".encode()).hexdigest()
