"""Any JSON thrown at what reads a stranger's call, or an agent's answer, yields a protocol error or a result, never anything else."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from a2a.compat.v0_3 import types as v03
from a2a.types import TaskPushNotificationConfig
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.bridge import Bridge
from relay.domain.errors import InvalidAgentResponseError, InvalidParamsError, ParseError, UnsupportedOperationError
from relay.domain.http_json_answers import agent_error_answer, result_answer
from relay.domain.http_json_calls import rpc_response
from relay.domain.json_body import parse_json
from relay.domain.jsonrpc import RequestError, error_response, parse_request
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.mending import mend_response, spell_response
from relay.domain.protocol import METHODS, Kind
from relay.domain.push_config import PushConfig
from relay.domain.push_methods import config_result, parse_delete, parse_get, parse_list, parse_set
from relay.domain.rpc_answer import response_of
from relay.domain.sends import answer_with, cut_history, parse_send, task_of_answer
from relay.domain.task import ProtocolVersion
from relay.domain.task_events import parse_event
from tests.support.crippled import crippled

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
VERSION = st.sampled_from(ProtocolVersion)
PARSE: st.SearchStrategy[Callable[[Any, ProtocolVersion], Any]] = st.sampled_from(
    [parse_set, parse_get, parse_list, parse_delete, parse_send]
)

TASK_AND_CONFIG = ["tenant", "id", "taskId", "task_id", "pushNotificationConfigId", "pageSize", "pageToken", "message", "metadata"]
CONFIG = ["url", "token", "authentication", "scheme", "schemes", "credentials"]
INLINE = ["configuration", "pushNotificationConfig", "taskPushNotificationConfig", "task_push_notification_config"]
SWITCHES = ["blocking", "returnImmediately", "return_immediately", "historyLength", "history_length", "acceptedOutputModes"]
ANSWER = ["kind", "task", "message", "id", "status", "messageId", "parts", "history"]


def made_of(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with the right names and anything in them, often another such object."""
    plausible = st.sampled_from(["t", "Bearer", "HMAC-SHA256", "whsec_x", "https://x.example/hook", "task", "message", "5"])
    value = st.recursive(JSON | plausible, lambda inner: st.dictionaries(st.sampled_from(names), inner, max_size=6), max_leaves=12)
    return st.dictionaries(st.sampled_from(names), value, max_size=8)


@given(JSON)
def test_any_json_is_a_request_or_a_request_error(document: Any) -> None:
    try:
        assert parse_request(json.dumps(document).encode(), None).method
    except RequestError as fault:
        json.dumps(error_response(fault.request_id, fault.error, ProtocolVersion.V03))


@given(st.dictionaries(st.sampled_from(["jsonrpc", "id", "method", "params"]), st.just("2.0") | JSON))
def test_any_envelope_is_a_request_or_a_request_error(document: dict[str, Any]) -> None:
    try:
        assert parse_request(json.dumps(document).encode(), None).method
    except RequestError as fault:
        json.dumps(error_response(fault.request_id, fault.error, ProtocolVersion.V10))


@given(st.binary())
def test_any_bytes_are_a_request_error(body: bytes) -> None:
    with pytest.raises(RequestError):
        parse_request(body, None)


@given(made_of([*TASK_AND_CONFIG, *CONFIG, *INLINE, *SWITCHES]), VERSION, PARSE)
def test_any_params_are_read_or_refused_with_a_field(params: dict[str, Any], version: ProtocolVersion, parse: Callable[..., Any]) -> None:
    try:
        assert parse(params, version)
    except InvalidParamsError as error:
        json.dumps(error_response(1, error, version))


@given(made_of([*CONFIG, "id", "tenant"]), made_of(CONFIG))
def test_whatever_is_registered_is_answered_in_the_shape_of_the_sdk(given: dict[str, Any], authentication: dict[str, Any]) -> None:
    required = {"taskId": "t", "url": "https://x.example/hook"}
    try:
        found = parse_set(given | required | {"authentication": {"scheme": "Bearer"} | authentication}, ProtocolVersion.V10)
    except InvalidParamsError:
        return
    key = ConfigKey(TaskKey("owner", "default", found.tenant, found.task_id), found.config_id or "c")
    config = PushConfig(key, found.url, found.dialect, found.token, found.authentication)
    ParseDict(config_result(config, ProtocolVersion.V10), TaskPushNotificationConfig())
    v03.TaskPushNotificationConfig.model_validate(config_result(config, ProtocolVersion.V03))


@given(made_of([*INLINE, *SWITCHES, *CONFIG]), made_of(["messageId", "taskId", "role"]), VERSION)
def test_whatever_is_forwarded_is_non_blocking_and_holds_nothing_of_ours(
    configuration: dict[str, Any], message: dict[str, Any], version: ProtocolVersion
) -> None:
    try:
        found = parse_send({"message": message, "configuration": configuration}, version)
    except InvalidParamsError:
        return
    forwarded = found.forwarded["configuration"]
    assert forwarded["returnImmediately"] is True
    assert forwarded.get("blocking", False) is False
    assert not set(forwarded) & {*INLINE[1:], "historyLength", "history_length", "return_immediately"}


