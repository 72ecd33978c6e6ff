"""Which method a path means, and its params; the answers in each version's HTTP form."""

from collections.abc import Mapping
from typing import Any

import pytest
from a2a.compat.v0_3.rest_transport import _A2A_ERROR_NAME_TO_CLS
from a2a.utils.errors import A2A_ERROR_MAPPING, JSON_RPC_ERROR_CODE_MAP, A2AError
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.errors import (
    BodyTooLargeError,
    ContentTypeNotSupportedError,
    InvalidParamsError,
    InvalidRequestError,
    ParseError,
    RelayError,
    TaskNotFoundError,
    VersionNotSupportedError,
)
from relay.domain.http_json import ROUTES, Content, Target, find_target, negotiated, read_call
from relay.domain.http_json_answers import agent_error_answer, error_answer, result_answer
from relay.domain.json_body import MAX_PUSH_CONFIG_BODY_BYTES
from relay.domain.protocol import Kind
from relay.domain.task import ProtocolVersion

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
CODES = [*(-32700, -32600, -32601, -32602, -32603), *range(-32009, -32000)]


def target(path: str, version: str | None) -> Target:
    found = find_target(path, version)
    assert found is not None
    return found


def asked(verb: str, path: str, version: str | None, *, body: bytes = b"", query: Mapping[str, str] | None = None) -> tuple[str, Any]:
    """The method's name and its params."""
    found = target(path, version)
    kind = found.kind(verb)
    assert kind is not None
    request = read_call(found, negotiated(found, kind, version), Content(query or {}, body, "application/json"), version).request
    return request.method, request.params


# --- paths


@pytest.mark.parametrize(
    ("verb", "path", "method", "params"),
    [
        ("POST", "/message:send", "SendMessage", {}),
        ("POST", "/message:stream", "SendStreamingMessage", {}),
        ("GET", "/tasks/t", "GetTask", {"id": "t"}),
        ("HEAD", "/tasks/t", "GetTask", {"id": "t"}),
        ("GET", "/tasks", "ListTasks", {}),
        ("GET", "/tasks/", "ListTasks", {}),
        ("POST", "/tasks/t:cancel", "CancelTask", {"id": "t"}),
        ("GET", "/tasks/t:subscribe", "SubscribeToTask", {"id": "t"}),
        ("POST", "/tasks/t:subscribe", "SubscribeToTask", {"id": "t"}),
        ("POST", "/tasks/t/pushNotificationConfigs", "CreateTaskPushNotificationConfig", {"taskId": "t"}),
        ("GET", "/tasks/t/pushNotificationConfigs", "ListTaskPushNotificationConfigs", {"taskId": "t"}),
        ("GET", "/tasks/t/pushNotificationConfigs/c", "GetTaskPushNotificationConfig", {"taskId": "t", "id": "c"}),
        ("DELETE", "/tasks/t/pushNotificationConfigs/c", "DeleteTaskPushNotificationConfig", {"taskId": "t", "id": "c"}),
        ("GET", "/extendedAgentCard", "GetExtendedAgentCard", {}),
    ],
)
def test_every_path_of_1_0_with_and_without_a_tenant(verb: str, path: str, method: str, params: dict[str, Any]) -> None:
    assert asked(verb, path, "1.0") == (method, params)
    assert asked(verb, f"/acme{path}", "1.0") == (method, params | {"tenant": "acme"})


