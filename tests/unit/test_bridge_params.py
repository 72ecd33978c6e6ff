"""Params between 0.3 and 1.0. The judges are a2a-sdk's own types: its 1.0 protobuf messages, parsed strictly, and its 0.3 models."""

import copy
import json
from contextlib import suppress
from typing import Any

import pytest
from a2a.compat.v0_3 import types as types_03
from a2a.types import CancelTaskRequest, GetExtendedAgentCardRequest, GetTaskRequest, ListTasksRequest, SendMessageRequest
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.bridge_params import bridge_params, check_params
from relay.domain.conversion import convert_message
from relay.domain.errors import InvalidParamsError
from relay.domain.protocol import METHODS, Kind
from relay.domain.sends import parse_send
from relay.domain.task import ProtocolVersion
from tests.unit.test_any_json import INLINE, SWITCHES, TASK_AND_CONFIG, made_of
from tests.unit.test_conversion import described, filled_words, messages, objects, parts_03, parts_10

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
OTHER = {V03: V10, V10: V03}
MESSAGE_10 = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
MESSAGE_03 = {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "hi"}]}
REQUESTS_10: dict[Kind, Any] = {
    Kind.SEND: SendMessageRequest,
    Kind.GET_TASK: GetTaskRequest,
    Kind.LIST_TASKS: ListTasksRequest,
    Kind.CANCEL: CancelTaskRequest,
    Kind.EXTENDED_CARD: GetExtendedAgentCardRequest,
}
PARAMS_03: dict[Kind, Any] = {
    Kind.SEND: types_03.MessageSendParams,
    Kind.GET_TASK: types_03.TaskQueryParams,
    Kind.CANCEL: types_03.TaskIdParams,
}


def bridged(kind: Kind, params: Any, to: ProtocolVersion) -> Any:
    return bridge_params(kind, params, to)


def forwarded(params: Any, version: ProtocolVersion) -> Any:
    """A send as the agent of the other version gets it."""
    return bridge_params(Kind.SEND, parse_send(params, version).forwarded, OTHER[version])


def wrong_field(kind: Kind, params: Any, to: ProtocolVersion) -> str:
    with pytest.raises(InvalidParamsError) as raised:
        bridge_params(kind, params, to)
    return raised.value.field


# --- sends ----------------------------------------------------------------------------------------------------------------------------


def test_a_send_of_1_0_reaches_a_0_3_agent_non_blocking_in_both_spellings() -> None:
    params = {
        "tenant": "acme",
        "message": {**MESSAGE_10, "contextId": "c", "taskId": "t", "referenceTaskIds": ["r"], "extensions": ["e"], "metadata": {"a": 1}},
        "configuration": {
            "acceptedOutputModes": ["text/plain"],
            "historyLength": 3,
            "taskPushNotificationConfig": {"url": "https://x.example/hook"},
        },
        "metadata": {"b": [2]},
    }
    expected = {
        "message": {**MESSAGE_03, "contextId": "c", "taskId": "t", "referenceTaskIds": ["r"], "extensions": ["e"], "metadata": {"a": 1}},
        "configuration": {"acceptedOutputModes": ["text/plain"], "blocking": False, "returnImmediately": True},
        "metadata": {"b": [2]},
    }
    assert forwarded(params, V10) == expected


def test_a_send_of_0_3_reaches_a_1_0_agent_as_one_that_returns_immediately() -> None:
    params = {
        "message": MESSAGE_03,
        "configuration": {"blocking": True, "acceptedOutputModes": [], "pushNotificationConfig": {"url": "https://x.example/hook"}},
        "metadata": {"b": [2]},
    }
    assert forwarded(params, V03) == {"message": MESSAGE_10, "configuration": {"returnImmediately": True}, "metadata": {"b": [2]}}


def test_a_send_without_a_configuration_gets_one() -> None:
    assert forwarded({"message": MESSAGE_03}, V03)["configuration"] == {"returnImmediately": True}
    assert forwarded({"message": MESSAGE_10}, V10)["configuration"] == {"blocking": False, "returnImmediately": True}


