"""Which event tells a revision. The judges of its form are both SDKs' own types, which parse strictly."""

from typing import Any

import pytest
from a2a.compat.v0_3 import types as types_03
from a2a.types import StreamResponse
from google.protobuf.json_format import ParseDict

from relay.domain.conversion import convert
from relay.domain.task import ProtocolVersion, Snapshot
from relay.domain.update_events import event_since, fingerprint
from tests.support.samples import NOW, snapshot

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10


def artifact(artifact_id: str, text: str = "one") -> dict[str, Any]:
    return {"artifactId": artifact_id, "name": artifact_id, "parts": [{"text": text}]}


def event(before: Snapshot, after: Snapshot, version: ProtocolVersion = V10) -> Any:
    return event_since(fingerprint(before, version), after, version)


ONE = snapshot(artifacts=[artifact("a")])


def test_a_change_of_status_is_a_status_update() -> None:
    told = event(snapshot("submitted"), snapshot("working", timestamp=NOW))
    read = ParseDict(told, StreamResponse()).status_update
    assert (read.task_id, read.context_id, read.status.state) == ("task-1", "context-1", 2)


@pytest.mark.parametrize(("state", "final"), [("working", False), ("input-required", True), ("completed", True)])
def test_a_status_update_of_0_3_says_whether_it_is_the_last(state: str, final: bool) -> None:
    read = types_03.TaskStatusUpdateEvent.model_validate(event(snapshot("submitted"), snapshot(state), V03))
    assert (read.task_id, read.status.state.value, read.final) == ("task-1", state, final)


@pytest.mark.parametrize("before", [snapshot(), snapshot(artifacts=[artifact("a", "none")])])
def test_a_new_or_changed_artifact_is_told_whole(before: Snapshot) -> None:
    told = event(before, ONE)
    assert (told["artifactUpdate"]["append"], told["artifactUpdate"]["lastChunk"]) == (False, True)
    read = ParseDict(told, StreamResponse()).artifact_update
    assert (read.task_id, read.artifact.artifact_id, read.artifact.parts[0].text) == ("task-1", "a", "one")
    read_03 = types_03.TaskArtifactUpdateEvent.model_validate(event(before, ONE, V03))
    assert (read_03.artifact.artifact_id, read_03.append, read_03.last_chunk) == ("a", False, True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (snapshot("submitted"), ONE),  # status and artifact
        (snapshot(), snapshot(artifacts=[artifact("a"), artifact("b")])),
        (ONE, snapshot()),
        (snapshot(), snapshot(artifacts=[artifact("a"), artifact("a", "two")])),
        (Snapshot(V10, ONE.document, is_cut=True), ONE),
        (ONE, Snapshot(V10, ONE.document, is_cut=True)),
    ],
)
def test_what_no_single_event_says_is_none(before: Snapshot, after: Snapshot) -> None:
    assert event(before, after) is None


def test_the_first_revision_is_no_event() -> None:
    assert event_since(None, ONE, V10) is None


def test_revisions_in_different_words_are_compared_in_one_version() -> None:
    told = event(convert(ONE, V03), snapshot("input-required", artifacts=[artifact("a")]))
    assert list(told) == ["statusUpdate"]


def test_a_message_alone_is_a_change_of_status_and_an_order_of_members_none() -> None:
    message = {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "one"}]}
    quiet = Snapshot(V10, {"id": "t", "status": {"state": "TASK_STATE_WORKING"}})
    said = Snapshot(V10, {"id": "t", "status": {"state": "TASK_STATE_WORKING", "message": message}})
    assert "statusUpdate" in event(quiet, said)
    turned = Snapshot(V10, {"id": "t", "status": {"message": dict(reversed(message.items())), "state": "TASK_STATE_WORKING"}})
    assert fingerprint(said, V10) == fingerprint(turned, V10)


def test_an_event_of_0_3_says_its_kind() -> None:
    assert event(snapshot("submitted"), snapshot("working"), V03)["kind"] == "status-update"
    assert event(snapshot(), snapshot(artifacts=[artifact("a")]), V03)["kind"] == "artifact-update"
