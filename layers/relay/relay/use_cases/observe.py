"""Observe: the one door through which every change of a task comes, however it was learnt."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from relay import observability
from relay.adapters.table.revisions import Revisions
from relay.domain.keys import TaskKey
from relay.domain.retention import revision_expiry
from relay.domain.task import Change, Revision, RevisionHead, View, change

TRIES = 10  # views that race for the same number; each loss means that another one was committed


class ContentionError(Exception):
    """Too many views of one task at the same moment; the event comes back."""


@dataclass(frozen=True)
class Observation:
    """The newest revision after the view was looked at, and what the view meant."""

    head: RevisionHead
    change: Change

    @property
    def asks_again(self) -> bool:
        """The view could not be used, yet it may hold something new: the next poll is due at once."""
        return self.change in (Change.STALE, Change.SOON)


class Observe:
    """Compare with the newest revision; if something changed, append revision n+1 with one conditional put. No change, no write."""

    def __init__(self, revisions: Revisions, *, watch_deadline: timedelta, now: Callable[[], datetime]) -> None:
        self._revisions = revisions
        self._deadline = watch_deadline
        self._now = now

    def __call__(self, task: TaskKey, view: View, *, known: RevisionHead | None = None) -> Observation:
        """`known` is the newest revision as the caller remembers it; without it, it is read. Raises: ContentionError."""
        newest = known or self._revisions.newest(task)
        for _ in range(TRIES):
            if observation := self.beside(newest, task, view):
                return observation
            newest = self._revisions.newest(task)
        raise ContentionError(f"{TRIES} views of one task raced for its next revision")

    def beside(self, newest: RevisionHead | None, task: TaskKey, view: View) -> Observation | None:
        """Beside that revision alone, for a view that was made from it; None when it is no longer the newest."""
        meaning = change(newest, view)
        if newest is not None and meaning is not Change.NEW:
            return Observation(newest, meaning)
        revision = Revision(newest.number + 1 if newest else 1, view)
        if not self._revisions.append(task, revision, expires=revision_expiry(self._now(), self._deadline)):
            return None
        observability.revision_appended(task, revision)
        return Observation(revision.head, Change.NEW)
