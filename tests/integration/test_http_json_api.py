"""The HTTP+JSON binding behind the front door: what real clients sent is answered in the shapes that they read, and anything is answered.

Sources: the recorded exchanges in tests/fixtures/wire; A2A 1.0 §11; a2a-sdk's own types, which parse strictly here.
"""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from a2a.compat.v0_3 import a2a_v0_3_pb2 as pb2
from a2a.compat.v0_3 import types as v03
from a2a.types import (
    ListTaskPushNotificationConfigsResponse,
    ListTasksResponse,
    SendMessageResponse,
    Task,
    TaskPushNotificationConfig,
)
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relay.domain.json_body import MAX_PUSH_CONFIG_BODY_BYTES
from relay_dev.http_event import HttpAnswer
from relay_dev.runner import Runner
from tests.support.agent import FakeAgent
from tests.support.crippled import crippled

RECORDED = Path(__file__).parents[1] / "fixtures" / "wire" / "http-json-calls.jsonl"
CALLS = [json.loads(line) for line in RECORDED.read_text().splitlines()]
STORIES = {story: list(calls) for story, calls in groupby(CALLS, lambda call: call["recorded"].rpartition("/")[0])}
# Where the relay answers otherwise than the agent that was recorded, and why.
OTHERWISE = {
    "a2akit/02-0.0.32-rest-allowed-hosts/13": 400,  # ftp://x is refused at registration, not at delivery
    "a2akit/05-push-disabled/05": 404,  # the relay has push; it knows no task `t`
    "a2akit/06-0.0.35head-v10-rest/04": 200,  # its own server cannot set a config at all
    "a2akit/06-0.0.35head-v10-rest/05": 200,
    "a2akit/06-0.0.35head-v10-rest/08": 200,
    "a2akit/06-0.0.35head-v10-rest/14": 200,
    "handler/03-0.4.0-v10-rest/12": 404,  # the config's id was the agent's choice, the relay's is another
}
V10 = {"a2a-version": "1.0"}
V03 = {"a2a-version": "0.3.0"}
CONFIG = {"id": "mine", "url": "https://example.com/hook", "token": "t", "authentication": {"scheme": "Bearer", "credentials": "c"}}
MESSAGE = {"messageId": "m-1", "role": "ROLE_USER", "parts": [{"text": "hello"}]}
MESSAGE_03 = {"kind": "message", "messageId": "m-1", "role": "user", "parts": [{"kind": "text", "text": "hello"}]}


@pytest.fixture(scope="module")
def agent() -> Iterator[FakeAgent]:
    """Its tasks end at once, so that no send waits; it knows `task-1`."""
    with FakeAgent(next_state="completed") as running:
        running.task("task-1")
        yield running


