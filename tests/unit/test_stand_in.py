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
