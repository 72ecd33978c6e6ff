"""The api function behind the front door, as strangers call it: every request gets an answer, and never one that tells of our inside.

Sources: JSON-RPC 2.0 §5; A2A 1.0 §3.6 (versions), §5.4 (errors); design §7.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relay.domain.json_body import MAX_DEPTH, MAX_FORWARDED_BODY_BYTES, MAX_PUSH_CONFIG_BODY_BYTES
from relay.domain.protocol import METHODS
from relay_dev.http_event import HttpAnswer, as_on_aws
from relay_dev.runner import Runner
from tests.support.agent import FakeAgent
from tests.support.crippled import crippled

PARSE, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
TASK_NOT_FOUND, CONTENT_TYPE, VERSION = -32001, -32005, -32009

BASES = ["/", "", "/a2a", "/a2a/", "/agents/default", "/agents/default/", "/agents/default/a2a", "/agents/default/a2a/"]
WELL_KNOWN = ["/.well-known/agent-card.json", "/.well-known/agent.json"]
V10 = {"a2a-version": "1.0"}
GET_TASK = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "task-1"}}


@pytest.fixture(scope="module")
def agent() -> Iterator[FakeAgent]:
    """Its tasks end at once, so that no send waits; it knows `task-1`."""
    with FakeAgent(next_state="completed") as running:
        running.task("task-1")
        yield running


@pytest.fixture(scope="module")
def runner(agent: FakeAgent) -> Iterator[Runner]:
    environment = {"CLIENT_AUTHENTICATION": "none", "POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
    with Runner(overrides={"UpstreamAgentUrl": agent.url}, environment=environment) as running:
        yield running


def told(answer: HttpAnswer) -> dict[str, Any]:
    """The JSON-RPC response, which always comes with HTTP 200."""
    assert answer.status == 200, answer
    assert dict(answer.headers)["content-type"] == "application/json"
    response: dict[str, Any] = json.loads(answer.body)
    assert (response["jsonrpc"], "result" in response) == ("2.0", "error" not in response)
    assert not is_our_fault(response), response
    return response


def code(answer: HttpAnswer) -> int | None:
    """None for a result."""
    response = told(answer)
    return response["error"]["code"] if "error" in response else None


def is_our_fault(response: dict[str, Any]) -> bool:
    text = json.dumps(response)
    return "The relay failed" in text or "Traceback" in text


def call(method: str, params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


# --- the envelope


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", PARSE),
        (b"{", PARSE),
        (b"nonsense", PARSE),
        (b"\xff\xfe", PARSE),
        (b'{"jsonrpc": "2.0", "id": NaN, "method": "GetTask"}', PARSE),
        (b'"text"', INVALID_REQUEST),
        (b"null", INVALID_REQUEST),
        (b"[]", INVALID_REQUEST),
        (b'[{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "task-1"}}]', INVALID_REQUEST),
        (b'{"id": 1, "method": "GetTask"}', INVALID_REQUEST),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "GetTask"}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "GetTask"}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": 1}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 7}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": "task-1"}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": ["task-1"]}', INVALID_PARAMS),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "NoSuchMethod"}', METHOD_NOT_FOUND),
    ],
)
def test_a_faulty_envelope_is_a_json_rpc_error(runner: Runner, body: bytes, expected: int) -> None:
    assert code(runner.request("POST", "/", body=body, headers=V10)) == expected


def test_an_answer_bears_the_id_of_its_request(runner: Runner) -> None:
    for request_id in ("r-1", 7, 1.5, None):
        assert told(runner.request("POST", "/", body={**GET_TASK, "id": request_id}, headers=V10))["id"] == request_id
        refused = runner.request("POST", "/", body={**GET_TASK, "id": request_id, "method": "NoSuchMethod"}, headers=V10)
        assert told(refused)["id"] == request_id


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "application/a2a+json", "Application/JSON", ""]
)
def test_a_content_type_of_json_is_taken(runner: Runner, content_type: str) -> None:
    assert code(runner.request("POST", "/", body=GET_TASK, headers={**V10, "content-type": content_type})) is None


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_another_content_type_is_refused(runner: Runner, content_type: str) -> None:
    assert code(runner.request("POST", "/", body=GET_TASK, headers={**V10, "content-type": content_type})) == CONTENT_TYPE


@pytest.mark.parametrize("depth", [MAX_DEPTH, 100_000])
def test_deep_nesting_is_a_parse_error_that_says_the_limit(runner: Runner, depth: int) -> None:
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
    response = told(runner.request("POST", "/", body=body, headers=V10))
    assert (response["error"]["code"], str(MAX_DEPTH) in response["error"]["message"]) == (PARSE, True)


@pytest.mark.parametrize("content_type", ["application/json", "application/a2a+json"])
@pytest.mark.parametrize(
    ("method", "limit"),
    [("GetTask", MAX_FORWARDED_BODY_BYTES), ("ListTaskPushNotificationConfigs", MAX_PUSH_CONFIG_BODY_BYTES)],
)
def test_a_body_may_have_as_many_bytes_as_the_limit_and_not_one_more(runner: Runner, content_type: str, method: str, limit: int) -> None:
    request = json.dumps({**call(method, {"id": "task-1", "taskId": "task-1"}), "padding": ""}).encode()
    fitting = request.replace(b'"padding": ""', b'"padding": "%b"' % (b"x" * (limit - len(request))))
    headers = {**V10, "content-type": content_type}
    assert (len(fitting), code(runner.request("POST", "/", body=fitting, headers=headers))) == (limit, None)
    response = told(runner.request("POST", "/", body=fitting + b" ", headers=headers))
    assert (response["error"]["code"], str(limit) in response["error"]["message"]) == (INVALID_REQUEST, True)


@pytest.mark.parametrize(
    ("method", "version", "expected"),
    [
        ("GetTask", "1.0", None),
        ("GetTask", "1.0.1", None),
        ("GetTask", "1.7", None),
        ("GetTask", None, VERSION),
        ("GetTask", "", VERSION),
        ("GetTask", "0.3", VERSION),
        ("GetTask", "2.0", VERSION),
        ("GetTask", "newest", VERSION),
        ("tasks/get", None, None),
        ("tasks/get", "", None),
        ("tasks/get", "0.3", None),
        ("tasks/get", "0.3.0", None),
        ("tasks/get", "1.0", METHOD_NOT_FOUND),
        ("tasks/get", "0.2", VERSION),
        ("tasks/get", "2.0", VERSION),
    ],
)
def test_a_method_is_answered_in_its_version_only(runner: Runner, method: str, version: str | None, expected: int | None) -> None:
    headers = {} if version is None else {"a2a-version": version}
    assert code(runner.request("POST", "/", body=call(method, {"id": "task-1"}), headers=headers)) == expected


@pytest.mark.parametrize("query", ["A2A-Version=1.0", "a2a-version=1.0", "x=1&A2A-Version=1.0"])
def test_the_version_may_come_in_the_query(runner: Runner, query: str) -> None:
    assert code(runner.request("POST", f"/?{query}", body=GET_TASK)) is None


def test_a_version_that_is_not_supported_is_answered_with_those_that_are(runner: Runner) -> None:
    error = told(runner.request("POST", "/", body=GET_TASK, headers={"a2a-version": "2.0"}))["error"]
    assert error["data"][0]["metadata"] == {"requestedVersion": "2.0", "supportedVersions": "0.3, 1.0"}


# --- addresses


@pytest.mark.parametrize("base", BASES)
def test_json_rpc_is_answered_at_every_form_of_an_agents_address(runner: Runner, base: str) -> None:
    assert told(runner.request("POST", base, body=GET_TASK, headers=V10))["result"]["id"] == "task-1"


@pytest.mark.parametrize("path", WELL_KNOWN)
@pytest.mark.parametrize(("base", "address"), [("", "http://relay.example"), ("/agents/default", "http://relay.example/agents/default")])
def test_a_card_names_the_address_that_it_was_asked_at(runner: Runner, base: str, address: str, path: str) -> None:
    answer = runner.request("GET", base + path, headers={"host": "relay.example"})
    addresses = {each["url"] for each in json.loads(answer.body)["supportedInterfaces"]}
    assert (answer.status, addresses) == (200, {address, f"{address}/v1"})


@pytest.mark.parametrize("path", WELL_KNOWN)
def test_a_card_is_not_sent_again_to_who_has_it(runner: Runner, path: str) -> None:
    first = runner.request("GET", path)
    etag = dict(first.headers)["etag"]
    for had in (etag, f"W/{etag}", f'"another", {etag}', "*"):
        again = runner.request("GET", path, headers={"if-none-match": had})
        assert (again.status, again.body) == (304, b"")
        headers = dict(again.headers)
        assert (headers["etag"], headers["cache-control"], headers["vary"]) == (etag, "private, max-age=60", "Authorization, X-API-Key")
    for other in ('"another"', "", etag.strip('"')):
        again = runner.request("GET", path, headers={"if-none-match": other})
        assert (again.status, again.body, dict(again.headers)["etag"]) == (200, first.body, etag)


def test_another_card_has_another_etag(runner: Runner) -> None:
    etags = {dict(runner.request("GET", WELL_KNOWN[0], headers={"host": host}).headers)["etag"] for host in ("a.example", "b.example")}
    assert len(etags) == 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 405),
        ("PUT", "/agents/default", 405),
        ("DELETE", "/a2a", 405),
        ("POST", WELL_KNOWN[0], 405),
        ("GET", "/nothing", 404),
        ("POST", "/nothing", 404),
        ("POST", "/agents", 404),
        ("POST", "/agents/", 404),
        ("POST", "/agents//a2a", 404),
        ("POST", "/agents/default/a2a/more", 404),
        ("POST", "/agents/no-such-agent", 404),
        ("GET", f"/agents/no-such-agent{WELL_KNOWN[0]}", 404),
        ("POST", "/agents/%00", 404),
        ("POST", "/agents/" + "x" * 5000, 404),
        ("POST", "/agents/\u2603", 404),
        ("POST", "/agents/default%2F..", 404),
        ("POST", "//", 404),
        ("HEAD", WELL_KNOWN[0], 200),
        ("GET", "/health", 200),
    ],
)
def test_where_nothing_is_http_says_so(runner: Runner, method: str, path: str, status: int) -> None:
    assert runner.request(method, path, body=GET_TASK, headers=V10).status == status


# --- anything

NAMES = [
    *("id", "taskId", "task_id", "contextId", "tenant", "pushNotificationConfigId", "pageSize", "pageToken", "historyLength", "metadata"),
    *("message", "messageId", "role", "parts", "text", "kind", "configuration", "blocking", "returnImmediately", "acceptedOutputModes"),
    *("pushNotificationConfig", "taskPushNotificationConfig", "url", "token", "authentication", "scheme", "schemes", "credentials"),
]
WORDS = ["task-1", "mine", "https://example.com/hook", "HMAC-SHA256", "Bearer", "whsec_x", "x" * 300, "x" * 40, "\ud800", "\0", "é#/%"]
NUMBERS = [0, -1, 51, 1.5, 10**30, 2**63]
SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
PARAMS = st.recursive(
    SCALAR | st.sampled_from([*WORDS, *NUMBERS]),
    lambda inner: st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), inner, max_size=6) | st.lists(inner, max_size=2),
    max_leaves=20,
)
CONFIG = {"id": "mine", "url": "https://example.com/hook", "token": "t", "authentication": {"scheme": "Bearer", "credentials": "c"}}
MESSAGE = {"messageId": "m-1", "role": "ROLE_USER", "parts": [{"text": "hello"}], "taskId": "task-1"}
VALID: dict[str, dict[str, Any]] = {
    "SendMessage": {"message": MESSAGE, "configuration": {"taskPushNotificationConfig": CONFIG, "historyLength": 1}},
    "message/send": {"message": {**MESSAGE, "kind": "message"}, "configuration": {"pushNotificationConfig": CONFIG, "blocking": True}},
    "GetTask": {"id": "task-1", "historyLength": 1},
    "CreateTaskPushNotificationConfig": {"taskId": "task-1", **CONFIG},
    "GetTaskPushNotificationConfig": {"taskId": "task-1", "id": "mine"},
    "ListTaskPushNotificationConfigs": {"taskId": "task-1", "pageSize": 1, "pageToken": ""},
    "DeleteTaskPushNotificationConfig": {"taskId": "task-1", "id": "mine"},
    "tasks/pushNotificationConfig/set": {"taskId": "task-1", "pushNotificationConfig": CONFIG},
    "tasks/pushNotificationConfig/get": {"id": "task-1", "pushNotificationConfigId": "mine"},
    "tasks/pushNotificationConfig/list": {"id": "task-1"},
    "tasks/pushNotificationConfig/delete": {"id": "task-1", "pushNotificationConfigId": "mine"},
}
SET, HOOK_URL = "tasks/pushNotificationConfig/set", "https://example.com/hook"
RETRIES = {"maxRetries": 3, "backoffMultiplier": 2.0, "initialDelay": 1}
DIALECTS: list[tuple[str, dict[str, Any]]] = [
    *VALID.items(),
    (SET, {"taskId": "task-1", **CONFIG, "secret": "s"}),
    (
        SET,
        {
            "taskId": "task-1",
            "pushNotificationConfig": {"webhookUrl": HOOK_URL, "webhookAuthenticationInfo": {"type": "bearer", "token": "t"}},
        },
    ),
    (SET, {"config": {"url": HOOK_URL, "headers": {"X-A": "b"}, "events": ["task.working"], "retryPolicy": RETRIES, "secret": "s"}}),
    *((f"tasks/pushNotificationConfig/{verb}", {"taskId": "task-1", "pageSize": 1}) for verb in ("get", "list", "delete")),
    ("tasks/get", {"taskId": "task-1", "historyLength": 1}),
    ("ListTasks", {"contextId": "c", "status": "TASK_STATE_WORKING", "pageSize": 1, "includeArtifacts": True}),
]
ANYTHING = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])


def with_one_change(document: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The document with anything in the place of one of its members, however deep."""
    shallow = st.tuples(st.sampled_from(sorted(document)), PARAMS).map(lambda change: {**document, change[0]: change[1]})
    nested = [name for name, value in document.items() if isinstance(value, dict)]
    deeper = [with_one_change(document[name]).map(lambda inner, name=name: {**document, name: inner}) for name in nested]  # type: ignore[misc]
    return st.one_of(shallow, *deeper)