@pytest.fixture(scope="module")
def runner(agent: FakeAgent) -> Iterator[Runner]:
    environment = {"CLIENT_AUTHENTICATION": "none", "POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
    overrides = {"UpstreamAgentUrl": agent.url, "AllowedWebhookHosts": "localhost:9000"}
    with Runner(overrides=overrides, environment=environment) as running:
        yield running


def media_type(answer: HttpAnswer) -> str:
    return dict(answer.headers)["content-type"]


def told(answer: HttpAnswer, status: int = 200, *, version: dict[str, str] = V10) -> Any:
    assert answer.status == status, answer
    assert media_type(answer) == ("application/a2a+json" if version is V10 else "application/json")
    return json.loads(answer.body)


def parsed(answer: HttpAnswer, message: Message) -> Message:
    return ParseDict(told(answer), message)


# --- as recorded


def _number(call: dict[str, Any]) -> str:
    story, _, name = str(call["recorded"]).rpartition("/")
    return f"{story}/{name[:2]}"


def _ids(body: Any) -> list[str]:
    """Those that an agent makes up: the task's, the config's."""
    if not isinstance(body, dict):
        return []
    found = body.get("task") or body.get("pushNotificationConfig") or body
    return [found["id"]] if "id" in found else []


def _ask(runner: Runner, agent: FakeAgent, call: dict[str, Any], ours: dict[str, str]) -> HttpAnswer:
    """As the client sent it, with `ours` for the ids that the recorded agent had made up."""
    target, request = call["target"], call["request"]
    for theirs, our in ours.items():
        target, request = target.replace(theirs, our), request.replace(theirs, our)
    names = urlsplit(target).path.split("/")
    if "tasks" in names and not {"no-such-task", "t"} & set(names):
        agent.task(names[names.index("tasks") + 1])
    headers = {name: call[name] for name in ("a2a-version", "content-type") if call[name]}
    return runner.request(call["verb"], target, body=request.encode(), headers=headers)


def _shape(value: Any) -> Any:
    """The names that a client may read."""
    if isinstance(value, dict):
        return {name: _shape(inner) if name in ("pushNotificationConfig", "authentication") else ... for name, inner in value.items()}
    return [_shape(value[0])] if isinstance(value, list) and value else type(value)


def _is_of_a_config(call: dict[str, Any]) -> bool:
    return "pushNotificationConfigs" in call["target"]


@pytest.mark.parametrize("story", STORIES)
def test_every_recorded_call_is_answered_as_its_client_reads_it(runner: Runner, agent: FakeAgent, story: str) -> None:
    ours: dict[str, str] = {}
    for call in STORIES[story]:
        answer = _ask(runner, agent, call, ours)
        assert answer.status == OTHERWISE.get(_number(call), call["status"]), (call["recorded"], answer)
        body = json.loads(answer.body)
        for theirs, our in zip(_ids(call["response"]), _ids(body), strict=False):
            ours.setdefault(theirs, our)
        if answer.status == call["status"] == 200 and _is_of_a_config(call):
            assert _shape(body) == _shape(call["response"]), call["recorded"]
        elif answer.status == call["status"] == 404:
            assert body.get("code") == call["response"].get("code")
            assert body.get("error", {}).get("code") == call["response"].get("error", {}).get("code")
        elif answer.status == 200 and "message:send" in call["target"]:
            _check_task(body if call["a2a-version"] == "0.3.0" else body["task"], call)
        elif answer.status == 200 and not _is_of_a_config(call) and "tasks" in call["target"]:
            _check_task(body, call)


def _check_task(task: dict[str, Any], call: dict[str, Any]) -> None:
    if call["a2a-version"] == "0.3.0":
        v03.Task.model_validate(task)
        assert task["kind"] == "task"
    else:
        ParseDict(task, Task())


# --- 1.0


@pytest.mark.parametrize("base", ["", "/agents/default"])
def test_each_method_of_1_0_answers_in_the_shape_of_the_sdk(runner: Runner, agent: FakeAgent, base: str) -> None:
    sending = {"message": MESSAGE, "configuration": {"taskPushNotificationConfig": CONFIG}}
    sent = parsed(runner.request("POST", f"{base}/message:send", body=sending, headers=V10), SendMessageResponse())
    task = f"{base}/tasks/{sent.task.id}"
    parsed(runner.request("GET", f"{task}?historyLength=1", headers=V10), Task())
    parsed(runner.request("GET", f"{base}/tasks?pageSize=5&includeArtifacts=false", headers=V10), ListTasksResponse())
    configs = f"{task}/pushNotificationConfigs"
    parsed(runner.request("POST", configs, body={**CONFIG, "taskId": sent.task.id}, headers=V10), TaskPushNotificationConfig())
    got = runner.request("GET", f"{configs}/mine", headers=V10)
    assert parsed(got, TaskPushNotificationConfig()).url == CONFIG["url"]
    listed = parsed(runner.request("GET", f"{configs}?pageSize=50", headers=V10), ListTaskPushNotificationConfigsResponse())
    assert [config.id for config in listed.configs] == ["mine"]
    assert told(runner.request("DELETE", f"{configs}/mine", headers=V10)) == {}
    assert told(runner.request("DELETE", f"{configs}/mine", headers=V10)) == {}
    assert told(runner.request("GET", f"{configs}/mine", headers=V10), 404)["error"]["details"][0]["reason"] == "TASK_NOT_FOUND"
    parsed(runner.request("POST", f"{task}:cancel", headers=V10), Task())


def test_a_tenant_in_the_path_is_the_agent_s_and_part_of_the_config_s_key(runner: Runner, agent: FakeAgent) -> None:
    created = told(runner.request("POST", "/acme/tasks/task-1/pushNotificationConfigs", body=CONFIG, headers=V10))
    assert (created["tenant"], created["taskId"]) == ("acme", "task-1")
    assert agent.calls[-1] == ("GetTask", {"id": "task-1", "tenant": "acme"})
    assert told(runner.request("GET", "/acme/tasks/task-1/pushNotificationConfigs", headers=V10))["configs"] == [created]
    assert told(runner.request("GET", "/tasks/task-1/pushNotificationConfigs", headers=V10)) == {"configs": []}
    assert told(runner.request("GET", "/tasks/task-1/pushNotificationConfigs?tenant=acme", headers=V10))["configs"] == [created]


def test_a_page_of_configs_leads_to_the_next(runner: Runner) -> None:
    path = "/two/tasks/task-1/pushNotificationConfigs"
    for name in ("a", "b"):
        told(runner.request("POST", path, body={**CONFIG, "id": name}, headers=V10))
    first = told(runner.request("GET", f"{path}?pageSize=1", headers=V10))
    second = told(runner.request("GET", f"{path}?pageSize=1&pageToken={first['nextPageToken']}", headers=V10))
    assert [config["id"] for page in (first, second) for config in page["configs"]] == ["a", "b"]
    told(runner.request("GET", f"{path}?pageSize=101", headers=V10), 400)


def test_the_version_may_come_in_the_query(runner: Runner) -> None:
    parsed(runner.request("GET", "/tasks/task-1?A2A-Version=1.0"), Task())


# --- 0.3


@pytest.mark.parametrize("prefix", ["/v1", "/agents/default/v1", "/v1/v1", ""])
def test_each_method_of_0_3_answers_in_a2akit_s_shapes(runner: Runner, agent: FakeAgent, prefix: str) -> None:
    def ask(verb: str, path: str, body: Any = None, status: int = 200) -> Any:
        return told(runner.request(verb, prefix + path, body=body, headers=V03), status, version=V03)

    task = v03.Task.model_validate(ask("POST", "/message:send", {"message": MESSAGE_03}))
    v03.Task.model_validate(ask("GET", f"/tasks/{task.id}?historyLength=1"))
    assert {"tasks", "nextPageToken", "pageSize", "totalSize"} <= ask("GET", "/tasks?pageSize=5").keys()
    configs = f"/tasks/{task.id}/pushNotificationConfigs"
    config = {**CONFIG, "authentication": {"schemes": ["Bearer"], "credentials": "c"}}
    nested = {"taskId": task.id, "pushNotificationConfig": config}
    assert ask("POST", configs, config) == nested
    assert ask("GET", f"{configs}/mine") == nested
    assert ask("GET", configs) == [nested]
    assert ask("DELETE", f"{configs}/mine") is None
    assert ask("GET", f"{configs}/mine", status=404)["code"] == -32001
    v03.Task.model_validate(ask("POST", f"/tasks/{task.id}:cancel"))


# --- 0.3 in the proto's words, as a2a-sdk 0.3 speaks it: it names no version, and parses strictly


def in_proto(runner: Runner, verb: str, path: str, body: Any, message: Message) -> Message:
    answer = runner.request(verb, path, body=MessageToDict(body) if body is not None else None)
    return ParseDict(told(answer, version=V03), message)


def test_a_call_in_the_proto_s_words_is_answered_in_them_and_so_is_what_follows(runner: Runner, agent: FakeAgent) -> None:
    config = pb2.PushNotificationConfig(id="mine", url="https://example.com/hook", token="t")
    sending = pb2.SendMessageRequest(
        request=pb2.Message(message_id="m", role=pb2.ROLE_USER, content=[pb2.Part(text="hello")]),
        configuration=pb2.SendMessageConfiguration(push_notification=config, blocking=True),
    )
    sent = in_proto(runner, "POST", "/v1/message:send", sending, pb2.SendMessageResponse())
    assert sent.task.status.state == pb2.TASK_STATE_COMPLETED
    assert agent.calls[-1][1]["message"]["parts"] == [{"text": "hello"}]
    path, name = f"/v1/tasks/{sent.task.id}", f"tasks/{sent.task.id}/pushNotificationConfigs/mine"
    assert in_proto(runner, "GET", path, None, pb2.Task()) == sent.task
    creating = pb2.CreateTaskPushNotificationConfigRequest(
        parent=f"tasks/{sent.task.id}",
        config_id="mine",
        config=pb2.TaskPushNotificationConfig(name=name, push_notification_config=config),
    )
    told_config = in_proto(runner, "POST", f"{path}/pushNotificationConfigs", creating, pb2.TaskPushNotificationConfig())
    assert told_config == creating.config
    assert in_proto(runner, "GET", f"{path}/pushNotificationConfigs/mine", None, pb2.TaskPushNotificationConfig()) == creating.config
    listed = in_proto(runner, "GET", f"{path}/pushNotificationConfigs", None, pb2.ListTaskPushNotificationConfigResponse())
    assert list(listed.configs) == [creating.config]
    canceled = in_proto(runner, "POST", f"{path}:cancel", pb2.CancelTaskRequest(name=f"tasks/{sent.task.id}"), pb2.Task())
    assert canceled.status.state == pb2.TASK_STATE_CANCELLED
    assert v03.Task.model_validate(told(runner.request("GET", path, headers=V03), version=V03)).id == sent.task.id  # a2akit's


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_cancel_that_says_nothing_is_answered_as_its_task_was_sent(runner: Runner, body: bytes) -> None:
    sending = pb2.SendMessageRequest(request=pb2.Message(message_id="m", role=pb2.ROLE_USER, content=[pb2.Part(text="hello")]))
    sent = in_proto(runner, "POST", "/v1/message:send", sending, pb2.SendMessageResponse())
    for headers, state in (({}, "TASK_STATE_CANCELLED"), (V03, "canceled")):
        answer = runner.request("POST", f"/v1/tasks/{sent.task.id}:cancel", body=body, headers=headers)
        assert told(answer, version=V03)["status"]["state"] == state


def test_a_task_that_nobody_spoke_of_in_the_proto_s_words_is_told_in_0_3_s_own(runner: Runner) -> None:
    assert v03.Task.model_validate(told(runner.request("GET", "/v1/tasks/task-1"), version=V03)).kind == "task"


# --- refusals


@pytest.mark.parametrize("path", ["/message:stream", "/tasks/task-1:subscribe"])
def test_a_stream_is_refused_in_each_version_s_words(runner: Runner, path: str) -> None:
    refused = told(runner.request("POST", path, body={"message": MESSAGE}, headers=V10), 400)["error"]
    assert (refused["status"], refused["details"][0]["reason"]) == ("FAILED_PRECONDITION", "UNSUPPORTED_OPERATION")
    assert told(runner.request("POST", f"/v1{path}", body={"message": MESSAGE_03}), 400, version=V03)["code"] == -32004


@pytest.mark.parametrize(
    ("path", "headers", "status", "reason"),
    [
        ("/tasks/no-such-task", V10, 404, "TASK_NOT_FOUND"),
        ("/tasks/task-1", {}, 400, "VERSION_NOT_SUPPORTED"),
        ("/tasks/task-1", {"a2a-version": "2.0"}, 400, "VERSION_NOT_SUPPORTED"),
        ("/tasks?pageSize=many", V10, 400, "INVALID_PARAMS"),
    ],
)
def test_an_error_of_1_0_names_its_reason(runner: Runner, path: str, headers: dict[str, str], status: int, reason: str) -> None:
    error = told(runner.request("GET", path, headers=headers), status)["error"]
    assert (error["code"], error["details"][0]["reason"]) == (status, reason)


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/v1/tasks/no-such-task", {}, 404, -32001),
        ("/v1/tasks/task-1", V10, 400, -32009),
        ("/v1/tasks/task-1", {"a2a-version": "0.2"}, 400, -32009),
    ],
)
def test_an_error_of_0_3_has_its_code(runner: Runner, path: str, headers: dict[str, str], status: int, code: int) -> None:
    assert told(runner.request("GET", path, headers=headers), status, version=V03)["code"] == code


