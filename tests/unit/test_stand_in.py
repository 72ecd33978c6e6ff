from datetime import UTC, datetime
from typing import Any

import pytest

from relay.domain.keys import TaskKey
from relay.domain.relay_task import RelayTask
from relay.domain.stand_in import answered_with_message, answered_with_task, begun, ended, heard
from relay.domain.task import ProtocolVersion, Snapshot, TaskState

NOW = datetime(2026, 11, 27, tzinfo=UTC)
TASK = RelayTask(TaskKey("default", "default", "", "relay-1"), "relay-1", sending="m", sent_at=NOW, seen=frozenset({"m"}))
MESSAGES = {
    ProtocolVersion.V10: {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]},
    ProtocolVersion.V03: {"messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "hi"}], "kind": "message"},
}
VERSIONS = list(ProtocolVersion)
V03 = ProtocolVersion.V03
# As a2a-handlers of Evo AI answer: parts by `type`, the context is the client's messageId.
EVO = {
    "id": "evo-1",
    "contextId": "m",
    "kind": "task",
    "status": {"state": "completed", "timestamp": "2026-11-27T00:00:01Z", "message": None},
    "artifacts": [{"artifactId": "a", "parts": [{"type": "text", "text": "the answer"}]}],
    "history": [
        {
            "messageId": "m",
            "role": "user",
            "kind": "message",
            "taskId": "evo-1",
            "contextId": "m",
            "parts": [{"type": "text", "text": "hi"}],
        }
    ],
}


def ids(message: dict[str, Any]) -> tuple[str, str]:
    return message["taskId"], message["contextId"]


@pytest.mark.parametrize("version", VERSIONS)
def test_task_begins_submitted_with_the_message_as_its_history(version: ProtocolVersion) -> None:
    snapshot = begun(TASK, MESSAGES[version], version)
    assert (snapshot.task_id, snapshot.context_id, snapshot.state) == ("relay-1", "relay-1", TaskState.SUBMITTED)
    assert snapshot.status_timestamp == NOW
    (message,) = snapshot.document["history"]
    assert message == {**MESSAGES[version], "taskId": "relay-1", "contextId": "relay-1"}


@pytest.mark.parametrize("version", VERSIONS)
def test_message_is_in_the_history_once(version: ProtocolVersion) -> None:
    working = heard(TASK, begun(TASK, MESSAGES[version], version), MESSAGES[version], at=NOW)
    assert working.state is TaskState.WORKING
    assert [message["messageId"] for message in working.document["history"]] == ["m"]
    again = heard(TASK, working, {**MESSAGES[version], "messageId": "n"}, at=NOW)
    assert [message["messageId"] for message in again.document["history"]] == ["m", "n"]


@pytest.mark.parametrize("version", VERSIONS)
def test_end_says_why(version: ProtocolVersion) -> None:
    failed = ended(begun(TASK, MESSAGES[version], version), TaskState.FAILED, at=NOW, told="The outcome is unknown.")
    assert failed.state is TaskState.FAILED
    message = failed.document["status"]["message"]
    assert message["parts"][0]["text"] == "The outcome is unknown."
    assert ids(message) == ("relay-1", "relay-1")
    assert "message" not in ended(failed, TaskState.CANCELED, at=NOW).document["status"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "result",
    [
        {"message": {"role": "assistant", "parts": [{"type": "text", "text": "Received: hi"}]}},  # `praisonai serve a2a`
        {"kind": "message", "messageId": "r", "role": "agent", "parts": [{"kind": "text", "text": "Received: hi"}], "contextId": "theirs"},
        {"message": {"messageId": "r", "role": "ROLE_AGENT", "parts": [{"text": "Received: hi"}], "taskId": "theirs"}},
    ],
)
def test_message_completes_the_task(version: ProtocolVersion, result: dict[str, Any]) -> None:
    completed = answered_with_message(TASK, begun(TASK, MESSAGES[version], version), result, at=NOW)
    status, history = completed.document["status"], completed.document["history"]
    assert completed.state is TaskState.COMPLETED
    assert status["message"] == history[-1]
    assert [message["role"].removeprefix("ROLE_").lower() for message in history] == ["user", "agent"]
    assert history[-1]["parts"][0]["text"] == "Received: hi"
    assert {ids(message) for message in history} == {("relay-1", "relay-1")}
    assert len({message["messageId"] for message in history}) == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_agents_task_is_told_under_the_relays_ids(version: ProtocolVersion) -> None:
    answer = Snapshot(ProtocolVersion.V03, {**EVO, "status": {**EVO["status"], "message": EVO["history"][0]}})  # type: ignore[dict-item, index]
    told = answered_with_task(TASK, begun(TASK, MESSAGES[version], version), answer)
    assert (told.version, told.task_id, told.context_id, told.state) == (version, "relay-1", "relay-1", TaskState.COMPLETED)
    assert "evo-1" not in str(told.document)
    assert {ids(message) for message in (*told.document["history"], told.document["status"]["message"])} == {("relay-1", "relay-1")}
    (part,) = told.document["artifacts"][0]["parts"]
    assert part["text"] == "the answer"
    assert version is ProtocolVersion.V10 or part["kind"] == "text"


