"""Following one task at its agent: the watch's state and the decisions on it (design §2 rule 12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from relay.domain.keys import TaskKey
from relay.domain.push_config import Cursor
from relay.domain.task import RevisionHead
from relay.domain.wakeup import WatchWakeup

CLAIM = timedelta(seconds=40)
OVERDUE = timedelta(seconds=120)
POLL_TIMEOUT = timedelta(seconds=10)
LOOK_EVERY = timedelta(seconds=30)  # how often a watch looks for configs that are behind, or for none being left
SLOWEST_LOOK = timedelta(seconds=900)  # after the task has ended


@dataclass(frozen=True)
class Watch:
    """One task's watch. `head` is the newest revision as the watch last knew it: trusted only by its own timer."""

    task: TaskKey
    deadline: datetime
    interval: timedelta
    claim_token: str = ""
    claim_until: datetime | None = None
    waits_for: str = ""
    due: datetime | None = None
    polled_at: datetime | None = None
    looked_at: datetime | None = None
    head: RevisionHead | None = None
    failures: int = 0


@dataclass(frozen=True)
class Rest:
    """What a turn leaves behind: when the next one is due, and what is remembered until then."""

    timer: str
    due: datetime
    interval: timedelta
    deadline: datetime
    polled_at: datetime | None
    looked_at: datetime | None
    head: RevisionHead | None
    failures: int = 0


def is_answered(watch: Watch, wakeup: WatchWakeup) -> bool:
    """A hint is done when a poll began after it was given; one that starts the watch, or a timer, never is."""
    return bool(not wakeup.timer and not wakeup.starts and wakeup.asked_at and watch.polled_at and watch.polled_at > wakeup.asked_at)


def looks(watch: Watch, wakeup: WatchWakeup, *, ended: bool, now: datetime) -> bool:
    """Whether this turn looks at the task's configs: after every hint, when the task has ended, else now and then."""
    return ended or not wakeup.timer or watch.looked_at is None or now - watch.looked_at >= LOOK_EVERY


def to_wake(cursors: Sequence[Cursor], newest: RevisionHead | None, now: datetime) -> list[Cursor]:
    """The configs that are behind though nothing is on its way: not claimed, not waiting, and the change is no news.

    A young change is still on the fast path; waking for it would only double its messages.
    """
    if newest is None:
        return []
    settled = now - newest.arrived_at >= LOOK_EVERY
    return [
        cursor
        for cursor in cursors
        if not cursor.waits_for and not cursor.is_claimed(now) and (bool(cursor.resend) or (settled and cursor.is_behind(newest.number)))
    ]


def is_over(cursors: Sequence[Cursor], newest: RevisionHead | None) -> bool:
    """The watch ends with its last config, or when the task has ended and every config has passed the last revision."""
    if not cursors:
        return True
    return newest is not None and newest.state.is_terminal and not any(cursor.is_behind(newest.number) for cursor in cursors)
