"""The table's client, and what every kind of item needs of it: conditions that fail, pages, unprocessed keys.

Source: DynamoDB API reference; design §2 rules 4 and 6.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from relay.adapters.table.items import Item, text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH_GET = 100  # DynamoDB: keys per BatchGetItem
_BATCH_TRIES = 8  # unprocessed keys are asked for again this often, with growing pauses
_PAUSE_SECONDS = 0.05


class TableBusyError(Exception):
    """DynamoDB left keys unprocessed again and again: our own fault path; the event comes back."""


@dataclass(frozen=True)
class ConditionFailed:
    """A write whose condition did not hold, with the item it met (None when there is none)."""

    old: Item | None


class Connection:
    """One table. Keys are (`pk`, `sk`)."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table = table_name

    def get(self, pk: str, sk: str) -> Item | None:
        """A strongly consistent read of one item."""
        return self._client.get_item(TableName=self._table, Key=_key(pk, sk), ConsistentRead=True).get("Item")

    def put(
        self, item: Item, *, condition: str = "", values: Mapping[str, Any] | None = None, names: Mapping[str, str] | None = None
    ) -> ConditionFailed | None:
        """Puts the whole item, or says what the condition met."""
        given: dict[str, Any] = {"TableName": self._table, "Item": dict(item)}
        if condition:
            given |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if values:
            given |= {"ExpressionAttributeValues": dict(values)}
        if names:
            given |= {"ExpressionAttributeNames": dict(names)}
        try:
            self._client.put_item(**given)
        except ClientError as error:
            return _condition_failed(error)
        return None

    def update(
        self, pk: str, sk: str, *, expression: str, condition: str, values: Mapping[str, Any], names: Mapping[str, str] | None = None
    ) -> Item | ConditionFailed:
        """One update, conditional unless `condition` is empty; answers the whole new item, or what the condition met."""
        given: dict[str, Any] = {"ExpressionAttributeNames": dict(names)} if names else {}
        if condition:
            given |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(pk, sk),
                UpdateExpression=expression,
                ExpressionAttributeValues=dict(values),
                ReturnValues="ALL_NEW",
                **given,
            )
        except ClientError as error:
            return _condition_failed(error)
        return answer["Attributes"]

    def delete(self, pk: str, sk: str) -> Item | None:
        """The item that was there."""
        return self._client.delete_item(TableName=self._table, Key=_key(pk, sk), ReturnValues="ALL_OLD").get("Attributes")

    def delete_if(self, pk: str, sk: str, *, condition: str, values: Mapping[str, Any]) -> ConditionFailed | None:
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=_key(pk, sk),
                ConditionExpression=condition,
                ExpressionAttributeValues=dict(values),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return _condition_failed(error)
        return None

    def query(self, pk: str, *, prefix: str, limit: int = 0, newest_first: bool = False, attributes: Sequence[str] = ()) -> Iterator[Item]:
        """The items of a partition whose sort key starts with `prefix`, strongly consistent; `limit` 0 means all."""
        values = {":pk": text(pk), ":prefix": text(prefix)}
        return self._pages("pk = :pk AND begins_with(sk, :prefix)", values, limit=limit, newest_first=newest_first, attributes=attributes)

    def query_between(
        self, pk: str, *, first: str, last: str, limit: int = 0, newest_first: bool = False, attributes: Sequence[str] = ()
    ) -> Iterator[Item]:
        """The items with sort keys from `first` to `last`, in order, strongly consistent; `limit` 0 means all. None when `last` is before
        `first`: DynamoDB refuses to be asked so.
        """
        if last < first:
            return iter(())
        values = {":pk": text(pk), ":first": text(first), ":last": text(last)}
        condition = "pk = :pk AND sk BETWEEN :first AND :last"
        return self._pages(condition, values, limit=limit, newest_first=newest_first, attributes=attributes)

    def query_due(self, shard: str, *, until: float | None = None, after: float | None = None) -> Iterator[Item]:
        """The sparse index: items of a shard due until or after then (epoch seconds), or all. Never used to conclude "nothing to do"."""
        condition, values = "due_shard = :shard", {":shard": text(shard)}
        if after is not None:
            condition, values = condition + " AND due_at > :after", values | {":after": {"N": f"{after:.3f}"}}
        elif until is not None:
            condition, values = condition + " AND due_at <= :until", values | {":until": {"N": f"{until:.3f}"}}
        return self._pages(condition, values, index="due")

    def batch_get(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """The items that exist, strongly consistent. Raises: TableBusyError."""
        found: dict[tuple[str, str], Item] = {}
        for start in range(0, len(keys), _BATCH_GET):
            for item in self._batch(keys[start : start + _BATCH_GET]):
                found[item["pk"]["S"], item["sk"]["S"]] = item
        return found

    def scan_prefix(self, prefix: str) -> Iterator[Item]:
        """Every item whose sort key starts with `prefix`: for the operator's commands only, never on a hot path."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(sk, :prefix)",
            ExpressionAttributeValues={":prefix": text(prefix)},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def _batch(self, keys: Sequence[tuple[str, str]]) -> Iterator[Item]:
        asked: dict[str, Any] = {self._table: {"Keys": [_key(*key) for key in keys], "ConsistentRead": True}}
        for turn in range(_BATCH_TRIES):
            answer = self._client.batch_get_item(RequestItems=asked)
            yield from answer["Responses"].get(self._table, [])
            asked = dict(answer.get("UnprocessedKeys") or {})
            if not asked:
                return
            time.sleep(_PAUSE_SECONDS * 2**turn)
        raise TableBusyError("DynamoDB left keys of a batch unprocessed")

    def _pages(
        self,
        condition: str,
        values: Mapping[str, Any],
        *,
        limit: int = 0,
        newest_first: bool = False,
        attributes: Sequence[str] = (),
        index: str = "",
    ) -> Iterator[Item]:
        given: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": dict(values),
            "ScanIndexForward": not newest_first,
        }
        given |= {"IndexName": index} if index else {"ConsistentRead": True}
        if attributes:
            names = {f"#a{position}": name for position, name in enumerate(attributes)}
            given |= {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
        if limit:
            given["Limit"] = limit
        left = limit
        while True:
            answer = self._client.query(**given)
            yield from answer["Items"]
            left -= len(answer["Items"])
            if "LastEvaluatedKey" not in answer or (limit and left <= 0):
                return
            given["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": text(pk), "sk": text(sk)}


def _condition_failed(error: ClientError) -> ConditionFailed:
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise error
    old: Any = error.response.get("Item")
    return ConditionFailed(old)
