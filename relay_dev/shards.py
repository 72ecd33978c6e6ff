"""Reads a stream's shards: parents before their children, each from where it was left.

Source: DynamoDB Developer Guide, "Change data capture for DynamoDB Streams": a shard is closed when its next iterator is missing.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from relay_dev.stream_batches import Record, read_record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

_MOST_PER_REQUEST = 1000  # DynamoDB Streams: GetRecords
_EXPIRED = "ExpiredIteratorException"  # not used for 15 minutes: this machine slept
_TRIMMED = "TrimmedDataAccessException"  # for more than a day: what stood there is gone


class StreamReader:
    """Keeps its place in memory: it begins anew, where the event source says, with every run."""

    def __init__(
        self,
        table: str,
        *,
        from_beginning: bool,
        dynamodb: "DynamoDBClient",
        streams: "DynamoDBStreamsClient",
        has_more: Callable[[int], bool],
    ) -> None:
        described = dynamodb.describe_table(TableName=table)["Table"]
        self.stream_arn = described["LatestStreamArn"]
        self.partition_key = next(key["AttributeName"] for key in described["KeySchema"] if key["KeyType"] == "HASH")
        self._from_beginning = from_beginning
        self._streams = streams
        self._has_more = has_more
        self._count = 0
        self._iterators: dict[str, str] = {}  # of open shards
        self._last: dict[str, str] = {}  # sequence number
        self._closed: set[str] = set()
        self._open_shards(lambda _: True)

    def read(self, is_drained: Callable[[str], bool]) -> Iterator[tuple[str, Record]]:
        """What is new, by shard. A shard's children wait until `is_drained` says that it is done with."""
        if self._closed or not self._iterators:
            self._open_shards(is_drained)
        if self._has_more(self._count):
            for shard_id in list(self._iterators):
                for record in self._read_shard(shard_id):
                    yield shard_id, record

    def _read_shard(self, shard_id: str) -> list[Record]:
        try:
            answer = self._streams.get_records(ShardIterator=self._iterators[shard_id], Limit=_MOST_PER_REQUEST)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in {_EXPIRED, _TRIMMED}:
                raise
            self._iterators[shard_id] = self._iterator(shard_id, is_trimmed=code == _TRIMMED)
            return []
        records = [read_record(found, self.stream_arn) for found in answer["Records"]]
        self._count += len(records)
        if records:
            self._last[shard_id] = records[-1].sequence_number
        if following := answer.get("NextShardIterator"):
            self._iterators[shard_id] = following
        else:
            del self._iterators[shard_id]
            self._closed.add(shard_id)
        return records

    def _open_shards(self, is_drained: Callable[[str], bool]) -> None:
        shards = self._shards()
        known = {shard["ShardId"] for shard in shards}
        self._closed &= known  # a shard that is gone has no more children
        for shard in shards:
            shard_id, parent = shard["ShardId"], shard.get("ParentShardId", "")
            is_parent_done = parent not in known or (parent in self._closed and is_drained(parent))
            if shard_id not in self._iterators and shard_id not in self._closed and is_parent_done:
                self._iterators[shard_id] = self._iterator(shard_id)

    def _iterator(self, shard_id: str, *, is_trimmed: bool = False) -> str:
        from_beginning = self._from_beginning or is_trimmed
        where: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON" if from_beginning else "LATEST"}
        if shard_id in self._last and not is_trimmed:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._last[shard_id]}
        return self._streams.get_shard_iterator(StreamArn=self.stream_arn, ShardId=shard_id, **where)["ShardIterator"]

    def _shards(self) -> list[Any]:
        shards: list[Any] = []
        more: dict[str, Any] = {}
        while True:
            described = self._streams.describe_stream(StreamArn=self.stream_arn, **more)["StreamDescription"]
            shards += described["Shards"]
            if not (last := described.get("LastEvaluatedShardId")):
                return shards
            more = {"ExclusiveStartShardId": last}
