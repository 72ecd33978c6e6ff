"""Values from a stranger's JSON: of the kind that is asked for, or empty; never an error.

For what agents say (tasks, cards), which the relay mends; what callers say is judged by `relay.domain.fields`.
"""

import sys
from collections.abc import Iterable
from typing import Any

from relay.domain.task import Json

_STRUCT_DEPTH = 32  # protobuf reads messages 100 deep; a level of JSON is two of them


def text(value: object) -> str:
    """A string; a number counts as its digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def texts(value: object) -> list[str]:
    """The strings of an array that are not empty."""
    return [item for item in value if isinstance(item, str) and item] if isinstance(value, list | tuple) else []


def mapping(value: object) -> Json:
    """An object."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[Json]:
    """The objects of an array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list | tuple) else []


def struct(value: object) -> Json:
    """An object that every parser takes: one that is nested deeper, or holds a number beyond a double, counts as none."""
    return value if isinstance(value, dict) and _fits_struct(value, _STRUCT_DEPTH) else {}


def _fits_struct(value: object, levels: int) -> bool:
    if isinstance(value, int):
        return abs(value) <= sys.float_info.max
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not inner or (levels > 0 and all(_fits_struct(each, levels - 1) for each in inner))


def filled(members: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The members that say something: not null, no empty string, no empty array or object."""
    return {name: value for name, value in members if value is not None and value not in ("", [], {})}
