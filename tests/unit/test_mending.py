"""What a 0.3 agent's answer needs before an SDK can read it. The judges are a2a-sdk's 0.3 models, and the wire."""

import copy
from typing import Any

import pytest
from a2a.compat.v0_3 import types as types_03
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.mending import mend_response, mend_result, spell_response
from relay.domain.protocol import Kind
from relay.domain.task import ProtocolVersion
from tests.unit.test_any_json import ANSWER, made_of
from tests.unit.test_conversion import PRAISONAI_TASK, messages, tasks

V03 = ProtocolVersion.V03
ABOUT_TASKS = [Kind.SEND, Kind.GET_TASK, Kind.CANCEL]


def response(result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": result}


@pytest.mark.parametrize("kind", ABOUT_TASKS)
@pytest.mark.parametrize(("said", "read"), [("cancelled", "canceled"), ("input_required", "input-required"), ("completed", "completed")])
def test_praisonais_task_becomes_one_that_the_sdk_reads(kind: Kind, said: str, read: str) -> None:
    told = {**PRAISONAI_TASK, "status": {"state": said}}
    before = copy.deepcopy(told)
    task = types_03.GetTaskSuccessResponse.model_validate(mend_response(kind, response(told), {})).result
    assert (task.status.state.value, task.context_id) == (read, PRAISONAI_TASK["id"])
    assert told == before


def test_praisonais_list_becomes_one_that_the_sdk_reads() -> None:
    for task in mend_response(Kind.LIST_TASKS, response([PRAISONAI_TASK, PRAISONAI_TASK]), {})["result"]:
        types_03.Task.model_validate(task)


def test_praisonais_list_becomes_pages_for_a2akit() -> None:
    array = [{**PRAISONAI_TASK, "id": f"t{number}"} for number in range(3)]
    page = mend_result(Kind.LIST_TASKS, array, {"pageSize": 2})
    rest = mend_result(Kind.LIST_TASKS, array, {"pageSize": 2, "pageToken": page["nextPageToken"]})
    assert [types_03.Task.model_validate(task).id for task in page["tasks"] + rest["tasks"]] == ["t0", "t1", "t2"]
    assert (page["totalSize"], rest["nextPageToken"]) == (3, "")


def test_a_reply_in_1_0s_wrapper_is_unwrapped() -> None:
    """As the CLI server of PraisonAI wraps it."""
    told = response({"message": {"role": "assistant", "parts": [{"type": "text", "text": "hi"}]}})
    types_03.SendMessageSuccessResponse.model_validate(mend_response(Kind.SEND, told, {}))


def test_praisonais_not_found_gets_a2as_code() -> None:
    told = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "Task not found: x"}}
    assert mend_response(Kind.GET_TASK, told, {})["error"] == {"code": -32001, "message": "Task not found: x"}


@pytest.mark.parametrize("error", [{"code": -32001, "message": "No."}, {"code": -32000, "message": "Busy."}, {"code": -32601}])
def test_any_other_error_is_as_it_came(error: Any) -> None:
    told = {"jsonrpc": "2.0", "id": 1, "error": error}
    assert mend_response(Kind.GET_TASK, told, {}) is told


@given(tasks(V03) | messages(V03), st.sampled_from(ABOUT_TASKS))
def test_what_can_be_read_is_as_it_came(told: Any, kind: Kind) -> None:
    assert mend_result(kind, told, {}) is told
    with_nothings = {**told, "metadata": None, "extensions": [], "more": {"of": "its own"}}
    assert mend_result(kind, with_nothings, {}) is with_nothings


@given(made_of(ANSWER) | st.lists(made_of(ANSWER), max_size=2), st.sampled_from(list(Kind)))
def test_whatever_an_agent_answers_is_mended_or_as_it_came(told: Any, kind: Kind) -> None:
    mended = mend_result(kind, told, {})
    assert mended is told or isinstance(mended, dict | list)


def test_every_recorded_answer_of_0_3_but_praisonais_is_as_it_came(recorded_send: dict[str, Any]) -> None:
    told = recorded_send["response"]
    if "task" in told["result"]:  # an agent of 1.0
        return
    mended = mend_response(Kind.SEND, told, {})
    types_03.SendMessageSuccessResponse.model_validate(mended)
    assert (mended is not told) is recorded_send["recorded"].startswith("praisonai")


@pytest.mark.parametrize(("state", "spelled"), [("canceled", "cancelled"), ("input-required", "input_required"), ("working", "working")])
def test_praisonais_client_is_told_states_in_its_spelling(state: str, spelled: str) -> None:
    task, told = ({"kind": "task", "id": "t", "status": {"state": each, "timestamp": "now"}} for each in (state, spelled))
    for kind in (Kind.SEND, Kind.GET_TASK, Kind.CANCEL):
        assert spell_response(kind, {"id": 1, "result": task}) == {"id": 1, "result": told}
    assert spell_response(Kind.LIST_TASKS, {"result": [task]}) == {"result": [told]}


@pytest.mark.parametrize("result", [None, "canceled", {"kind": "message"}, {"status": "canceled"}, {"status": {"state": 7}}, [None]])
def test_what_has_no_state_is_not_respelled(result: Any) -> None:
    for kind in Kind:
        payload = {"id": 1, "result": result}
        assert spell_response(kind, payload) is payload
