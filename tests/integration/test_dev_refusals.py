"""The embedded AWS refuses what AWS refuses, so that no test passes with a request that would fail there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from relay_dev.runner import Runner
from tests.support.world import TABLE

A, B = {"S": "a"}, {"S": "b"}
LONG_HASH, LONG_RANGE = "x" * 2049, "é" * 513


@pytest.fixture(scope="module")
def aws() -> Iterator[Runner]:
    with Runner() as runner:
        yield runner


def key(pk: str = "p", sk: str = "s") -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def refusal(call: Callable[..., Any], **request: Any) -> str:
    """AWS's name for the error; empty when it takes the request."""
    try:
        call(**request)
    except ClientError as error:
        return str(error.response["Error"]["Code"]).rpartition(".")[2]
    return ""


KEYS = [
    ("get_item", lambda given: {"TableName": TABLE, "Key": given}),
    ("delete_item", lambda given: {"TableName": TABLE, "Key": given}),
    ("put_item", lambda given: {"TableName": TABLE, "Item": given}),
    (
        "update_item",
        lambda given: {"TableName": TABLE, "Key": given, "UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": A}},
    ),
    ("batch_get_item", lambda given: {"RequestItems": {TABLE: {"Keys": [given]}}}),
    ("batch_write_item", lambda given: {"RequestItems": {TABLE: [{"DeleteRequest": {"Key": given}}]}}),
    ("transact_write_items", lambda given: {"TransactItems": [{"Put": {"TableName": TABLE, "Item": given}}]}),
]


@pytest.mark.parametrize(("name", "request_of"), KEYS)
@pytest.mark.parametrize("wrong", [key(pk=""), key(sk=""), key(pk=LONG_HASH), key(sk=LONG_RANGE)])
def test_key_that_is_empty_or_too_long_is_refused(aws: Runner, name: str, request_of: Callable[[Any], Any], wrong: Any) -> None:
    assert refusal(getattr(aws.aws.client("dynamodb"), name), **request_of(wrong)) == "ValidationException"


def test_table_that_does_not_exist_is_said_not_to(aws: Runner) -> None:
    assert refusal(aws.aws.client("dynamodb").get_item, TableName="nowhere", Key=key()) == "ResourceNotFoundException"


@pytest.mark.parametrize(("name", "request_of"), KEYS)
def test_key_of_the_longest_that_may_be_is_taken(aws: Runner, name: str, request_of: Callable[[Any], Any]) -> None:
    assert refusal(getattr(aws.aws.client("dynamodb"), name), **request_of(key("x" * 2048, "x" * 1024))) == ""


@pytest.mark.parametrize(
    ("condition", "values", "refused"),
    [
        ("pk = :p AND sk BETWEEN :a AND :b", {":p": A, ":a": A, ":b": B}, False),
        ("pk = :p AND sk BETWEEN :a AND :b", {":p": A, ":a": A, ":b": A}, False),
        ("pk = :p AND sk BETWEEN :a AND :b", {":p": A, ":a": B, ":b": A}, True),
        ("pk = :p AND sk between :a and :b", {":p": A, ":a": B, ":b": A}, True),
        ("pk = :p", {":p": {"S": LONG_HASH}}, True),
        ("pk = :p AND sk = :s", {":p": A, ":s": {"S": LONG_RANGE}}, True),
        ("pk = :p AND begins_with(sk, :s)", {":p": A, ":s": {"S": ""}}, True),
        ("pk = :p AND begins_with(sk, :s)", {":p": A, ":s": {"S": LONG_RANGE}}, True),
        ("pk = :p AND sk > :s", {":p": A, ":s": {"N": "1"}}, True),
        ("pk = :p", {":p": A, ":unused": A}, True),
        ("pk = :p AND sk = :missing", {":p": A}, True),
    ],
)
def test_query_that_aws_refuses_is_refused(aws: Runner, condition: str, values: Any, refused: bool) -> None:
    given = {"TableName": TABLE, "KeyConditionExpression": condition, "ExpressionAttributeValues": values}
    assert refusal(aws.aws.client("dynamodb").query, **given) == ("ValidationException" if refused else "")


@pytest.mark.parametrize(
    "more",
    [
        {"ExpressionAttributeValues": {":x": A}},
        {"ExpressionAttributeNames": {"#x": "x"}},
        {"ConditionExpression": "a = :x"},
        {"ConditionExpression": "attribute_exists(#x)"},
        {"ConditionExpression": "attribute_exists(state)"},  # a reserved word
        {"ConditionExpression": "attribute_exists(a)", "ExpressionAttributeValues": {}},
        {"ConditionExpression": " OR ".join(["attribute_exists(a)"] * 200)},  # over 4 KB
        {"Item": {**key(), "set": {"NS": ["1", "1"]}}},
        {"Item": {**key(), "set": {"SS": []}}},
        {"Item": {**key(), "number": {"N": "1" * 39}}},
        {"Item": {**key(), "due_shard": A, "due_at": A}},  # of the index, where it is a number
        {"Item": {**key(), "large": {"B": b"x" * 400 * 1024}}},
    ],
)
def test_put_that_aws_refuses_is_refused(aws: Runner, more: Any) -> None:
    assert refusal(aws.aws.client("dynamodb").put_item, **{"TableName": TABLE, "Item": key(), **more}) == "ValidationException"


def test_batches_that_are_too_large_are_refused(aws: Runner) -> None:
    table = aws.aws.client("dynamodb")
    keys = [key(sk=str(number)) for number in range(101)]
    assert refusal(table.batch_get_item, RequestItems={TABLE: {"Keys": keys[:100]}}) == ""
    assert refusal(table.batch_get_item, RequestItems={TABLE: {"Keys": keys}}) == "ValidationException"
    writes = [{"PutRequest": {"Item": each}} for each in keys]
    assert refusal(table.batch_write_item, RequestItems={TABLE: writes[:25]}) == ""
    assert refusal(table.batch_write_item, RequestItems={TABLE: writes[:26]}) == "ValidationException"
    puts = [{"Put": {"TableName": TABLE, "Item": each}} for each in keys]
    assert refusal(table.transact_write_items, TransactItems=puts[:100]) == ""
    assert refusal(table.transact_write_items, TransactItems=puts) == "ValidationException"


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([{"MessageBody": "x"}] * 11, "TooManyEntriesInBatchRequest"),
        ([{"MessageBody": "x" * 600 * 1024}] * 2, "BatchRequestTooLong"),
        ([{"MessageBody": ""}], "MissingParameter"),
        ([{"MessageBody": "a\x00"}], "InvalidMessageContents"),
        ([{"MessageBody": "x", "MessageGroupId": "x" * 129}], "InvalidParameterValue"),
        ([{"MessageBody": "x", "MessageGroupId": "two words"}], "InvalidParameterValue"),
    ],
)
def test_messages_that_aws_refuses_are_refused(aws: Runner, messages: list[Any], error: str) -> None:
    url = next(queue.url for queue in aws.definition.queues if queue.name == "DeliveryQueue")
    entries = [{"Id": str(place), **message} for place, message in enumerate(messages)]
    assert refusal(aws.aws.client("sqs").send_message_batch, QueueUrl=url, Entries=entries) == error
    assert refusal(aws.aws.client("sqs").send_message, QueueUrl=url, MessageBody="x" * (1024 * 1024 + 1)) == "InvalidParameterValue"
