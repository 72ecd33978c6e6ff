"""The verdict of `relay demo` on what arrived."""

from typing import Any

import pytest

from relay_dev.demo import verdict


def notification(state: str, artifacts: int, webhook_id: str, **other: Any) -> dict[str, Any]:
    listed = {"state": state, "artifacts": artifacts, "webhook_id": webhook_id, "status": 200}
    return listed | {"token": "ok", "signature": "verified", "v1a": "verified"} | other


def as_expected() -> list[dict[str, Any]]:
    return [
        notification("submitted", 0, "msg_1", status=503),
        notification("submitted", 0, "msg_1"),
        notification("working", 0, "msg_2"),
        notification("working", 1, "msg_3"),
        notification("completed", 1, "msg_4"),
    ]


def test_all_changes_once_in_order_verified_and_one_retry_is_well() -> None:
    assert verdict.shortcomings(as_expected()) == []
    assert verdict.has_ended(as_expected())
    assert not verdict.has_ended(as_expected()[:-1])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (lambda listed: listed[:-1], "completed: arrived 0 times instead of once."),
        (lambda listed: [*listed, listed[-1]], "completed: arrived 2 times instead of once."),
        (lambda listed: [*listed[:2], listed[3], listed[2], listed[4]], "The order was submitted, an artifact, working, completed."),
        (lambda listed: [*listed, notification("failed", 0, "msg_5")], "The order was submitted, working, an artifact, completed, failed."),
        (lambda listed: [*listed[:-1], notification("completed", 1, "msg_4", signature="wrong")], "completed: the signature is wrong."),
        (lambda listed: [*listed[:-1], notification("completed", 1, "msg_4", v1a="wrong")], "completed: the v1a is wrong."),
        (lambda listed: [*listed[:-1], notification("completed", 1, "msg_4", token="none")], "completed: the token is none."),
        (lambda listed: listed[1:], "No failed notification came again under the same webhook-id."),
        (lambda listed: [listed[0] | {"webhook_id": "msg_0"}, *listed[1:]], "No failed notification came again under the same webhook-id."),
        (lambda _: [], "submitted: arrived 0 times instead of once."),
    ],
)
def test_the_verdict_names_what_is_not_as_it_should_be(changed: Any, told: str) -> None:
    assert told in verdict.shortcomings(changed(as_expected()))


def test_the_table_has_a_line_per_webhook_id_with_every_answer() -> None:
    lines = verdict.table(as_expected())
    assert len(lines) == 5
    assert lines[1].split() == ["submitted", "msg_1", "503,", "200", "ok", "verified", "verified"]