def test_a_member_in_snake_case_crosses_too() -> None:
    """ProtoJSON takes it, so callers of 1.0 may write it."""
    message = {"message_id": "m", "role": "ROLE_USER", "task_id": "t", "parts": [{"url": "https://x", "media_type": "text/html"}]}
    params = {"message": message, "configuration": {"accepted_output_modes": ["text"]}}
    crossed = forwarded(params, V10)
    assert (crossed["message"]["messageId"], crossed["message"]["taskId"]) == ("m", "t")
    assert crossed["message"]["parts"][0]["file"] == {"uri": "https://x", "mimeType": "text/html"}
    assert crossed["configuration"]["acceptedOutputModes"] == ["text"]


def test_a_file_by_uri_reaches_praisonai_under_the_name_it_knows() -> None:
    part = {"url": "https://x.example/a.pdf", "mediaType": "application/pdf", "filename": "a.pdf", "metadata": {"a": 1}}
    (crossed,) = bridged(Kind.SEND, {"message": {**MESSAGE_10, "parts": [part]}}, V03)["message"]["parts"]
    assert (crossed["fileWithUri"], crossed["mediaType"], crossed["name"]) == ("https://x.example/a.pdf", "application/pdf", "a.pdf")
    root = types_03.Part.model_validate(crossed).root
    assert isinstance(root, types_03.FilePart)
    assert root.file == types_03.FileWithUri(uri="https://x.example/a.pdf", mime_type="application/pdf", name="a.pdf")


def test_what_praisonai_sends_without_a_kind_becomes_a_1_0_message() -> None:
    params = {"message": {"messageId": "m", "role": "user", "parts": [{"text": "hi"}]}}
    assert bridged(Kind.SEND, params, V10)["message"] == MESSAGE_10


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({}, "message.messageId"),
        ({"messageId": "m", "parts": [{"text": "hi"}]}, "message.role"),
        ({**MESSAGE_10, "role": "ROLE_UNSPECIFIED"}, "message.role"),
        ({**MESSAGE_10, "role": ["user"]}, "message.role"),
        ({**MESSAGE_10, "parts": []}, "message.parts"),
        ({**MESSAGE_10, "parts": "hi"}, "message.parts"),
        ({**MESSAGE_10, "parts": ["hi"]}, "message.parts"),
        ({**MESSAGE_10, "parts": [{"text": "hi"}, {"kind": "video"}]}, "message.parts"),
        ({**MESSAGE_10, "parts": [{"text": 5}]}, "message.parts"),
        ({**MESSAGE_10, "parts": [{"text": "hi", "metadata": 5}]}, "message.parts[0].metadata"),
        ({**MESSAGE_10, "parts": [{"kind": "file", "file": "x"}]}, "message.parts[0].file"),
        ({**MESSAGE_10, "metadata": []}, "message.metadata"),
        ({**MESSAGE_10, "extensions": [5]}, "message.extensions"),
        ({**MESSAGE_10, "contextId": 5}, "message.contextId"),
    ],
)
@pytest.mark.parametrize("to", ProtocolVersion)
def test_a_message_that_would_have_to_be_mended_is_refused_by_its_field(message: Any, to: ProtocolVersion, field: str) -> None:
    """A made-up messageId, for one, would make an agent take two messages for the same."""
    assert wrong_field(Kind.SEND, {"message": message}, to) == field


def test_the_call_itself_is_left_as_it_was() -> None:
    params = {"message": {**MESSAGE_10, "parts": [{"url": "https://x"}]}, "configuration": {"historyLength": 1}}
    before = copy.deepcopy(params)
    bridged(Kind.SEND, params, V03)
    assert params == before


# --- the other calls ------------------------------------------------------------------------------------------------------------------


def test_a_history_length_crosses_but_0_3s_0_which_means_no_limit() -> None:
    for to in ProtocolVersion:
        assert bridged(Kind.GET_TASK, {"id": "t", "historyLength": 2}, to) == {"id": "t", "historyLength": 2}
        assert bridged(Kind.GET_TASK, {"id": "t"}, to) == {"id": "t"}
    assert bridged(Kind.GET_TASK, {"id": "t", "historyLength": 0}, V10) == {"id": "t"}
    assert bridged(Kind.GET_TASK, {"id": "t", "historyLength": 0}, V03) == {"id": "t", "historyLength": 0}


def test_a_tenant_is_1_0s_alone() -> None:
    for kind in REQUESTS_10:
        params = {"tenant": "acme", "id": "t", "message": MESSAGE_10}
        assert "tenant" not in bridged(kind, params, V03)


