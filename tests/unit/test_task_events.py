"""What agents tell of a task, in every form, and what it makes of the newest snapshot. The forms are made by both SDKs' own types."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from a2a.compat.v0_3 import types as types_03
from a2a.types import Artifact, Message, StreamResponse, Task, TaskArtifactUpdateEvent, TaskStatus, TaskStatusUpdateEvent
from a2a.types import Part as Part10
from a2a.types import TaskState as State10
from google.protobuf.json_format import MessageToDict
from hypothesis import given

from relay.domain.conversion import convert
from relay.domain.errors import InvalidAgentResponseError
from relay.domain.task import Ending, ProtocolVersion, Revision, RevisionHead, Snapshot, TaskState
from relay.domain.task_events import (
    Applied,
    ArtifactUpdate,
    StatusUpdate,
    TaskEvent,
    WholeTask,
    apply_event,
    end_as_told,
    is_replay,
    may_be_a_replay,
    parse_event,
    told_by_agent,
)
from tests.support.samples import NOW, SECOND, snapshot, view
from tests.unit.test_task import json_values

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
PARTS = [{"text": "one"}]


def stream_response(**members: Any) -> dict[str, Any]:
    """As a2a-sdk 1.x POSTs it."""
    return dict(MessageToDict(StreamResponse(**members)))


TASK_10 = stream_response(task=Task(id="task-1", context_id="c", status=TaskStatus(state=State10.TASK_STATE_WORKING)))
STATUS_10 = stream_response(
    status_update=TaskStatusUpdateEvent(task_id="task-1", context_id="c", status=TaskStatus(state=State10.TASK_STATE_WORKING))
)
ARTIFACT_10 = stream_response(
    artifact_update=TaskArtifactUpdateEvent(task_id="task-1", artifact=Artifact(artifact_id="a", parts=[Part10(text="one")]), append=True)
)
MESSAGE_10 = stream_response(message=Message(message_id="m", parts=[Part10(text="hello")]))

STATUS_03 = types_03.TaskStatusUpdateEvent(
    task_id="task-1", context_id="c", final=False, status=types_03.TaskStatus(state=types_03.TaskState.working)
).model_dump(mode="json", by_alias=True, exclude_none=True)
TASK_03 = types_03.Task(id="task-1", context_id="c", status=types_03.TaskStatus(state=types_03.TaskState.working)).model_dump(
    mode="json", by_alias=True, exclude_none=True
)
ARTIFACT_03 = types_03.TaskArtifactUpdateEvent(
    task_id="task-1",
    context_id="c",
    append=True,
    artifact=types_03.Artifact(artifact_id="a", parts=[types_03.Part(root=types_03.TextPart(text="one"))]),
).model_dump(mode="json", by_alias=True, exclude_none=True)
MESSAGE_03 = {"kind": "message", "messageId": "m", "role": "agent", "parts": []}


# --- reading


@pytest.mark.parametrize(
    ("told", "version"),
    [
        (TASK_10, V10),
        (TASK_10["task"], V10),
        (TASK_03, V03),
        ({"id": "task-1", "status": {"state": "working"}}, V03),  # PraisonAI
        ({"task": TASK_03}, V03),
    ],
)
def test_a_task_is_known_in_any_form(told: Any, version: ProtocolVersion) -> None:
    event = parse_event(told)
    assert isinstance(event, WholeTask)
    assert (event.task_id, event.snapshot.version, event.snapshot.state) == ("task-1", version, TaskState.WORKING)


@pytest.mark.parametrize(
    ("told", "version"),
    [
        (STATUS_10, V10),
        (STATUS_10["statusUpdate"], V10),
        ({"status_update": {"task_id": "task-1", "status": {"state": "TASK_STATE_WORKING"}}}, V10),
        (STATUS_03, V03),
        ({"taskId": "task-1", "status": {"state": "working"}, "final": False}, V03),  # PraisonAI
        ({"id": "task-1", "status": {"state": "working"}, "final": False}, V03),  # 0.1
    ],
)
def test_a_status_is_known_in_any_form(told: Any, version: ProtocolVersion) -> None:
    event = parse_event(told)
    assert isinstance(event, StatusUpdate)
    assert (event.task_id, event.version, TaskState.parse(event.status["state"])) == ("task-1", version, TaskState.WORKING)


@pytest.mark.parametrize(
    ("told", "version"),
    [
        (ARTIFACT_10, V10),
        (ARTIFACT_10["artifactUpdate"], V10),
        (ARTIFACT_03, V03),
        ({"taskId": "task-1", "artifact": {"artifactId": "a", "parts": PARTS}, "append": True}, V10),  # PraisonAI
    ],
)
def test_an_artifact_is_known_in_any_form(told: Any, version: ProtocolVersion) -> None:
    event = parse_event(told)
    assert isinstance(event, ArtifactUpdate)
    assert (event.task_id, event.version, event.artifact["artifactId"], event.append) == ("task-1", version, "a", True)


@pytest.mark.parametrize("told", [TASK_10, TASK_03, STATUS_10, STATUS_03, ARTIFACT_10, ARTIFACT_03])
def test_the_result_of_a_json_rpc_response_is_read_alike(told: Any) -> None:
    assert parse_event({"jsonrpc": "2.0", "id": 1, "result": told}) == parse_event(told)


@pytest.mark.parametrize("told", [MESSAGE_10, MESSAGE_03, {"messageId": "m", "parts": []}])
def test_a_message_tells_of_no_task(told: Any) -> None:
    assert parse_event(told) is None


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        "task",
        {},
        {"kind": "task", "id": "task-1"},
        {"kind": "task", "id": "", "status": {"state": "working"}},
        {"kind": "task", "id": "x" * 257, "status": {"state": "working"}},
        {"statusUpdate": {"taskId": "task-1"}},
        {"statusUpdate": {"status": {"state": "TASK_STATE_WORKING"}}},
        {"artifactUpdate": {"taskId": "task-1"}},
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "message": "no"}},
        {"kind": "gossip", "taskId": "task-1"},
    ],
)
def test_what_is_no_event_is_refused(told: Any) -> None:
    with pytest.raises(InvalidAgentResponseError):
        parse_event(told)


@given(json_values)
def test_anything_is_read_or_refused(told: Any) -> None:
    try:
        event = parse_event(told)
    except InvalidAgentResponseError:
        return
    assert event is None or apply_event(snapshot(), event, version=V10)


# --- applying


def status(state: str, *, timestamp: Any = None, **more: Any) -> StatusUpdate:
    return StatusUpdate("task-1", V10, {**snapshot(state, timestamp=timestamp).document["status"], **more})


def artifact(artifact_id: str = "a", *parts: str, append: bool = False) -> ArtifactUpdate:
    return ArtifactUpdate("task-1", V10, {"artifactId": artifact_id, "parts": [{"text": each} for each in parts]}, append=append)


def applied(newest: Snapshot | None, event: TaskEvent, **more: Any) -> Applied:
    return apply_event(newest, event, version=V10, **more)


def new_view(newest: Snapshot | None, event: TaskEvent, **more: Any) -> Snapshot:
    found = applied(newest, event, **more)
    assert found.snapshot is not None
    return found.snapshot


ONE_ARTIFACT = snapshot(artifacts=[{"artifactId": "a", "name": "answer", "parts": PARTS}])


def test_a_status_makes_a_new_full_view() -> None:
    found = new_view(ONE_ARTIFACT, status("input-required"))
    assert (found.state, found.document["artifacts"], found.context_id) == (
        TaskState.INPUT_REQUIRED,
        ONE_ARTIFACT.document["artifacts"],
        "context-1",
    )
    assert not applied(ONE_ARTIFACT, status("input-required")).asks


def test_a_status_is_told_in_the_logs_version() -> None:
    newest = convert(ONE_ARTIFACT, V03)
    message = {"messageId": "m", "role": "ROLE_AGENT", "parts": PARTS}
    found = new_view(newest, status("working", message=message, timestamp=NOW))
    assert found.version is V03
    assert found.document["status"]["message"]["parts"] == [{"kind": "text", "text": "one"}]


@pytest.mark.parametrize("event", [status("working"), artifact("a", "one"), artifact("a", append=True)])
def test_without_a_revision_only_the_task_itself_says_enough(event: TaskEvent) -> None:
    assert applied(None, event) == Applied(asks=True)
    assert new_view(None, WholeTask(snapshot())).state is TaskState.WORKING


@pytest.mark.parametrize("event", [status("working"), artifact("a", "one"), WholeTask(ONE_ARTIFACT), WholeTask(convert(ONE_ARTIFACT, V03))])
def test_what_was_told_before_is_nothing_new(event: TaskEvent) -> None:
    newest = snapshot(artifacts=[{"artifactId": "a", "parts": PARTS}]) if isinstance(event, ArtifactUpdate) else ONE_ARTIFACT
    assert applied(newest, event) == Applied()


def test_what_a_sender_leaves_out_or_writes_as_empty_is_nothing_new() -> None:
    message = {"messageId": "m", "role": "ROLE_AGENT", "parts": PARTS}
    newest = Snapshot(V10, {"id": "task-1", "status": {"state": "TASK_STATE_WORKING", "message": {**message, "metadata": {}}}})
    assert applied(newest, status("working", message={**message, "extensions": None})) == Applied()


def test_an_older_status_never_overwrites() -> None:
    newest = snapshot("working", timestamp=NOW)
    older = NOW - timedelta(milliseconds=1)
    assert applied(newest, status("submitted", timestamp=older)) == Applied()
    assert applied(newest, status("completed", timestamp=older)) == Applied()
    assert applied(newest, WholeTask(snapshot("submitted", timestamp=older))) == Applied()


@pytest.mark.parametrize("timestamp", [NOW, NOW + SECOND, None])
def test_a_status_of_the_same_moment_or_of_none_is_news(timestamp: Any) -> None:
    assert new_view(snapshot("submitted", timestamp=NOW), status("working", timestamp=timestamp)).state is TaskState.WORKING


def head(told: Snapshot) -> RevisionHead:
    return Revision(2, view(told)).head


@pytest.mark.parametrize(
    ("event", "may_be"),
    [
        (status("working", timestamp=NOW), True),
        (WholeTask(snapshot("working", timestamp=NOW)), True),
        (status("working"), False),
        (WholeTask(snapshot("working")), False),
        (artifact("a", "one"), False),
    ],
)
def test_only_a_newest_status_without_a_time_leaves_open_what_is_older(event: TaskEvent, may_be: bool) -> None:
    newest = Revision(3, view(snapshot("input-required")))
    assert may_be_a_replay(newest, event) is may_be
    assert not may_be_a_replay(Revision(3, view(snapshot("input-required", timestamp=NOW - SECOND))), event)
    assert not may_be_a_replay(replace(newest, view=replace(newest.view, ending=Ending.UNREACHABLE)), event)


HALF_A_MILLISECOND = timedelta(microseconds=500)  # the table remembers milliseconds, rounded
MESSAGE = {"messageId": "m", "role": "ROLE_AGENT", "parts": PARTS}
STAMPED = snapshot("working", timestamp=NOW, artifacts=[{"artifactId": "a", "parts": PARTS}])


@pytest.mark.parametrize("version", [V10, V03])
@pytest.mark.parametrize(
    ("event", "is_told_before"),
    [
        (status("working", timestamp=NOW), True),
        (status("submitted", timestamp=NOW - SECOND), True),
        (status("submitted", timestamp=NOW), False),
        (status("working", timestamp=NOW + HALF_A_MILLISECOND), True),
        (status("submitted", timestamp=NOW - HALF_A_MILLISECOND), False),
        (status("working", timestamp=NOW, message=MESSAGE), False),
        (status("working", timestamp=NOW + SECOND), False),
        (status("working"), False),
        (WholeTask(STAMPED), True),
        (WholeTask(snapshot("working", timestamp=NOW)), False),
        (WholeTask(snapshot("working", timestamp=NOW - SECOND)), True),
        (artifact("a", "one"), False),
    ],
)
def test_a_replay_says_what_the_newest_status_with_a_time_says_or_is_older(
    event: TaskEvent, is_told_before: bool, version: ProtocolVersion
) -> None:
    assert is_replay(head(convert(STAMPED, version)), event, version) is is_told_before
    assert not is_replay(head(snapshot("working")), event, V10)


@pytest.mark.parametrize("event", [status("working", timestamp=NOW + SECOND), artifact("b", "late"), WholeTask(snapshot("failed"))])
def test_nothing_follows_a_terminal_state(event: TaskEvent) -> None:
    assert applied(snapshot("completed", timestamp=NOW), event) == Applied()


@pytest.mark.parametrize("event", [status("completed"), WholeTask(snapshot("completed", artifacts=[{"artifactId": "a", "parts": PARTS}]))])
@pytest.mark.parametrize("is_unbroken", [True, False])
def test_a_terminal_state_ends_with_one_question(event: TaskEvent, is_unbroken: bool) -> None:
    found = applied(ONE_ARTIFACT, event, is_unbroken=is_unbroken)
    assert found.asks
    assert found.snapshot is not None
    assert found.snapshot.state is TaskState.COMPLETED


def test_a_whole_artifact_replaces_the_one_of_its_id() -> None:
    found = new_view(ONE_ARTIFACT, artifact("a", "two"))
    assert found.document["artifacts"] == [{"artifactId": "a", "parts": [{"text": "two"}]}]
    assert [each["artifactId"] for each in new_view(found, artifact("b", "three")).document["artifacts"]] == ["a", "b"]
    assert ONE_ARTIFACT.document["artifacts"][0]["parts"] == PARTS


@pytest.mark.parametrize("event", [artifact("a", "two", append=True), ArtifactUpdate("task-1", V10, {"parts": PARTS})])
def test_an_artifact_that_is_not_whole_or_has_no_id_is_a_question(event: ArtifactUpdate) -> None:
    assert applied(ONE_ARTIFACT, event) == Applied(asks=True)


def test_on_an_unbroken_stream_the_end_of_an_artifact_is_added() -> None:
    found = new_view(ONE_ARTIFACT, artifact("a", "two", append=True), is_unbroken=True)
    assert found.document["artifacts"] == [{"artifactId": "a", "name": "answer", "parts": [*PARTS, {"text": "two"}]}]
    assert applied(ONE_ARTIFACT, artifact("b", "two", append=True), is_unbroken=True) == Applied(asks=True)


def test_the_end_of_an_artifact_is_added_in_the_logs_version() -> None:
    event = parse_event(ARTIFACT_03)
    assert event is not None
    assert new_view(ONE_ARTIFACT, event, is_unbroken=True).document["artifacts"][0]["parts"] == [*PARTS, *PARTS]


def test_a_task_without_an_artifact_that_is_known_is_a_question() -> None:
    assert applied(ONE_ARTIFACT, WholeTask(snapshot("input-required"))) == Applied(asks=True)


def test_what_was_too_large_is_always_asked_for() -> None:
    newest = Snapshot(V10, ONE_ARTIFACT.document, is_cut=True)
    assert applied(newest, status("input-required")) == Applied(asks=True)


# --- the end, when the agent cannot be asked for it


def test_the_end_is_taken_as_it_was_told() -> None:
    told = snapshot("completed", artifacts=[{"artifactId": "b", "parts": PARTS}])
    assert end_as_told(None, told) == told
    assert end_as_told(snapshot(), told) == told


def test_the_end_takes_back_no_artifact_that_was_seen_since() -> None:
    found = end_as_told(ONE_ARTIFACT, snapshot("completed"))
    assert found is not None
    assert (found.state, found.document["artifacts"]) == (TaskState.COMPLETED, ONE_ARTIFACT.document["artifacts"])


def test_an_end_that_the_agent_has_gone_back_on_is_none() -> None:
    assert end_as_told(snapshot("working", timestamp=NOW + SECOND), snapshot("completed", timestamp=NOW)) is None
    assert end_as_told(snapshot("failed"), snapshot("completed")) is None


# --- after an ending of the relay's own


def test_what_the_agent_told_last_is_what_events_are_applied_to() -> None:
    told = snapshot("working", timestamp=NOW)
    assert told_by_agent(None) is None
    assert told_by_agent(Revision(3, view(told))) == told


def test_the_time_of_an_ending_makes_no_word_of_the_agents_too_old() -> None:
    """The ending is younger than what the agent says next, by the agent's own clock."""
    ending = Revision(3, replace(view(snapshot("unspecified", timestamp=NOW + SECOND)), ending=Ending.UNREACHABLE))
    status = {"state": "TASK_STATE_COMPLETED", "timestamp": NOW.isoformat()}
    base = told_by_agent(ending)
    assert base is not None
    assert base.status_timestamp is None
    assert base.task_id == "task-1"
    applied = apply_event(base, WholeTask(snapshot("completed", timestamp=NOW)), version=V10)
    assert applied.snapshot is not None
    assert applied.snapshot.document["status"] == status


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"task": {"id": "t"}}, "task has no status"),
        ({"statusUpdate": {"taskId": "t"}}, "status event has no status"),
        ({"artifactUpdate": {"taskId": "t"}}, "artifact event has no artifact"),
        ({"task": {"id": "", "status": {"state": "working"}}}, "no id, or one too long"),
    ],
)
def test_who_reports_what_cannot_be_read_is_told_what_is_missing(told: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidAgentResponseError, match=words):
        parse_event(told)