@pytest.mark.parametrize(
    ("verb", "path", "method", "params"),
    [
        ("POST", "/message:send", "message/send", {}),
        ("POST", "/message:stream", "message/stream", {}),
        ("GET", "/tasks/t", "tasks/get", {"id": "t"}),
        ("GET", "/tasks", "tasks/list", {"pageSize": 50}),
        ("POST", "/tasks/t:cancel", "tasks/cancel", {"id": "t"}),
        ("GET", "/tasks/t:subscribe", "tasks/resubscribe", {"id": "t"}),
        ("POST", "/tasks/t:subscribe", "tasks/resubscribe", {"id": "t"}),
        ("GET", "/tasks/t/pushNotificationConfigs", "tasks/pushNotificationConfig/list", {"id": "t"}),
        (
            "GET",
            "/tasks/t/pushNotificationConfigs/c",
            "tasks/pushNotificationConfig/get",
            {"id": "t", "pushNotificationConfigId": "c"},
        ),
        (
            "DELETE",
            "/tasks/t/pushNotificationConfigs/c",
            "tasks/pushNotificationConfig/delete",
            {"id": "t", "pushNotificationConfigId": "c"},
        ),
        ("GET", "/card", "agent/getAuthenticatedExtendedCard", {}),
    ],
)
@pytest.mark.parametrize(
    ("prefix", "version"), [("/v1", None), ("/v1", ""), ("/v1", "0.3"), ("/v1", "0.3.0"), ("/v1/v1", None), ("", "0.3.0")]
)
def test_every_path_of_0_3_below_v1_and_where_the_call_names_0_3(
    prefix: str, version: str | None, verb: str, path: str, method: str, params: dict[str, Any]
) -> None:
    assert asked(verb, prefix + path, version) == (method, params)


def test_the_extended_card_of_0_2_has_a_path_of_its_own() -> None:
    assert asked("GET", "/agent/authenticatedExtendedCard", None) == ("agent/getAuthenticatedExtendedCard", {})


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//",
        "/nothing",
        "/v1",
        "/v1/nothing",
        "/a/b/tasks",
        "/tasksx",
        "/message:sent",
        "/card",
        "/v1/extendedAgentCard",
        "/v1/a/tasks",
    ],
)
def test_elsewhere_there_is_nothing(path: str) -> None:
    assert find_target(path, "1.0") is None


def test_a_path_tells_its_verbs() -> None:
    found = target("/tasks/t/pushNotificationConfigs", "1.0")
    assert (found.kind("PUT"), found.verbs) == (None, "GET, HEAD, POST")


def test_ids_may_hold_anything_that_a_path_can() -> None:
    assert asked("GET", "/tasks/a/b c\u2603", "1.0") == ("GetTask", {"id": "a/b c\u2603"})
    assert asked("GET", "/tasks/a/b/pushNotificationConfigs/c/d", "1.0")[1] == {"taskId": "a/b", "id": "c/d"}
    assert asked("GET", "/tasks/a:cancel/b", "1.0") == ("GetTask", {"id": "a:cancel/b"})


@pytest.mark.parametrize(
    ("path", "readings"),
    [
        ("/tasks/t", ()),
        ("/tasks/t/pushNotificationConfigs/", ()),
        ("/tasks/t/pushNotificationConfigs/c", (("t", "c"),)),
        ("/tasks/t/pushNotificationConfigs/c/", (("t", "c"), ("t", "c/"))),
        ("/tasks/t/pushNotificationConfigs//", (("t", "/"),)),
        ("/tasks/a b/pushNotificationConfigs/c", (("a b", "c"),)),
        (
            "/tasks/t/pushNotificationConfigs/pushNotificationConfigs/c",
            (("t", "pushNotificationConfigs/c"), ("t/pushNotificationConfigs", "c")),
        ),
        (f"/tasks/t/pushNotificationConfigs/{'c' * 257}", ()),
        (f"/tasks/{'t' * 257}/pushNotificationConfigs/c", ()),
    ],
)
def test_a_path_has_a_reading_for_each_config_that_it_may_name(path: str, readings: tuple[tuple[str, str], ...]) -> None:
    assert (target(path, "1.0").readings, target(f"/acme{path}", "1.0").readings, target(f"/v1{path}", None).readings) == (readings,) * 3


def test_what_ends_like_a_list_may_be_a_config_to_delete() -> None:
    found = target("/tasks/t/pushNotificationConfigs/pushNotificationConfigs", "1.0")
    assert (found.verbs, found.kind("DELETE"), found.kind("GET")) == ("DELETE, GET, HEAD, POST", Kind.DELETE_PUSH, Kind.LIST_PUSH)
    assert found.readings == (("t", "pushNotificationConfigs"),)


# --- versions


@pytest.mark.parametrize(
    ("path", "version"), [("/tasks/t", None), ("/tasks/t", ""), ("/tasks/t", "2.0"), ("/v1/tasks/t", "1.0"), ("/v1/tasks/t", "0.2")]
)
def test_another_version_than_the_path_s_is_refused_with_those_that_are_supported(path: str, version: str | None) -> None:
    with pytest.raises(VersionNotSupportedError) as raised:
        negotiated(target(path, version), Kind.GET_TASK, version)
    assert "0.3" in raised.value.metadata["supportedVersions"]


