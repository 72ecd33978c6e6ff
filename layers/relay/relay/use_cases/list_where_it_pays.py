"""List where it pays: tasks that would be polled are told by a list, once this process has turns for enough of them.

What decides is what the process has seen anyway (domain/crowd.py): while there are few tasks, nothing is read, asked or written for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from relay.domain.crowd import LISTED_DOWN_TO, LISTED_FROM, Crowd
from relay.domain.keys import ListKey, TaskKey
from relay.domain.strategy import Strategy
from relay.domain.task import RevisionHead
from relay.domain.watch import Told, Watch, told_by_list
from relay.use_cases.known_listers import KnownListers
from relay.use_cases.strategies import Strategies

MAX_KEYS = 1000  # agents and tenants that are counted; a tenant is what clients say


class Crowds:
    """Of each agent and tenant, those that had the last turns. Threads share it."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self._known: dict[ListKey, Crowd] = {}
        self._lock = Lock()

    def joined(self, task: TaskKey, interval: timedelta) -> int:
        """How many there are, with this one."""
        now, key = self._now(), task.list_key
        with self._lock:
            crowd = self._known[key] = self._known.pop(key, Crowd()).joined(task, interval, now)
            if len(self._known) > MAX_KEYS:
                del self._known[next(iter(self._known))]  # the one whose last turn is longest ago
        return crowd.size(now)

    def leave(self, task: TaskKey) -> None:
        with self._lock:
            if crowd := self._known.get(task.list_key):
                self._known[task.list_key] = crowd.left(task)

    def size(self, key: ListKey) -> int:
        with self._lock:
            return self._known.get(key, Crowd()).size(self._now())


@dataclass(frozen=True)
class ListWhereItPays:
    """`slowest`: how often a task is polled at least; `sweep`: how often one that is listed."""

    strategies: Strategies
    listers: KnownListers
    slowest: timedelta
    sweep: timedelta
    crowds: Crowds
    now: Callable[[], datetime]

    def __call__(self, watch: Watch, head: RevisionHead) -> Told:
        """Of a task that would be polled. Its own polls go on until they would have become as slow as they can."""
        agent, key = watch.task.agent_key, watch.task.list_key
        if watch.lent or head.status_timestamp is None or not self.strategies.could_list(agent):
            return Told()
        size = self.crowds.joined(watch.task, watch.interval)
        if size < LISTED_DOWN_TO and watch.told.by is not Strategy.LIST:
            return Told()
        if not self.strategies.may_list(agent):
            return Told()
        until = self.listers.lists_until(key, begins=size >= LISTED_FROM, goes_on=size >= LISTED_DOWN_TO)
        return told_by_list(watch, until=until, now=self.now(), sweep=self.sweep, lag=self.slowest) if until else Told()

    def ended(self, task: TaskKey) -> None:
        self.crowds.leave(task)

    def pays_no_more(self, task: TaskKey) -> bool:
        """The list has ended because few tasks are left, not because it did not work."""
        return self.strategies.may_list(task.agent_key) and self.crowds.size(task.list_key) < LISTED_DOWN_TO