@pytest.mark.parametrize(
    ("event", "version"),
    [
        ({"kind": "artifact-update", "artifact": {"artifactId": "a", "parts": []}}, V03),
        ({"artifact": {"artifactId": "a", "parts": [{"kind": "text", "text": "x"}]}}, V03),
        ({"artifact": {"artifactId": "a", "parts": [{"type": "text", "text": "x"}]}}, V03),
        ({"artifact": {"artifactId": "a", "parts": [{"text": "x"}]}}, V10),
    ],
)
def test_an_artifact_is_of_the_version_that_its_words_are(event: dict[str, Any], version: ProtocolVersion) -> None:
    read = parse_event({"taskId": "t", **event})
    assert isinstance(read, ArtifactUpdate)
    assert (read.version, read.task_id, read.append) == (version, "t", False)


def test_an_artifact_of_the_other_version_is_told_in_the_logs() -> None:
    newest = Snapshot(V10, {"id": "t", "status": {"state": "TASK_STATE_WORKING"}})
    told = ArtifactUpdate("t", V03, {"artifactId": "a", "parts": [{"kind": "text", "text": "x"}]})
    applied = apply_event(newest, told, version=V03).snapshot
    assert applied is not None
    assert applied.document["artifacts"] == [{"artifactId": "a", "parts": [{"text": "x"}]}]


