"""Documents as a stranger might send them: a valid one with anything in some of its places, however deep, or nothing."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]

WRONG: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 10**30, -(2**63), 10**400, float("nan"), float("inf"), 1e308),
    *("", "x", "\ud800", "a\udfffb", "\0", "é#/%", "x" * 300, "JSONRPC", "1.0", "0.3", "http://a/b", "http://[", "TASK_STATE_WORKING"),
    *([], {}, [None], [[]], [{}], {"": None}, {"id": 1}, {"\ud800": "\ud800"}, [["x"], {"x": [1]}]),
]
NESTED: Any = "bottom"
for _ in range(25):
    NESTED = {"in": [NESTED]}


def crippled(document: Any, *, most: int = 5, wrong: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Any]:
    """The document with up to so many of its members and items, at every depth, taken away, made wrong, or repeated under another name."""
    anything = st.sampled_from([*WRONG, NESTED]) if wrong is None else st.sampled_from(WRONG) | wrong
    change = st.tuples(st.sampled_from(list(paths(document))), st.sampled_from(["remove", "set", "set", "rename"]), anything)
    return st.lists(change, max_size=most).map(lambda changes: _changed(document, changes))


def paths(document: Any, path: Path = ()) -> Iterator[Path]:
    """Of every member and item, at every depth."""
    inner = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for name, value in inner:
        yield (*path, name)
        yield from paths(value, (*path, name))


def _changed(document: Any, changes: list[tuple[Path, str, Any]]) -> Any:
    changed = copy.deepcopy(document)
    for path, how, value in changes:
        _change(changed, path, how, value)
    return changed


def _change(document: Any, path: Path, how: str, value: Any) -> None:
    *way, last = path
    try:
        for name in way:
            document = document[name]
        if how == "remove":
            del document[last]
        elif how == "rename":
            document[value if isinstance(value, str) else f"{last}_"] = document.pop(last)
        else:
            document[last] = copy.deepcopy(value)
    except (KeyError, IndexError, TypeError, AttributeError):
        return  # an earlier change has taken the place away


def each_crippled(document: Any) -> Iterator[Any]:
    """The document with one change, for every place in it and every wrong value."""
    for path in paths(document):
        yield _changed(document, [(path, "remove", None)])
        for value in (*WRONG, NESTED):
            yield _changed(document, [(path, "set", value)])