@ANYTHING
@given(method=st.sampled_from(sorted(METHODS)), params=PARAMS)
def test_any_params_of_any_method_yield_a_result_or_a_protocol_error(runner: Runner, method: str, params: Any) -> None:
    told(runner.request("POST", "/", body=call(method, params), headers={"a2a-version": METHODS[method].version.value}))


@pytest.mark.parametrize("method", VALID)
@settings(ANYTHING, max_examples=30)
@given(data=st.data())
def test_a_valid_call_with_one_change_yields_a_result_or_a_protocol_error(runner: Runner, method: str, data: st.DataObject) -> None:
    headers = {"a2a-version": METHODS[method].version.value}
    told(runner.request("POST", "/", body=call(method, VALID[method]), headers=headers))
    told(runner.request("POST", "/", body=call(method, data.draw(with_one_change(VALID[method]))), headers=headers))


@settings(ANYTHING, max_examples=150)
@given(data=st.data())
def test_a_call_of_any_dialect_that_is_wrong_at_any_depth_yields_a_result_or_a_protocol_error(runner: Runner, data: st.DataObject) -> None:
    """Duplicate keys, NaN, halves of surrogate pairs, numbers beyond a double and deep nesting among it."""
    method, params = data.draw(st.sampled_from(DIALECTS))
    body = json.dumps(call(method, data.draw(crippled(params))))
    if data.draw(st.booleans()):
        body = body.replace('"taskId"', f'"taskId": {json.dumps(data.draw(SCALAR))}, "taskId"', 1)
    told(runner.request("POST", "/", body=body.encode(), headers={"a2a-version": METHODS[method].version.value}))


