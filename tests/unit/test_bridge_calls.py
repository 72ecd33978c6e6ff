"""One call over the bridge: names, results, envelopes. The judges are a2a-sdk's own types."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from a2a.compat.v0_3 import types as types_03
from a2a.types import ListTasksResponse, SendMessageResponse, Task
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.bridge import Bridge
from relay.domain.bridge_lists import listable, listed
from relay.domain.errors import InvalidAgentResponseError, InvalidParamsError, UnsupportedOperationError
from relay.domain.protocol import METHODS
from relay.domain.task import Json, ProtocolVersion
from tests.unit.test_any_json import ANSWER, made_of
from tests.unit.test_conversion import PRAISONAI_TASK, messages, tasks

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
OTHER = {V03: V10, V10: V03}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SEND, GET, CANCEL = {V10: "SendMessage", V03: "message/send"}, {V10: "GetTask", V03: "tasks/get"}, {V10: "CancelTask", V03: "tasks/cancel"}
LIST = {V10: "ListTasks", V03: "tasks/list"}
BRIDGED = ["SendMessage", "GetTask", "CancelTask", "ListTasks", "GetExtendedAgentCard"]
BRIDGED_03 = ["message/send", "tasks/get", "tasks/cancel", "tasks/list", "agent/getAuthenticatedExtendedCard"]


def bridge(name: str, **params: Any) -> Bridge:
    method = METHODS[name]
    return Bridge(method, params, OTHER[method.version])


def told(name: str, result: Any, **params: Any) -> Any:
    """The result that a caller of this method gets."""
    return bridge(name, **params).told({"jsonrpc": "2.0", "id": "the agent's", "result": result}, "mine")["result"]


def task(number: int, state: str = "working", **more: Any) -> dict[str, Any]:
    """One of PraisonAI's kind, changed so many minutes after noon."""
    timestamp = (NOON + timedelta(minutes=number)).isoformat()
    return {"id": f"t{number}", "status": {"state": state, "timestamp": timestamp}, "artifacts": [{"parts": [{"text": "a"}]}], **more}


def ids(page: Any) -> list[str]:
    ParseDict(page, ListTasksResponse())
    return [each["id"] for each in page["tasks"]]


# --- names and envelopes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("in_10", "in_03"), list(zip(BRIDGED, BRIDGED_03, strict=True)))
def test_a_method_has_the_agents_name(in_10: str, in_03: str) -> None:
    assert bridge(in_03).names == (in_10,)
    assert bridge(in_10).names[0] == in_03


def test_the_agent_is_asked_in_its_own_words() -> None:
    assert bridge("ListTasks", status="TASK_STATE_AUTH_REQUIRED", tenant="acme").asked() == {"status": "auth-required"}


def test_an_extended_card_has_three_names_in_0_3() -> None:
    assert set(bridge("GetExtendedAgentCard").names) == {
        "agent/getAuthenticatedExtendedCard",
        "agent/authenticatedExtendedCard",
        "agent/getExtendedCard",
    }


@pytest.mark.parametrize("request_id", ["mine", 7, 7.5, None])
def test_the_envelope_is_the_callers(request_id: Any) -> None:
    answer = {"jsonrpc": "2.0", "id": "another", "result": PRAISONAI_TASK}
    assert bridge("GetTask", id="t").told(answer, request_id)["id"] == request_id
    error = {"jsonrpc": "2.0", "id": "another", "error": {"code": -32000, "message": "Task not found: t"}}
    assert bridge("GetTask", id="t").told(error, request_id) == {
        "jsonrpc": "2.0",
        "id": request_id,
        "error": {
            "code": -32001,
            "message": "Task not found: t",
            "data": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "TASK_NOT_FOUND",
                    "domain": "a2a-protocol.org",
                    "metadata": {},
                }
            ],
        },
    }


@pytest.mark.parametrize("name", [*BRIDGED, *BRIDGED_03])
def test_a_method_that_the_agent_lacks_is_an_operation_it_does_not_support(name: str) -> None:
    """The caller's own method exists: -32601 would be a lie."""
    crossed = bridge(name, id="t")
    with pytest.raises(UnsupportedOperationError, match=f"knows no {crossed.names[0]}"):
        crossed.told({"error": {"code": -32601, "message": "Method not found"}}, 1)


ENDED = {"code": -32602, "message": "Task t is in terminal state: completed"}


