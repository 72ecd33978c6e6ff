"""What AWS refuses and moto takes: requests that would fail on AWS fail here too, in `relay dev` and in every test.

moto itself refuses reserved words, unused names, items over 400 KB, over 100 keys in a batch, over 10 messages or 1 MiB of them.

Source: DynamoDB Developer Guide, "Quotas" and "Constraints"; DynamoDB API reference, Query and BatchWriteItem; SQS API reference,
SendMessage. The messages are AWS's own as far as they are known to us.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_VALIDATION = "ValidationException"
_MOST_BYTES = {"HASH": 2048, "RANGE": 1024}
_MOST_WRITES = 25
_MOST_DIGITS = 38
_EXPRESSION_BYTES = 4096
_EXPRESSIONS = ("KeyConditionExpression", "FilterExpression", "ConditionExpression", "UpdateExpression", "ProjectionExpression")
_EMPTY_KEY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: "
)
_COMPARED = re.compile(r"([\w#.]+)\s*(?:=|<=|>=|<|>)\s*(:\w+)|begins_with\s*\(\s*([\w#.]+)\s*,\s*(:\w+)\s*\)", re.IGNORECASE)
_BETWEEN = re.compile(r"([\w#.]+)\s+BETWEEN\s+(:\w+)\s+AND\s+(:\w+)", re.IGNORECASE)
_GROUP = re.compile(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class RefusedError(Exception):
    """`code` is AWS's name for the error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def body(self) -> str:
        return json.dumps({"__type": self.code, "message": str(self)})


@dataclass(frozen=True)
class Key:
    """An attribute that is part of a key: HASH or RANGE, of the table or of an index, and the type of its values."""

    role: str
    type: str
    is_of_index: bool = False


Keys = Mapping[str, Key]


def check(operation: str, body: bytes, keys_of: Callable[[str], Keys]) -> None:
    """`operation` as `X-Amz-Target` says it; `keys_of` a table's name. Raises: RefusedError."""
    service, _, action = operation.partition(".")
    if service.startswith("DynamoDB_") and action in _CHECKS:
        request = json.loads(body)
        _CHECKS[action](request, keys_of)
    elif service == "AmazonSQS" and action in ("SendMessage", "SendMessageBatch"):
        request = json.loads(body)
        for message in request.get("Entries", [request]):
            _message(message)


def _item(request: Any, keys_of: Callable[[str], Keys]) -> None:
    _expressions(request)
    _values(request.get("Item", {}), keys_of(request["TableName"]))
    _values(request.get("Key", {}), keys_of(request["TableName"]))
    for value in request.get("ExpressionAttributeValues", {}).values():
        _value(value)


def _query(request: Any, keys_of: Callable[[str], Keys]) -> None:
    _expressions(request)
    condition, given = request.get("KeyConditionExpression", ""), request.get("ExpressionAttributeValues", {})
    keys, names = keys_of(request["TableName"]), request.get("ExpressionAttributeNames", {})
    for found in _COMPARED.finditer(condition):
        name, value = found[1] or found[3], found[2] or found[4]
        _key(names.get(name, name), given[value], keys)
    for found in _BETWEEN.finditer(condition):
        name, low, high = names.get(found[1], found[1]), given[found[2]], given[found[3]]
        _key(name, low, keys)
        _key(name, high, keys)
        if _order(high) < _order(low):
            bounds = f"lower bound operand: AttributeValue: {low}, upper bound operand: AttributeValue: {high}"
            raise RefusedError(
                _VALIDATION,
                "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
                + bounds,
            )


def _batch_get(request: Any, keys_of: Callable[[str], Keys]) -> None:
    for table, wanted in request["RequestItems"].items():
        for key in wanted["Keys"]:
            _values(key, keys_of(table))


def _batch_write(request: Any, keys_of: Callable[[str], Keys]) -> None:
    writes = [(table, write) for table, found in request["RequestItems"].items() for write in found]
    if len(writes) > _MOST_WRITES:
        raise RefusedError(_VALIDATION, f"Too many items requested for the BatchWriteItem call: {len(writes)}")
    for table, write in writes:
        for asked in write.values():
            _values(asked.get("Item") or asked["Key"], keys_of(table))


def _transaction(request: Any, keys_of: Callable[[str], Keys]) -> None:
    for each in request["TransactItems"]:
        for asked in each.values():
            _item(asked, keys_of)