def test_the_metadata_of_a_cancel_cross_and_those_of_a_get_have_no_place_in_1_0() -> None:
    params = {"id": "t", "metadata": {"a": 1}}
    assert bridged(Kind.CANCEL, params, V10) == bridged(Kind.CANCEL, params, V03) == params
    assert bridged(Kind.GET_TASK, params, V10) == {"id": "t"}


def test_an_extended_card_is_asked_for_with_nothing() -> None:
    assert bridged(Kind.EXTENDED_CARD, {"tenant": "acme"}, V03) == {}


def test_a_list_of_tasks_crosses_with_its_state_in_the_agents_words() -> None:
    wanted = {
        "contextId": "c",
        "pageSize": 7,
        "pageToken": "next",
        "historyLength": 1,
        "statusTimestampAfter": "2026-11-20T00:00:00Z",
        "includeArtifacts": True,
    }
    assert bridged(Kind.LIST_TASKS, {**wanted, "status": "TASK_STATE_INPUT_REQUIRED"}, V03) == {**wanted, "status": "input-required"}
    assert bridged(Kind.LIST_TASKS, {**wanted, "status": "input_required"}, V10) == {**wanted, "status": "TASK_STATE_INPUT_REQUIRED"}
    assert bridged(Kind.LIST_TASKS, {"status": "TASK_STATE_UNSPECIFIED"}, V03) == {}


def test_a_0_3_caller_who_knows_no_pages_asks_for_large_ones_with_artifacts() -> None:
    assert bridged(Kind.LIST_TASKS, {"contextId": "c"}, V10) == {"contextId": "c", "pageSize": 100, "includeArtifacts": True}
    assert bridged(Kind.LIST_TASKS, {"pageSize": 50}, V10) == {"pageSize": 50}


@pytest.mark.parametrize(
    ("kind", "params", "field"),
    [
        (Kind.GET_TASK, {}, "id"),
        (Kind.GET_TASK, {"id": "t", "historyLength": -1}, "historyLength"),
        (Kind.GET_TASK, {"id": "t", "history_length": "x"}, "history_length"),
        (Kind.CANCEL, {"id": 5}, "id"),
        (Kind.CANCEL, {"id": "t", "metadata": "x"}, "metadata"),
        (Kind.LIST_TASKS, {"pageSize": 101}, "pageSize"),
        (Kind.LIST_TASKS, {"pageSize": -1}, "pageSize"),
        (Kind.LIST_TASKS, {"status": "busy"}, "status"),
        (Kind.LIST_TASKS, {"includeArtifacts": "yes"}, "includeArtifacts"),
        (Kind.SEND, {}, "message"),
        (Kind.SEND, {"message": MESSAGE_10, "configuration": {"acceptedOutputModes": [5]}}, "configuration.acceptedOutputModes"),
    ],
)
@pytest.mark.parametrize("to", ProtocolVersion)
def test_wrong_params_are_refused_by_their_field(kind: Kind, params: Any, to: ProtocolVersion, field: str) -> None:
    assert wrong_field(kind, params, to) == field


@pytest.mark.parametrize(
    ("kind", "params", "field"),
    [
        (Kind.GET_TASK, {}, "id"),
        (Kind.GET_TASK, {"id": []}, "id"),
        (Kind.CANCEL, {"id": ""}, "id"),
        (Kind.CANCEL, {"id": "\ud800"}, "id"),
        (Kind.GET_TASK, {"id": "t", "historyLength": -1}, "historyLength"),
        (Kind.CANCEL, {"id": "t", "metadata": []}, "metadata"),
        (Kind.LIST_TASKS, {"status": "done"}, "status"),
        (Kind.LIST_TASKS, {"pageSize": 101}, "pageSize"),
        (Kind.LIST_TASKS, {"contextId": ["c"]}, "contextId"),
    ],
)
def test_what_is_wrong_in_both_versions_is_refused_before_an_agent_is_asked(kind: Kind, params: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidParamsError) as raised:
        check_params(kind, params)
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (Kind.GET_TASK, {"id": "t" * 300, "historyLength": 0, "metadata": {}}),
        (Kind.CANCEL, {"id": "t"}),
        *[(Kind.LIST_TASKS, {"status": state, "pageSize": 5}) for state in ("working", "TASK_STATE_WORKING", "")],
        (Kind.EXTENDED_CARD, {"id": 5}),
    ],
)
def test_what_an_agent_may_take_goes_on_to_it(kind: Kind, params: dict[str, Any]) -> None:
    check_params(kind, params)