def test_a_first_task_is_kept_in_the_version_that_is_asked_for_and_later_ones_in_the_logs() -> None:
    told = WholeTask(Snapshot(V03, {"id": "t", "kind": "task", "status": {"state": "working"}}))
    first = apply_event(None, told, version=V10).snapshot
    assert first is not None
    assert (first.version, first.document["status"]) == (V10, {"state": "TASK_STATE_WORKING"})
    newest = Snapshot(V03, {"id": "t", "kind": "task", "status": {"state": "submitted"}})
    later = apply_event(newest, told, version=V10).snapshot
    assert later is not None
    assert (later.version, later.document["status"]) == (V03, {"state": "working"})


def test_a_task_that_lacks_an_artifact_is_asked_for() -> None:
    newest = Snapshot(V10, {"id": "t", "status": {"state": "TASK_STATE_WORKING"}, "artifacts": [{"artifactId": "a", "parts": PARTS}]})
    other = {"id": "t", "status": {"state": "TASK_STATE_INPUT_REQUIRED"}, "artifacts": [{"artifactId": "b", "parts": PARTS}]}
    assert apply_event(newest, WholeTask(Snapshot(V10, other)), version=V10) == Applied(asks=True)
    both = {**other, "artifacts": [*newest.document["artifacts"], *other["artifacts"]]}
    assert apply_event(newest, WholeTask(Snapshot(V10, both)), version=V10) == Applied(Snapshot(V10, both))


def test_the_relays_own_word_keeps_all_of_the_status_but_its_time() -> None:
    status = {"state": "TASK_STATE_UNSPECIFIED", "timestamp": "2026-11-27T00:00:00Z", "message": {"messageId": "m"}}
    said = replace(view(Snapshot(V10, {"id": "t", "status": status})), ending=Ending.VANISHED)
    told = told_by_agent(Revision(2, said))
    assert told is not None
    assert told.document == {"id": "t", "status": {"state": "TASK_STATE_UNSPECIFIED", "message": {"messageId": "m"}}}


def test_an_event_that_has_a_kind_is_taken_by_it() -> None:
    assert parse_event({"kind": "message", "id": "t", "status": {"state": "working"}}) is None
    assert parse_event({"messageId": "m", "parts": []}) is None
    with pytest.raises(InvalidAgentResponseError):
        parse_event({"messageId": "m"})
