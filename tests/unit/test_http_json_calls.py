"""A call of the relay's over HTTP+JSON: where it goes, and what the answer means."""

from typing import Any

import pytest
from a2a.compat.v0_3 import a2a_v0_3_pb2 as pb2
from a2a.utils.errors import A2A_ERROR_MAPPING, A2AError
from a2a.utils.errors import JSON_RPC_ERROR_CODE_MAP as CODES
from google.protobuf.json_format import ParseDict

from relay.domain.endpoint import Binding, Endpoint, endpoints
from relay.domain.http_json_calls import HttpCall, call_of, event_of, http_call, rpc_response
from relay.domain.task import ProtocolVersion

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
HTTP = Binding.HTTP_JSON
NEW = Endpoint("https://agent.example/a/?k=v", V10, binding=HTTP)
A2AKIT = Endpoint("https://agent.example/v1", V03, binding=HTTP)
SDK_03 = Endpoint("https://agent.example", V03, binding=HTTP)


def interface(binding: str, version: str) -> dict[str, str]:
    return {"url": "https://agent.example", "protocolBinding": binding, "protocolVersion": version}


@pytest.mark.parametrize(
    ("endpoint", "method", "params", "verb", "url"),
    [
        (NEW, "GetTask", {"id": "a/b ?#%"}, "GET", "https://agent.example/a/tasks/a%2Fb%20%3F%23%25?k=v"),
        (NEW, "GetTask", {"id": "t", "historyLength": 0}, "GET", "https://agent.example/a/tasks/t?k=v&historyLength=0"),
        (NEW, "GetTask", {"id": "t", "tenant": "a/b"}, "GET", "https://agent.example/a/a%2Fb/tasks/t?k=v"),
        (NEW, "CancelTask", {"id": ".."}, "POST", "https://agent.example/a/tasks/%2E%2E:cancel?k=v"),
        (NEW, "ListTasks", {"includeArtifacts": True, "pageToken": ""}, "GET", "https://agent.example/a/tasks?k=v&includeArtifacts=true"),
        (NEW, "SendMessage", {"message": {}}, "POST", "https://agent.example/a/message:send?k=v"),
        (NEW, "GetExtendedAgentCard", {}, "GET", "https://agent.example/a/extendedAgentCard?k=v"),
        (A2AKIT, "tasks/get", {"id": "t"}, "GET", "https://agent.example/v1/tasks/t"),
        (SDK_03, "tasks/get", {"id": "t"}, "GET", "https://agent.example/v1/tasks/t"),
        (SDK_03, "agent/getAuthenticatedExtendedCard", {}, "GET", "https://agent.example/v1/card"),
    ],
)
def test_a_call_goes_to_its_path(endpoint: Endpoint, method: str, params: dict[str, Any], verb: str, url: str) -> None:
    call = http_call(endpoint, method, params)
    assert (call.verb, call.url) == (verb, url)
    assert (call.body is None) is (verb == "GET")


def test_a_cancel_says_what_its_path_does_not() -> None:
    params = {"id": "t", "metadata": {"why": "enough"}}
    assert http_call(NEW, "CancelTask", params).body == {"metadata": {"why": "enough"}}
    assert http_call(A2AKIT, "tasks/cancel", params).body == {"metadata": {"why": "enough"}}
    assert http_call(SDK_03, "tasks/cancel", params).body == {"name": "tasks/t"}


CONFIG_10 = {"id": "c", "taskId": "t", "url": "https://r.example", "token": "k"}
CONFIG_03 = {"id": "c", "url": "https://r.example", "token": "k"}


@pytest.mark.parametrize(
    ("endpoint", "url", "body"),
    [
        (NEW, "https://agent.example/a/acme/tasks/t/pushNotificationConfigs?k=v", CONFIG_10),
        (A2AKIT, "https://agent.example/v1/tasks/t/pushNotificationConfigs", CONFIG_03),
    ],
)
def test_a_push_config_is_set_in_the_words_of_each(endpoint: Endpoint, url: str, body: dict[str, Any]) -> None:
    params = {**CONFIG_10, "tenant": "acme"} if endpoint is NEW else {"taskId": "t", "pushNotificationConfig": CONFIG_03}
    call = http_call(endpoint, "CreateTaskPushNotificationConfig" if endpoint is NEW else "tasks/pushNotificationConfig/set", params)
    assert (call.verb, call.url, call.body) == ("POST", url, body)


