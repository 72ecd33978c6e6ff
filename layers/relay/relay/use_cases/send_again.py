"""Send again: what an operator wants to be sent once more is added to what its config still has to send, under the claim like all else.

The steps are the model's (tests/model): add, watch, wake. Each may be repeated; whoever asks may die between them, and ask again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from relay.adapters.queues import Queue
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.watches import Watches
from relay.domain.keys import ConfigKey
from relay.domain.push_config import Cursor
from relay.domain.wakeup import DeliveryWakeup


@dataclass(frozen=True)
class Filter:
    """What an operator wants sent again; empty fields match all. `receiver` is an origin; times are aware UTC."""

    task_id: str = ""
    config_id: str = ""
    receiver: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def names(self, key: ConfigKey) -> bool:
        return self.task_id in ("", key.task.task_id) and self.config_id in ("", key.config_id)

    def covers(self, moment: datetime) -> bool:
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)


class SendAgain:
    def __init__(self, *, cursors: Cursors, watches: Watches, delivery_queue: Queue, now: Callable[[], datetime]) -> None:
        self._cursors = cursors
        self._watches = watches
        self._queue = delivery_queue
        self._now = now

    def __call__(self, key: ConfigKey, revisions: Sequence[int]) -> bool:
        """False: the config is gone, busy with them, or has too many waiting."""
        cursor = self._cursors.get(key, now=self._now())
        if cursor is None or _are_at_work(revisions, cursor) or not self._cursors.add_resend(key, revisions, now=self._now()):
            return False
        now = self._now()  # past its deadline from the start, the watch asks no agent: it only looks after the config until it has passed
        self._watches.start(key.task, deadline=now, interval=timedelta(0), due=now)
        self._queue.send(DeliveryWakeup(key, group=cursor.group))
        return True


def _are_at_work(revisions: Sequence[int], cursor: Cursor) -> bool:
    """A worker that is about to give up what was asked for earlier would take this wish along with its own."""
    return cursor.claim_until is not None and not set(revisions).isdisjoint(cursor.resend)
