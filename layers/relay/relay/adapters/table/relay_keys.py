"""KEY# and REPORTER# items: the relay keys and report tokens that an operator has made, each under its SHA-256; itself it is nowhere.

All are in one partition, so that one query lists them or finds one by its id, without a scan of a table full of tasks. A process reads each
key at most once a minute, so callers do not make the partition hot; strangers' guesses are held back by the front door's throttling.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from relay.adapters.table import items
from relay.adapters.table.connection import ConditionFailed, Connection
from relay.adapters.table.items import Item
from relay.domain.keys import KEY_PARTITION, KEY_PREFIX
from relay.domain.relay_key import RelayKey


class RelayKeys:
    """`prefix` keeps the kinds apart: what opens as one does not as the other."""

    def __init__(self, connection: Connection, *, prefix: str = KEY_PREFIX) -> None:
        self._connection = connection
        self._prefix = prefix

    def put(self, key: RelayKey) -> None:
        ends: dict[str, Any] = {"ttl": items.seconds(key.expires_at)} if key.expires_at else {}
        self._connection.put(
            {
                "pk": items.text(KEY_PARTITION),
                "sk": items.text(self._prefix + key.digest),
                "v": items.version(),
                "owner": items.text(key.owner),
                "agents": {"L": [items.text(agent) for agent in sorted(key.agents)]},
                "label": items.text(key.label),
                "created_at": items.moment(key.created_at),
                **ends,
            }
        )

    def get(self, digest: str) -> RelayKey | None:
        """One read, whatever it finds. An expired key is found until DynamoDB deletes it, days late: the reader looks at its end."""
        item = self._connection.get(KEY_PARTITION, self._prefix + digest)
        return self._relay_key(item) if item else None

    def starting_with(self, start: str) -> Iterator[RelayKey]:
        """The keys whose digest starts so; all of them for an empty start."""
        for item in self._connection.query(KEY_PARTITION, prefix=self._prefix + start):
            yield self._relay_key(item)

    def replace(self, old: RelayKey, new: RelayKey, *, until: datetime) -> bool:
        """Lets the old key end then, and names its successor. False: it is gone, or another has replaced it. Repeatable."""
        result = self._connection.update(
            KEY_PARTITION,
            self._prefix + old.digest,
            expression="SET #ttl = :until, replaced_by = :new",
            condition="attribute_exists(sk) AND (attribute_not_exists(replaced_by) OR replaced_by = :new)",
            values={":until": items.seconds(until), ":new": items.text(new.id)},
            names={"#ttl": "ttl"},
        )
        return not isinstance(result, ConditionFailed)

    def end(self, digest: str, *, at: datetime) -> None:
        """Nothing happens when it is gone, or was to end before."""
        self._connection.update(
            KEY_PARTITION,
            self._prefix + digest,
            expression="SET #ttl = :at",
            condition="attribute_exists(sk) AND (attribute_not_exists(#ttl) OR #ttl > :at)",
            values={":at": items.seconds(at)},
            names={"#ttl": "ttl"},
        )

    def delete(self, digest: str) -> None:
        self._connection.delete(KEY_PARTITION, self._prefix + digest)

    def _relay_key(self, item: Item) -> RelayKey:
        items.checked(item)
        return RelayKey(
            digest=items.read_text(item, "sk").removeprefix(self._prefix),
            owner=items.read_text(item, "owner"),
            agents=frozenset(agent["S"] for agent in item["agents"]["L"]),
            label=items.read_text(item, "label"),
            created_at=items.read_given_moment(item, "created_at"),
            expires_at=items.read_moment(item, "ttl"),
            replaced_by=items.read_text(item, "replaced_by"),
        )
