"""Watch: follow a task at its agent by polling, until it ends or its deadline comes.

A watch moves exactly as a waiting config: claim; poll; send the next wake-up with a fresh id; mark the item as waiting for that id and
end the claim; acknowledge (design §2 rule 12). It also wakes configs that are behind though nothing is on its way to them.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from relay import observability
from relay.adapters.queues import Queue, Sending
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.relay_tasks import RelayTasks
from relay.adapters.table.revisions import Revisions
from relay.adapters.table.watches import Watches
from relay.adapters.upstream import one_large_answer_at_a_time
from relay.domain import watch as rules
from relay.domain.claim import RETURN_DELAY_SECONDS, Verdict
from relay.domain.endings import Trouble, is_asked_seldom
from relay.domain.keys import TaskKey
from relay.domain.relay_task import may_be_relay_task
from relay.domain.schedule import sooner
from relay.domain.task import Change, RevisionHead
from relay.domain.wakeup import DeliveryWakeup, WatchWakeup, next_hop
from relay.domain.watch import Pace, Rest, Told, Watch, WatchCall
from relay.use_cases.accelerate import Accelerate
from relay.use_cases.last_words import LastWords
from relay.use_cases.observe import Observe
from relay.use_cases.poll import Poll
from relay.use_cases.tell_ending import TellEnding

_WORKERS = 10  # one per wake-up of a batch
_TURN_TIME = rules.POLL_TIMEOUT + timedelta(seconds=10)  # a poll, and AWS calls with their retries


@dataclass(frozen=True)
class _Poll:
    """What one poll brought: the newest revision after it, whether it moved, whether to ask again at once, failures in a row."""

    head: RevisionHead | None
    moved: bool = False
    asks_again: bool = False
    failures: int = 0
    trouble: Trouble | None = None
    wait: timedelta = timedelta(0)  # how long the agent is to be left alone
    only_looked: bool = False  # the agent is not asked for this task
    missed: bool = False  # it brought what should have been told before


class FollowTasks:
    def __init__(
        self,
        *,
        watches: Watches,
        cursors: Cursors,
        revisions: Revisions,
        relay_tasks: RelayTasks,
        poll: Poll,
        observe: Observe,
        last_words: LastWords,
        accelerate: Accelerate,
        tell_ending: TellEnding,
        watch_queue: Queue,
        delivery_queue: Queue,
        pace: Pace,
        now: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        self._watches = watches
        self._cursors = cursors
        self._revisions = revisions
        self._relay_tasks = relay_tasks
        self._poll = poll
        self._observe = observe
        self._last_words = last_words
        self._accelerate = accelerate
        self._tell_ending = tell_ending
        self._watch_queue = watch_queue
        self._delivery_queue = delivery_queue
        self._pace = pace
        self._now = now
        self._random = random

    def __call__(self, messages: Sequence[tuple[str, WatchWakeup]], *, remaining: Callable[[], timedelta]) -> list[str]:
        """The ids of the messages that must come back because we failed; an agent's failure is never among them."""
        now = self._now()
        for _, wakeup in messages:
            if hop := next_hop(wakeup, now):
                self._watch_queue.send(wakeup, hop)
        calls = rules.reduce_calls((message_id, wakeup) for message_id, wakeup in messages if not next_hop(wakeup, now))
        if not calls:
            return []
        with ThreadPoolExecutor(max_workers=min(len(calls), _WORKERS)) as pool:
            running = [(call, pool.submit(copy_context().run, self._turn, call, remaining)) for call in calls]
        failed: list[str] = []
        for call, turn in running:
            error = turn.exception()
            if isinstance(error, Exception):
                observability.fault("watch failed", task=call.task, error=error)
                failed.extend(call.message_ids)
            elif error is not None:
                raise error
        return failed

    def _turn(self, call: WatchCall, remaining: Callable[[], timedelta]) -> None:
        if remaining() < _TURN_TIME:
            self._return(call)
            return
        now, token = self._now(), uuid4().hex
        if call.starts:
            self._watches.start(call.task, deadline=now + self._pace.deadline, interval=self._pace.minimum, due=now)
        claimed, watch = self._watches.claim(call, token, now=now, until=now + rules.CLAIM)
        if claimed and watch is not None:
            if call.starts:
                watch = replace(watch, deadline=max(watch.deadline, now + self._pace.deadline))
            self._follow(call, watch, token)
        elif rules.refused(watch, call, now) is Verdict.RETURN:
            self._return(call)

    def _follow(self, call: WatchCall, watch: Watch, token: str) -> None:
        """One claimed turn. The remembered head counts only between looks: somebody else may have appended, and their hint may be lost."""
        now = self._now()
        is_remembered = watch.head is not None and not rules.looks(watch, call, ended=rules.has_ended(watch, watch.head, now), now=now)
        is_own = self._is_own(call.task)
        head = watch.head if is_remembered and not is_own else self._revisions.newest(call.task)
        rests = is_own or rules.has_ended(watch, head, now)
        poll = self._to_its_end(watch, _Poll(head, only_looked=is_own) if rests else self._ask(watch, head))
        ended = rules.has_ended(watch, poll.head, now)
        watch = replace(watch, trouble=poll.trouble)
        if poll.missed and not call.is_hint:
            watch = self._accelerate.missed(watch)
        if rules.looks(watch, call, ended=ended, now=now):
            watch, (is_over, head) = replace(watch, looked_at=now), self._look(watch, poll.head, ended=ended)
            if is_over:
                self._watches.end(call.task, token)
                if watch.told != Told() or now >= watch.deadline:
                    self._accelerate.forget(watch)
                return
            poll = replace(poll, head=head)
        self._rest(call, watch, token, poll=poll, polled_at=now)

    def _is_own(self, task: TaskKey) -> bool:
        """The worker brings the changes of such a task; the watch only looks after its configs."""
        own = self._relay_tasks.get(task, now=self._now()) if may_be_relay_task(task.task_id) else None
        return own is not None and not own.follows

    def _ask(self, watch: Watch, head: RevisionHead | None) -> _Poll:
        """Asks the agent once. Whatever it does wrong slows the watch down; only the deadline, or a refused credential, ends the asking."""
        with one_large_answer_at_a_time():  # what was answered is let go before the next one's turn
            return self._asked(watch, head)

    def _asked(self, watch: Watch, head: RevisionHead | None) -> _Poll:
        polled = self._poll(watch)
        if polled.view is None:
            was_asked = polled.trouble is not watch.trouble
            return _Poll(head, failures=watch.failures + was_asked, trouble=polled.trouble, wait=polled.wait)
        observed = self._observe(watch.task, polled.view, known=head)
        moved = head is None or observed.head.number > head.number
        newest = observed.head.seen_again(polled.view) if observed.change is Change.SAME else observed.head
        missed = head is not None and observed.change is Change.NEW and rules.is_late(polled.view)
        return _Poll(newest, moved=moved, asks_again=observed.asks_again, missed=missed)

    def _to_its_end(self, watch: Watch, poll: _Poll) -> _Poll:
        """An agent that has told of the end is asked for it at once and again; after a while its word counts."""
        now = self._now()
        if watch.last_words_at is None or (poll.head is not None and poll.head.state.is_terminal):
            return poll
        if now < min(watch.deadline, watch.last_words_at + rules.LAST_WORDS_WAIT):
            return replace(poll, asks_again=True)
        head = self._last_words(watch.task)
        return replace(poll, head=head, moved=True) if head else poll

    def _look(self, watch: Watch, newest: RevisionHead | None, *, ended: bool) -> tuple[bool, RevisionHead | None]:
        """Tells those that are left if nothing more may come, and wakes those that are behind. Whether the watch is over; the newest."""
        now = self._now()
        cursors = self._cursors.of_task(watch.task, now=now)
        if cursors:
            newest = self._tell_ending(watch, newest)
        if rules.is_over(cursors, newest, ended=ended):
            observability.log("watch ended", task=watch.task)
            return True, newest
        behind = rules.to_wake(cursors, newest, now)
        self._delivery_queue.send_all([Sending(DeliveryWakeup(cursor.key, group=cursor.group)) for cursor in behind])
        return False, newest

    def _rest(self, call: WatchCall, watch: Watch, token: str, *, poll: _Poll, polled_at: datetime) -> None:
        """First the timer, then the mark that also ends the claim."""
        told = self._told(call, watch, poll)
        interval = self._interval(call, watch, poll, told)
        delay = max(sooner(interval, self._random()), poll.wait)
        timer, due = self._timer(call.task, delay)
        rest = Rest(
            timer=timer,
            due=due,
            interval=interval,
            deadline=watch.deadline,
            polled_at=polled_at,
            looked_at=watch.looked_at,
            head=poll.head,
            failures=poll.failures,
            trouble=poll.trouble,
            told=told,
        )
        if not self._watches.rest(call.task, token, rest):
            self._return(call)

    def _timer(self, task: TaskKey, delay: timedelta) -> tuple[str, datetime]:
        timer, due = uuid4().hex, self._now() + delay
        self._watch_queue.send(WatchWakeup(task, timer=timer), delay)
        return timer, due

    def _told(self, call: WatchCall, watch: Watch, poll: _Poll) -> Told:
        """A task that has ended has no changes that could be brought sooner."""
        now = self._now()
        if poll.moved and poll.head and not call.is_hint and not watch.failures:
            self._accelerate.found_late(watch, poll.head)
        if poll.head is not None and rules.has_ended(watch, poll.head, now):
            self._accelerate.withdraw(watch)
            return Told()
        if poll.head is None:
            return Told(callback_at=watch.told.callback_at)
        return self._accelerate(watch, poll.head)

    def _interval(self, call: WatchCall, watch: Watch, poll: _Poll, told: Told) -> timedelta:
        """An interrupted task is polled at the maximum; after a hint (the client's next message) quickly again, until that was silence."""
        has_ended = rules.has_ended(watch, poll.head, self._now())
        if poll.only_looked or has_ended or watch.is_paused or is_asked_seldom(poll.head):
            return rules.next_look(watch.interval)
        state = poll.head.state if poll.head else None
        is_interrupted = state is not None and state.is_interrupted
        fell_back = watch.told.by is not None and told.by is None and not is_interrupted
        return self._pace.next_poll(
            watch.interval,
            moved=poll.moved or call.is_hint or fell_back,
            asks_again=poll.asks_again,
            interrupted=is_interrupted and poll.moved and not call.is_hint,
            told=told,
        )

    def _return(self, call: WatchCall) -> None:
        """A fresh copy comes back in a moment; never by visibility or batch failure, which would spend the receive count."""
        shortest, longest = RETURN_DELAY_SECONDS
        for wakeup in dict.fromkeys(wakeup for _, wakeup in call.messages):
            self._watch_queue.send(wakeup, timedelta(seconds=shortest + (longest - shortest) * self._random()))
