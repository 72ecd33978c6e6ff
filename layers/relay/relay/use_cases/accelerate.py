"""Accelerate: see to it that something brings a task's changes sooner than polls would, and say whether it does.

The watch asks at each of its turns. What accelerates may die at any moment: its mark in the table grows old, the watch polls often again,
and asks for it anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from relay import observability
from relay.adapters.queues import Queue
from relay.adapters.table.stream_claims import StreamClaims
from relay.domain import stream
from relay.domain.callback import REGISTER_AGAIN
from relay.domain.errors import RelayError, UnsupportedOperationError, UpstreamRefusedError
from relay.domain.keys import TaskKey
from relay.domain.relay_task import may_be_relay_task
from relay.domain.strategy import Strategy
from relay.domain.task import RevisionHead
from relay.domain.wakeup import StreamWakeup
from relay.domain.watch import Told, Watch, told_by_list
from relay.use_cases.known_listers import KnownListers
from relay.use_cases.list_where_it_pays import ListWhereItPays
from relay.use_cases.register_callback import RegisterCallback
from relay.use_cases.strategies import Strategies


@dataclass(frozen=True)
class Accelerate:
    """Called by the watch for a task that has not ended. `sweep`: how often one that is listed is asked for."""

    strategies: Strategies
    claims: StreamClaims
    stream_queue: Queue
    listers: KnownListers
    list_where_it_pays: ListWhereItPays
    register_callback: RegisterCallback
    sweep: timedelta
    now: Callable[[], datetime]

    def __call__(self, watch: Watch, head: RevisionHead) -> Told:
        """What the last turn knew is in the watch; `head` is the newest revision. A task of the relay's own the agent does not know.

        Of one that waits for somebody nothing comes by itself: only lists, of all tasks, are of use for it.
        """
        task, before = watch.task, watch.told
        if may_be_relay_task(task.task_id):
            return Told()
        try:
            strategy = self.strategies.of(task.agent_key)
            if head.state.is_interrupted and strategy not in (Strategy.LIST, Strategy.POLL):
                return Told(callback_at=before.callback_at)
            told = self._told(strategy, watch, head)
            is_left_off = before.by is Strategy.LIST and self.list_where_it_pays.pays_no_more(task)
        except RelayError:  # the poll of this turn has said so
            return replace(before, by=None)
        if before.by and not told.by and not is_left_off:
            observability.following_changed(task, told_by=before.by)
        return told if told.callback_at else replace(told, callback_at=before.callback_at)

    def _told(self, strategy: Strategy, watch: Watch, head: RevisionHead) -> Told:
        """Reports come by themselves, or not: of their absence only a poll that finds what they left out can tell."""
        if strategy is Strategy.STREAM:
            return self._by_stream(watch.task, watch.told)
        if strategy is Strategy.PUSH:
            return self._by_push(watch)
        if strategy is Strategy.LIST:
            return self._by_list(watch, head)
        return Told(strategy) if strategy is Strategy.REPORT else self._polled(watch, head)

    def found_late(self, watch: Watch, head: RevisionHead) -> None:
        """Nothing but the task's own poll has found a change. Of one that rested, a list should have told."""
        key = watch.task.list_key
        if watch.told.by is not Strategy.LIST:
            return
        if self.listers.hides(key, watch.head, head):
            self.strategies.give_up(watch.task.agent_key, Strategy.LIST, reason="The agent's ListTasks hides changes of states.")
        elif watch.interval > self.list_where_it_pays.slowest:
            self.listers.doubt(key, watch.head, head)

    def missed(self, watch: Watch) -> Watch:
        """A poll has found what the agent should have told. The watch as it is then: who pushes may have forgotten the callback."""
        if watch.told.by not in (Strategy.REPORT, Strategy.PUSH):
            return watch
        observability.report_missed(watch.task, told_by=watch.told.by)
        self.strategies.missed(watch.task.agent_key, watch.told.by)
        given_at = watch.told.callback_at
        return replace(watch, told=Told(watch.told.by, callback_at=given_at - REGISTER_AGAIN if given_at else None))

    def withdraw(self, watch: Watch) -> None:
        """Nothing more will come of the task: an agent that pushes needs the callback no more."""
        self.list_where_it_pays.ended(watch.task)
        if watch.told.callback_at is not None:
            self.register_callback.remove(watch)

    def forget(self, watch: Watch) -> None:
        """Nobody follows the task any more: who holds its stream finds the claim gone, and lets go."""
        self.withdraw(watch)
        self.claims.forget(watch.task)

    def _by_list(self, watch: Watch, head: RevisionHead) -> Told:
        """A list is made with the operator's credential, and shows a task by its status' timestamp: without them the task is polled."""
        if watch.lent or head.status_timestamp is None:
            return Told()
        until = self.listers.lists_until(watch.task.list_key)
        return told_by_list(watch, until=until, now=self.now(), sweep=self.sweep) if until else Told()

    def _by_push(self, watch: Watch) -> Told:
        """What came before the agent had the callback the next poll sees, which is soon; after it, the agent tells."""
        now, before = self.now(), watch.told
        if before.callback_at is not None and now - before.callback_at < REGISTER_AGAIN:
            return Told(Strategy.PUSH, callback_at=before.callback_at)
        return Told(before.by, callback_at=now) if self._has_callback(watch) else Told()

    def _polled(self, watch: Watch, head: RevisionHead) -> Told:
        """Nothing is better, or not yet: of an agent that may turn out to push, one such task has a callback."""
        told = self.list_where_it_pays(watch, head)
        is_probe = not head.state.is_interrupted and watch.told.callback_at is None and self.strategies.probes(watch.task.agent_key)
        return replace(told, callback_at=self.now()) if is_probe and self._has_callback(watch) else told

    def _has_callback(self, watch: Watch) -> bool:
        """Whether the agent has taken it."""
        try:
            self.register_callback(watch)
        except (UpstreamRefusedError, UnsupportedOperationError) as error:
            self.strategies.give_up(watch.task.agent_key, Strategy.PUSH, reason=error.message)
            return False
        except RelayError as error:
            observability.poll_failed(watch.task, error)
            return False
        return True

    def _by_stream(self, task: TaskKey, before: Told) -> Told:
        now, claim = self.now(), self.claims.get(task)
        if claim is not None and claim.is_live(now):
            return Told(Strategy.STREAM, before.asked_at)
        if before.asked_at is not None and now - before.asked_at < stream.ASK_AGAIN:
            return Told(asked_at=before.asked_at)
        self.stream_queue.send(StreamWakeup(task))
        return Told(asked_at=now)