@ANYTHING
@given(body=PARAMS | st.dictionaries(st.sampled_from(["jsonrpc", "id", "method", "params"]), st.just("2.0") | PARAMS))
def test_any_json_yields_a_protocol_error(runner: Runner, body: Any) -> None:
    assert code(runner.request("POST", "/", body=json.dumps(body).encode())) is not None


SEGMENT = st.sampled_from(["", "agents", "default", "a2a", ".well-known", "agent.json", "..", "%2e%2e"]) | st.text(max_size=30)
HEADER = st.sampled_from(["a2a-version", "authorization", "host", "content-type", "x-upstream-authorization"])


@ANYTHING
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "OPTIONS", "TRACE"]),
    path=st.lists(SEGMENT, max_size=5),
    body=st.binary(max_size=50) | st.just(json.dumps(GET_TASK).encode()),
    headers=st.dictionaries(HEADER, st.text(max_size=20) | st.sampled_from(["1.0", "application/json"])),
)
def test_any_request_is_answered_without_a_fault(
    runner: Runner, method: str, path: list[str], body: bytes, headers: dict[str, str]
) -> None:
    answer = runner.request(method, "/" + "/".join(path), body=body, headers=headers)
    assert answer.status in (200, 404, 405) or as_on_aws("/" + "/".join(path)) is None, answer
    assert not is_our_fault(json.loads(answer.body))
