"""The log of a task of the relay's own: what it says now, and what the relay adds to it."""

from collections.abc import Callable
from datetime import datetime

from relay.adapters.table.revisions import Revisions
from relay.domain.keys import TaskKey
from relay.domain.task import Revision, RevisionHead, Snapshot, View
from relay.use_cases.observe import Observation, Observe


class Log:
    def __init__(self, revisions: Revisions, observe: Observe, *, now: Callable[[], datetime]) -> None:
        self._revisions = revisions
        self._observe = observe
        self._now = now

    def head(self, task: TaskKey) -> RevisionHead | None:
        return self._revisions.newest(task)

    def newest(self, task: TaskKey) -> Revision | None:
        return self._revisions.newest_whole(task)

    def begin(self, task: TaskKey, snapshot: Snapshot, *, sent_at: datetime) -> None:
        """The first revision. One that is there stays the newest: this view is as old as the send."""
        if self._revisions.newest(task) is None:
            self._observe(task, View(snapshot, sent_at, self._now(), "send"))

    def say(self, task: TaskKey, snapshot: Snapshot, *, learnt_by: str) -> Observation:
        """What the relay knows of a call that it made itself is never older than what the log says, whatever two clocks say."""
        newest, now = self._revisions.newest(task), self._now()
        at = max(now, newest.arrived_at) if newest else now
        return self._observe(task, View(snapshot, at, at, learnt_by), known=newest)
