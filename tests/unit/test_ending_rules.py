"""When a trouble is more than a blip, what is told of it, and in which words."""

from datetime import UTC, datetime, timedelta

import pytest
from a2a.compat.v0_3 import types as types_03
from a2a.types import Task
from google.protobuf.json_format import ParseDict

from relay.domain.endings import ENDED, Trouble, ended, ending_to_tell, is_asked_seldom, left_of, trouble_after
from relay.domain.errors import (
    RelayError,
    TaskNotFoundError,
    UpstreamForbiddenError,
    UpstreamTooLargeError,
    UpstreamUnauthenticatedError,
    UpstreamUnavailableError,
)
from relay.domain.task import Change, Ending, ProtocolVersion, Revision, RevisionHead, Snapshot, TaskState, View, change

NOW = datetime(2026, 11, 27, 1, 2, 3, tzinfo=UTC)
LIMIT = timedelta(hours=1)
AWAY, GONE = UpstreamUnavailableError("away"), TaskNotFoundError("gone")


def after(*errors: RelayError, every: timedelta = timedelta(minutes=2), lent: str = "") -> Trouble:
    trouble: Trouble | None = None
    for place, error in enumerate(errors):
        trouble = trouble_after(trouble, error, lent=lent, now=NOW + place * every)
    assert trouble is not None
    return trouble


def head(ending: Ending | None = None, state: str = "TASK_STATE_WORKING") -> RevisionHead:
    snapshot = Snapshot(ProtocolVersion.V10, {"id": "t", "status": {"state": state}})
    return Revision(3, View(snapshot, NOW, NOW, "poll", ending)).head


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AWAY, Ending.UNREACHABLE),
        (UpstreamTooLargeError("large"), Ending.UNREACHABLE),
        (GONE, Ending.VANISHED),
        (UpstreamForbiddenError("403"), Ending.UNAUTHORIZED),
        (UpstreamUnauthenticatedError("401"), Ending.UNAUTHORIZED),
    ],
)
def test_every_failure_is_a_trouble_of_a_kind(error: RelayError, kind: Ending) -> None:
    assert after(error) == Trouble(kind, NOW)


def test_agent_is_unreachable_when_it_has_been_for_the_whole_limit() -> None:
    trouble = after(AWAY, AWAY, AWAY)
    assert not trouble.is_believed(NOW + LIMIT - timedelta(seconds=1), LIMIT)
    assert trouble.is_believed(NOW + LIMIT, LIMIT)


@pytest.mark.parametrize(
    ("times", "minutes", "is_believed"), [(2, 60, False), (3, 4, False), (3, 5, True)], ids=["twice", "soon", "three times over 5 minutes"]
)
def test_what_an_agent_says_is_believed_when_it_says_it_again_and_again(times: int, minutes: int, *, is_believed: bool) -> None:
    assert after(*[GONE] * times).is_believed(NOW + timedelta(minutes=minutes), LIMIT) is is_believed


def test_agent_that_comes_back_without_the_task_is_believed_by_three_answers() -> None:
    """The time that it was away counts."""
    assert not after(AWAY, AWAY, AWAY, GONE, GONE).is_believed(NOW + timedelta(minutes=30), LIMIT)
    assert after(AWAY, AWAY, AWAY, GONE, GONE, GONE).is_believed(NOW + timedelta(minutes=30), LIMIT)


def test_refusal_of_what_a_caller_has_lent_is_believed_at_once_and_of_the_operators_is_not() -> None:
    assert after(UpstreamForbiddenError("403"), lent="one").is_believed(NOW, LIMIT)
    assert not after(UpstreamForbiddenError("403")).is_believed(NOW, LIMIT)


def test_from_one_ending_to_the_next_only_what_is_more_final_is_told() -> None:
    order = [None, Ending.UNREACHABLE, Ending.UNAUTHORIZED, Ending.VANISHED, Ending.DEADLINE]
    for place, told in enumerate(order):
        assert [ending_to_tell(head(told), found) for found in order[1:]] == [None] * max(place, 0) + order[place + 1 :]


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "CANCELED", "REJECTED"])
def test_task_that_has_ended_has_no_other_ending(state: str) -> None:
    assert ending_to_tell(head(state=f"TASK_STATE_{state}"), Ending.DEADLINE) is None


