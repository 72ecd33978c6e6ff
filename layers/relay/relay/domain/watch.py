"""Following one task at its agent: the watch's state and the decisions on it (design §2 rule 12)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relay.domain.claim import Verdict
from relay.domain.endings import Trouble
from relay.domain.keys import TaskKey
from relay.domain.push_config import Cursor
from relay.domain.schedule import next_poll
from relay.domain.strategy import Strategy
from relay.domain.task import RevisionHead, View
from relay.domain.wakeup import WatchWakeup, by_subject, timers_of

CLAIM = timedelta(seconds=40)
OVERDUE = timedelta(seconds=120)
POLL_TIMEOUT = timedelta(seconds=10)
LAST_WORDS_WAIT = timedelta(seconds=10)  # how long an agent that has told of a task's end is asked for the whole task
TOLD_WITHIN = timedelta(seconds=5)  # of a change, by an agent that tells of its tasks itself; a2a-sdk's sender gives up after that
LOOK_EVERY = timedelta(seconds=30)  # how often a watch looks for configs that are behind, or for none being left
SLOWEST_LOOK = timedelta(seconds=900)  # after the task has ended


@dataclass(frozen=True)
class Pace:
    """How often a task is asked for, and for how long it is followed."""

    minimum: timedelta
    maximum: timedelta
    deadline: timedelta

    def next_poll(self, interval: timedelta, *, moved: bool, asks_again: bool, interrupted: bool, told: "Told") -> timedelta:
        """After a poll at `interval`. What is told by something else (domain/strategy.py), the watch only looks after."""
        changed = moved or asks_again
        polled = next_poll(interval, changed=changed, minimum=self.minimum, maximum=self.maximum, interrupted=interrupted)
        return max(self.maximum, told.rest) if told.by and not asks_again and polled >= told.lag else polled


@dataclass(frozen=True)
class Told:
    """What brings a task's changes sooner than polls, and when it was last asked for; empty when nothing does.

    `callback_at`: when the agent was given the relay's callback for this task, to tell of it or to show that it can. Not remembered are
    `lag`, the interval up to which the task's own polls go on, and `rest`, after which it is asked for though nothing was told.
    """

    by: Strategy | None = None
    asked_at: datetime | None = None
    callback_at: datetime | None = None
    lag: timedelta = timedelta(0)
    rest: timedelta = timedelta(0)


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
    last_words_at: datetime | None = None  # when the agent told of the task's end; it has the last word, if it can still be asked
    trouble: Trouble | None = None
    lent: str = ""  # names the caller's own credential that the agent is shown; empty: the operator's is
    sealed: bytes = field(default=b"", repr=False)  # that credential
    told: Told = Told()

    @property
    def is_paused(self) -> bool:
        """The agent refuses the credential that was lent: it is asked no more until there is another one."""
        return bool(self.lent) and self.trouble is not None and self.trouble.refused == self.lent


def told_by_list(watch: Watch, *, until: datetime, now: datetime, sweep: timedelta, lag: timedelta = timedelta(0)) -> Told:
    """What a list tells for as long as it is sure to go on, `until`. One that the agent could not be asked for is asked for soon again."""
    rest = timedelta(0) if watch.trouble else min(sweep, until - now, watch.deadline - now)
    return Told(Strategy.LIST, lag=lag, rest=rest)


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
    trouble: Trouble | None = None
    told: Told = Told()


@dataclass(frozen=True)
class WatchCall:
    """All wake-ups of a batch for one task, reduced to one."""

    task: TaskKey
    messages: tuple[tuple[str, WatchWakeup], ...]

    @property
    def is_hint(self) -> bool:
        """A hint makes the next poll due at once, whatever the watch waits for."""
        return any(not wakeup.timer for _, wakeup in self.messages)

    @property
    def starts(self) -> bool:
        """A config was put: the watch begins, or its deadline moves."""
        return any(wakeup.starts for _, wakeup in self.messages)

    @property
    def timers(self) -> tuple[str, ...]:
        return timers_of(self.messages)

    @property
    def asked_at(self) -> datetime | None:
        """A poll that began after it has answered every hint; None: nothing before this turn can have."""
        asked = [wakeup.asked_at for _, wakeup in self.messages if not wakeup.timer]
        return None if self.starts or not asked or None in asked else max(moment for moment in asked if moment)

    @property
    def message_ids(self) -> tuple[str, ...]:
        return tuple(message_id for message_id, _ in self.messages)


def reduce_calls(messages: Iterable[tuple[str, WatchWakeup]]) -> list[WatchCall]:
    """One call per task."""
    return [WatchCall(key, found) for key, found in by_subject(messages, lambda wakeup: wakeup.task).items()]


def refused(watch: Watch | None, call: WatchCall, now: datetime) -> Verdict:
    """What a refused claim means: the same rules as for a config's. A start whose watch was ended meanwhile begins again."""
    if watch is None:
        return Verdict.RETURN if call.starts else Verdict.ACKNOWLEDGE
    is_answered = call.asked_at is not None and watch.polled_at is not None and watch.polled_at > call.asked_at
    if call.is_hint and not is_answered:
        return Verdict.RETURN
    if call.is_hint and not call.timers:
        return Verdict.ACKNOWLEDGE
    waits_for_another = bool(watch.waits_for) and watch.waits_for not in call.timers
    is_overdue = watch.due is not None and watch.due + OVERDUE < now
    return Verdict.ACKNOWLEDGE if waits_for_another and not is_overdue else Verdict.RETURN


def has_ended(watch: Watch, newest: RevisionHead | None, now: datetime) -> bool:
    """The agent is asked no more: the task has ended, or the watch's deadline is over."""
    return (newest is not None and newest.state.is_terminal) or now >= watch.deadline


def is_late(view: View) -> bool:
    """Whether a view says what happened some time ago, by the agent's own word: not just now, when it may be telling of it.

    Without a timestamp it is taken for late.
    """
    happened = view.snapshot.status_timestamp
    return happened is None or view.asked_at - happened >= TOLD_WITHIN


def looks(watch: Watch, call: WatchCall, *, ended: bool, now: datetime) -> bool:
    """Whether this turn looks at the task's configs: after every hint, when the agent is asked no more, else now and then."""
    return ended or call.is_hint or watch.looked_at is None or now - watch.looked_at >= LOOK_EVERY


def next_look(interval: timedelta) -> timedelta:
    """When the agent is asked no more the watch only looks, ever more slowly."""
    return min(max(2 * interval, LOOK_EVERY), SLOWEST_LOOK)


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


def is_over(cursors: Sequence[Cursor], newest: RevisionHead | None, *, ended: bool) -> bool:
    """The watch ends with its last config, or when the agent is asked no more and every config has passed the last revision."""
    return not cursors or (ended and not any(cursor.is_behind(newest.number if newest else 0) for cursor in cursors))
