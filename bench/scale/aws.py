"""The relay's table with its stream, and its queues, in memory: they answer at once, and what they are asked is counted.

Units as DynamoDB counts them: a write for each begun KB of the item, one for each entry that is made or taken away in the index `due`, a
read for each begun 4 KB. Items are measured by their names and values.
Source: DynamoDB Developer Guide, "Capacity unit consumption for write operations", "Considerations for Global Secondary Indexes".
"""

import base64
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from math import ceil
from types import SimpleNamespace
from typing import Any

from bench.aws import VISIBILITY_SECONDS, delays, of_keys, of_queue
from bench.expressions import Item
from bench.in_place import answered
from bench.queues import Queue
from bench.scale.meter import Meter
from bench.scale.timeline import Timeline
from bench.table import ConditionFailedError, Table

POLLERS = "Lambda's pollers"
_REVISION = "REVISION#"


class SimulatedAws:
    """`records` of the stream nobody has read yet: the event's name, and the item's keys."""

    def __init__(self, timeline: Timeline, meter: Meter) -> None:
        self.records: deque[tuple[str, Item]] = deque()
        self._timeline = timeline
        self._meter = meter
        self._table = Table(self._changed)
        self._queues: dict[str, Queue] = {}
        self._lock = threading.Lock()

    def answer(self, request: Any, **_: Any) -> Any:
        """In place of the network, for botocore."""
        with self._meter.stands_in():
            return answered(request, self._ask)

    def send_later(self, url: str, body: str, seconds: float) -> None:
        """A message from before the run: due at any moment, where SQS's own delays are whole seconds."""
        self._timeline.call_later(seconds, _look)
        self.queue(url).send(body, group="", delay_seconds=seconds)

    def queue(self, url: str) -> Queue:
        if url not in self._queues:
            self._queues[url] = Queue(is_fair=True, visibility_seconds=VISIBILITY_SECONDS, clock=self._timeline.seconds)
        return self._queues[url]

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        """As Lambda's pollers do."""
        with self._meter.stands_in():
            self._meter.counted.calls[POLLERS, "ReceiveMessage"] += 1
            return of_queue(self.queue(asked["QueueUrl"]), "ReceiveMessage", asked)

    def delete_message_batch(self, **asked: Any) -> dict[str, Any]:
        with self._meter.stands_in():
            self._meter.counted.calls[POLLERS, "DeleteMessageBatch"] += 1
            return of_queue(self.queue(asked["QueueUrl"]), "DeleteMessageBatch", asked)

    def table_client(self) -> Any:
        """Of boto3's client what puts and updates items, without boto3: for what is put by the thousand before a run."""

        def does(operation: str) -> Callable[..., dict[str, Any]]:
            return lambda **asked: self._table.answer(operation, _as_sent(asked))

        return SimpleNamespace(put_item=does("PutItem"), update_item=does("UpdateItem"))

    def _ask(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Raises: ConditionFailedError."""
        with self._lock:
            return self._answered(operation, asked)

    def _answered(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._meter.call(operation)
        if "QueueUrl" in asked:
            for delay in delays(operation, asked):
                self._timeline.call_later(delay, _look)
            return of_queue(self.queue(asked["QueueUrl"]), operation, asked)
        return of_keys(operation, asked) or self._of_table(operation, asked)

    def _of_table(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = self._table.answer(operation, asked)
        except ConditionFailedError as error:
            self._meter.spend_units("write", max(1, ceil(_size(error.old) / 1024)))
            raise
        read = _read_units(operation, asked, answer)
        if read:
            self._meter.spend_units("read", read)
        if operation == "PutItem" and (sk := asked["Item"]["sk"]["S"]).startswith(_REVISION):
            self._meter.learnt((asked["Item"]["pk"]["S"], int(sk.removeprefix(_REVISION))))
        return answer

    def _changed(self, old: Item, new: Item) -> None:
        self._meter.spend_units("write", max(1, ceil(max(_size(old), _size(new)) / 1024)))
        if index := _index_writes(old, new):
            self._meter.spend_units("index write", index)
        name = "INSERT" if not old else "MODIFY" if new else "REMOVE"
        keys = new or old
        self.records.append((name, {"pk": keys["pk"], "sk": keys["sk"]}))


def _look() -> None:
    """A moment at which the pollers find something."""


def _as_sent(value: Any) -> Any:
    """As it is in a request: binary as base64."""
    if isinstance(value, Mapping):
        return {name: _as_sent(each) for name, each in value.items()}
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _index_writes(old: Item, new: Item) -> int:
    """Of the index's entries: one to take away, one to make."""
    before, after = ([item.get(name) for name in ("due_shard", "due_at", "behind_since")] for item in (old, new))
    if before == after:
        return 0
    is_in = [each[0] is not None and each[1] is not None for each in (before, after)]
    return 1 if before[:2] == after[:2] and all(is_in) else sum(is_in)


def _read_units(operation: str, asked: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    if operation == "GetItem":
        return max(1, ceil(_size(answer.get("Item", {})) / 4096))
    if operation == "Query":
        return max(1, ceil(sum(map(_size, answer["Items"])) / 4096)) * (0.5 if "IndexName" in asked else 1)
    if operation == "BatchGetItem":
        found = [item for items in answer["Responses"].values() for item in items]
        missing = sum(len(wanted["Keys"]) for wanted in asked["RequestItems"].values()) - len(found)
        return sum(max(1, ceil(_size(item) / 4096)) for item in found) + missing
    return 0


def _size(item: Mapping[str, Any]) -> float:
    """In bytes, as DynamoDB has them."""
    return sum(len(name) + _value_size(*next(iter(value.items()))) for name, value in item.items())


def _value_size(kind: str, value: Any) -> float:
    if kind == "B":
        return len(value) * 3 / 4
    if kind == "N":
        return ceil(len(value) / 2) + 1
    return len(value) if kind == "S" else 1 if kind in ("BOOL", "NULL") else sum(len(str(each)) for each in value) + 3


AWS_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("GetItem", "BatchGetItem", "Query"), "reads"),
    **dict.fromkeys(("PutItem", "UpdateItem", "DeleteItem"), "writes"),
    **dict.fromkeys(("SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch"), "queue"),
}


def by_kind(calls: Counter[tuple[str, str]]) -> Counter[str]:
    """What is none of the table's and the queues' is a key's or a secret's."""
    found: Counter[str] = Counter()
    for (_, operation), count in calls.items():
        found[AWS_KINDS.get(operation, "keys and secrets")] += count
    return found