# --- what a call says


def test_what_the_path_names_nothing_in_the_body_can_change() -> None:
    body = b'{"taskId": "other", "tenant": "other", "url": "https://x.example"}'
    assert asked("POST", "/acme/tasks/t/pushNotificationConfigs", "1.0", body=body)[1] == {
        "taskId": "t",
        "tenant": "acme",
        "url": "https://x.example",
    }
    assert asked("POST", "/v1/tasks/t:cancel", None, body=b'{"id": "other", "metadata": {"a": 1}}')[1] == {"id": "t", "metadata": {"a": 1}}


@pytest.mark.parametrize(
    "body", [b'{"url": "https://x.example"}', b'{"taskId": "t", "pushNotificationConfig": {"url": "https://x.example"}}']
)
def test_a_config_of_0_3_may_be_said_flat_or_nested(body: bytes) -> None:
    expected = {"taskId": "t", "pushNotificationConfig": {"url": "https://x.example"}}
    assert asked("POST", "/v1/tasks/t/pushNotificationConfigs", None, body=body)[1] == expected


def test_a_query_is_read_by_its_names_in_their_types() -> None:
    query = {"pageSize": "5", "historyLength": "1", "includeArtifacts": "TRUE", "status": "working", "more": "x", "contextId": ""}
    assert asked("GET", "/tasks", "1.0", query={**query, "tenant": "acme"})[1] == {
        "pageSize": 5,
        "historyLength": 1,
        "includeArtifacts": True,
        "status": "working",
        "tenant": "acme",
    }


@pytest.mark.parametrize(("size", "asked_for"), [("0", 50), ("", 50), ("7", 7)])
def test_a_page_of_0_3_that_is_asked_for_without_a_size_has_the_default(size: str, asked_for: int) -> None:
    assert asked("GET", "/v1/tasks", None, query={"pageSize": size})[1] == {"pageSize": asked_for}


@pytest.mark.parametrize(
    "query",
    [
        {"pageSize": "many"},
        {"pageSize": "101"},
        {"pageSize": "-1"},
        {"historyLength": "-1"},
        {"includeArtifacts": "perhaps"},
        {"historyLength": "1.5"},
    ],
)
def test_a_query_of_another_type_is_named(query: dict[str, str]) -> None:
    with pytest.raises(InvalidParamsError) as raised:
        asked("GET", "/tasks", "1.0", query=query)
    assert [raised.value.field] == list(query)


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"{", "application/json", ParseError),
        (b"[]", "application/json", InvalidRequestError),
        (b"null", None, InvalidRequestError),
        (b"{}", "text/plain", ContentTypeNotSupportedError),
        (b" " * (MAX_PUSH_CONFIG_BODY_BYTES + 1), "application/json", BodyTooLargeError),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes, content_type: str | None, error: type[RelayError]) -> None:
    found = target("/tasks/t/pushNotificationConfigs", "1.0")
    with pytest.raises(error):
        read_call(found, negotiated(found, Kind.SET_PUSH, "1.0"), Content({}, body, content_type), "1.0")


@given(
    path=st.lists(
        st.sampled_from(["v1", "tasks", "pushNotificationConfigs", "t:cancel", "card", "message:send"]) | st.text(max_size=8), max_size=6
    ),
    version=st.sampled_from([None, "", "0.3", "0.3.0", "1.0", "2"]) | st.text(max_size=8),
    query=st.dictionaries(
        st.sampled_from(["pageSize", "historyLength", "includeArtifacts", "tenant"]) | st.text(max_size=8), st.text(max_size=8)
    ),
    body=st.binary(max_size=30),
)
def test_any_request_is_a_call_or_a_protocol_error(path: list[str], version: str | None, query: dict[str, str], body: bytes) -> None:
    found = find_target("/" + "/".join(path), version)
    for kind in found.kinds.values() if found else ():
        assert 200 <= _status(found, kind, version, Content(query, body)) < 500


def _status(found: Target | None, kind: Kind, version: str | None, content: Content) -> int:
    assert found is not None
    try:
        request = read_call(found, negotiated(found, kind, version), content, version).request
    except RelayError as error:
        return error_answer(error, found.version).status
    return 200 if request.method else 500


