"""Fan out: a stream record says that a revision exists or a config was put; one small wake-up per push config follows.

It posts nothing itself and never waits for a stranger, so no receiver can hold a shard of the stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from relay.adapters.queues import Queue, Sending
from relay.adapters.table.cursors import Cursors
from relay.domain.keys import PUSH_PREFIX, REVISION_PREFIX, ConfigKey, TaskKey, config_id_of, revision_number
from relay.domain.wakeup import DeliveryWakeup, WatchWakeup


@dataclass(frozen=True)
class StreamRecord:
    """One change of the table: where, and whether the item was removed. `sequence_number` orders and acknowledges it."""

    sequence_number: str
    partition: str
    sort_key: str
    is_removal: bool


class FanOut:
    def __init__(self, cursors: Cursors, delivery: Queue, watch: Queue) -> None:
        self._cursors = cursors
        self._delivery = delivery
        self._watch = watch

    def __call__(self, records: Sequence[StreamRecord], *, now: datetime) -> str:
        """The sequence number from which the batch must be read again, or empty.

        Records of one task are reduced to its newest revision. A message that SQS did not take fails the first record that wanted it.
        """
        deliveries: list[tuple[Sending, str]] = []
        watches: list[tuple[Sending, str]] = []
        for task, (number, sequence) in _newest_revisions(records).items():
            cursors = [cursor for cursor in self._cursors.of_task(task, now=now) if cursor.position < number]
            deliveries += [(Sending(DeliveryWakeup(cursor.key, number, group=cursor.group)), sequence) for cursor in cursors]
        for record in records:
            if record.sort_key.startswith(PUSH_PREFIX):
                task = TaskKey.from_partition(record.partition)
                watches.append((Sending(WatchWakeup(task, asked_at=now, starts=not record.is_removal)), record.sequence_number))
                if not record.is_removal:
                    key = ConfigKey(task, config_id_of(record.sort_key))
                    deliveries.append((Sending(DeliveryWakeup(key)), record.sequence_number))
        return _earliest(_send(self._delivery, deliveries) + _send(self._watch, watches))


def _newest_revisions(records: Sequence[StreamRecord]) -> dict[TaskKey, tuple[int, str]]:
    """Per task its newest revision in the batch, and the first record that speaks of the task."""
    newest: dict[TaskKey, tuple[int, str]] = {}
    for record in records:
        if record.sort_key.startswith(REVISION_PREFIX) and not record.is_removal:
            task, number = TaskKey.from_partition(record.partition), revision_number(record.sort_key)
            known = newest.get(task)
            newest[task] = (max(number, known[0]), known[1]) if known else (number, record.sequence_number)
    return newest


def _send(queue: Queue, wanted: Sequence[tuple[Sending, str]]) -> list[str]:
    failed = queue.send_all([sending for sending, _ in wanted])
    return [wanted[position][1] for position in failed]


def _earliest(sequence_numbers: Sequence[str]) -> str:
    return min(sequence_numbers, key=int, default="")
