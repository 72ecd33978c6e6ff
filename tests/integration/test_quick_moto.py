"""What is remembered of moto changes no answer: the same requests with and without it."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from relay_dev.embedded import ENVIRONMENT
from relay_dev.quick_moto import replacements

KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}
ITEM = {
    **KEY,
    "words": {"S": ""},
    "number": {"N": "1.50"},
    "binary": {"B": b"\x00\xff"},
    "flag": {"BOOL": False},
    "nothing": {"NULL": True},
    "texts": {"SS": ["x", "y"]},
    "numbers": {"NS": ["1", "2"]},
    "binaries": {"BS": [b"1"]},
    "list": {"L": [{"S": "x"}, {"M": {"S": {"N": "1"}, "deep": {"L": [{"M": {}}]}}}]},
    "tree": {"M": {"S": {"S": "a name like a type's"}, "N": {"BOOL": True}}},
}
UPDATES: list[dict[str, Any]] = [
    {"UpdateExpression": "SET #n = #n + :one, tree.S = :x REMOVE flag ADD numbers :more", "values": {":more": {"NS": ["3"]}}},
    {"UpdateExpression": "SET #n = #n + :one, tree.S = :x REMOVE flag ADD numbers :more", "values": {":more": {"NS": ["4"]}}},
    {
        "UpdateExpression": "SET #l = list_append(if_not_exists(#l, :x), :more), words = :x, #n = :one",
        "values": {":more": {"L": [{"S": "z"}]}},
    },
    {"UpdateExpression": "SET #n = :one, tree.S = :x", "ConditionExpression": "attribute_exists(nobody)", "values": {}},
    {"UpdateExpression": "SET #n = :one, #n = :x", "values": {}},
    {"UpdateExpression": "SET pk = :x, #n = :one", "values": {}},
    {"UpdateExpression": "no expression :x :one", "values": {}},
]


def said(client: Any, operation: str, **params: Any) -> Any:
    """The answer, or the error, without what differs from request to request."""
    try:
        answer = getattr(client, operation)(**params)
    except ClientError as error:
        answer = error.response
    return {name: value for name, value in answer.items() if name not in ("ResponseMetadata", "MessageId")}


def table_answers() -> list[Any]:
    dynamodb = boto3.client("dynamodb")
    dynamodb.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    answers = [said(dynamodb, "put_item", TableName="t", Item=ITEM), said(dynamodb, "get_item", TableName="t", Key=KEY)]
    for update in UPDATES:
        given = {name: value for name, value in update.items() if name != "values"}
        used = {"#n": "number", "#l": "list"}
        answers.append(
            said(
                dynamodb,
                "update_item",
                TableName="t",
                Key=KEY,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                ExpressionAttributeNames={name: used[name] for name in used if name in given["UpdateExpression"]},
                ExpressionAttributeValues={":one": {"N": "1"}, ":x": {"S": "x"}, **update["values"]},
                **given,
            )
        )
    condition = {"KeyConditionExpression": "pk = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}}
    answers.append(said(dynamodb, "query", TableName="t", **condition))
    answers.append(said(dynamodb, "batch_get_item", RequestItems={"t": {"Keys": [KEY]}}))
    return answers


def queue_answers() -> list[Any]:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "7"})["QueueUrl"]
    sent = said(sqs, "send_message", QueueUrl=url, MessageBody="m", MessageAttributes={"a": {"DataType": "String", "StringValue": "x"}})
    told = said(sqs, "get_queue_attributes", QueueUrl=url, AttributeNames=["VisibilityTimeout", "ApproximateNumberOfMessages", "QueueArn"])
    return [sent, told, said(sqs, "get_queue_url", QueueName="nobody")]


def answers() -> list[Any]:
    with mock_aws():
        return table_answers() + queue_answers()


def test_answers_stay_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    plain = answers()
    for owner, name, replacement in replacements():
        monkeypatch.setattr(owner, name, replacement)
    assert [answers(), answers()] == [plain, plain]
    assert any("Attributes" in answer for answer in plain)
    assert sum("Error" in answer for answer in plain) == 5