def test_the_routes_of_both_versions_are_of_every_kind() -> None:
    assert {route.kind for route in ROUTES[V10]} == {route.kind for route in ROUTES[V03]} == set(Kind)


# --- answers


def test_a_delete_is_answered_with_an_object_in_1_0_and_null_in_0_3() -> None:
    assert result_answer(Kind.DELETE_PUSH, None, V10).body == {}
    assert result_answer(Kind.DELETE_PUSH, None, V03).body is None


@pytest.mark.parametrize("kind", [Kind.SEND, Kind.GET_TASK, Kind.CANCEL])
@pytest.mark.parametrize("result", [None, [], [{"id": "t"}], "x", 1, True])
def test_what_is_no_object_is_told_as_the_agent_said_it_in_the_protos_words_too(kind: Kind, result: Any) -> None:
    assert result_answer(kind, result, V03, is_proto=True).body == result


def test_an_error_in_1_0_is_a_status_around_its_details() -> None:
    answer = error_answer(TaskNotFoundError("There is no such task.", metadata={"taskId": "t"}), V10)
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "TASK_NOT_FOUND",
        "domain": "a2a-protocol.org",
        "metadata": {"taskId": "t"},
    }
    status = {"code": 404, "status": "NOT_FOUND", "message": "There is no such task.", "details": [info]}
    assert (answer.status, answer.body, answer.media_type) == (404, {"error": status}, "application/a2a+json")


def test_an_error_in_0_3_has_its_code_and_message_at_the_top() -> None:
    answer = error_answer(TaskNotFoundError("There is no such task.", metadata={"taskId": "t"}), V03)
    assert (answer.status, answer.media_type) == (404, "application/json")
    assert answer.body == {
        "code": -32001,
        "message": "There is no such task.",
        "type": "TaskNotFoundError",
        "data": {"reason": "TASK_NOT_FOUND", "taskId": "t"},
    }


def _sdk_error(code: int) -> type[A2AError] | None:
    return next((error for error, given in JSON_RPC_ERROR_CODE_MAP.items() if given == code and error in A2A_ERROR_MAPPING), None)


@pytest.mark.parametrize("code", CODES)
def test_an_agent_s_error_has_the_sdk_s_status_in_1_0_and_its_name_in_0_3(code: int) -> None:
    sdk_error = _sdk_error(code)
    answer = agent_error_answer({"code": code, "message": "no"}, V10)
    if sdk_error and code != -32601:
        mapping = A2A_ERROR_MAPPING[sdk_error]
        assert (answer.status, answer.body["error"]["status"]) == (mapping.http_code, mapping.grpc_status)
    assert (answer.body["error"]["code"], answer.body["error"]["details"][0]["@type"][-9:]) == (answer.status, "ErrorInfo")
    assert agent_error_answer({"code": code, "message": "no"}, V03).body["type"] in _A2A_ERROR_NAME_TO_CLS


@pytest.mark.parametrize("version", ProtocolVersion)
def test_a_method_that_the_agent_has_not_is_unsupported_where_there_is_a_path_for_it(version: ProtocolVersion) -> None:
    answer = agent_error_answer({"code": -32601, "message": "no"}, version)
    assert (answer.status, "UNSUPPORTED_OPERATION" in str(answer.body)) == (400, True)


@pytest.mark.parametrize(("code", "status"), [(-32001, 404), (-32002, 409), (-32003, 501), (-32005, 415), (-32602, 400), (-1, 500)])
def test_an_agent_s_error_in_0_3_has_the_status_that_a2akit_reads(code: int, status: int) -> None:
    answer = agent_error_answer({"code": code, "message": "no", "data": {"a": 1}}, V03)
    assert (answer.status, answer.body["code"], answer.body["data"]) == (status, code, {"a": 1})


def test_an_answer_to_a_set_in_0_3_is_without_the_member_of_a_client_that_speaks_json_rpc_only() -> None:
    said = {"success": True, "taskId": "t", "pushNotificationConfig": {"url": "https://you.example"}}
    assert result_answer(Kind.SET_PUSH, said, V03).body == {"taskId": "t", "pushNotificationConfig": {"url": "https://you.example"}}
    assert result_answer(Kind.SET_PUSH, said, V10).body == said


