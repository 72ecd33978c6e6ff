"""Filter patterns of an event source mapping: which records invoke the function.

Source: Lambda Developer Guide, "Control which events Lambda sends to your function".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from relay_dev.cloudformation import TemplateError

_KNOWN = {"prefix", "suffix", "exists", "anything-but"}


def check_pattern(pattern: Any) -> None:
    """Raises: TemplateError when the pattern uses an operator that `matches` does not know."""
    if isinstance(pattern, Mapping):
        for value in pattern.values():
            check_pattern(value)
        return
    if not isinstance(pattern, list):
        raise TemplateError(f"A filter compares with a list of values, not with {pattern!r}.")
    for rule in pattern:
        if isinstance(rule, Mapping) and (unknown := set(rule) - _KNOWN):
            raise TemplateError(f"`relay dev` does not know the filter operator {', '.join(sorted(unknown))}.")


def passes(record: Mapping[str, Any], patterns: Sequence[Mapping[str, Any]]) -> bool:
    """Whether any of the patterns matches; without patterns every record passes."""
    return not patterns or any(matches(record, pattern) for pattern in patterns)


def matches(record: Any, pattern: Mapping[str, Any]) -> bool:
    """Whether every field of the pattern matches the record's."""
    return all(_field_matches(record.get(name) if isinstance(record, Mapping) else None, rule) for name, rule in pattern.items())


def _field_matches(value: Any, rule: Any) -> bool:
    if isinstance(rule, Mapping):
        return matches(value, rule)
    return any(_rule_matches(value, each) for each in rule)


def _rule_matches(value: Any, rule: Any) -> bool:
    if not isinstance(rule, Mapping):
        return bool(value == rule)
    if "exists" in rule:
        return (value is not None) is bool(rule["exists"])
    if "anything-but" in rule:
        return value is not None and value not in rule["anything-but"]
    if not isinstance(value, str):
        return False
    return value.startswith(rule["prefix"]) if "prefix" in rule else value.endswith(rule["suffix"])
