"""A table in memory that answers as DynamoDB does, as far as the relay asks.

Source: DynamoDB API reference.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from typing import Any

from bench.expressions import Item, condition, update

Asked = Mapping[str, Any]
Answer = dict[str, Any]


class ConditionFailedError(Exception):
    """The item it met."""

    def __init__(self, old: Item) -> None:
        super().__init__("The conditional request failed")
        self.old = old


class Table:
    """`changed` is told of each write: the item before and after it, empty when there was or is none."""

    def __init__(self, changed: Callable[[Item, Item], None] = lambda _old, _new: None) -> None:
        self._changed = changed
        self._items: dict[tuple[str, str], Item] = {}
        self._sort_keys: dict[str, list[str]] = {}

    def answer(self, operation: str, asked: Asked) -> Answer:
        """Raises: ConditionFailedError."""
        return {
            "PutItem": self._put,
            "UpdateItem": self._update,
            "DeleteItem": self._delete,
            "GetItem": self._get,
            "BatchGetItem": self._batch_get,
            "Query": self._query,
        }[operation](asked)

    def _put(self, asked: Asked) -> Answer:
        item = dict(asked["Item"])
        self._check(self._items.get(_key(item), {}), asked)
        self._keep(_key(item), item)
        return {}

    def _update(self, asked: Asked) -> Answer:
        key = _key(asked["Key"])
        old = self._items.get(key, {})
        self._check(old, asked)
        item = {**old, **asked["Key"]}
        update(asked["UpdateExpression"])(item, _given(asked))
        self._keep(key, item)
        return {"Attributes": item}

    def _delete(self, asked: Asked) -> Answer:
        key = _key(asked["Key"])
        self._check(self._items.get(key, {}), asked)
        old = self._items.pop(key, None)
        if old is None:
            return {}
        self._sort_keys[key[0]].remove(key[1])
        self._changed(old, {})
        return {"Attributes": old}

    def _get(self, asked: Asked) -> Answer:
        item = self._items.get(_key(asked["Key"]))
        return {"Item": item} if item else {}

    def _batch_get(self, asked: Asked) -> Answer:
        found = {
            table: [item for key in wanted["Keys"] if (item := self._items.get(_key(key)))]
            for table, wanted in asked["RequestItems"].items()
        }
        return {"Responses": found, "UnprocessedKeys": {}}

    def _query(self, asked: Asked) -> Answer:
        """By the key condition alone; the relay's always fix the partition by `:pk`, but for the index, which is read whole."""
        given = _given(asked)
        meets = condition(asked["KeyConditionExpression"])
        if "IndexName" in asked:
            return {"Items": [item for item in self._items.values() if meets(item, given)]}
        pk = given[":pk"]["S"]
        sort_keys = self._sort_keys.get(pk, [])
        if not asked.get("ScanIndexForward", True):
            sort_keys = sort_keys[::-1]
        found = [item for sk in sort_keys if meets(item := self._items[pk, sk], given)]
        return {"Items": found[: asked.get("Limit")], "Count": len(found)}

    def _check(self, old: Item, asked: Asked) -> None:
        if "ConditionExpression" in asked and not condition(asked["ConditionExpression"])(old, _given(asked)):
            raise ConditionFailedError(old)

    def _keep(self, key: tuple[str, str], item: Item) -> None:
        if key not in self._items:
            sort_keys = self._sort_keys.setdefault(key[0], [])
            if bisect_left(sort_keys, key[1]) == len(sort_keys):
                sort_keys.append(key[1])
            else:
                insort(sort_keys, key[1])
        old, self._items[key] = self._items.get(key, {}), item
        self._changed(old, item)


def _key(item: Asked) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _given(asked: Asked) -> dict[str, Any]:
    return {**asked.get("ExpressionAttributeNames", {}), **asked.get("ExpressionAttributeValues", {})}
