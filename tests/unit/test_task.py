import json
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.task import ARTIFACT_PACE, Change, ProtocolVersion, Revision, RevisionHead, Snapshot, TaskState, change, parse_timestamp
from tests.support.samples import INSTANT, NOW, SECOND, head, revision, snapshot, view

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def document(**more: Any) -> Snapshot:
    return Snapshot(ProtocolVersion.V10, {"id": "task-1", **more})


# --- states


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("TASK_STATE_WORKING", TaskState.WORKING),
        ("working", TaskState.WORKING),
        ("TASK_STATE_INPUT_REQUIRED", TaskState.INPUT_REQUIRED),
        ("input-required", TaskState.INPUT_REQUIRED),
        ("input_required", TaskState.INPUT_REQUIRED),
        ("TASK_STATE_CANCELLED", TaskState.CANCELED),
        ("cancelled", TaskState.CANCELED),
        ("Completed", TaskState.COMPLETED),
        ("TASK_STATE_UNSPECIFIED", TaskState.UNKNOWN),
        ("dreaming", TaskState.UNKNOWN),
        ("", TaskState.UNKNOWN),
        (None, TaskState.UNKNOWN),
        (7, TaskState.UNKNOWN),
        (["working"], TaskState.UNKNOWN),
    ],
)
def test_state_is_read_in_any_spelling(text: object, state: TaskState) -> None:
    assert TaskState.parse(text) is state


@pytest.mark.parametrize("state", TaskState)
def test_every_state_is_read_from_its_own_name(state: TaskState) -> None:
    assert TaskState.parse(state.value) is state
    assert TaskState.parse(f"TASK_STATE_{state.name}") is state


def test_four_states_are_terminal_and_two_are_interrupted() -> None:
    assert {state for state in TaskState if state.is_terminal} == {
        TaskState.COMPLETED,
        TaskState.CANCELED,
        TaskState.FAILED,
        TaskState.REJECTED,
    }
    assert {state for state in TaskState if state.is_interrupted} == {TaskState.INPUT_REQUIRED, TaskState.AUTH_REQUIRED}


# --- snapshots


def test_snapshot_reads_what_decisions_need() -> None:
    found = snapshot("input-required", timestamp=NOW)
    assert (found.task_id, found.context_id) == ("task-1", "context-1")
    assert (found.state, found.status_timestamp) == (TaskState.INPUT_REQUIRED, NOW)
    assert not found.is_cut


@pytest.mark.parametrize("status", [{}, {"status": None}, {"status": "working"}, {"status": []}, {"status": {}}])
def test_snapshot_without_a_status_is_unknown(status: dict[str, Any]) -> None:
    found = document(**status)
    assert (found.state, found.status_timestamp) == (TaskState.UNKNOWN, None)
    assert found.digest == document().digest


def test_snapshot_without_ids_has_empty_ones() -> None:
    found = Snapshot(ProtocolVersion.V03, {"contextId": None})
    assert (found.task_id, found.context_id) == ("", "")


# --- what counts as a change


