"""How values are written in the table's items: DynamoDB's typed JSON to and from Python.

Source: DynamoDB API reference, AttributeValue.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

Item = Mapping[str, Any]
VERSION = 1
DUE_SHARDS = 8  # the sparse index is spread over as many partitions per kind

_LATEST = datetime.max.replace(microsecond=999_000, tzinfo=UTC).timestamp()


class UnknownItemError(Exception):
    """An item of a version this code does not know: leave it alone and let a newer function handle it."""


def text(value: str) -> dict[str, str]:
    return {"S": value}


def number(value: float) -> dict[str, str]:
    return {"N": repr(value) if isinstance(value, float) else str(value)}


def moment(value: datetime) -> dict[str, str]:
    """Epoch seconds with milliseconds. What would be rounded up into the year 10000 could not be read again: .NET's `MaxValue`."""
    return {"N": f"{min(value.timestamp(), _LATEST):.3f}"}


def seconds(value: datetime) -> dict[str, str]:
    """Whole epoch seconds: what DynamoDB's TTL wants."""
    return {"N": str(int(value.timestamp()))}


def flag(*, value: bool) -> dict[str, bool]:
    return {"BOOL": value}


def binary(value: bytes) -> dict[str, bytes]:
    return {"B": value}


def binaries(values: Iterable[bytes]) -> dict[str, list[bytes]]:
    return {"BS": list(values)}


def numbers(values: Iterable[int]) -> dict[str, list[str]]:
    return {"NS": [str(value) for value in values]}


def version() -> dict[str, str]:
    return number(VERSION)


def checked(item: Item) -> Item:
    """The item, if its version is known. Raises: UnknownItemError."""
    if read_int(item, "v", VERSION) > VERSION:
        raise UnknownItemError(f"an item of version {item['v']['N']} at {read_text(item, 'sk')}")
    return item


def read_text(item: Item, name: str) -> str:
    return str(item[name]["S"]) if name in item else ""


def read_int(item: Item, name: str, default: int = 0) -> int:
    return int(item[name]["N"]) if name in item else default


def read_moment(item: Item, name: str) -> datetime | None:
    return read_given_moment(item, name) if name in item else None


def read_given_moment(item: Item, name: str) -> datetime:
    """One that every item of its kind has. Raises: KeyError."""
    return datetime.fromtimestamp(float(item[name]["N"]), UTC)


def read_flag(item: Item, name: str) -> bool:
    return bool(item[name]["BOOL"]) if name in item else False


def read_binary(item: Item, name: str) -> bytes:
    return bytes(item[name]["B"]) if name in item else b""


def read_numbers(item: Item, name: str) -> tuple[int, ...]:
    return tuple(sorted(int(value) for value in item[name]["NS"])) if name in item else ()


def read_binaries(item: Item, name: str) -> frozenset[bytes]:
    return frozenset(bytes(value) for value in item[name]["BS"]) if name in item else frozenset()


def is_expired(item: Item, now: datetime) -> bool:
    """TTL deletes come days late, so readers look themselves."""
    expiry = read_moment(item, "ttl")
    return expiry is not None and expiry <= now


def replacing(values: Mapping[str, Any], gone: Iterable[str]) -> tuple[str, dict[str, str], dict[str, Any]]:
    """An update expression that sets these attributes and removes those, however they are called; its names and its values."""
    names = {f"#n{place}": name for place, name in enumerate((*values, *gone))}
    sets = ", ".join(f"#n{place} = :n{place}" for place in range(len(values)))
    removed = ", ".join(f"#n{place}" for place in range(len(values), len(names)))
    return f"SET {sets} REMOVE {removed}", names, {f":n{place}": value for place, value in enumerate(values.values())}