@pytest.mark.parametrize("version", ProtocolVersion)
@pytest.mark.parametrize("ending", Ending)
def test_ending_keeps_the_task_and_is_in_no_terminal_state(version: ProtocolVersion, ending: Ending) -> None:
    task = {"id": "t", "contextId": "c", "status": {"state": "working"}, "artifacts": [{"artifactId": "a", "parts": []}]}
    told = ended(Snapshot(version, task), ending, revision=4, now=NOW)
    assert {name: told.document[name] for name in ("id", "contextId", "artifacts")} == {
        name: task[name] for name in task if name != "status"
    }
    assert not told.state.is_terminal
    assert not told.state.is_interrupted
    status = told.document["status"]
    assert status["message"]["metadata"] == {ENDED: ending.value}
    assert status["timestamp"] == "2026-11-27T01:02:03.000Z"


def test_whatever_the_agent_answers_after_an_ending_is_new() -> None:
    seen = Snapshot(ProtocolVersion.V10, {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}})
    told = Revision(2, View(ended(seen, Ending.UNREACHABLE, revision=2, now=NOW), NOW, NOW, "relay", Ending.UNREACHABLE))
    later = NOW + timedelta(seconds=1)
    assert change(told.head, View(seen, later, later, "poll")) is Change.NEW


@pytest.mark.parametrize(
    ("newest", "is_seldom"),
    [
        (None, False),
        (head(), False),
        (head(Ending.UNREACHABLE), False),
        (head(Ending.UNAUTHORIZED), True),
        (head(Ending.VANISHED), True),
        (head(Ending.DEADLINE), False),
    ],
    ids=["no revision", "none told", *Ending],
)
def test_an_agent_that_has_answered_is_asked_seldom(newest: RevisionHead | None, is_seldom: bool) -> None:
    assert is_asked_seldom(newest) is is_seldom


@pytest.mark.parametrize(("version", "state"), [(ProtocolVersion.V10, "TASK_STATE_UNSPECIFIED"), (ProtocolVersion.V03, "unknown")])
def test_what_is_told_of_an_end_is_a_whole_status_of_the_logs_version(version: ProtocolVersion, state: str) -> None:
    task = {"id": "t", "contextId": "c", "status": {"state": "working"}, "artifacts": []}
    told = ended(Snapshot(version, task), Ending.VANISHED, revision=3, now=NOW).document
    message = told["status"].pop("message")
    assert told == {**task, "status": {"state": state, "timestamp": "2026-11-27T01:02:03.000Z"}}
    [part] = message.pop("parts")
    role, kinds = ("ROLE_AGENT", (None, None)) if version is ProtocolVersion.V10 else ("agent", ("message", "text"))
    assert (message.pop("kind", None), part.get("kind")) == kinds
    assert message == {"messageId": "relay-vanished-3", "role": role, "taskId": "t", "contextId": "c", "metadata": {ENDED: "vanished"}}
    assert len(part["text"]) > 20


def test_a_task_without_a_context_is_told_without_one() -> None:
    told = ended(Snapshot(ProtocolVersion.V10, {"id": "t", "status": {}}), Ending.VANISHED, revision=1, now=NOW)
    assert "contextId" not in told.document["status"]["message"]


def test_whose_credential_was_refused_is_remembered_of_that_trouble_alone() -> None:
    unauthorized = UpstreamForbiddenError("403")
    assert after(unauthorized, unauthorized, lent="l").refused == "l"
    assert after(AWAY, lent="l").refused == ""


@pytest.mark.parametrize("version", ProtocolVersion)
def test_what_is_left_of_a_task_can_end_as_any_task_in_words_that_clients_read(version: ProtocolVersion) -> None:
    left = ended(left_of("t", version), Ending.VANISHED, revision=4, now=NOW)
    assert (left.task_id, left.state, left.is_cut) == ("t", TaskState.UNKNOWN, True)
    if version is ProtocolVersion.V03:
        assert types_03.Task.model_validate(left.document).id == "t"
    else:
        assert ParseDict(dict(left.document), Task()).id == "t"