def test_a_message_for_a_task_that_has_ended_is_refused_in_1_0_as_1_0_does() -> None:
    """a2a-sdk's agents of 0.3 have no code of its own for it."""
    with pytest.raises(UnsupportedOperationError, match=r"^Task t is in terminal state: completed$"):
        bridge("SendMessage", message={}).told({"error": ENDED}, 1)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("GetTask", ENDED),
        ("message/send", ENDED),
        ("SendMessage", {**ENDED, "message": "message.parts is missing"}),
        ("SendMessage", {**ENDED, "code": -32001}),
    ],
)
def test_any_other_refusal_keeps_its_code(name: str, error: Json) -> None:
    assert bridge(name, id="t").told({"error": error}, 1)["error"]["code"] == error["code"]


# --- tasks and messages ---------------------------------------------------------------------------------------------------------------


@given(tasks(V03), tasks(V10))
def test_a_task_is_told_whole_in_the_callers_version(in_03: Any, in_10: Any) -> None:
    for method in (GET, CANCEL):
        ParseDict(told(method[V10], in_03, id="t"), Task())
        assert told(method[V03], told(method[V10], in_03, id="t"), id="t") == in_03
        types_03.Task.model_validate(told(method[V03], in_10, id="t"))
        assert told(method[V10], told(method[V03], in_10, id="t"), id="t") == in_10


@given(tasks(V03) | messages(V03), tasks(V10).map(lambda task: {"task": task}) | messages(V10).map(lambda message: {"message": message}))
def test_the_answer_to_a_send_is_told_whole_in_the_callers_version(in_03: Any, in_10: Any) -> None:
    ParseDict(told(SEND[V10], in_03), SendMessageResponse())
    assert told(SEND[V03], told(SEND[V10], in_03)) == in_03
    types_03.SendMessageSuccessResponse.model_validate({"jsonrpc": "2.0", "id": 1, "result": told(SEND[V03], in_10)})
    assert told(SEND[V10], told(SEND[V03], in_10)) == in_10


def test_praisonais_task_is_told_to_1_0() -> None:
    assert told("GetTask", {**PRAISONAI_TASK, "status": {"state": "cancelled"}}, id="t")["status"] == {"state": "TASK_STATE_CANCELED"}
    assert told("SendMessage", PRAISONAI_TASK)["task"]["contextId"] == PRAISONAI_TASK["id"]


def test_a_reply_in_1_0s_wrapper_is_unwrapped_for_0_3_whatever_its_version() -> None:
    reply = told("message/send", {"message": {"role": "assistant", "parts": [{"type": "text", "text": "hi"}]}})
    assert types_03.Message.model_validate(reply).parts[0].root == types_03.TextPart(text="hi")


def test_1_0s_history_length_of_0_takes_away_what_0_3s_sdk_leaves() -> None:
    with_history = {**PRAISONAI_TASK, "kind": "task", "contextId": "c"}
    assert "history" not in told("GetTask", with_history, id="t", historyLength=0)
    assert len(told("GetTask", with_history, id="t")["history"]) == 1


@pytest.mark.parametrize("result", [None, [], "task", {}, {"id": "t"}, {"id": 5, "status": {}}])
@pytest.mark.parametrize("name", [*BRIDGED[:3], *BRIDGED_03[:3]])
def test_an_answer_of_no_known_form_is_the_agents_fault(name: str, result: Any) -> None:
    with pytest.raises(InvalidAgentResponseError):
        told(name, result, id="t")


@pytest.mark.parametrize("name", ["GetTask", "tasks/cancel"])
def test_a_message_is_no_answer_to_a_question_about_a_task(name: str) -> None:
    with pytest.raises(InvalidAgentResponseError, match="than a task"):
        told(name, {"messageId": "m", "parts": []}, id="t")


def test_what_is_no_card_is_no_extended_card() -> None:
    with pytest.raises(InvalidAgentResponseError):
        told("GetExtendedAgentCard", {"a": 1})


@given(made_of(ANSWER), st.sampled_from([*BRIDGED, *BRIDGED_03]))
def test_whatever_an_agent_answers_is_told_or_its_fault(result: Any, name: str) -> None:
    try:
        json.dumps(told(name, result, id="t"))
    except InvalidAgentResponseError:
        return


# --- lists of tasks -------------------------------------------------------------------------------------------------------------------


