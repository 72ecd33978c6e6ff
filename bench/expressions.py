"""DynamoDB's condition and update expressions, as far as the relay writes them. Each text is compiled once.

Source: DynamoDB Developer Guide, "Condition and filter expressions", "Update expressions".
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from operator import eq, ge, gt, le, lt
from typing import Any

Item = dict[str, Any]
Given = Mapping[str, Any]  # ExpressionAttributeNames and ExpressionAttributeValues together
Operand = Callable[[Item, Given], Any]
Condition = Callable[[Item, Given], bool]
Update = Callable[[Item, Given], None]

_TOKEN = re.compile(r"\s*([#:]?\w+|<=|>=|[<>=(),])")
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}
_CLAUSES = ("SET", "REMOVE", "ADD", "DELETE")


@cache
def condition(text: str) -> Condition:
    """Whether an item (empty when there is none) meets it."""
    tokens = _Tokens(text)
    found = _any_of(tokens)
    tokens.end()
    return found


@cache
def update(text: str) -> Update:
    """Changes an item in place."""
    tokens = _Tokens(text)
    steps: list[Update] = []
    while tokens.left:
        clause = tokens.one_of(*_CLAUSES)
        steps.append(_STEPS[clause](tokens))
        while tokens.took(","):
            steps.append(_STEPS[clause](tokens))

    def apply(item: Item, given: Given) -> None:
        before = dict(item)  # every operand reads the item as it was
        for step in steps:
            step(item, {**given, "": before})

    return apply


class _Tokens:
    def __init__(self, text: str) -> None:
        self.left = _TOKEN.findall(text)

    def take(self) -> str:
        return str(self.left.pop(0))

    def took(self, wanted: str) -> bool:
        if self.left and self.left[0] == wanted:
            self.left.pop(0)
            return True
        return False

    def one_of(self, *wanted: str) -> str:
        if not self.left or self.left[0] not in wanted:
            raise ValueError(f"one of {wanted} expected at {self.left[:3]}")
        return self.take()

    def end(self) -> None:
        if self.left:
            raise ValueError(f"the end expected at {self.left[:3]}")


def _any_of(tokens: _Tokens) -> Condition:
    found = [_all_of(tokens)]
    while tokens.took("OR"):
        found.append(_all_of(tokens))
    return found[0] if len(found) == 1 else lambda item, given: any(each(item, given) for each in found)


def _all_of(tokens: _Tokens) -> Condition:
    found = [_one(tokens)]
    while tokens.took("AND"):
        found.append(_one(tokens))
    return found[0] if len(found) == 1 else lambda item, given: all(each(item, given) for each in found)


def _one(tokens: _Tokens) -> Condition:
    if tokens.took("("):
        within = _any_of(tokens)
        tokens.one_of(")")
        return within
    if tokens.left[0] in ("attribute_exists", "attribute_not_exists", "begins_with"):
        return _function(tokens)
    left = _operand(tokens)
    if tokens.took("BETWEEN"):
        first = _operand(tokens)
        tokens.one_of("AND")
        last = _operand(tokens)
        return lambda item, given: (
            _compares(ge, left(item, given), first(item, given)) and _compares(le, left(item, given), last(item, given))
        )
    compare = _COMPARISONS[tokens.one_of(*_COMPARISONS)]
    right = _operand(tokens)
    return lambda item, given: _compares(compare, left(item, given), right(item, given))


def _function(tokens: _Tokens) -> Condition:
    name, _ = tokens.take(), tokens.one_of("(")
    path = tokens.take()
    if name == "begins_with":
        tokens.one_of(",")
        prefix = tokens.take()
        tokens.one_of(")")
        return lambda item, given: _text(item, path, given).startswith(given[prefix]["S"])
    tokens.one_of(")")
    wanted = name == "attribute_exists"
    return lambda item, given: (given.get(path, path) in item) is wanted


def _text(item: Item, path: str, given: Given) -> str:
    value = item.get(given.get(path, path), {})
    return str(value.get("S", ""))


def _operand(tokens: _Tokens) -> Operand:
    name = tokens.take()
    if name == "size":
        tokens.one_of("(")
        path = tokens.take()
        tokens.one_of(")")
        return lambda item, given: {"N": str(len(next(iter(item[given.get(path, path)].values()))))}
    if name.startswith(":"):
        return lambda _, given: given[name]
    return lambda item, given: item.get(given.get(name, name))


def _compares(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    """A value that is missing, or of another type, compares to nothing."""
    if left is None or right is None or left.keys() != right.keys():
        return False
    ((kind, one),) = left.items()
    ((_, other),) = right.items()
    return compare(float(one), float(other)) if kind == "N" else compare(one, other)


def _set(tokens: _Tokens) -> Update:
    path, _ = tokens.take(), tokens.one_of("=")
    if tokens.took("if_not_exists"):
        tokens.one_of("(")
        known = tokens.take()
        tokens.one_of(",")
        value = tokens.take()
        tokens.one_of(")")

        def step(item: Item, given: Given) -> None:
            item[given.get(path, path)] = given[""].get(given.get(known, known), given[value])

        return step
    operand = _operand(tokens)

    def plain(item: Item, given: Given) -> None:
        item[given.get(path, path)] = operand(given[""], given)

    return plain


def _remove(tokens: _Tokens) -> Update:
    path = tokens.take()

    def step(item: Item, given: Given) -> None:
        item.pop(given.get(path, path), None)

    return step


def _add(tokens: _Tokens) -> Update:
    path, value = tokens.take(), tokens.take()

    def step(item: Item, given: Given) -> None:
        name, added = given.get(path, path), given[value]
        known = item.get(name)
        if "N" in added:
            item[name] = {"N": str(int(added["N"]) + (int(known["N"]) if known else 0))}
        else:
            item[name] = {"NS": sorted({*added["NS"], *(known["NS"] if known else ())})}

    return step


def _delete(tokens: _Tokens) -> Update:
    path, value = tokens.take(), tokens.take()

    def step(item: Item, given: Given) -> None:
        name = given.get(path, path)
        left = set(item.get(name, {}).get("NS", ())) - set(given[value]["NS"])
        item.pop(name, None)
        if left:
            item[name] = {"NS": sorted(left)}

    return step


_STEPS: Mapping[str, Callable[[_Tokens], Update]] = {"SET": _set, "REMOVE": _remove, "ADD": _add, "DELETE": _delete}
