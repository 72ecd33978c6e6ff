"""Follow a task: start its watch, with the credential of its own that the caller has lent for it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from relay.adapters.queues import Queue
from relay.adapters.table.watches import Watches
from relay.domain.forwarding import Headers
from relay.domain.keys import TaskKey
from relay.domain.wakeup import WatchWakeup


class FollowTask:
    def __init__(self, *, watches: Watches, watch_queue: Queue, deadline: timedelta, now: Callable[[], datetime]) -> None:
        self._watches = watches
        self._watch_queue = watch_queue
        self._deadline = deadline
        self._now = now

    def __call__(self, task: TaskKey, lent: Headers) -> None:
        """Of a task that has a push config. The watch keeps the newest credential; nothing lent leaves the one that is there."""
        now, sealed = self._now(), self._watches.seal(task, lent)
        while not self._watches.start_anew(task, deadline=now + self._deadline, interval=timedelta(0), due=now, lent=sealed):
            if sealed is None or self._watches.lend(task, sealed):  # else the watch that rested has ended meanwhile
                break
        if sealed:  # the wake-up of the stream may have polled without it
            self._watch_queue.send(WatchWakeup(task, asked_at=self._now()))
