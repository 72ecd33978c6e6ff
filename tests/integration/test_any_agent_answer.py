"""Whatever an agent answers, each call of each dialect gets a protocol error or a result, and what was seen is told without a fault.

The agents are of both versions and bindings; their answers are right ones with anything in some places, however deep (`support.crippled`).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relay.adapters.table.forms import Forms
from relay.domain.protocol import METHODS
from relay_dev.invoker import Outcome
from tests.integration.loopback import Receiver
from tests.support.crippled import crippled
from tests.support.scripted_agent import http
from tests.support.world import World, task_key

PARTS: list[Any] = [
    {"text": "a", "metadata": {"b": 1}},
    {"raw": "aGk=", "filename": "f", "mediaType": "text/plain"},
    {"url": "http://x/f"},
    {"data": [1]},
]
PARTS_03: list[Any] = [
    {"kind": "text", "text": "a"},
    {"kind": "file", "file": {"bytes": "aGk=", "name": "f", "mimeType": "text/plain"}},
    {"kind": "file", "file": {"uri": "http://x/f"}},
    {"kind": "data", "data": {"a": 1}},
]
MESSAGE = {"messageId": "r", "role": "ROLE_AGENT", "contextId": "c", "taskId": "t", "metadata": {"k": 1}, "parts": PARTS}
MESSAGE_03 = {**MESSAGE, "kind": "message", "role": "agent", "parts": PARTS_03}
STATUS = {"state": "TASK_STATE_WORKING", "timestamp": "2026-11-27T08:00:00Z", "message": MESSAGE}
TASK = {
    "id": "t",
    "contextId": "c",
    "status": STATUS,
    "artifacts": [{"artifactId": "a", "name": "n", "parts": PARTS}],
    "history": [MESSAGE],
}
TASK_03 = {
    **TASK,
    "kind": "task",
    "status": {**STATUS, "state": "working", "message": MESSAGE_03},
    "artifacts": [{"artifactId": "a", "parts": PARTS_03}],
    "history": [MESSAGE_03],
}
IN_PROTO = {
    "messageId": "r",
    "role": "ROLE_AGENT",
    "content": [{"text": "a"}, {"file": {"fileWithUri": "http://x"}}, {"data": {"data": {"a": 1}}}],
}
TASK_PROTO = {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING", "update": IN_PROTO}, "history": [IN_PROTO]}
ERROR = {"code": -32001, "message": "no", "data": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "TASK_NOT_FOUND"}]}
CARD = {
    "name": "n",
    "description": "d",
    "version": "1",
    "capabilities": {},
    "skills": [{"id": "s", "name": "s", "description": "d", "tags": ["t"]}],
}

IN_10 = [TASK, {"task": TASK}, {"message": MESSAGE}, {"tasks": [TASK, TASK], "nextPageToken": "x", "pageSize": 1, "totalSize": 2}, CARD]
IN_03 = [TASK_03, MESSAGE_03, [TASK_03], {"tasks": [TASK_03]}, CARD]
HTTP_ERRORS = [{"error": {"code": 404, "message": "m", "details": ERROR["data"]}}, ERROR, {"detail": "x"}]


def in_rpc(results: list[Any]) -> list[Any]:
    return [{"jsonrpc": "2.0", "id": 1, "error": ERROR}, *({"jsonrpc": "2.0", "id": 1, "result": result} for result in results)]


def interface(binding: str, path: str, version: str) -> dict[str, Any]:
    if version == "1.0":
        return {**CARD, "supportedInterfaces": [{"url": path, "protocolBinding": binding, "protocolVersion": version}]}
    return {**CARD, "protocolVersion": "0.3.0", "url": path, "preferredTransport": binding}


AGENTS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "1.0": (interface("JSONRPC", "/rpc", "1.0"), in_rpc(IN_10)),
    "0.3": (interface("JSONRPC", "/rpc", "0.3"), in_rpc(IN_03)),
    "1.0 over HTTP+JSON": (interface("HTTP+JSON", "/rest", "1.0"), [*IN_10, *HTTP_ERRORS]),
    "a2akit": (interface("HTTP+JSON", "/v1", "0.3"), [*IN_03, *HTTP_ERRORS]),
    "a2a-sdk 0.3": (
        interface("HTTP+JSON", "/rest", "0.3"),
        [TASK_PROTO, {"task": TASK_PROTO}, {"msg": IN_PROTO}, {"tasks": [TASK_PROTO]}, *HTTP_ERRORS],
    ),
}
HOOK = "http://127.0.0.1:1/hook"
CONFIG = {"id": "mine", "url": HOOK, "token": "t"}
SAID = {"messageId": "m", "role": "ROLE_USER", "parts": PARTS}
SAID_03 = {**SAID, "kind": "message", "role": "user", "parts": PARTS_03}
SET = "tasks/pushNotificationConfig/set"
CALLS: list[tuple[str, dict[str, Any]]] = [
    (
        "SendMessage",
        {"message": SAID, "configuration": {"returnImmediately": True, "taskPushNotificationConfig": CONFIG, "historyLength": 1}},
    ),
    ("message/send", {"message": SAID_03, "configuration": {"blocking": False, "pushNotificationConfig": CONFIG}}),
    *((method, {"id": "t", "historyLength": 1}) for method in ("GetTask", "tasks/get", "CancelTask", "tasks/cancel")),
    *((method, {"pageSize": 2}) for method in ("ListTasks", "tasks/list")),
    *((method, {}) for method in ("GetExtendedAgentCard", "agent/getAuthenticatedExtendedCard")),
    ("CreateTaskPushNotificationConfig", {"taskId": "t", **CONFIG}),
    (SET, {"taskId": "t", "pushNotificationConfig": CONFIG}),
    (SET, {"taskId": "t", "url": HOOK, "secret": "a secret of more than 24 bytes"}),
    (SET, {"config": {"url": HOOK, "events": ["task.working"], "taskId": "t"}}),
    *((method, {"taskId": "t", "id": "t"}) for method in ("ListTaskPushNotificationConfigs", "tasks/pushNotificationConfig/list")),
]
PATHS: list[tuple[str, str, Any]] = [
    ("POST", "/message:send", {"message": SAID, "configuration": {"returnImmediately": True}}),
    ("POST", "/v1/message:send", {"message": SAID_03, "configuration": {"blocking": False}}),
    ("POST", "/v1/message:send", {"request": {"messageId": "m", "role": "ROLE_USER", "content": [{"text": "a"}]}}),
    *(
        (verb, before + path, None)
        for before in ("", "/v1")
        for verb, path in (("GET", "/tasks/t"), ("GET", "/tasks"), ("POST", "/tasks/t:cancel"))
    ),
    *(("POST", before + "/tasks/t/pushNotificationConfigs", CONFIG) for before in ("", "/v1")),
    *(
        ("GET", path, None)
        for path in ("/extendedAgentCard", "/v1/card", "/tasks/t/pushNotificationConfigs", "/v1/tasks/t/pushNotificationConfigs")
    ),
]


class Agent:
    """What it says is the test's."""

    def __init__(self) -> None:
        self.card: Any = CARD
        self.body = b""
        self.status = 200

    @contextmanager
    def listening(self) -> Iterator[str]:
        def script(connection: Any, request: Any) -> None:
            connection.sendall(http(200, self.card) if ".well-known" in request.line else http(self.status, self.body))

        with Receiver(script) as receiver:
            yield receiver.url("")


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[World, Agent, list[Any]]]:
    """And what a function came to when it raised, or left something undone."""
    agent, failed = Agent(), list[Any]()
    with agent.listening() as url, World(UpstreamAgentUrl=url) as world:
        invoke = world.runner.invoke

        def noted(function: str, event: Mapping[str, Any]) -> Outcome:
            outcome = invoke(function, event)
            if outcome.error or (isinstance(outcome.answer, dict) and outcome.answer.get("batchItemFailures")):
                failed.append((function, outcome))
            return outcome

        world.runner.invoke = noted
        yield world, agent, failed