@pytest.mark.parametrize(
    ("verb", "path", "body", "content_type", "status"),
    [
        ("PUT", "/tasks/task-1", b"", "application/json", 405),
        ("POST", "/tasks/task-1", b"{}", "application/json", 405),
        ("GET", "/message:send", b"", "application/json", 405),
        ("DELETE", "/v1/card", b"", "application/json", 405),
        ("GET", "/v1/nothing", b"", "application/json", 404),
        ("GET", "/agents/no-such-agent/tasks/task-1", b"", "application/json", 404),
        ("POST", "/message:send", b"{}", "text/plain", 400),
        ("POST", "/v1/message:send", b"{}", "application/xml", 415),
        ("POST", "/message:send", b"{", "application/json", 400),
        ("POST", "/message:send", b"[]", "application/a2a+json", 400),
        ("POST", "/message:send", b"", "application/json", 400),
        ("POST", "/tasks/task-1/pushNotificationConfigs", b" " * (MAX_PUSH_CONFIG_BODY_BYTES + 1), "application/json", 413),
        ("HEAD", "/tasks/task-1", b"", "application/json", 200),
        ("GET", "/v1/health", b"", "application/json", 200),
        ("POST", "/openapi.yaml", b"", "application/json", 405),
        ("DELETE", "/openapi.json", b"", "application/json", 405),
    ],
)
def test_http_says_what_is_wrong(runner: Runner, verb: str, path: str, body: bytes, content_type: str, status: int) -> None:
    headers = {"content-type": content_type} | ({} if path.startswith("/v1") else V10)
    answer = runner.request(verb, path, body=body, headers=headers)
    assert answer.status == status, answer
    assert ("allow" in dict(answer.headers)) is (status == 405)


