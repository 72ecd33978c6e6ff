"""Sweep: wake every waiting config, watch, lister and task for the worker that is overdue; measure the oldest change not delivered.

It repairs what lost messages, purged queues, failed stream batches or a restored table leave behind; nothing in the fast path relies on it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from relay.adapters.queues import NotSentError, Queue, Sending
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.items import DUE_SHARDS
from relay.adapters.table.listers import Listers
from relay.adapters.table.relay_tasks import RelayTasks
from relay.adapters.table.watches import Watches
from relay.domain import watch as watch_rules
from relay.domain.claim import OVERDUE
from relay.domain.wakeup import DeliveryWakeup, ListWakeup, WatchWakeup, WorkWakeup

_AT_ONCE = 200  # wake-ups: twenty requests
_TO_END = timedelta(seconds=10)  # for them, with their retries, and for what is measured


@dataclass(frozen=True)
class Swept:
    """How many were woken, how many configs wait in all, and how long the oldest undelivered change has waited."""

    configs_woken: int
    watches_woken: int
    listers_woken: int
    relay_tasks_woken: int
    configs_waiting: int
    oldest_undelivered: timedelta

    @property
    def woken(self) -> int:
        return self.configs_woken + self.watches_woken + self.listers_woken + self.relay_tasks_woken


class Sweep:
    def __init__(
        self,
        *,
        cursors: Cursors,
        watches: Watches,
        listers: Listers,
        relay_tasks: RelayTasks,
        delivery_queue: Queue,
        watch_queue: Queue,
        worker_queue: Queue,
        now: Callable[[], datetime],
    ) -> None:
        self._cursors = cursors
        self._watches = watches
        self._listers = listers
        self._relay_tasks = relay_tasks
        self._delivery_queue = delivery_queue
        self._watch_queue = watch_queue
        self._worker_queue = worker_queue
        self._now = now

    def __call__(self, *, remaining: Callable[[], timedelta] = lambda: timedelta.max) -> Swept:
        """What there is no time for, of the configs, the next sweep does: they may be very many while deliveries are paused.

        `remaining`: how long this function may still run.
        Raises: NotSentError when SQS did not take a wake-up; the next sweep finds the same items again.
        """
        now = self._now()
        deliveries: list[Sending] = []
        waiting, oldest = 0, now
        for shard in range(DUE_SHARDS):
            for key, due, behind_since in self._cursors.waiting(shard):
                waiting, oldest = waiting + 1, min(oldest, behind_since or now)
                if due + OVERDUE < now:
                    deliveries.append(Sending(DeliveryWakeup(key)))
        watches = [
            Sending(WatchWakeup(task))
            for shard in range(DUE_SHARDS)
            for task in self._watches.overdue(shard, before=now - watch_rules.OVERDUE)
        ]
        lists = [Sending(ListWakeup(key)) for key in self._listers.overdue(before=now - watch_rules.OVERDUE)]
        work = [Sending(WorkWakeup(task)) for shard in range(DUE_SHARDS) for task in self._relay_tasks.overdue(shard, before=now - OVERDUE)]
        unsent = [self._watch_queue.send_all([*watches, *lists]), self._worker_queue.send_all(work)]
        woken = 0
        while woken < len(deliveries) and remaining() > _TO_END:
            batch = deliveries[woken : woken + _AT_ONCE]
            unsent.append(self._delivery_queue.send_all(batch))
            woken += len(batch)
        if any(unsent):
            raise NotSentError("SQS did not take every wake-up of the sweep")
        return Swept(woken, len(watches), len(lists), len(work), waiting, now - oldest)