def test_praisonais_array_is_a_page_with_the_newest_first_and_without_artifacts() -> None:
    page = told("ListTasks", [task(1), task(3), task(2), {"id": "never", "status": {}}])
    assert ids(page) == ["t3", "t2", "t1", "never"]
    assert (page["nextPageToken"], page["pageSize"], page["totalSize"]) == ("", 50, 4)
    assert not any("artifacts" in each for each in page["tasks"])
    assert "artifacts" in told("ListTasks", [task(1)], includeArtifacts=True)["tasks"][0]


def test_the_pages_of_an_array_hold_every_task_once() -> None:
    array = [task(number) for number in range(7)]
    first = told("ListTasks", array, pageSize=3)
    second = told("ListTasks", [*array, task(9)], pageSize=3, pageToken=first["nextPageToken"])
    third = told("ListTasks", array, pageSize=3, pageToken=second["nextPageToken"])
    assert ids(first) + ids(second) + ids(third) == ["t6", "t5", "t4", "t3", "t2", "t1", "t0"]
    assert third["nextPageToken"] == ""


def test_a_page_token_of_another_list_is_refused() -> None:
    token = told("ListTasks", [task(1), task(2)], pageSize=1)["nextPageToken"]
    for wanted in ({"contextId": "c", "pageToken": token}, {"pageToken": "made up"}):
        with pytest.raises(InvalidParamsError) as refused:
            told("ListTasks", [task(1), task(2)], **wanted)
        assert refused.value.field == "pageToken"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"contextId": "c"}, ["t1"]),
        ({"status": "TASK_STATE_COMPLETED"}, ["t2"]),
        ({"status": "TASK_STATE_INPUT_REQUIRED"}, ["t3"]),
        ({"statusTimestampAfter": "2026-11-20T12:02:00Z"}, ["t3", "t2"]),
        ({}, ["t3", "t2", "t1"]),
    ],
)
def test_what_praisonai_does_not_filter_is_filtered_here(wanted: Any, found: list[str]) -> None:
    array = [task(1, contextId="c"), task(2, "completed"), task(3, "input_required")]
    assert ids(told("ListTasks", array, **wanted)) == found


def test_the_history_of_listed_tasks_is_cut_to_what_was_asked_for() -> None:
    history = [{"messageId": str(number), "role": "user", "parts": [{"text": "x"}]} for number in range(3)]
    (listed,) = told("ListTasks", [task(1, history=history)], historyLength=1)["tasks"]
    assert [message["messageId"] for message in listed["history"]] == ["2"]


def test_a2akits_pages_are_1_0s() -> None:
    page = {"tasks": [{**task(1), "kind": "task", "contextId": "c"}], "nextPageToken": "n", "pageSize": 1, "totalSize": 5}
    bridged = told("ListTasks", page, pageSize=1)
    assert ids(bridged) == ["t1"]
    assert (bridged["nextPageToken"], bridged["pageSize"], bridged["totalSize"]) == ("n", 1, 5)


@pytest.mark.parametrize("odd", [{"tasks": None}, {"tasks": [], "nextPageToken": None, "pageSize": "x", "totalSize": -1}])
def test_a_page_that_says_little_is_a_page(odd: Any) -> None:
    assert told("ListTasks", odd) == {"tasks": [], "nextPageToken": "", "pageSize": 50, "totalSize": 0}


@pytest.mark.parametrize("name", LIST.values())
@pytest.mark.parametrize("result", [None, "tasks", {"tasks": "t1"}])
def test_a_list_that_is_none_is_the_agents_fault(name: str, result: Any) -> None:
    with pytest.raises(InvalidAgentResponseError):
        told(name, result)


@given(st.lists(tasks(V10), max_size=3))
def test_1_0s_page_is_an_array_for_praisonai_and_a_page_for_a2akit(listed: list[Any]) -> None:
    page = {"tasks": listed, "nextPageToken": "", "pageSize": 50, "totalSize": len(listed)}
    array = told("tasks/list", page)
    assert [types_03.Task.model_validate(each).id for each in array] == [each["id"] for each in listed]
    paged = told("tasks/list", page, pageSize=50, includeArtifacts=True)
    assert paged == {"tasks": array, "nextPageToken": "", "pageSize": 50, "totalSize": len(listed)}


