"""Tell the ending: a revision of the relay's own, which says why nothing more may come of a task; put, and delivered, as any other."""

from collections.abc import Callable
from datetime import datetime, timedelta

from relay import observability
from relay.adapters.blobs import BlobMissingError
from relay.adapters.table.revisions import Revisions
from relay.domain.endings import ended, ending_to_tell, left_of
from relay.domain.keys import TaskKey
from relay.domain.packing import PackedRevision
from relay.domain.retention import revision_expiry
from relay.domain.task import Ending, Revision, RevisionHead, Snapshot, View
from relay.domain.watch import Watch


class TellEnding:
    def __init__(
        self, revisions: Revisions, *, unreachable_limit: timedelta, watch_deadline: timedelta, now: Callable[[], datetime]
    ) -> None:
        self._revisions = revisions
        self._limit = unreachable_limit
        self._deadline = watch_deadline
        self._now = now

    def __call__(self, watch: Watch, newest: RevisionHead | None) -> RevisionHead | None:
        """The newest revision, which is the ending if there was one to tell. Where somebody else was faster, a later turn sees to it."""
        ending = ending_to_tell(newest, self._found(watch))
        if ending is None or newest is None:
            return newest
        packed = self._revisions.read([(watch.task, newest.number)]).get((watch.task, newest.number))
        if packed is None:
            return newest
        now, number = self._now(), newest.number + 1
        snapshot = ended(self._last_seen(watch.task, packed), ending, revision=number, now=now)
        revision = Revision(number, View(snapshot, asked_at=now, arrived_at=now, learnt_by="relay", ending=ending))
        if not self._revisions.append(watch.task, revision, expires=revision_expiry(now, self._deadline)):
            return newest
        observability.ending_told(watch.task, revision)
        return revision.head

    def _last_seen(self, task: TaskKey, packed: PackedRevision) -> Snapshot:
        """What a bucket has lost must not keep the end from being told, turn after turn."""
        try:
            return self._revisions.open(packed).snapshot
        except BlobMissingError:
            return left_of(task.task_id, packed.version)

    def _found(self, watch: Watch) -> Ending | None:
        now = self._now()
        if now >= watch.deadline:
            return Ending.DEADLINE
        return watch.trouble.kind if watch.trouble and watch.trouble.is_believed(now, self._limit) else None
