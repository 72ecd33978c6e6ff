"""Shards of a stream, as AWS closes and splits them; moto has but one, for ever."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from relay_dev.shards import StreamReader

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/Table/stream/2026-11-21T00:00:00.000"


@pytest.fixture
def streams(aws: None) -> Iterator[tuple[Any, Stubber]]:
    """A client that answers what the test says, in order."""
    client = boto3.client("dynamodbstreams")
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def _reader(client: Any) -> StreamReader:
    dynamodb = boto3.client("dynamodb")
    with Stubber(dynamodb) as stubber:
        keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
        stubber.add_response("describe_table", {"Table": {"LatestStreamArn": ARN, "KeySchema": keys}})
        return StreamReader("Table", from_beginning=True, dynamodb=dynamodb, streams=client, has_more=lambda _: True)


def _describe(stubber: Stubber, *shards: dict[str, str], more: str = "", after: str = "") -> None:
    described: dict[str, Any] = {"Shards": list(shards)}
    if more:
        described["LastEvaluatedShardId"] = more
    expected = {"StreamArn": ARN, **({"ExclusiveStartShardId": after} if after else {})}
    stubber.add_response("describe_stream", {"StreamDescription": described}, expected)


def _iterator(stubber: Stubber, shard_id: str, **where: str) -> None:
    expected = {"StreamArn": ARN, "ShardId": shard_id, **(where or {"ShardIteratorType": "TRIM_HORIZON"})}
    stubber.add_response("get_shard_iterator", {"ShardIterator": f"iterator-{shard_id:0>12}"}, expected)


def _records(stubber: Stubber, shard_id: str, *numbers: str, is_closed: bool = False) -> None:
    answer: dict[str, Any] = {"Records": [_record(number) for number in numbers]}
    if not is_closed:
        answer["NextShardIterator"] = f"iterator-{shard_id:0>12}"
    stubber.add_response("get_records", answer, {"ShardIterator": f"iterator-{shard_id:0>12}", "Limit": 1000})


def _record(number: str) -> dict[str, Any]:
    change = {"ApproximateCreationDateTime": datetime.now(UTC), "Keys": {"pk": {"S": "p"}}, "SequenceNumber": number}
    return {
        "eventID": number,
        "eventName": "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": change,
        "userIdentity": {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"},
    }


def _read(reader: StreamReader, *, is_drained: bool) -> list[str]:
    return [record.sequence_number for _, record in reader.read(lambda _: is_drained)]


PARENT = {"ShardId": "shard-0000000000000000001-parent"}
CHILD = {"ShardId": "shard-0000000000000000002-child", "ParentShardId": PARENT["ShardId"]}
NUMBERS = [f"{number:021d}" for number in range(5)]


def test_a_child_waits_until_its_parent_is_read_and_done_with(streams: tuple[Any, Stubber]) -> None:
    client, stubber = streams
    _describe(stubber, PARENT, more=PARENT["ShardId"])
    _describe(stubber, CHILD, after=PARENT["ShardId"])
    _iterator(stubber, PARENT["ShardId"])
    reader = _reader(client)
    _records(stubber, PARENT["ShardId"], *NUMBERS[:2], is_closed=True)
    assert _read(reader, is_drained=True) == NUMBERS[:2]
    _describe(stubber, PARENT, CHILD)
    assert _read(reader, is_drained=False) == []  # a batch of the parent is still in flight
    _describe(stubber, PARENT, CHILD)
    _iterator(stubber, CHILD["ShardId"])
    _records(stubber, CHILD["ShardId"], NUMBERS[2])
    assert _read(reader, is_drained=True) == NUMBERS[2:3]


def test_a_closed_shard_that_is_gone_is_no_longer_asked_for(streams: tuple[Any, Stubber]) -> None:
    client, stubber = streams
    _describe(stubber, PARENT)
    _iterator(stubber, PARENT["ShardId"])
    reader = _reader(client)
    _records(stubber, PARENT["ShardId"], is_closed=True)
    _read(reader, is_drained=True)
    _describe(stubber, CHILD)
    _iterator(stubber, CHILD["ShardId"])
    _records(stubber, CHILD["ShardId"], NUMBERS[0])
    assert _read(reader, is_drained=True) == NUMBERS[:1]
    _records(stubber, CHILD["ShardId"])
    assert _read(reader, is_drained=True) == []


@pytest.mark.parametrize(
    ("code", "where"),
    [
        ("ExpiredIteratorException", {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": NUMBERS[0]}),
        ("TrimmedDataAccessException", {"ShardIteratorType": "TRIM_HORIZON"}),
    ],
)
def test_a_lost_iterator_goes_on_with_the_next_record_there_is(streams: tuple[Any, Stubber], code: str, where: dict[str, str]) -> None:
    client, stubber = streams
    _describe(stubber, PARENT)
    _iterator(stubber, PARENT["ShardId"])
    reader = _reader(client)
    _records(stubber, PARENT["ShardId"], NUMBERS[0])
    assert _read(reader, is_drained=True) == NUMBERS[:1]
    stubber.add_client_error("get_records", code)
    _iterator(stubber, PARENT["ShardId"], **where)
    assert _read(reader, is_drained=True) == []
    _records(stubber, PARENT["ShardId"], NUMBERS[1])
    assert _read(reader, is_drained=True) == NUMBERS[1:2]


def test_who_deleted_an_item_is_told_as_lambda_tells_it(streams: tuple[Any, Stubber]) -> None:
    client, stubber = streams
    _describe(stubber, PARENT)
    _iterator(stubber, PARENT["ShardId"])
    reader = _reader(client)
    _records(stubber, PARENT["ShardId"], NUMBERS[0])
    ((_, record),) = reader.read(lambda _: True)
    assert record.event["userIdentity"] == {"principalId": "dynamodb.amazonaws.com", "type": "Service"}