@pytest.mark.parametrize("version", VERSIONS)
def test_history_stays_when_the_agent_tells_none(version: ProtocolVersion) -> None:
    answer = Snapshot(ProtocolVersion.V03, {name: value for name, value in EVO.items() if name != "history"})
    told = answered_with_task(TASK, begun(TASK, MESSAGES[version], version), answer)
    assert [message["messageId"] for message in told.document["history"]] == ["m"]


def test_references_to_the_agents_task_are_to_the_relays() -> None:
    message = {**EVO["history"][0], "referenceTaskIds": ["evo-1", "another"]}  # type: ignore[index]
    told = answered_with_task(TASK, begun(TASK, MESSAGES[V03], V03), Snapshot(V03, {**EVO, "history": [message]}))
    assert told.document["history"][0]["referenceTaskIds"] == ["relay-1", "another"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_document_is_whole_and_in_the_logs_own_version(version: ProtocolVersion) -> None:
    """What the other version's words would be is converted; what is its own stays."""
    is_10 = version is ProtocolVersion.V10
    ours = {**MESSAGES[version], "taskId": "relay-1", "contextId": "relay-1"}
    kind = {} if is_10 else {"kind": "task"}
    submitted, working, completed, failed = (
        (f"TASK_STATE_{state.upper()}" if is_10 else state) for state in ("submitted", "working", "completed", "failed")
    )
    stamp = "2026-11-27T00:00:00.000Z"
    begin = begun(TASK, MESSAGES[version], version)
    assert begin.version is version
    assert begin.document == {
        "id": "relay-1",
        "contextId": "relay-1",
        "status": {"state": submitted, "timestamp": stamp},
        "history": [ours],
        **kind,
    }
    assert heard(TASK, begin, MESSAGES[version], at=NOW).document == {**begin.document, "status": {"state": working, "timestamp": stamp}}
    silent = ended(begin, TaskState.FAILED, at=NOW)
    assert silent.document == {**begin.document, "status": {"state": failed, "timestamp": stamp}}
    said = ended(begin, TaskState.FAILED, at=NOW, told="It is over.").document["status"]["message"]
    part = {"text": "It is over."} if is_10 else {"kind": "text", "text": "It is over."}
    role = "ROLE_AGENT" if is_10 else "agent"
    assert said == {
        "messageId": "relay-1-failed",
        "role": role,
        "parts": [part],
        "taskId": "relay-1",
        "contextId": "relay-1",
        **({} if is_10 else {"kind": "message"}),
    }
    answer = answered_with_message(TASK, begin, {"role": role, "parts": [part], **({} if is_10 else {"kind": "message"})}, at=NOW)
    assert answer.document["status"] == {
        "state": completed,
        "timestamp": stamp,
        "message": {**said, "messageId": "relay-1-answer"},
    }
    assert answer.document["history"] == [ours, {**said, "messageId": "relay-1-answer"}]


def test_an_id_that_the_agent_gave_its_message_stays() -> None:
    begin = begun(TASK, MESSAGES[V03], V03)
    answer = answered_with_message(TASK, begin, {"messageId": "own", "role": "agent", "parts": [], "kind": "message"}, at=NOW)
    assert answer.document["status"]["message"]["messageId"] == "own"


def test_ids_that_are_not_of_this_task_stay_as_the_agent_wrote_them() -> None:
    message = {"messageId": "n", "role": "agent", "kind": "message", "parts": [], "taskId": "another", "referenceTaskIds": ["evo-1", "x"]}
    answer = Snapshot(V03, {**EVO, "history": [message]})
    told = answered_with_task(TASK, begun(TASK, MESSAGES[V03], V03), answer).document["history"]
    assert [(each["taskId"], each.get("referenceTaskIds")) for each in told] == [("another", ["relay-1", "x"])]


def test_a_task_without_a_history_is_told_without_one() -> None:
    told = answered_with_task(TASK, Snapshot(V03, {"id": "relay-1", "status": {}}), Snapshot(V03, {**EVO, "history": []}))
    assert not told.document.get("history")


def test_what_a_callers_message_refers_to_stays_as_the_caller_said_it() -> None:
    """The agent tells the message again with its own names for these tasks."""
    said = begun(TASK, {**MESSAGES[V03], "referenceTaskIds": ["relay-2"]}, V03)
    again = {**said.document["history"][0], "referenceTaskIds": ["evo-2"]}
    told = answered_with_task(TASK, said, Snapshot(V03, {**EVO, "history": [again]}))
    assert told.document["history"][0]["referenceTaskIds"] == ["relay-2"]