@given(JSON | made_of(ANSWER), VERSION)
def test_any_answer_is_a_task_a_message_or_refused(result: Any, version: ProtocolVersion) -> None:
    try:
        found = task_of_answer(result, version)
    except InvalidAgentResponseError:
        return
    if found is not None:
        assert found.task_id
        assert answer_with(found)
        assert cut_history(found.document, 1)["id"] == found.task_id


# --- what agents answer

SAID = {
    "messageId": "m",
    "role": "ROLE_AGENT",
    "taskId": "t",
    "parts": [{"text": "a"}, {"raw": "aGk="}, {"url": "http://x"}, {"data": [1]}],
}
SAID_03 = {
    **SAID,
    "kind": "message",
    "role": "agent",
    "parts": [{"kind": "text", "text": "a"}, {"kind": "file", "file": {"bytes": "aGk="}}],
}
TASK = {"id": "t", "status": {"state": "TASK_STATE_WORKING", "message": SAID}, "artifacts": [{"parts": SAID["parts"]}], "history": [SAID]}
TASK_03 = {
    **TASK,
    "kind": "task",
    "status": {"state": "working", "timestamp": "2026-11-27T08:00:00Z", "message": SAID_03},
    "history": [SAID_03],
}
IN_PROTO = {
    "messageId": "m",
    "role": "ROLE_AGENT",
    "content": [{"text": "a"}, {"file": {"fileWithUri": "http://x"}}, {"data": {"data": {"a": 1}}}],
}
TASK_PROTO = {"id": "t", "status": {"state": "TASK_STATE_WORKING", "update": IN_PROTO}, "history": [IN_PROTO]}
DETAILS = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "TASK_NOT_FOUND", "metadata": {"a": "b"}}]
RESULTS: list[Any] = [
    *(TASK, TASK_03, TASK_PROTO, SAID, SAID_03, {"task": TASK}, {"message": SAID}, {"msg": IN_PROTO}, [TASK_03]),
    {"tasks": [TASK, TASK_03], "nextPageToken": "x", "pageSize": 1, "totalSize": 2},
]
ERRORS: list[Any] = [{"code": -32001, "message": "no", "data": DETAILS}, {"error": {"code": 404, "message": "no", "details": DETAILS}}]


def as_read(said: Any) -> Any:
    """What the relay has of an agent's words: nothing, when they are no JSON."""
    try:
        return parse_json(json.dumps(said).encode())
    except ParseError:
        return None


ANSWERS = st.sampled_from([*RESULTS, *ERRORS]).flatmap(crippled).map(as_read)


@given(st.sampled_from(sorted(METHODS)), ANSWERS, st.booleans())
def test_any_response_of_an_agent_is_told_in_the_other_version_or_refused(name: str, said: Any, is_error: bool) -> None:
    method = METHODS[name]
    other = ProtocolVersion.V03 if method.version is ProtocolVersion.V10 else ProtocolVersion.V10
    payload = response_of({"jsonrpc": "2.0", "error" if is_error else "result": said}, 1)
    with suppress(InvalidAgentResponseError, UnsupportedOperationError):
        told = Bridge(method, {}, other).told(payload or {}, "mine")
        assert ("error" in told) is not ("result" in told)
        json.dumps(told)


@given(st.sampled_from([method.kind for method in METHODS.values()]), ANSWERS, st.booleans())
def test_any_response_of_a_0_3_agent_is_mended_and_spelled_or_left_alone(kind: Kind, said: Any, is_error: bool) -> None:
    if payload := response_of({"jsonrpc": "2.0", "error" if is_error else "result": said}, 1):
        json.dumps(mend_response(kind, payload, {}))
        json.dumps(spell_response(kind, payload))


@given(st.sampled_from(sorted(METHODS)), st.sampled_from([200, 201, 400, 404, 405, 409, 422, 500]), ANSWERS, st.booleans())
def test_any_answer_over_http_json_means_a_response_or_none_and_is_told_over_it(name: str, status: int, said: Any, is_proto: bool) -> None:
    method = METHODS[name]
    payload = rpc_response(method.version, name, status, said, request_id=1)
    if payload is not None and "error" in payload:
        assert isinstance(payload["error"]["message"], str)
        json.dumps(agent_error_answer(payload["error"], method.version).body)
    elif payload is not None and not method.kind.is_about_push:
        json.dumps(result_answer(method.kind, payload["result"], method.version, is_proto=is_proto).body)


@given(ANSWERS)
def test_anything_that_an_agent_tells_by_itself_is_an_event_or_refused(said: Any) -> None:
    with suppress(InvalidAgentResponseError):
        event = parse_event(said)
        assert event is None or event.task_id