@pytest.mark.parametrize(("path", "speaks", "may_speak"), [("/v1/tasks/t", False, True), ("/tasks/t", False, False)])
def test_a_call_knows_what_it_is_about_and_in_whose_words(path: str, speaks: bool, may_speak: bool) -> None:
    version = None if path.startswith("/v1") else "1.0"
    found = target(path, version)
    call = read_call(found, negotiated(found, Kind.GET_TASK, version), Content({}, b""), version)
    assert (call.kind, call.task_id, call.speaks_proto, call.may_speak_proto) == (Kind.GET_TASK, "t", speaks, may_speak)
    assert call.request.id == call.request.method


@pytest.mark.parametrize(("version", "may"), [(None, True), ("0.3", True), ("0.3.0", False)])
def test_a_client_that_names_a_patch_of_0_3_is_a2akits(version: str | None, may: bool) -> None:
    found = target("/v1/tasks/t", version)
    assert read_call(found, negotiated(found, Kind.GET_TASK, version), Content({}, b""), version).may_speak_proto is may


@pytest.mark.parametrize(
    ("body", "speaks"), [(b'{"request": {"messageId": "m"}}', True), (b'{"message": {"messageId": "m", "parts": []}}', False)]
)
def test_a_send_in_the_protos_words_is_known_and_read(body: bytes, speaks: bool) -> None:
    found = target("/v1/message:send", None)
    call = read_call(found, negotiated(found, Kind.SEND, None), Content({}, body, "application/json"), None)
    assert (call.kind, call.speaks_proto, call.may_speak_proto) == (Kind.SEND, speaks, False)
    assert call.request.params["message"]["messageId"] == "m"
    assert ("configuration" in call.request.params) is speaks


def test_a_tenant_is_in_the_path_or_the_query_of_1_0() -> None:
    assert asked("GET", "/acme/tasks/t", "1.0") == ("GetTask", {"id": "t", "tenant": "acme"})
    assert asked("GET", "/tasks/t", "1.0", query={"tenant": "acme"}) == ("GetTask", {"id": "t", "tenant": "acme"})
    assert "tenant" not in asked("GET", "/tasks/t", "1.0")[1]
    assert "tenant" not in asked("GET", "/v1/tasks/t", None, query={"tenant": "acme"})[1]
    assert find_target("//tasks/t", "1.0") is None


def test_the_least_and_the_most_of_a_query_are_taken() -> None:
    assert asked("GET", "/tasks", "1.0", query={"pageSize": "0", "historyLength": "0"})[1] == {"pageSize": 0, "historyLength": 0}
    assert asked("GET", "/tasks", "1.0", query={"pageSize": "100"})[1] == {"pageSize": 100}


def test_a_body_is_read_of_those_calls_alone_that_have_one() -> None:
    assert asked("GET", "/tasks/t", "1.0", body=b"not read") == ("GetTask", {"id": "t"})


def test_an_answer_is_200_in_its_calls_version_and_words() -> None:
    task = {"id": "t", "status": {"state": "TASK_STATE_CANCELED"}}
    for version in (V10, V03):
        plain = result_answer(Kind.GET_TASK, task, version)
        assert (plain.status, plain.body, plain.version) == (200, task, version)
    deleted = result_answer(Kind.DELETE_PUSH, None, V10)
    assert (deleted.status, deleted.body, deleted.version) == (200, {}, V10)
    assert result_answer(Kind.GET_TASK, task, V03, is_proto=True).body["status"]["state"] == "TASK_STATE_CANCELLED"
    configs = [{"taskId": "t", "pushNotificationConfig": {"id": "c"}}]
    assert list(result_answer(Kind.LIST_PUSH, configs, V03, is_proto=True).body) == ["configs"]


def test_an_error_that_0_3_has_no_name_for_is_an_internal_one() -> None:
    answer = agent_error_answer({"code": -32099, "message": "own"}, V03)
    assert answer.body["type"] == "InternalError"
    assert agent_error_answer({"code": -32001, "message": "own words"}, V10).body["error"]["message"] == "own words"
    assert agent_error_answer({"code": -32601, "message": "x"}, V10).body["error"]["message"] == "The agent has no method for this."
