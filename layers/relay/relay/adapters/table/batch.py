"""One strongly consistent batch of reads for everything a batch of wake-ups needs: each config, and the revisions it is told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from relay.adapters.table.configs import Configs
from relay.adapters.table.connection import Connection
from relay.adapters.table.items import Item
from relay.adapters.table.revisions import Revisions
from relay.domain.keys import ConfigKey, revision_sort_key
from relay.domain.packing import PackedRevision
from relay.domain.push_config import PushConfig


@dataclass(frozen=True)
class Read:
    """What the batch found for one config, not opened yet: one that cannot be opened must not fail the others."""

    key: ConfigKey
    config: Item | None
    revisions: Mapping[int, Item]


@dataclass(frozen=True)
class Found:
    """`config` is None when it was deleted meanwhile; a revision that is missing is gone from the table."""

    config: PushConfig | None
    revisions: dict[int, PackedRevision] = field(default_factory=dict)


class BatchReader:
    def __init__(self, connection: Connection, configs: Configs, revisions: Revisions) -> None:
        self._connection = connection
        self._configs = configs
        self._revisions = revisions

    def read(self, wanted: Iterable[tuple[ConfigKey, Sequence[int]]]) -> dict[ConfigKey, Read]:
        """Per config key: the config and those of the wanted revisions that exist."""
        plans = list(wanted)
        keys = dict.fromkeys((key.task.partition, key.push) for key, _ in plans)
        keys |= dict.fromkeys((key.task.partition, revision_sort_key(number)) for key, numbers in plans for number in numbers)
        items = self._connection.batch_get(list(keys))
        found = {}
        for key, numbers in plans:
            pk = key.task.partition
            revisions = {number: item for number in numbers if (item := items.get((pk, revision_sort_key(number))))}
            found[key] = Read(key, items.get((pk, key.push)), revisions)
        return found

    def open(self, read: Read) -> Found:
        """Decrypts the config; the revisions stay packed until each is told."""
        return Found(
            config=self._configs.from_item(read.key.task, read.config) if read.config else None,
            revisions={number: self._revisions.from_item(item) for number, item in read.revisions.items()},
        )