@pytest.mark.parametrize("base", ["", "/agents/default"])
def test_an_extended_card_is_at_the_path_of_0_2_too(runner: Runner, base: str) -> None:
    """a2a-sdk 0.3's own server still serves it there, and A2ACardResolver is told that path."""
    new, old = (runner.request("GET", base + path) for path in ("/v1/card", "/agent/authenticatedExtendedCard"))
    assert (old.status, json.loads(old.body)) == (new.status, json.loads(new.body))
    assert runner.request("POST", f"{base}/agent/authenticatedExtendedCard").status == 405


@pytest.mark.parametrize("base", ["", "/agents/default"])
def test_the_api_describes_itself(runner: Runner, base: str) -> None:
    answer = runner.request("GET", f"{base}/openapi.yaml")
    assert (answer.status, media_type(answer), answer.body[:1]) == (200, "application/yaml", b"#")
    assert b"openapi: 3.1" in answer.body
    as_json = runner.request("GET", f"{base}/openapi.json")
    assert (as_json.status, media_type(as_json), json.loads(as_json.body)) == (200, "application/json", yaml.safe_load(answer.body))


def test_a_call_without_a_key_is_told_to_show_one(agent: FakeAgent) -> None:
    closed = {"POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
    with Runner(overrides={"UpstreamAgentUrl": agent.url}, environment=closed) as running:
        answer = running.request("GET", "/tasks/task-1", headers=V10)
        assert (answer.status, dict(answer.headers)["www-authenticate"]) == (401, "Bearer")
        assert json.loads(answer.body)["error"]["details"][0]["reason"] == "UNAUTHENTICATED"


# --- anything

WORDS = ["task-1", "mine", "https://example.com/hook", "\ud800"]
NAMES = [*CONFIG, *MESSAGE, "message", "configuration", "taskId", "kind", "config"]
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(WORDS),
    lambda inner: st.dictionaries(st.sampled_from(NAMES), inner, max_size=5) | st.lists(inner, max_size=2),
    max_leaves=12,
)
NAMED = [
    "v1",
    "tasks",
    "task-1",
    "task-1:cancel",
    "message:send",
    "pushNotificationConfigs",
    "mine",
    "card",
    "extendedAgentCard",
    "..",
    "acme",
]
SEGMENTS = st.lists(st.just("") | st.sampled_from(NAMED) | st.text(max_size=8), max_size=6)
ROUTED = ["/message:send", "/tasks", "/tasks/task-1", "/tasks/task-1:cancel", "/tasks/task-1/pushNotificationConfigs", "/card"]
PATH = st.sampled_from(ROUTED) | SEGMENTS.map(lambda segments: "/" + "/".join(segments))
QUERY = st.sampled_from(
    ["", "?pageSize=1", "?pageSize=x", "?pageToken=x", "?historyLength=-1", "?tenant=%ff", "?A2A-Version=1.0", "?status=%00"]
)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    verb=st.sampled_from(["GET", "POST", "DELETE", "HEAD", "PUT", "OPTIONS"]),
    path=PATH,
    prefix=st.sampled_from(["", "/v1", "/acme", "/agents/default"]),
    query=QUERY,
    body=VALUE.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20),
    headers=st.sampled_from([{}, V10, V03, {"a2a-version": "\u00e9"}, {**V10, "content-type": "text/plain"}]),
)
def test_any_request_is_answered_without_a_fault(
    runner: Runner, verb: str, path: str, prefix: str, query: str, body: bytes, headers: dict[str, str]
) -> None:
    answer = runner.request(verb, prefix + path + query, body=body, headers=headers)
    assert 200 <= answer.status < 500, answer
    assert "The relay failed" not in json.dumps(json.loads(answer.body))


