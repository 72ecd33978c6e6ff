"""Recall tasks: those that count on a list which has ended are asked for soon, not when they would have come by."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from relay import observability
from relay.adapters.queues import NotSentError, Queue, Sending
from relay.adapters.table.items import DUE_SHARDS
from relay.adapters.table.watches import Watches
from relay.domain import listing as rules
from relay.domain.keys import ListKey, TaskKey
from relay.domain.strategy import Strategy
from relay.domain.wakeup import WatchWakeup

_READ = 100  # watches at once
_SPARE = timedelta(seconds=10)


@dataclass(frozen=True)
class RecallTasks:
    """`slowest`: how often a task is polled that no list tells. One whose turn comes by then is left alone; others' are spread over it."""

    watches: Watches
    watch_queue: Queue
    slowest: timedelta
    now: Callable[[], datetime]
    random: Callable[[], float]

    def __call__(self, key: ListKey) -> timedelta:
        """As many as there is time for. After how long to look again; zero: there is none left."""
        until, woken = self.now() + rules.TURN, 0
        resting = self._resting(key)
        while tasks := list(islice(resting, _READ)):
            woken += self._wake(tasks)
            if self.now() >= until:
                break
        observability.log("tasks recalled from a list", agent_key=key.agent, count=woken)
        return self.slowest + _SPARE if woken else timedelta(0)

    def _resting(self, key: ListKey) -> Iterator[TaskKey]:
        after = self.now() + self.slowest
        for shard in range(DUE_SHARDS):
            yield from self.watches.resting(key, shard, after=after)

    def _wake(self, tasks: Sequence[TaskKey]) -> int:
        now, watches = self.now(), self.watches.of_tasks(tasks)
        told = [task for task, watch in watches.items() if watch.told.by is Strategy.LIST]
        if self.watch_queue.send_all([Sending(WatchWakeup(task, asked_at=now), self.slowest * self.random()) for task in told]):
            raise NotSentError("SQS did not take every wake-up of a list that ends")
        return len(told)