def test_a2a_sdk_0_3_gets_a_push_config_as_the_protos_request() -> None:
    call = http_call(SDK_03, "tasks/pushNotificationConfig/set", {"taskId": "t", "pushNotificationConfig": CONFIG_03})
    read = ParseDict(call.body, pb2.CreateTaskPushNotificationConfigRequest())
    assert (call.url, read.parent, read.config_id) == ("https://agent.example/v1/tasks/t/pushNotificationConfigs", "tasks/t", "c")
    assert (read.config.name, read.config.push_notification_config.token) == ("tasks/t/pushNotificationConfigs/c", "k")


def test_a_push_config_is_deleted_by_its_path() -> None:
    call = http_call(SDK_03, "tasks/pushNotificationConfig/delete", {"id": "t", "pushNotificationConfigId": "c"})
    assert (call.verb, call.url, call.body) == ("DELETE", "https://agent.example/v1/tasks/t/pushNotificationConfigs/c", None)


def test_a_call_over_json_rpc_is_one_post() -> None:
    call = call_of(Endpoint("https://agent.example/rpc", V10), "GetTask", {"id": "t"}, 7)
    assert (call.verb, call.url) == ("POST", "https://agent.example/rpc")
    assert call.body == {"jsonrpc": "2.0", "id": 7, "method": "GetTask", "params": {"id": "t"}}


@pytest.mark.parametrize("error", A2A_ERROR_MAPPING)
def test_an_error_of_1_0_is_known_by_its_reason(error: type[A2AError]) -> None:
    mapping = A2A_ERROR_MAPPING[error]
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": mapping.reason, "domain": "a2a-protocol.org"}
    said = {"error": {"code": mapping.http_code, "status": mapping.grpc_status, "message": "no", "details": [info]}}
    told = rpc_response(V10, "GetTask", mapping.http_code, said, request_id=7)
    assert told == {"jsonrpc": "2.0", "id": 7, "error": {"code": CODES[error], "message": "no", "data": [info]}}


@pytest.mark.parametrize(
    ("method", "status", "said", "code"),
    [
        ("tasks/get", 400, {"code": -32009, "message": "version"}, -32009),
        ("tasks/get", 404, {"message": "Task not found"}, -32001),
        ("tasks/list", 404, {"message": "Not Found"}, -32601),
        ("tasks/get", 404, None, -32601),
        ("tasks/list", 405, None, -32601),
        ("tasks/list", 500, {"message": "unknown exception"}, -32601),
        ("tasks/get", 500, {"message": "unknown exception"}, -32603),
        ("tasks/cancel", 409, {"message": "no"}, -32002),
        ("message/send", 422, {"message": "no"}, -32602),
        ("message/send", 501, {"message": "no"}, -32004),
        ("message/send", 400, {"message": -1, "code": 5}, -32602),
    ],
)
def test_an_error_of_0_3_is_known_by_its_code_or_its_status(method: str, status: int, said: Any, code: int) -> None:
    told = rpc_response(V03, method, status, said, request_id=1)
    assert told is not None
    assert (told["error"]["code"], type(told["error"]["message"])) == (code, str)


@pytest.mark.parametrize(("task_id", "code"), [("t", -32601), ("a/b", -32001), ("..", -32001), ("é", -32001)])
@pytest.mark.parametrize("status", [404, 405])
def test_a_path_that_is_not_there_may_be_an_id_s_fault(task_id: str, code: int, status: int) -> None:
    """A web server that decodes a path before it finds its place sees two segments in `a%2Fb`, and says nothing of tasks."""
    asked = http_call(A2AKIT, "tasks/get", {"id": task_id})
    told = rpc_response(V03, "tasks/get", status, {"detail": "Not Found"}, request_id=1, has_encoded_id=asked.has_encoded_id)
    assert told is not None
    assert told["error"]["code"] == code


