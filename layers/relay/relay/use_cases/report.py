"""Report: what an agent tells of a task by a POST becomes a revision, or a reason to ask for the task; once it is answered nothing is lost.

The agent is never called from here: its senders wait for our answer (a2a-sdk 5 s, then they do not try again), and some stand still until
they have it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from relay import observability
from relay.adapters.queues import Queue
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.relay_tasks import RelayTasks
from relay.adapters.table.revisions import Revisions
from relay.domain.keys import TaskKey
from relay.domain.task import ARTIFACT_PACE, Revision, View
from relay.domain.task_events import ArtifactUpdate, TaskEvent, apply_event, is_replay, may_be_a_replay, told_by_agent
from relay.domain.wakeup import WatchWakeup
from relay.use_cases.last_words import LastWords
from relay.use_cases.observe import TRIES, ContentionError, Observe

_LOOKED_BACK = 20  # revisions


class Taken(StrEnum):
    """What became of a report."""

    NOT_FOLLOWED = "not followed"  # nobody has registered for the task: nothing is kept
    NOTHING_NEW = "nothing new"
    OBSERVED = "observed"
    ASKED = "asked"  # it tells that something has changed, not what the task is now: the agent is asked
    END = "end"  # likewise, and the agent is asked first


class Report:
    def __init__(
        self,
        *,
        revisions: Revisions,
        cursors: Cursors,
        relay_tasks: RelayTasks,
        observe: Observe,
        last_words: LastWords,
        watch_queue: Queue,
        now: Callable[[], datetime],
    ) -> None:
        self._revisions = revisions
        self._cursors = cursors
        self._relay_tasks = relay_tasks
        self._observe = observe
        self._last_words = last_words
        self._watch_queue = watch_queue
        self._now = now

    def __call__(self, task: TaskKey, event: TaskEvent) -> Taken:
        """Durable when it returns. Raises: ContentionError."""
        taken = self._take(task, event, told_at=self._now())
        observability.log("report taken", task=task, outcome=taken.value)
        return taken

    def _take(self, task: TaskKey, event: TaskEvent, *, told_at: datetime) -> Taken:
        """An event is applied to the newest revision: to the new one when another view has become it meanwhile."""
        for _ in range(TRIES):
            newest = self._revisions.newest_whole(task)
            if newest is None:
                return self._unseen(task, now=told_at)
            applied = apply_event(told_by_agent(newest), event, version=newest.snapshot.version)
            if (applied.snapshot is None and not applied.asks) or self._was_told(task, newest, event):
                return Taken.NOTHING_NEW
            if not self._cursors.of_task(task, now=told_at):
                return Taken.NOT_FOLLOWED
            if applied.snapshot is None:
                return self._ask(task, delay=ARTIFACT_PACE if isinstance(event, ArtifactUpdate) else timedelta(0))
            view = View(applied.snapshot, asked_at=told_at, arrived_at=self._now(), learnt_by="report")
            if applied.asks:
                return self._end(task, view)
            if observed := self._observe.beside(newest.head, task, view):
                return self._ask(task, delay=ARTIFACT_PACE) if observed.asks_again else Taken.OBSERVED
        raise ContentionError(f"{TRIES} views of one task raced for its next revision")

    def _was_told(self, task: TaskKey, newest: Revision, event: TaskEvent) -> bool:
        """An agent that stamps some statuses only: the newest one that has a time says what an event with one is older than."""
        if not may_be_a_replay(newest, event):
            return False
        before = self._revisions.heads(task, first=max(1, newest.number - _LOOKED_BACK), last=newest.number - 1)
        stamped = next((head for head in before if head.status_timestamp is not None and head.ending is None), None)
        return stamped is not None and is_replay(stamped, event, newest.snapshot.version)

    def _unseen(self, task: TaskKey, *, now: datetime) -> Taken:
        """It may be registered for, and not seen yet; or be what the agent calls a task of the relay's own."""
        known = task if self._cursors.of_task(task, now=now) else self._relay_tasks.named(task, now=now)
        return self._ask(known) if known else Taken.NOT_FOLLOWED

    def _ask(self, task: TaskKey, *, delay: timedelta = timedelta(0)) -> Taken:
        """Pieces of an artifact come many in a second: a question after it answers all that were told in it."""
        self._watch_queue.send(WatchWakeup(task, asked_at=self._now() + delay), delay)
        return Taken.ASKED

    def _end(self, task: TaskKey, view: View) -> Taken:
        """Nothing can follow the end, so the agent is asked for the whole task; what it told is kept for when it cannot be asked."""
        if self._last_words.keep(task, view):
            self._ask(task)
        else:  # its deadline is over: the agent is asked no more
            self._observe(task, view)
        return Taken.END