def each_is_answered(shared: tuple[World, Agent, list[Any]], kind: str, examples: int) -> None:
    world, agent, failed = shared
    agent.card, answers = AGENTS[kind]
    world.runner.cold_start()

    @settings(deadline=None, max_examples=examples, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def answered(data: st.DataObject) -> None:
        body = json.dumps(data.draw(crippled(data.draw(st.sampled_from(answers))))).encode()
        agent.body = data.draw(st.sampled_from([body, body, body, b"\xef\xbb\xbf" + body, body[: len(body) // 2], b"", b"null"]))
        agent.status = data.draw(st.sampled_from([200, 200, 200, 201, 400, 404, 422, 500]))
        data.draw(st.sampled_from([over_json_rpc, over_http_json]))(world, data)
        world.settle()
        world.empty_the_table()
        assert not failed

    answered()


def over_json_rpc(world: World, data: st.DataObject) -> None:
    method, params = data.draw(st.sampled_from(CALLS))
    version = data.draw(st.sampled_from(["0.3", "0.3.0"])) if METHODS[method].version == "0.3" else "1.0"
    call = {"jsonrpc": "2.0", "id": data.draw(st.sampled_from([1, "x", None])), "method": method, "params": params}
    answer = world.runner.request("POST", data.draw(st.sampled_from(["/", "/a2a"])), body=call, headers={"a2a-version": version})
    told = json.loads(answer.body)
    assert (answer.status, told["jsonrpc"], told["id"], "result" in told) == (200, "2.0", call["id"], "error" not in told)
    error = told.get("error", {"code": 0, "message": ""})
    assert (type(error["code"]), type(error["message"])) == (int, str)
    assert not is_our_fault(told)


def over_http_json(world: World, data: st.DataObject) -> None:
    verb, path, body = data.draw(st.sampled_from(PATHS))
    headers = {} if path.startswith("/v1") else {"a2a-version": "1.0"}
    if data.draw(st.booleans()):  # its caller reads the proto's words
        Forms(world.connection, now=world.runner.clock.now).put_proto(task_key("t"))
    answer = world.runner.request(verb, path, body=body, headers=headers)
    told = json.loads(answer.body)
    assert not is_our_fault(told)
    assert answer.status < 500 or "error" in told or "code" in told  # the agent's fault, said as the protocol says it


def is_our_fault(told: Any) -> bool:
    return "The relay failed" in json.dumps(told)


@pytest.mark.parametrize("kind", AGENTS)
def test_any_answer_of_an_agent_is_told_as_a_result_or_a_protocol_error(shared: tuple[World, Agent, list[Any]], kind: str) -> None:
    each_is_answered(shared, kind, 8)


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_in_front_of_any_agents_card_each_call_is_answered(shared: tuple[World, Agent, list[Any]], data: st.DataObject) -> None:
    world, agent, failed = shared
    card, answers = AGENTS[data.draw(st.sampled_from(sorted(AGENTS)))]
    agent.card, agent.status = data.draw(crippled(card)), 200
    agent.body = json.dumps(data.draw(st.sampled_from(answers))).encode()
    world.runner.cold_start()  # what was cached of the card before is forgotten
    data.draw(st.sampled_from([over_json_rpc, over_http_json]))(world, data)
    world.settle()
    world.empty_the_table()
    assert not failed


@pytest.mark.thorough
@pytest.mark.parametrize("kind", AGENTS)
def test_any_of_many_answers_of_an_agent_is_told_as_a_result_or_a_protocol_error(shared: tuple[World, Agent, list[Any]], kind: str) -> None:
    each_is_answered(shared, kind, 600)
