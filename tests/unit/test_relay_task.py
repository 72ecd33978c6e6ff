from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relay.domain.errors import InvalidParamsError
from relay.domain.keys import AgentKey, TaskKey
from relay.domain.relay_task import (
    MAX_REFERENCES,
    START_WITHIN,
    RelayTask,
    Step,
    addressed,
    blocking,
    context_of,
    is_concluded,
    is_same_id,
    may_be_relay_task,
    name_of_message,
    next_step,
    reader_of,
    references,
    referring,
    relay_task_id,
)
from relay.domain.sends import NON_BLOCKING, parse_send
from relay.domain.task import ProtocolVersion, RevisionHead, TaskState

NOW = datetime(2026, 11, 27, tzinfo=UTC)
AGENT = AgentKey("default", "default")
OWN = (("authorization", "Bearer one"),)
MESSAGE = {"messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "hi"}]}
WAITING = RelayTask(TaskKey(*AGENT, "", "relay-1"), "context", sending="m", sent_at=NOW, seen=frozenset({"m"}), due=NOW)
CALLED = replace(WAITING, called_at=NOW, call_token="t", call_until=NOW + timedelta(minutes=15))


def head(state: TaskState, *, arrived_at: datetime = NOW) -> RevisionHead:
    return RevisionHead(1, state, "digest", "status digest", arrived_at)


def test_id_is_the_same_for_the_same_message_and_no_other() -> None:
    ids = [
        relay_task_id(AGENT, "", "m", ()),
        relay_task_id(AgentKey("other", "default"), "", "m", ()),
        relay_task_id(AgentKey("default", "other"), "", "m", ()),
        relay_task_id(AGENT, "tenant", "m", ()),
        relay_task_id(AGENT, "", "n", ()),
        relay_task_id(AGENT, "", "m", OWN),
        relay_task_id(AGENT, "", "m", (("authorization", "Bearer two"),)),
    ]
    assert len(set(ids)) == len(ids)
    assert all(may_be_relay_task(each) for each in ids)
    assert ids[0] == relay_task_id(AGENT, "", "m", ())


def test_callers_with_credentials_of_their_own_list_their_own() -> None:
    assert reader_of(AGENT, ()) == ""
    assert reader_of(AGENT, OWN) == reader_of(AGENT, OWN) != reader_of(AgentKey("other", "default"), OWN)


@pytest.mark.parametrize(
    "task_id", ["", "task-1", "relay-", "relay-" + "g" * 32, "relay-" + "0" * 31, "relay-" + "0" * 33, "relay-" + "A" * 32]
)
def test_other_ids_are_not_the_relays(task_id: str) -> None:
    assert not may_be_relay_task(task_id)


def test_message_is_known_by_id_and_content() -> None:
    name = name_of_message("m", MESSAGE)
    assert name == name_of_message("m", dict(reversed(MESSAGE.items())))
    other = name_of_message("m", {**MESSAGE, "parts": []})
    assert name != other
    assert is_same_id(name, other)
    assert not is_same_id(name, name_of_message("n", MESSAGE))


@pytest.mark.parametrize(
    ("task", "after", "step"),
    [
        (None, timedelta(0), Step.NOTHING),
        (replace(WAITING, due=None), timedelta(0), Step.NOTHING),
        (WAITING, timedelta(0), Step.CALL),
        (WAITING, START_WITHIN, Step.EXPIRE),
        (replace(WAITING, is_canceled=True), timedelta(0), Step.CANCEL),
        (CALLED, timedelta(minutes=14), Step.NOTHING),
        (CALLED, timedelta(minutes=15), Step.CONCLUDE),
    ],
)
def test_what_a_wakeup_leads_to(task: RelayTask | None, after: timedelta, step: Step) -> None:
    assert next_step(task, NOW + after) is step


@pytest.mark.parametrize(
    ("newest", "is_told"),
    [
        (None, False),
        (head(TaskState.WORKING), False),
        (head(TaskState.COMPLETED), True),
        (head(TaskState.INPUT_REQUIRED), False),  # that was before the message
        (head(TaskState.INPUT_REQUIRED, arrived_at=NOW + timedelta(seconds=1)), True),
    ],
)
def test_whether_the_outcome_was_told(newest: RevisionHead | None, *, is_told: bool) -> None:
    assert is_concluded(newest, NOW) is is_told


@pytest.mark.parametrize(
    ("task_id", "context_id", "expected"),
    [("t", "c", {"taskId": "t", "contextId": "c"}), ("", "c", {"contextId": "c"}), ("", "", {})],
)
def test_message_is_addressed_with_the_ids_that_are_known(task_id: str, context_id: str, expected: dict[str, str]) -> None:
    given = {"message": {**MESSAGE, "taskId": "relay-1", "context_id": "relay-2"}, "metadata": {}}
    assert addressed(given, task_id=task_id, context_id=context_id) == {"message": {**MESSAGE, **expected}, "metadata": {}}


@pytest.mark.parametrize(
    ("version", "configuration"),
    [
        (ProtocolVersion.V10, {"acceptedOutputModes": ["text/plain"]}),
        (ProtocolVersion.V03, {"acceptedOutputModes": ["text/plain"], "blocking": True}),
    ],
)
def test_worker_asks_for_the_result(version: ProtocolVersion, configuration: dict[str, Any]) -> None:
    given = {"message": MESSAGE, "configuration": {"acceptedOutputModes": ["text/plain"], **NON_BLOCKING[version]}}
    assert blocking(given, version)["configuration"] == configuration


def test_parts_carry_evo_ais_type_beside_their_kind() -> None:
    sent = blocking({"message": MESSAGE}, ProtocolVersion.V03)
    assert sent["message"]["parts"] == [{"type": "text", "kind": "text", "text": "hi"}]
    odd = {"message": {**MESSAGE, "parts": ["odd", {"text": "no kind"}, {"kind": 1}]}}
    assert blocking(odd, ProtocolVersion.V03)["message"] == odd["message"]
    assert blocking({"message": {"parts": None}}, ProtocolVersion.V03)["message"] == {"parts": None}


def test_the_context_is_the_one_that_the_message_names() -> None:
    for named, context in (({"contextId": "c"}, "c"), ({}, "")):
        assert context_of(parse_send({"message": {**MESSAGE, **named}}, ProtocolVersion.V03)) == context
    with pytest.raises(InvalidParamsError) as refused:
        context_of(parse_send({"message": {**MESSAGE, "contextId": 5}}, ProtocolVersion.V03))
    assert refused.value.field == "message.contextId"


OTHER_ID = "relay-" + 32 * "1"
MANY = [f"relay-{number:032x}" for number in range(MAX_REFERENCES + 1)]


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ({}, []),
        ({"referenceTaskIds": OTHER_ID}, []),
        ({"referenceTaskIds": ["an agent's", 7, OTHER_ID, {"a": 1}, OTHER_ID]}, [OTHER_ID]),
        ({"referenceTaskIds": MANY}, MANY[:-1]),
    ],
)
def test_tasks_of_the_relays_own_that_a_message_refers_to(message: dict[str, Any], found: list[str]) -> None:
    assert references({"message": message}) == found


def test_message_refers_to_tasks_by_the_agents_names_as_far_as_they_are_known() -> None:
    params = {"message": {"messageId": "m", "referenceTaskIds": ["another", OTHER_ID]}, "metadata": {}}
    assert referring(params, {OTHER_ID: "agents"}) == {**params, "message": {"messageId": "m", "referenceTaskIds": ["another", "agents"]}}
