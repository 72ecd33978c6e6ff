"""DAY# items: what an owner has registered in a day. Two of them, so that the small one, which every registration writes, stays small.

A write that was repeated, by the SDK after it took effect, counts once.
"""

from relay.adapters.table import items
from relay.adapters.table.connection import ConditionFailed, Connection
from relay.adapters.table.items import Item
from relay.domain.keys import OwnerDay
from relay.domain.retention import owner_day_expiry


class OwnerDays:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, day: OwnerDay, configs: int, *, cap: int, token: str) -> bool:
        """Counts so many configs more, all or none: false when they would be more than the cap. `token` names this count among all."""
        if configs > cap:
            return False
        counted = self._connection.update(
            day.partition,
            day.configs,
            expression="SET #ttl = :ttl, v = :v, counted_by = :token ADD configs :configs",
            condition="attribute_not_exists(sk) OR (configs <= :room AND counted_by <> :token)",
            values={
                ":ttl": items.seconds(owner_day_expiry(day)),
                ":v": items.version(),
                ":token": items.text(token),
                ":configs": items.number(configs),
                ":room": items.number(cap - configs),
            },
            names={"#ttl": "ttl"},
        )
        if not isinstance(counted, ConditionFailed):
            return True
        return counted.old is not None and items.read_text(items.checked(counted.old), "counted_by") == token

    def add_receiver(self, day: OwnerDay, digest: bytes, *, cap: int) -> frozenset[bytes]:
        """The day's receivers as they now are; this one is not among them when there are as many others as the cap allows.

        A write per KB of the item, which has nine bytes for each receiver: not for what is known to be in it.
        """
        added = self._connection.update(
            day.partition,
            day.receivers,
            expression="SET #ttl = :ttl, v = :v ADD receivers :receiver",
            condition="attribute_not_exists(sk) OR size(receivers) < :cap OR contains(receivers, :one)",
            values={
                ":ttl": items.seconds(owner_day_expiry(day)),
                ":v": items.version(),
                ":receiver": items.binaries([digest]),
                ":one": items.binary(digest),
                ":cap": items.number(cap),
            },
            names={"#ttl": "ttl"},
        )
        return _receivers((added.old or {}) if isinstance(added, ConditionFailed) else added)


def _receivers(item: Item) -> frozenset[bytes]:
    return items.read_binaries(items.checked(item), "receivers")