# --- nothing is lost, and everybody's SDK takes it ------------------------------------------------------------------------------------

lengths = st.integers(1, 10)


def sendings(version: ProtocolVersion) -> Any:
    parts = st.lists(parts_03 if version is V03 else parts_10, min_size=1, max_size=3)
    switches = {"blocking": st.just(False), "returnImmediately": st.just(True)} if version is V03 else {"returnImmediately": st.just(True)}
    return described(
        {
            "message": st.builds(lambda message, parts: {**message, "parts": parts}, messages(version), parts),
            "configuration": described(switches, acceptedOutputModes=st.lists(filled_words, min_size=1, max_size=2)),
        },
        metadata=objects,
    )


def lists(version: ProtocolVersion) -> Any:
    states = ["submitted", "input-required"] if version is V03 else ["TASK_STATE_SUBMITTED", "TASK_STATE_INPUT_REQUIRED"]
    return described(
        {"pageSize": lengths},
        contextId=filled_words,
        status=st.sampled_from(states),
        pageToken=filled_words,
        historyLength=lengths,
        statusTimestampAfter=st.just("2026-11-20T00:00:00Z"),
        includeArtifacts=st.booleans(),
    )


def calls(version: ProtocolVersion) -> Any:
    """Calls of what both versions can say."""
    return st.one_of(
        st.tuples(st.just(Kind.SEND), sendings(version)),
        st.tuples(st.just(Kind.GET_TASK), described({"id": filled_words}, historyLength=lengths)),
        st.tuples(st.just(Kind.CANCEL), described({"id": filled_words}, metadata=objects)),
        st.tuples(st.just(Kind.LIST_TASKS), lists(version)),
        st.tuples(st.just(Kind.EXTENDED_CARD), st.just({})),
    )


@pytest.mark.parametrize("version", ProtocolVersion)
@given(data=st.data())
def test_params_come_back_unchanged_from_the_other_version(version: ProtocolVersion, data: st.DataObject) -> None:
    kind, params = data.draw(calls(version))
    there = bridged(kind, params, OTHER[version])
    back = bridged(kind, there, version)
    if kind is Kind.SEND and version is V03:
        back["message"] = convert_message(back["message"], V03) | {
            "parts": [_without_praisonais(part) for part in back["message"]["parts"]]
        }
    assert back == params


def _without_praisonais(part: Any) -> Any:
    return {name: value for name, value in part.items() if part["kind"] != "file" or name in ("kind", "file", "metadata")}


@given(calls(V03), calls(V10))
def test_both_versions_agents_take_what_is_bridged(in_03: Any, in_10: Any) -> None:
    kind, params = in_03
    ParseDict(bridged(kind, params, V10), REQUESTS_10[kind]())
    kind, params = in_10
    if model := PARAMS_03.get(kind):
        model.model_validate(bridged(kind, params, V03))


@given(
    made_of([*TASK_AND_CONFIG, *INLINE[:1], *SWITCHES, "role", "parts", "text", "file", "data", "url", "status", "messageId"]),
    st.sampled_from(sorted(REQUESTS_10)),
    st.sampled_from(ProtocolVersion),
)
def test_any_params_are_bridged_or_refused(params: Any, kind: Kind, to: ProtocolVersion) -> None:
    with suppress(InvalidParamsError):
        json.dumps(bridged(kind, params, to))


def test_every_recorded_send_reaches_an_agent_of_the_other_version(recorded_send: dict[str, Any]) -> None:
    request = json.loads(recorded_send["request"])
    version = METHODS[request["method"]].version
    crossed = forwarded(request["params"], version)
    if version is V03:
        message = ParseDict(crossed, SendMessageRequest()).message
        assert MessageToDict(message)["messageId"] == request["params"]["message"]["messageId"]
    else:
        params = types_03.MessageSendParams.model_validate(crossed)
        assert params.message.message_id == request["params"]["message"]["messageId"]
        assert params.configuration
        assert params.configuration.blocking is False