@pytest.mark.parametrize(
    "other",
    [
        {"status": {"state": "completed", "message": {"text": "a"}}, "artifacts": [{"x": 1}]},
        {"status": {"state": "working", "message": {"text": "b"}}, "artifacts": [{"x": 1}]},
        {"status": {"state": "working"}, "artifacts": [{"x": 1}]},
        {"status": {"state": "working", "message": {"text": "a"}}, "artifacts": [{"x": 2}]},
        {"status": {"state": "working", "message": {"text": "a"}}},
    ],
    ids=["state", "message", "no message", "artifact", "no artifact"],
)
def test_digest_differs_when_state_message_or_artifacts_do(other: dict[str, Any]) -> None:
    known = document(status={"state": "working", "message": {"text": "a"}}, artifacts=[{"x": 1}])
    assert known.digest != document(**other).digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"history": []}, {"history": [{"messageId": "m"}]}),
        ({"metadata": {"a": 1}}, {"metadata": {"a": 2}}),
        ({"status": {"state": "working", "timestamp": "2026-11-21T08:00:00Z"}}, {"status": {"state": "working", "timestamp": None}}),
        ({"status": {"state": "TASK_STATE_WORKING"}}, {"status": {"state": "working"}}),
        ({"artifacts": []}, {"artifacts": None}),
        ({"artifacts": [{"a": 1, "b": 2}]}, {"artifacts": [{"b": 2, "a": 1}]}),
    ],
    ids=["history", "metadata", "timestamp", "spelling of the state", "no artifacts", "order of keys"],
)
def test_digest_is_the_same_for_what_is_no_change(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert document(**one).digest == document(**other).digest
    assert document(**one).status_digest == document(**other).status_digest


def test_status_digest_is_that_of_the_status_alone() -> None:
    working = {"status": {"state": "working"}}
    assert document(**working, artifacts=[1]).status_digest == document(**working, artifacts=[2]).status_digest
    assert document(**working).status_digest != document(status={"state": "completed"}).status_digest


def test_message_under_its_older_name_counts_too() -> None:
    """0.2's and PraisonAI's `update`."""
    assert (
        document(status={"state": "working", "update": {"a": 1}}).digest
        == document(status={"state": "working", "message": {"a": 1}}).digest
    )
    assert document(status={"state": "working", "update": {"a": 1}}).digest != document(status={"state": "working"}).digest


def test_digest_is_the_same_in_every_process_and_release() -> None:
    """It is stored: revisions that are there already must not look changed after a deployment."""
    known = document(status={"state": "working", "message": {"text": "é"}}, artifacts=[{"b": 1, "a": None}])
    assert known.digest == "7711fa20e6c0de0c2944e34c64fa99ac468d635d48b4f11915f9f22ead7f40ce"
    assert known.status_digest == "9886cbcf030016a0442a7359dfe1ddb7a8010801dd4c9e4f5826fe765dbad739"


@given(json_values, json_values)
def test_digests_are_equal_exactly_when_artifacts_are(one: object, other: object) -> None:
    is_same = json.dumps(one or [], sort_keys=True) == json.dumps(other or [], sort_keys=True)
    assert (document(artifacts=one).digest == document(artifacts=other).digest) == is_same


def test_half_of_a_surrogate_pair_has_a_digest() -> None:
    assert document(artifacts=["\ud83d"]).digest != document(artifacts=["?"]).digest


# --- revisions


def test_head_of_a_revision_is_what_the_next_view_is_compared_with() -> None:
    seen = view(snapshot("working", timestamp=NOW, artifacts=[1]), took=SECOND)
    given = Revision(7, seen)
    assert given.snapshot is seen.snapshot
    assert given.head == RevisionHead(
        number=7,
        state=TaskState.WORKING,
        digest=seen.snapshot.digest,
        status_digest=seen.snapshot.status_digest,
        arrived_at=NOW + SECOND,
        status_timestamp=NOW,
    )


# --- what a view means


def test_first_view_is_new() -> None:
    assert change(None, view(snapshot())) is Change.NEW


def test_view_that_differs_is_new() -> None:
    assert change(head(state="submitted"), view(snapshot("working"), asked_at=NOW)) is Change.NEW


def test_view_that_does_not_differ_is_the_same_however_old() -> None:
    newest = revision(1, "completed").head
    assert change(newest, view(revision(1, "completed").snapshot, asked_at=NOW - SECOND)) is Change.SAME


@pytest.mark.parametrize("state", ["completed", "canceled", "failed", "rejected"])
def test_nothing_follows_a_terminal_state(state: str) -> None:
    assert change(head(state=state), view(snapshot("working"), asked_at=NOW + SECOND)) is Change.FINAL


def test_view_asked_for_before_the_newest_arrived_is_stale() -> None:
    newest = head(state="working")
    assert change(newest, view(snapshot("submitted"), asked_at=NOW - INSTANT, took=SECOND)) is Change.STALE
    assert change(newest, view(snapshot("submitted"), asked_at=NOW)) is Change.NEW


HALF_A_MILLISECOND = timedelta(microseconds=500)


def newest_at(timestamp: datetime | None) -> RevisionHead:
    return Revision(1, view(snapshot("submitted", timestamp=timestamp))).head


def test_stale_view_counts_when_its_own_timestamp_is_later() -> None:
    later = view(snapshot("working", timestamp=NOW + SECOND), asked_at=NOW - SECOND)
    assert change(newest_at(NOW), later) is Change.NEW
    assert change(newest_at(NOW + SECOND), later) is Change.STALE


def test_stale_view_s_timestamp_is_not_later_by_what_the_table_has_rounded_off() -> None:
    same = view(snapshot("working", timestamp=NOW + HALF_A_MILLISECOND), asked_at=NOW - SECOND)
    assert change(newest_at(NOW), same) is Change.STALE
    assert change(newest_at(NOW - HALF_A_MILLISECOND), same) is Change.NEW


def test_timestamp_that_is_missing_on_one_side_says_nothing() -> None:
    late = NOW - SECOND
    assert change(newest_at(None), view(snapshot("working", timestamp=NOW), asked_at=late)) is Change.STALE
    assert change(newest_at(NOW), view(snapshot("working"), asked_at=late)) is Change.STALE


def test_artifacts_alone_change_at_most_once_a_second() -> None:
    newest = revision(1, at=NOW).head
    more = snapshot(artifacts=["more"])
    assert change(newest, view(more, asked_at=NOW, took=ARTIFACT_PACE - INSTANT)) is Change.SOON
    assert change(newest, view(more, asked_at=NOW, took=ARTIFACT_PACE)) is Change.NEW
    assert timedelta(seconds=1) == ARTIFACT_PACE


def test_change_of_state_does_not_wait() -> None:
    assert change(head(state="submitted"), view(snapshot("working"), took=INSTANT)) is Change.NEW


# --- timestamps


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T08:30:15.25Z", NOW),
        ("2026-11-21T08:30:15.250", NOW),
        ("2026-11-21T09:30:15.250+01:00", NOW),
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
        ("soon", None),
        ("", None),
        (None, None),
        (1732177815, None),
        ("0001-01-01T00:00:00+23:59", None),
        ("9999-12-31T23:59:59-23:59", None),
    ],
)
def test_timestamp_is_read_as_aware_utc_or_not_at_all(text: object, moment: datetime | None) -> None:
    found = parse_timestamp(text)
    assert found == moment
    assert found is None or found.tzinfo is UTC


def test_timestamp_without_a_zone_is_utc_wherever_the_relay_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert parse_timestamp("2026-11-21T08:30:15.250") == NOW
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=-8)))))
def test_written_timestamp_is_read_again(moment: datetime) -> None:
    found = parse_timestamp(moment.isoformat())
    assert found is None or found == moment


@pytest.mark.parametrize(
    ("status", "says"),
    [({}, False), ({"message": {}}, False), ({"message": {"parts": [{"text": "x"}]}}, True), ({"update": {"a": 1}}, True)],
)
def test_status_says_a_message_under_either_name(status: dict[str, Any], says: bool) -> None:
    assert document(status={"state": "TASK_STATE_WORKING", **status}).says_status_message is says