@pytest.mark.parametrize(("status", "said"), [(200, None), (200, "text"), (500, None), (302, {}), (400, {"detail": "x"})])
def test_what_is_no_answer_of_the_binding_s_is_none(status: int, said: Any) -> None:
    assert rpc_response(V10, "GetTask", status, said, request_id=1) is None


# --- which interface


def test_http_json_is_spoken_only_where_no_json_rpc_can_be_called() -> None:
    both = {"supportedInterfaces": [interface("HTTP+JSON", "1.0"), interface("JSONRPC", "0.3")]}
    assert {endpoint.binding for endpoint in endpoints(both).values()} == {Binding.JSON_RPC}
    only = {"supportedInterfaces": [interface("GRPC", "1.0"), interface("HTTP+JSON", "1.0")]}
    assert {version: endpoint.binding for version, endpoint in endpoints(only).items()} == {V10: HTTP}
    a2akit = {"protocolVersion": "0.3.0", "url": "http://localhost:8000/v1", "preferredTransport": "HTTP+JSON"}
    found = endpoints(a2akit, "https://agent.example/.well-known/agent-card.json")
    assert found == {V03: Endpoint("https://agent.example/v1", V03, binding=HTTP)}


def test_what_a_stream_of_0_3_tells_in_the_protos_words_is_read_in_its_own() -> None:
    proto = Endpoint("https://agent.example", V03, binding=HTTP)
    update = {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}, "final": False}
    read = event_of(proto, {"statusUpdate": update})
    assert read["statusUpdate"]["status"]["state"] == "working"
    for endpoint in (Endpoint("https://agent.example/v1", V03, binding=HTTP), Endpoint("https://agent.example", V03)):
        assert event_of(endpoint, {"statusUpdate": update}) == {"statusUpdate": update}


@pytest.mark.parametrize(("url", "verb"), [("https://agent.example/v1", "POST"), ("https://agent.example", "GET")])
def test_a_stream_is_asked_for_without_a_body_and_of_a2akit_with_the_verb_that_it_knows(url: str, verb: str) -> None:
    asked = call_of(Endpoint(url, V03, binding=HTTP), "tasks/resubscribe", {"id": "t/1"}, 1)
    assert asked == HttpCall(verb, "https://agent.example/v1/tasks/t%2F1:subscribe", None)


# --- what a call and its answer are in either binding


def test_a_call_is_made_in_the_binding_of_its_endpoint() -> None:
    assert call_of(NEW, "GetTask", {"id": "t"}, 7) == http_call(NEW, "GetTask", {"id": "t"})
    rpc = call_of(Endpoint("https://agent.example/rpc", V10), "GetTask", {"id": "t"}, 7)
    assert (rpc.verb, rpc.url) == ("POST", "https://agent.example/rpc")
    assert rpc.body == {"jsonrpc": "2.0", "id": 7, "method": "GetTask", "params": {"id": "t"}}


TASK_03 = {"kind": "task", "id": "t", "contextId": "c", "status": {"state": "working"}}
TASK_PROTO = {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}
TASK_10 = {"id": "t", "status": {"state": "TASK_STATE_WORKING"}}


@pytest.mark.parametrize(
    ("version", "method", "document", "result"),
    [
        (V10, "GetTask", TASK_10, TASK_10),
        (V03, "tasks/get", TASK_03, TASK_03),
        (V03, "tasks/get", TASK_PROTO, TASK_03),
        (V03, "message/send", {"task": TASK_PROTO}, TASK_03),
        (V03, "tasks/list", [TASK_03], [TASK_03]),
        (V03, "tasks/get", [TASK_PROTO], [TASK_PROTO]),  # no task in any words: judged by who asked for it
        (V03, "agent/getAuthenticatedExtendedCard", {"name": "n"}, {"name": "n"}),
    ],
)
def test_an_answer_in_the_protos_words_is_told_in_0_3s_own(version: ProtocolVersion, method: str, document: Any, result: Any) -> None:
    told = rpc_response(version, method, 200, document, request_id="7")
    assert told == {"jsonrpc": "2.0", "id": "7", "result": result}