def test_a_caller_who_knows_no_pages_is_told_them_all() -> None:
    pages = [{"result": {"tasks": [task(1)], "nextPageToken": "n"}}, {"result": {"tasks": [task(2)], "nextPageToken": ""}}]
    crossed = bridge("tasks/list")
    assert [crossed.next_page_token(page) for page in pages] == ["n", ""]
    assert [each["id"] for each in crossed.told(crossed.joined(pages), 1)["result"]] == ["t1", "t2"]


def test_a_page_that_failed_is_the_answer() -> None:
    crossed = bridge("tasks/list")
    failed = {"error": {"code": -32603, "message": "Down."}}
    assert crossed.joined([{"result": {"tasks": [], "nextPageToken": "n"}}, failed]) == failed


@pytest.mark.parametrize(("name", "params"), [("ListTasks", {}), ("tasks/list", {"pageSize": 5}), ("tasks/list", {"pageToken": "n"})])
def test_a_caller_who_knows_pages_asks_for_the_next_one_itself(name: str, params: Any) -> None:
    assert bridge(name, **params).next_page_token({"result": {"tasks": [], "nextPageToken": "n"}}) == ""


# --- as recorded ----------------------------------------------------------------------------------------------------------------------


def test_every_recorded_answer_to_a_send_is_told_in_the_other_version(recorded_send: dict[str, Any]) -> None:
    """As if a caller of the other version had asked this agent."""
    version = METHODS[json.loads(recorded_send["request"])["method"]].version
    name = SEND[OTHER[version]]
    result = bridge(name).told(recorded_send["response"], 1)["result"]
    if version is V03:
        ParseDict(result, SendMessageResponse())
    else:
        types_03.SendMessageSuccessResponse.model_validate({"jsonrpc": "2.0", "id": 1, "result": result})


@pytest.mark.parametrize(
    ("answer", "ids"), [([{"id": "a"}, "odd"], ["a"]), ({"tasks": [{"id": "b"}]}, ["b"]), ({}, []), ("odd", []), ({"tasks": "odd"}, [])]
)
def test_the_tasks_of_an_agents_list_are_found_in_either_form(answer: Any, ids: list[str]) -> None:
    assert [each["id"] for each in listed(answer)] == ids


def test_who_calls_what_the_agent_has_not_reads_its_version_and_the_methods_name_there() -> None:
    with pytest.raises(UnsupportedOperationError) as raised:
        bridge("GetTask", id="t").told({"error": {"code": -32601, "message": "Method not found"}}, 1)
    assert raised.value.metadata == {"agentVersion": "0.3", "agentMethod": "tasks/get"}
    assert raised.value.message == "The agent speaks A2A 0.3 and has no method for this there: it knows no tasks/get."


@pytest.mark.parametrize(("name", "words"), [("GetTask", "than a task."), ("GetExtendedAgentCard", "than it was asked for.")])
def test_who_gets_something_else_than_it_asked_for_reads_so(name: str, words: str) -> None:
    with pytest.raises(InvalidAgentResponseError) as raised:
        bridge(name).told({"result": {"kind": "message", "messageId": "m", "role": "agent", "parts": []}}, 1)
    assert raised.value.message == f"The agent answered with something else {words}"


@pytest.mark.parametrize(
    ("params", "version", "shown"),
    [
        ({}, V10, {"id", "history"}),
        ({"historyLength": 0}, V10, {"id"}),
        ({"includeArtifacts": True}, V10, {"id", "history", "artifacts"}),
        ({"pageSize": 10}, V03, {"id", "history"}),
        ({}, V03, {"id", "history", "artifacts"}),
    ],
)
def test_of_a_task_in_a_list_is_kept_what_the_list_will_show(params: Json, version: ProtocolVersion, shown: set[str]) -> None:
    """0.3's array has whole tasks."""
    task = {"id": "t", "history": [{"messageId": "m"}], "artifacts": [{"artifactId": "a"}]}
    assert set(listable(task, params, version) or {}) == shown


@pytest.mark.parametrize("left_out_by", [{"contextId": "other"}, {"status": "TASK_STATE_FAILED"}])
def test_of_a_task_that_a_lists_filter_leaves_out_nothing_is_kept(left_out_by: Json) -> None:
    task = {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}
    assert listable(task, {"contextId": "c", "status": "TASK_STATE_WORKING"}, V10) == task
    assert listable(task, left_out_by, V10) is None
