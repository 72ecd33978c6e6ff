"""STREAM items: who holds the stream of a task. Losing one is harmless: then two follow the task, or none but the watch."""

from datetime import datetime, timedelta

from relay.adapters.table import items
from relay.adapters.table.connection import ConditionFailed, Connection
from relay.domain.keys import STREAM, TaskKey
from relay.domain.stream import StreamClaim

_FORGOTTEN_AFTER = timedelta(days=1)


class StreamClaims:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, task: TaskKey) -> StreamClaim | None:
        item = self._connection.get(task.partition, STREAM)
        until = items.read_moment(items.checked(item), "claim_until") if item else None
        return StreamClaim(items.read_text(item, "claim"), until) if item and until else None

    def claim(self, task: TaskKey, token: str, *, instead_of: str, now: datetime, until: datetime) -> bool:
        """Where nobody has it, or its time is over, or its holder hands it over."""
        failed = self._connection.put(
            {
                "pk": items.text(task.partition),
                "sk": items.text(STREAM),
                "v": items.version(),
                "claim": items.text(token),
                "claim_until": items.moment(until),
                "ttl": items.seconds(until + _FORGOTTEN_AFTER),
            },
            condition="attribute_not_exists(sk) OR claim_until <= :now OR claim = :instead_of",
            values={":now": items.moment(now), ":instead_of": items.text(instead_of or token)},
        )
        return failed is None or (failed.old is not None and items.read_text(failed.old, "claim") == token)

    def renew(self, task: TaskKey, token: str, *, until: datetime) -> bool:
        """False: somebody else has it now."""
        renewed = self._connection.update(
            task.partition,
            STREAM,
            expression="SET claim_until = :until, #ttl = :ttl",
            condition="claim = :token",
            values={":until": items.moment(until), ":ttl": items.seconds(until + _FORGOTTEN_AFTER), ":token": items.text(token)},
            names={"#ttl": "ttl"},
        )
        return not isinstance(renewed, ConditionFailed)

    def forget(self, task: TaskKey) -> None:
        """Whoever has it."""
        self._connection.delete(task.partition, STREAM)

    def release(self, task: TaskKey, token: str) -> bool:
        """Whether it was still this holder's."""
        values = {":token": items.text(token)}
        return self._connection.delete_if(task.partition, STREAM, condition="claim = :token", values=values) is None