SENDS = [
    {"message": MESSAGE, "configuration": {"returnImmediately": True, "taskPushNotificationConfig": CONFIG, "historyLength": 1}},
    {"message": MESSAGE_03, "configuration": {"blocking": False, "pushNotificationConfig": CONFIG}},
    {"request": {"messageId": "m", "role": "ROLE_USER", "content": [{"text": "a"}]}, "configuration": {"blocking": True}},
]
CONFIGS = [
    CONFIG,
    {"taskId": "task-1", "pushNotificationConfig": CONFIG},
    {"parent": "tasks/task-1", "configId": "mine", "config": {"name": "n", "pushNotificationConfig": CONFIG}},
    {"webhookUrl": "https://example.com/hook", "webhookAuthenticationInfo": {"type": "bearer", "token": "t"}},
    {**CONFIG, "retryPolicy": {"maxRetries": 3, "initialDelay": 1}, "secret": "a secret of more than 24 bytes"},
]
BODIES = [
    *(("/message:send", body) for body in SENDS),
    *(("/tasks/task-1/pushNotificationConfigs", body) for body in CONFIGS),
    ("/tasks/task-1:cancel", {"name": "tasks/task-1", "metadata": {"a": 1}}),
]


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_body_of_any_dialect_that_is_wrong_at_any_depth_is_answered_without_a_fault(runner: Runner, data: st.DataObject) -> None:
    path, body = data.draw(st.sampled_from(BODIES))
    prefix, headers = data.draw(st.sampled_from([("", V10), ("/v1", {}), ("/v1", V03), ("", V03), ("/acme", V10)]))
    answer = runner.request("POST", prefix + path, body=json.dumps(data.draw(crippled(body))).encode(), headers=headers)
    assert 200 <= answer.status < 500, answer
    assert "The relay failed" not in json.dumps(json.loads(answer.body))
