"""Whether every expected notification of the demo arrived: what `GET /notifications` of the receiver lists, judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Expected:
    """One change of the demo's task that a notification shall tell."""

    name: str
    state: str
    artifacts: int


EXPECTED = (
    Expected("submitted", "submitted", 0),
    Expected("working", "working", 0),
    Expected("an artifact", "working", 1),
    Expected("completed", "completed", 1),
)

Listed = Mapping[str, Any]


def is_accepted(notification: Listed) -> bool:
    return 200 <= int(notification["status"]) < 300


def has_ended(notifications: Sequence[Listed]) -> bool:
    """Whether the notification of the last change was accepted."""
    return any(is_accepted(notification) and _tells(notification, EXPECTED[-1]) for notification in notifications)


def shortcomings(notifications: Sequence[Listed]) -> list[str]:
    """What is not as it should be, one sentence each; empty when all is well."""
    accepted = [notification for notification in notifications if is_accepted(notification)]
    found: list[str] = []
    for expected in EXPECTED:
        count = sum(_tells(notification, expected) for notification in accepted)
        if count != 1:
            found.append(f"{expected.name}: arrived {count} times instead of once.")
    if not found and [_name(notification) for notification in accepted] != [expected.name for expected in EXPECTED]:
        found.append(f"The order was {', '.join(_name(notification) for notification in accepted)}.")
    for name, wanted in (("signature", "verified"), ("v1a", "verified"), ("token", "ok")):
        found += [f"{_name(listed)}: the {name} is {listed[name]}." for listed in notifications if listed[name] != wanted]
    if not _was_retried(notifications):
        found.append("No failed notification came again under the same webhook-id.")
    return found


def table(notifications: Sequence[Listed]) -> list[str]:
    """One line per webhook-id, in the order of arrival."""
    rows = [("notification", "webhook-id", "attempts answered", "token", "signature", "v1a")]
    for webhook_id in dict.fromkeys(notification["webhook_id"] for notification in notifications):
        attempts = [notification for notification in notifications if notification["webhook_id"] == webhook_id]
        last = attempts[-1]
        answers = ", ".join(str(attempt["status"]) for attempt in attempts)
        rows.append((_name(last), webhook_id or "-", answers, last["token"], last["signature"], last["v1a"]))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _tells(notification: Listed, expected: Expected) -> bool:
    return (notification["state"], notification["artifacts"]) == (expected.state, expected.artifacts)


def _name(notification: Listed) -> str:
    return next((expected.name for expected in EXPECTED if _tells(notification, expected)), notification["state"] or "unknown")


def _was_retried(notifications: Sequence[Listed]) -> bool:
    failed = {notification["webhook_id"] for notification in notifications if not is_accepted(notification)}
    return bool(failed) and failed <= {notification["webhook_id"] for notification in notifications if is_accepted(notification)}
