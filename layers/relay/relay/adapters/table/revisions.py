"""REVISION# items: the log of a task. The conditional put of revision n+1 is the commit point of everything."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from uuid import uuid4

from relay.adapters.table import items
from relay.adapters.table.connection import Connection
from relay.adapters.table.items import Item
from relay.domain.keys import LAST_WORDS, REVISION_PREFIX, TaskKey, revision_number, revision_sort_key
from relay.domain.packing import PackedRevision, pack, unpack
from relay.domain.task import Ending, ProtocolVersion, Revision, RevisionHead, Snapshot, TaskState, View

_NO_NUMBER = 0  # revisions are numbered from 1: what is kept like one and is none
_HEAD = ("sk", "v", "state", "digest", "status_digest", "arrived_at", "status_at", "ending")


class Revisions:
    """`store` and `fetch` keep what is too large for an item: (name, bytes) and name -> bytes."""

    def __init__(self, connection: Connection, *, store: Callable[[str, bytes], None], fetch: Callable[[str], bytes]) -> None:
        self._connection = connection
        self._store = store
        self._fetch = fetch

    def newest(self, task: TaskKey) -> RevisionHead | None:
        """Strongly consistent; one query that reads one item."""
        found = self._connection.query(task.partition, prefix=REVISION_PREFIX, limit=1, newest_first=True, attributes=_HEAD)
        return next((_head(items.checked(item)) for item in found), None)

    def append(self, task: TaskKey, revision: Revision, *, expires: datetime) -> bool:
        """Commits the revision; False when another view took its number. A put of ours that the SDK repeated counts as ours."""
        writer = uuid4().hex
        item = self._packed(task, revision, writer=writer, expires=expires)
        refused = self._connection.put(item, condition="attribute_not_exists(sk)")
        return refused is None or (refused.old is not None and items.read_text(refused.old, "writer") == writer)

    def read(self, wanted: Sequence[tuple[TaskKey, int]]) -> dict[tuple[TaskKey, int], PackedRevision]:
        """Those that exist, by one batch per hundred; packed, as everywhere but in `open`."""
        keys = {(task.partition, revision_sort_key(number)): (task, number) for task, number in wanted}
        found = self._connection.batch_get(list(keys))
        return {keys[key]: self.from_item(item) for key, item in found.items()}

    def after(self, task: TaskKey, position: int, *, limit: int) -> list[PackedRevision]:
        """At most `limit` revisions past `position`, in order."""
        first, last = revision_sort_key(position + 1), revision_sort_key(9_999_999_999)
        return [self.from_item(item) for item in self._connection.query_between(task.partition, first=first, last=last, limit=limit)]

    def heads(self, task: TaskKey, *, first: int, last: int) -> Iterator[RevisionHead]:
        """Of the revisions from `first` to `last` that exist, the newest first."""
        keys = revision_sort_key(first), revision_sort_key(last)
        found = self._connection.query_between(task.partition, first=keys[0], last=keys[1], newest_first=True, attributes=_HEAD)
        return (head for item in found if (head := _head(items.checked(item))))

    def newest_whole(self, task: TaskKey) -> Revision | None:
        """With its task; strongly consistent."""
        found = self._connection.query(task.partition, prefix=REVISION_PREFIX, limit=1, newest_first=True)
        return next((self.open(self.from_item(item)) for item in found), None)

    def keep_last_words(self, task: TaskKey, view: View, *, expires: datetime) -> None:
        """The end of the task as its agent told it, for when the agent cannot be asked any more; instead of what it told before."""
        item = self._packed(task, Revision(_NO_NUMBER, view), writer=uuid4().hex, expires=expires)
        self._connection.put({**item, "sk": items.text(LAST_WORDS)})

    def last_words(self, task: TaskKey) -> View | None:
        item = self._connection.get(task.partition, LAST_WORDS)
        return self.open(self.from_item({**item, "sk": items.text(revision_sort_key(_NO_NUMBER))})).view if item else None

    def keep(self, task: TaskKey, number: int, *, until: datetime) -> None:
        """The revision lives at least that long; nothing happens when it does already, or is gone."""
        self._connection.update(
            task.partition,
            revision_sort_key(number),
            expression="SET #ttl = :until",
            condition="attribute_exists(sk) AND #ttl < :until",
            values={":until": items.seconds(until)},
            names={"#ttl": "ttl"},
        )

    def from_item(self, item: Item) -> PackedRevision:
        """A revision out of a batch that was read together with other items."""
        head, asked_at = _head(items.checked(item)), items.read_moment(item, "asked_at")
        if head is None or asked_at is None:
            raise ValueError(f"a revision without its times at {items.read_text(item, 'sk')}")
        return PackedRevision(
            head,
            version=ProtocolVersion(items.read_text(item, "version")),
            asked_at=asked_at,
            learnt_by=items.read_text(item, "learnt_by"),
            data=items.read_binary(item, "task"),
            stored_at=items.read_text(item, "stored_at"),
            size=items.read_int(item, "size"),
            is_cut=items.read_flag(item, "is_cut"),
        )

    def open(self, packed: PackedRevision) -> Revision:
        """With its task, fetched if it is not in the item, and unpacked: up to twenty times the size of its JSON in memory."""
        data = self._fetch(packed.stored_at) if packed.stored_at else packed.data
        snapshot = Snapshot(packed.version, unpack(data), is_cut=packed.is_cut)
        head = packed.head
        view = View(snapshot, asked_at=packed.asked_at, arrived_at=head.arrived_at, learnt_by=packed.learnt_by, ending=head.ending)
        return Revision(packed.number, view)

    def _packed(self, task: TaskKey, revision: Revision, *, writer: str, expires: datetime) -> Item:
        packed = pack(revision.snapshot.document)
        item = _describe(task, revision, writer=writer, expires=expires)
        item |= {"is_cut": items.flag(value=packed.is_cut or revision.snapshot.is_cut), "size": items.number(packed.size)}
        if packed.fits_item:
            return {**item, "task": items.binary(packed.data)}
        name = f"tasks/{writer}"
        self._store(name, packed.data)  # before the put, which stays the commit
        return {**item, "stored_at": items.text(name)}


def write_head(head: RevisionHead) -> dict[str, object]:
    """What is compared with the next view, as attributes: of a revision, and of the watch that remembers its newest one."""
    written: dict[str, object] = {
        "state": items.text(head.state.value),
        "digest": items.text(head.digest),
        "status_digest": items.text(head.status_digest),
        "arrived_at": items.moment(head.arrived_at),
    }
    if head.status_timestamp is not None:
        written["status_at"] = items.moment(head.status_timestamp)
    if head.ending is not None:
        written["ending"] = items.text(head.ending.value)
    return written


def read_head(item: Item, number: int) -> RevisionHead | None:
    arrived_at = items.read_moment(item, "arrived_at")
    if arrived_at is None:
        return None
    return RevisionHead(
        number=number,
        state=TaskState.parse(items.read_text(item, "state")),
        digest=items.read_text(item, "digest"),
        status_digest=items.read_text(item, "status_digest"),
        arrived_at=arrived_at,
        status_timestamp=items.read_moment(item, "status_at"),
        ending=Ending(items.read_text(item, "ending")) if "ending" in item else None,
    )


def _head(item: Item) -> RevisionHead | None:
    return read_head(item, revision_number(items.read_text(item, "sk")))


def _describe(task: TaskKey, revision: Revision, *, writer: str, expires: datetime) -> dict[str, object]:
    view = revision.view
    return {
        "pk": items.text(task.partition),
        "sk": items.text(revision_sort_key(revision.number)),
        "v": items.version(),
        "writer": items.text(writer),
        "version": items.text(view.snapshot.version.value),
        "asked_at": items.moment(view.asked_at),
        "learnt_by": items.text(view.learnt_by),
        "ttl": items.seconds(expires),
        **write_head(revision.head),
    }
