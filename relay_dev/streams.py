"""A table's stream as event source: each shard in order, several batches of different keys at once.

Source: Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB": records are filtered before they are batched, and a parallelization
factor above one keeps the order per key.
"""

import logging
import threading
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from relay_dev.definition import Function, StreamMapping
from relay_dev.filters import passes
from relay_dev.invoker import Invoke, Outcome
from relay_dev.on_failure import stream_failure
from relay_dev.shards import StreamReader
from relay_dev.stream_batches import AGE_EXCEEDED, Batch, GivenUp, Record, Verdict, after_invocation, too_old

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_log = logging.getLogger(__name__)


class Lane:
    """Records of one shard whose keys fall together: one batch at a time, in order."""

    def __init__(self, shard_id: str) -> None:
        self.shard_id = shard_id
        self.is_busy = False
        self._waiting: deque[Record] = deque()
        self._waiting_since: datetime | None = None
        self._again: deque[Batch] = deque()

    @property
    def is_empty(self) -> bool:
        return not (self._waiting or self._again or self.is_busy)

    def add(self, record: Record, now: datetime) -> None:
        self._waiting_since = self._waiting_since or now
        self._waiting.append(record)

    def begin(self, mapping: StreamMapping, now: datetime) -> Batch | None:
        """The next batch, if one is due; the lane is busy until `end`."""
        if self.is_busy:
            return None
        if not self._again and self._is_batch_ready(mapping, now):
            count = min(mapping.batch_size, len(self._waiting))
            self._again.append(Batch(tuple(self._waiting.popleft() for _ in range(count))))
            self._waiting_since = now if self._waiting else None
        if not self._again or not self._again[0].is_due(now):
            return None
        self.is_busy = True
        return self._again.popleft()

    def end(self, again: Sequence[Batch]) -> None:
        self._again.extendleft(reversed(again))
        self.is_busy = False

    def _is_batch_ready(self, mapping: StreamMapping, now: datetime) -> bool:
        if self._waiting_since is None:
            return False
        return len(self._waiting) >= mapping.batch_size or now - self._waiting_since >= mapping.window


class StreamSource:
    """`take` and what it returns may run on different threads; `take` itself on one at a time."""

    def __init__(
        self,
        mapping: StreamMapping,
        function: Function,
        *,
        reader: StreamReader,
        sqs: "SQSClient",
        on_failure_queue_url: str,
        invoke: Invoke,
        now: Callable[[], datetime],
    ) -> None:
        self.name = f"{mapping.table}'s stream -> {mapping.function}"
        self.workers = mapping.parallelization
        self._mapping = mapping
        self._function = function
        self._reader = reader
        self._sqs = sqs
        self._on_failure_queue_url = on_failure_queue_url
        self._invoke = invoke
        self._now = now
        self._lock = threading.Lock()
        self._lanes: dict[tuple[str, int], Lane] = {}

    def take(self) -> Callable[[], None] | None:
        """Reads what is new; returns the work with one batch, or nothing."""
        for shard_id, record in self._reader.read(self._is_drained):
            if passes(record.event, self._mapping.filters):
                self._lane(shard_id, record.event).add(record, self._now())
        with self._lock:
            for lane in self._lanes.values():
                if batch := lane.begin(self._mapping, self._now()):
                    return self._work(lane, batch)
        return None

    def _work(self, lane: Lane, batch: Batch) -> Callable[[], None]:
        return lambda: self._process(lane, batch)

    def _process(self, lane: Lane, batch: Batch) -> None:
        again: Sequence[Batch] = (batch,)
        try:
            old, young = too_old(batch, self._mapping, self._now())
            if old:
                self._give_up(GivenUp(old, AGE_EXCEEDED), lane, request_id="")
            again = self._attempt(young, lane).again if young else ()
        finally:
            with self._lock:
                lane.end(again)

    def _attempt(self, batch: Batch, lane: Lane) -> Verdict:
        outcome: Outcome = self._invoke(self._mapping.function, {"Records": [record.event for record in batch.records]})
        verdict = after_invocation(batch, outcome, self._mapping, self._now())
        if verdict.given_up:
            self._give_up(verdict.given_up, lane, request_id=outcome.request_id)
        return verdict

    def _give_up(self, given_up: GivenUp, lane: Lane, *, request_id: str) -> None:
        _log.warning("%s: gave up %d records: %s", self.name, len(given_up.batch.records), given_up.condition)
        if self._on_failure_queue_url:
            body = stream_failure(
                given_up,
                function=self._function,
                request_id=request_id,
                shard_id=lane.shard_id,
                stream_arn=self._reader.stream_arn,
                now=self._now(),
            )
            self._sqs.send_message(QueueUrl=self._on_failure_queue_url, MessageBody=body)

    def _lane(self, shard_id: str, event: Mapping[str, Any]) -> Lane:
        # By the partition key alone: with the sort key, two items of one task could overtake each other.
        partition = str(event["dynamodb"]["Keys"][self._reader.partition_key])
        key = (shard_id, zlib.crc32(partition.encode()) % self._mapping.parallelization)
        with self._lock:
            return self._lanes.setdefault(key, Lane(shard_id))

    def _is_drained(self, shard_id: str) -> bool:
        """Whether every record that was read from the shard is done with."""
        with self._lock:
            return all(lane.is_empty for lane in self._lanes.values() if lane.shard_id == shard_id)
