"""Last words: an agent has told of its task's end, and does not answer with the end when it is asked for the whole task."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from relay.adapters.table.revisions import Revisions
from relay.adapters.table.watches import Watches
from relay.domain.keys import TaskKey
from relay.domain.retention import LAST_WORDS
from relay.domain.task import RevisionHead, View
from relay.domain.task_events import end_as_told, told_by_agent
from relay.use_cases.observe import Observe


class LastWords:
    def __init__(self, revisions: Revisions, watches: Watches, observe: Observe, *, now: Callable[[], datetime]) -> None:
        self._revisions = revisions
        self._watches = watches
        self._observe = observe
        self._now = now

    def keep(self, task: TaskKey, told: View) -> bool:
        """What the agent has told is durable, and the watch will ask for the end. False: nobody watches the task."""
        now = self._now()
        self._revisions.keep_last_words(task, told, expires=now + LAST_WORDS)
        return self._watches.await_end(task, now)

    def __call__(self, task: TaskKey) -> RevisionHead | None:
        """Observes the end as it was told. The newest revision after that; None when nothing was told that could be the end."""
        told, newest = self._revisions.last_words(task), self._revisions.newest_whole(task)
        snapshot = end_as_told(told_by_agent(newest), told.snapshot) if told else None
        if told is None or snapshot is None:
            return None
        now = self._now()
        view = replace(told, snapshot=snapshot, asked_at=now, arrived_at=now)
        return self._observe(task, view, known=newest.head if newest else None).head