_CHECKS: Mapping[str, Callable[[Any, Callable[[str], Keys]], None]] = {
    **dict.fromkeys(("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Scan"), _item),
    "Query": _query,
    "BatchGetItem": _batch_get,
    "BatchWriteItem": _batch_write,
    "TransactWriteItems": _transaction,
    "TransactGetItems": _transaction,
}


def _values(item: Mapping[str, Any], keys: Keys) -> None:
    for name, value in item.items():
        _value(value)
        if name in keys:
            _key(name, value, keys)


def _key(name: str, value: Mapping[str, Any], keys: Keys) -> None:
    key = keys.get(name)
    if key is None:
        return
    ((given, text),) = value.items()
    if given != key.type:
        expected = f"Type mismatch for {'Index ' if key.is_of_index else ''}Key {name} Expected: {key.type} Actual: {given}"
        raise RefusedError(_VALIDATION, f"One or more parameter values were invalid: {expected}")
    if given == "S" and not text:
        raise RefusedError(_VALIDATION, _EMPTY_KEY + name)
    if given == "S" and len(text.encode()) > _MOST_BYTES[key.role]:
        size = "Size of hashkey" if key.role == "HASH" else "Aggregated size of all range keys"
        most = f"{size} has exceeded the maximum size limit of {_MOST_BYTES[key.role]} bytes"
        raise RefusedError(_VALIDATION, f"One or more parameter values were invalid: {most}")


def _value(value: Mapping[str, Any]) -> None:
    """Sets hold each value once; a number has at most 38 digits. What lies deeper is not looked at: the relay writes no maps or lists."""
    ((given, content),) = value.items()
    if given in ("SS", "NS", "BS") and len(set(content)) < len(content):
        raise RefusedError(_VALIDATION, f"One or more parameter values were invalid: Input collection {content} contains duplicates.")
    for number in {"N": [content], "NS": content}.get(given, []):
        digits = "".join(map(str, Decimal(number).as_tuple().digits))
        if len(digits.strip("0")) > _MOST_DIGITS:
            raise RefusedError(_VALIDATION, f"Attempting to store more than {_MOST_DIGITS} significant digits in a Number")


def _order(value: Mapping[str, Any]) -> Any:
    ((given, content),) = value.items()
    return Decimal(content) if given == "N" else content.encode()


def _expressions(request: Any) -> None:
    """Each placeholder that is used is given, each that is given is used, and no expression is too long."""
    found = [request[name] for name in _EXPRESSIONS if name in request]
    if any(len(expression.encode()) > _EXPRESSION_BYTES for expression in found):
        raise RefusedError(_VALIDATION, "Expression size has exceeded the maximum allowed size;")
    for placeholder, member in ((r":\w+", "ExpressionAttributeValues"), (r"#\w+", "ExpressionAttributeNames")):
        used = {name for expression in found for name in re.findall(placeholder, expression)}
        given = set(request.get(member, {}))
        if member in request and not given:
            raise RefusedError(_VALIDATION, f"{member} must not be empty")
        if missing := used - given:
            raise RefusedError(_VALIDATION, f"An expression attribute used in expression is not defined; {', '.join(sorted(missing))}")
        if unused := given - used:
            raise RefusedError(_VALIDATION, f"Value provided in {member} unused in expressions: keys: {{{', '.join(sorted(unused))}}}")


def _message(message: Mapping[str, Any]) -> None:
    if not message.get("MessageBody"):
        raise RefusedError("MissingParameter", "The request must contain the parameter MessageBody.")
    if _NO_XML.search(message["MessageBody"]):
        raise RefusedError(
            "InvalidMessageContents", "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | …"
        )
    group = message.get("MessageGroupId")
    if group is not None and not _GROUP.fullmatch(group):
        raise RefusedError("InvalidParameterValue", f"Value {group} for parameter MessageGroupId is invalid.")


def keys_of(schema: Sequence[Mapping[str, str]], types: Mapping[str, str], indexes: Sequence[Sequence[Mapping[str, str]]]) -> Keys:
    """A table's keys out of its definition: its key schema, the types of its attributes, the key schemas of its indexes."""
    return dict(_keys(schema, types, indexes))


def _keys(
    schema: Sequence[Mapping[str, str]], types: Mapping[str, str], indexes: Sequence[Sequence[Mapping[str, str]]]
) -> Iterator[tuple[str, Key]]:
    for index in indexes:
        yield from ((each["AttributeName"], Key(each["KeyType"], types[each["AttributeName"]], is_of_index=True)) for each in index)
    yield from ((each["AttributeName"], Key(each["KeyType"], types[each["AttributeName"]])) for each in schema)
