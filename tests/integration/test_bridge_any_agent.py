"""Callers of one version in front of agents of the other: what the agent is asked, what the caller and its webhook are told.

What a caller of 0.3 is told is read with a2a-sdk's 0.3 models; what one of 1.0 is told, strictly with its 1.0 messages.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from a2a.compat.v0_3 import types as types_03
from a2a.types import AgentCard, ListTasksResponse, SendMessageResponse, StreamResponse, Task
from google.protobuf.json_format import ParseDict

from relay.domain.task import ProtocolVersion
from relay_dev.runner import Runner
from tests.integration.loopback import Receiver, Request
from tests.support.scripted_agent import calls, http, result, scripted_agent
from tests.support.world import World, task_key

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
OTHER = {V03: V10, V10: V03}
TASK_NOT_FOUND, UNSUPPORTED, INVALID_PARAMS, INVALID_ANSWER = -32001, -32004, -32602, -32006
SEND, GET, CANCEL = {V10: "SendMessage", V03: "message/send"}, {V10: "GetTask", V03: "tasks/get"}, {V10: "CancelTask", V03: "tasks/cancel"}
SET = {V10: "CreateTaskPushNotificationConfig", V03: "tasks/pushNotificationConfig/set"}


class Caller:
    """A client of one version; what it is told is read with that version's types, and answered as `(id, state)`."""

    def __init__(self, world: World, version: ProtocolVersion) -> None:
        self._world = world
        self.version = version

    def message(self, text: str = "hello", **more: Any) -> dict[str, Any]:
        if self.version is V10:
            return {"messageId": text, "role": "ROLE_USER", "parts": [{"text": text}], **more}
        return {"kind": "message", "messageId": text, "role": "user", "parts": [{"kind": "text", "text": text}], **more}

    def sent(self, message: Mapping[str, Any], *, url: str = "", waits: bool = False, **more: Any) -> Any:
        """The result of a send; with an inline config when there is a URL."""
        hook = {"taskPushNotificationConfig" if self.version is V10 else "pushNotificationConfig": {"url": url}} if url else {}
        manner = {"returnImmediately": not waits} if self.version is V10 else {"blocking": waits}
        return self.result(SEND, {"message": message, "configuration": {**manner, **hook, **more}})

    def send(self, message: Mapping[str, Any], **more: Any) -> tuple[str, str]:
        answered = self.sent(message, **more)
        if self.version is V10:
            ParseDict(answered, SendMessageResponse())
            answered = answered["task"]
        return self.read(answered)

    def task(self, methods: Mapping[ProtocolVersion, str], **params: Any) -> tuple[str, str]:
        return self.read(self.result(methods, params))

    def register(self, task_id: str, url: str) -> None:
        config = {"url": url} if self.version is V10 else {"pushNotificationConfig": {"url": url}}
        self.result(SET, {"taskId": task_id, **config})

    def result(self, methods: Mapping[ProtocolVersion, str], params: Mapping[str, Any]) -> Any:
        return self._world.result(methods[self.version], params, version=self.version)

    def error(self, methods: Mapping[ProtocolVersion, str], **params: Any) -> dict[str, Any]:
        response = self._world.call(methods[self.version], params, version=self.version)
        assert response["id"] == 1
        error: dict[str, Any] = response["error"]
        if self.version is V03:
            types_03.JSONRPCErrorResponse.model_validate(response)
        return error

    def read(self, task: Any) -> tuple[str, str]:
        """In 0.3's words."""
        if self.version is V10:
            ParseDict(task, Task())
            return task["id"], task["status"]["state"].removeprefix("TASK_STATE_").replace("_", "-").lower()
        read = types_03.Task.model_validate(task)
        return read.id, read.status.state.value

    def notified(self) -> list[str]:
        """The states that the receiver was told, in this version's body."""
        bodies = [json.loads(post.body) for post in self._world.posts()]
        if self.version is V10:
            for body in bodies:
                ParseDict(body, StreamResponse())
            bodies = [body["task"] for body in bodies]
        return [self.read(body)[1] for body in bodies]


@pytest.fixture(scope="module", params=ProtocolVersion, ids=lambda version: f"a caller of {version}")
def shared(request: pytest.FixtureRequest) -> Iterator[tuple[World, ProtocolVersion]]:
    with World() as world:
        world.agent.speaks = OTHER[request.param]
        yield world, request.param


@pytest.fixture
def world(shared: tuple[World, ProtocolVersion]) -> World:
    world, version = shared
    world.empty_the_table()
    world.agent.reset()
    world.agent.speaks = OTHER[version]
    world.receiver.clear()
    return world


@pytest.fixture
def caller(world: World, shared: tuple[World, ProtocolVersion]) -> Caller:
    """Of another version than the world's agent."""
    return Caller(world, shared[1])


def hook(world: World) -> str:
    return f"{world.receiver.url}/hook"


# --- sends


def test_a_send_reaches_the_agent_as_its_own_versions_and_comes_back_as_the_callers(world: World, caller: Caller) -> None:
    message = caller.message(contextId="c", referenceTaskIds=["r"], metadata={"a": 1})
    assert caller.send(message, acceptedOutputModes=["text/plain"], historyLength=0) == ("task-1", "submitted")
    ((method, params),) = world.agent.calls
    expected = Caller(world, world.agent.speaks).message(contextId="c", referenceTaskIds=["r"], metadata={"a": 1})
    non_blocking = {"returnImmediately": True} if caller.version is V03 else {"returnImmediately": True, "blocking": False}
    assert method == SEND[world.agent.speaks]
    assert params == {"message": expected, "configuration": {"acceptedOutputModes": ["text/plain"], **non_blocking}}


def test_an_answer_that_is_a_message_is_told_in_the_callers_form(world: World, caller: Caller) -> None:
    world.agent.next_state = ""
    told = caller.sent(caller.message(), url=hook(world))
    if caller.version is V10:
        assert ParseDict(told, SendMessageResponse()).message.parts[0].text == "hello"
    else:
        assert types_03.Message.model_validate(told).message_id == "reply"


def test_a_waiting_send_is_answered_with_the_task_as_it_then_stands(world: World, caller: Caller) -> None:
    asked = []

    def completes(method: str, _answer: Any) -> None:
        asked.append(method)
        if asked.count(GET[world.agent.speaks]) == 1:
            world.agent.task("task-1").becomes("completed", message="done", artifacts=["an answer"])

    world.agent.before_answer = completes
    assert caller.send(caller.message(), waits=True) == ("task-1", "completed")


def test_a_send_of_a2akits_client_that_says_nothing_of_waiting_does_not_wait(world: World) -> None:
    message = {"kind": "message", "messageId": "m", "contextId": "c", "role": "user", "parts": [{"kind": "text", "text": "hello"}]}
    task = world.result("message/send", {"message": message}, version="0.3.0")
    assert (task["status"]["state"], [method for method, _ in world.agent.calls]) == ("submitted", [SEND[world.agent.speaks]])


def test_an_inline_config_is_told_each_state_in_the_callers_own_form(world: World, caller: Caller) -> None:
    caller.send(caller.message(), url=hook(world))
    world.settle()
    for state in ("working", "input-required"):
        world.agent.task("task-1").becomes(state, message=state)
        world.advance(11)
    caller.send(caller.message("more", taskId="task-1"), url=hook(world))
    world.agent.task("task-1").becomes("completed", artifacts=["an answer"])
    world.advance(11)
    assert caller.notified() == ["submitted", "working", "input-required", "submitted", "completed"]


def test_the_log_of_a_task_stays_in_the_agents_version(world: World, caller: Caller) -> None:
    caller.send(caller.message(), url=hook(world))
    (revision,) = world.revisions.read([(task_key("task-1"), 1)]).values()
    assert revision.version is world.agent.speaks
    assert [method for method, _ in world.agent.calls] == [SEND[world.agent.speaks]]  # the answer itself is the view


def test_a_message_that_the_bridge_cannot_say_is_refused_before_the_agent_hears_it(world: World, caller: Caller) -> None:
    message = caller.message()
    del message["messageId"]
    error = caller.error(SEND, message=message)
    data = error["data"][0]["metadata"] if caller.version is V10 else error["data"]
    assert (error["code"], data["field"]) == (INVALID_PARAMS, "message.messageId")
    assert world.agent.calls == []


# --- questions


def test_a_task_is_got_and_canceled(world: World, caller: Caller) -> None:
    world.agent.task("t1").becomes("working", message="busy")
    assert caller.task(GET, id="t1", historyLength=2) == ("t1", "working")
    assert caller.task(CANCEL, id="t1", metadata={"why": "enough"}) == ("t1", "canceled")
    asked = [
        (GET[world.agent.speaks], {"id": "t1", "historyLength": 2}),
        (CANCEL[world.agent.speaks], {"id": "t1", "metadata": {"why": "enough"}}),
    ]
    assert world.agent.calls == asked


def test_a_cancel_is_told_to_a_webhook_at_once(world: World, caller: Caller) -> None:
    world.agent.task("t1").becomes("working")
    caller.register("t1", hook(world))
    world.settle()
    caller.task(CANCEL, id="t1")
    world.settle()
    assert caller.notified() == ["canceled"]


def test_a_late_registration_asks_the_agent_in_its_own_version(world: World, caller: Caller) -> None:
    world.agent.task("t1").becomes("completed", artifacts=["an answer"])
    caller.register("t1", hook(world))
    world.settle()
    assert caller.notified() == ["completed"]
    assert {method for method, _ in world.agent.calls} == {GET[world.agent.speaks]}


def test_a_task_that_the_agent_does_not_know_is_not_found_in_the_callers_form(world: World, caller: Caller) -> None:
    for methods in (GET, CANCEL):
        error = caller.error(methods, id="none")
        assert error["code"] == TASK_NOT_FOUND
        assert isinstance(error.get("data", {}), list if caller.version is V10 else dict)


def test_the_extended_card_is_the_relays_own_in_the_callers_form(world: World, caller: Caller) -> None:
    def shows_a_card(_method: str, answer: Any) -> None:
        answer.pop("error", None)
        answer["result"] = world.agent.card()

    world.agent.before_answer = shows_a_card
    card = caller.result({V10: "GetExtendedAgentCard", V03: "agent/getAuthenticatedExtendedCard"}, {})
    if caller.version is V10:
        ParseDict(card, AgentCard())
    else:
        types_03.AgentCard.model_validate(card)
    assert world.agent.url not in json.dumps(card)


def test_the_card_offers_both_versions(world: World, caller: Caller) -> None:
    card = json.loads(world.runner.request("GET", "/.well-known/agent-card.json").body)
    assert [interface["protocolVersion"] for interface in card["supportedInterfaces"]] == ["1.0", "1.0", "0.3", "0.3"]
    assert types_03.AgentCard.model_validate(card).url == card["supportedInterfaces"][0]["url"]


# --- in one direction only


@contextmanager
def world_in_front_of(version: ProtocolVersion) -> Iterator[World]:
    with World() as world:
        world.agent.speaks = version
        yield world


def test_a_0_3_caller_lists_the_tasks_of_a_1_0_agent_as_one_array() -> None:
    with world_in_front_of(V10) as world:
        for number in range(3):
            world.agent.task(f"t{number}")
        listed = world.result("tasks/list", {}, version="0.3")
        assert [types_03.Task.model_validate(task).id for task in listed] == ["t2", "t1", "t0"]
        assert world.agent.calls == [("ListTasks", {"pageSize": 100, "includeArtifacts": True})]


def test_a_1_0_caller_is_told_that_a_0_3_agent_lists_no_tasks() -> None:
    with world_in_front_of(V03) as world:
        error = world.call("ListTasks", {})["error"]
        assert (error["code"], error["data"][0]["reason"]) == (UNSUPPORTED, "UNSUPPORTED_OPERATION")
        assert "tasks/list" in error["message"]


# --- on the wire


Told = Callable[[Request], bytes | None]
CARD_03 = {"name": "Old", "url": "/rpc", "protocolVersion": "0.3.0", "capabilities": {}}
CARD_PRAISONAI = {"name": "Webhook Agent", "url": "http://localhost:8000/a2a", "capabilities": {"pushNotifications": False}}
CARD_BOTH = {
    "name": "Either",
    "capabilities": {},
    "supportedInterfaces": [{"url": "/rpc", "protocolBinding": "JSONRPC", "protocolVersion": version} for version in ("1.0", "0.3")],
}
CARD_TENANT = {"name": "New", "capabilities": {}, "supportedInterfaces": [{"url": "/rpc", "protocolBinding": "JSONRPC", "tenant": "acme"}]}
ENVIRONMENT = {"CLIENT_AUTHENTICATION": "none", "POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
MESSAGE = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}


@contextmanager
def in_front_of(card: Any, told: Told) -> Iterator[tuple[Receiver, Callable[..., Any]]]:
    """An agent that answers what the test says, and a function that calls the relay and gives its response."""
    with scripted_agent(told, card=card) as agent, Runner(overrides={"UpstreamAgentUrl": agent.url("")}, environment=ENVIRONMENT) as runner:

        def call(method: str, params: Any, version: str, *, request_id: Any = 1, path: str = "/", **headers: str) -> Any:
            body = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
            return json.loads(runner.request("POST", path, body=body, headers={"A2A-Version": version, **headers}).body)

        yield agent, call


def always(value: Any) -> Told:
    return lambda _request: result(value)


def body(request: Request) -> Any:
    return json.loads(request.body)


def test_the_agent_gets_its_own_version_in_the_header_and_its_own_name_for_extensions() -> None:
    task = {"kind": "task", "id": "t", "contextId": "c", "status": {"state": "working"}}
    with in_front_of(CARD_03, always(task)) as (agent, call):
        call("GetTask", {"id": "t"}, "1.0", **{"A2A-Extensions": "https://example.com/ext"})
        (asked,) = calls(agent)
        assert (asked.headers["a2a-version"], asked.headers["x-a2a-extensions"]) == ("0.3", "https://example.com/ext")


def test_a_tenant_is_the_interfaces_own_and_no_0_3_agent_hears_of_one() -> None:
    task = {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}
    with in_front_of(CARD_TENANT, always(task)) as (agent, call):
        assert call("tasks/get", {"id": "t"}, "0.3")["result"]["status"]["state"] == "working"
        assert body(calls(agent)[0])["params"] == {"id": "t", "tenant": "acme"}
    with in_front_of(CARD_03, always(task)) as (agent, call):
        call("GetTask", {"id": "t", "tenant": "mine"}, "1.0")
        assert body(calls(agent)[0])["params"] == {"id": "t"}


@pytest.mark.parametrize("request_id", ["mine", 7, 7.5, None])
def test_the_callers_id_comes_back_and_the_agent_gets_one_it_can_read(request_id: Any) -> None:
    with in_front_of(CARD_03, always({"kind": "task", "id": "t", "contextId": "c", "status": {"state": "working"}})) as (agent, call):
        assert call("GetTask", {"id": "t"}, "1.0", request_id=request_id)["id"] == request_id
        types_03.GetTaskRequest.model_validate(body(calls(agent)[0]))


def test_an_agent_that_refuses_the_version_is_an_error_that_0_3_knows() -> None:
    """a2akit says it without an envelope, and with HTTP 400."""
    refusal = http(400, {"code": -32009, "message": "Unsupported A2A version"})
    with in_front_of(CARD_TENANT, lambda _request: refusal) as (_, call):
        error = call("tasks/get", {"id": "t"}, "0.3")["error"]
        assert (error["code"], error["message"]) == (-32603, "Unsupported A2A version")


def test_an_agents_401_stays_one() -> None:
    with in_front_of(CARD_03, lambda _request: http(401, {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "who?"}})) as (
        _,
        call,
    ):
        assert call("GetTask", {"id": "t"}, "1.0")["error"]["code"] == 401


def test_what_is_no_task_is_the_agents_fault() -> None:
    with in_front_of(CARD_03, always({"parts": []})) as (_, call):
        assert call("GetTask", {"id": "t"}, "1.0")["error"]["code"] == INVALID_ANSWER


def test_a_message_for_a_task_that_has_ended_is_unsupported_in_1_0() -> None:
    ended = {"code": INVALID_PARAMS, "message": "Task t is in terminal state: completed"}
    wrong = {"code": INVALID_PARAMS, "message": "Bad parts."}
    message = {**MESSAGE, "taskId": "t"}
    for error, code in ((ended, UNSUPPORTED), (wrong, INVALID_PARAMS)):
        with in_front_of(CARD_03, failing(error)) as (_, call):
            told = call("SendMessage", {"message": message, "configuration": {"returnImmediately": True}}, "1.0")["error"]
            assert (told["code"], told["message"]) == (code, error["message"])
            assert call("GetTask", {"id": "t"}, "1.0")["error"]["code"] == INVALID_PARAMS


def test_an_extended_card_is_asked_for_by_every_name_it_has() -> None:
    with in_front_of(CARD_PRAISONAI, knowing({"agent/getExtendedCard": CARD_PRAISONAI})) as (agent, call):
        card = call("GetExtendedAgentCard", {}, "1.0")["result"]
        ParseDict(card, AgentCard())
        assert card["name"] == "Webhook Agent"
        assert len(calls(agent)) == 3


def test_an_extended_card_that_no_card_promised_is_unsupported_in_1_0_and_no_fault_in_0_3() -> None:
    """a2a-sdk's agents of 0.3 answer -32603, others -32601 or codes of their own."""
    promises = {"supportsAuthenticatedExtendedCard": True}
    for code in (-32603, -32601, -32099):
        error = {"code": code, "message": "Authenticated card not supported"}
        with in_front_of(CARD_03, failing(error)) as (_, call):
            assert call("GetExtendedAgentCard", {}, "1.0")["error"]["code"] == UNSUPPORTED
            assert call("agent/getAuthenticatedExtendedCard", {}, "0.3")["error"]["code"] == {-32603: -32007}.get(code, code)
    with in_front_of({**CARD_03, **promises}, failing({"code": -32007, "message": "Not configured"})) as (_, call):
        assert call("GetExtendedAgentCard", {}, "1.0")["error"]["code"] == -32007


PRAISONAI_TASK = {
    "id": "task-30ba",
    "status": {"state": "input_required", "timestamp": "2026-11-20T23:36:23.961450+00:00"},
    "history": [{"messageId": "m", "role": "user", "parts": [{"text": "hi"}]}],
}


def praisonai(request: Request) -> bytes:
    return {
        "message/send": result(PRAISONAI_TASK),
        "tasks/get": http(200, {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "Task not found: x"}}),
        "tasks/cancel": result({**PRAISONAI_TASK, "status": {"state": "cancelled"}}),
        "tasks/list": result([PRAISONAI_TASK]),
    }[body(request)["method"]]


def test_praisonais_agent_answers_1_0() -> None:
    with in_front_of(CARD_PRAISONAI, praisonai) as (agent, call):
        sent = call("SendMessage", {"message": MESSAGE, "configuration": {"returnImmediately": True}}, "1.0")["result"]
        assert ParseDict(sent, SendMessageResponse()).task.context_id == "task-30ba"
        assert body(calls(agent)[0])["params"]["configuration"] == {"blocking": False, "returnImmediately": True}
        assert call("GetTask", {"id": "x"}, "1.0")["error"]["code"] == TASK_NOT_FOUND
        assert call("CancelTask", {"id": "x"}, "1.0")["result"]["status"]["state"] == "TASK_STATE_CANCELED"
        listed = ParseDict(call("ListTasks", {}, "1.0")["result"], ListTasksResponse())
        assert ([each.id for each in listed.tasks], listed.total_size) == (["task-30ba"], 1)


def test_praisonais_agent_answers_0_3_so_that_an_sdk_can_read_it() -> None:
    message = {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "hi"}]}
    with in_front_of(CARD_PRAISONAI, praisonai) as (_, call):
        sent = call("message/send", {"message": message, "configuration": {"blocking": False}}, "0.3")["result"]
        assert types_03.Task.model_validate(sent).status.state is types_03.TaskState.input_required
        assert types_03.Task.model_validate(call("tasks/cancel", {"id": "x"}, "0.3")["result"]).context_id == "task-30ba"
        assert types_03.Task.model_validate(call("tasks/list", {}, "0.3")["result"][0]).id == "task-30ba"
        assert call("tasks/get", {"id": "x"}, "0.3")["error"]["code"] == TASK_NOT_FOUND


def test_praisonais_own_client_reads_its_agents_own_words() -> None:
    """It calls `/a2a` whatever the card says, and waits for a task to be `cancelled`."""
    with in_front_of(CARD_PRAISONAI, praisonai) as (_, call):
        assert call("tasks/cancel", {"id": "x"}, "0.3", path="/a2a")["result"] == {**PRAISONAI_TASK, "status": {"state": "cancelled"}}
        sent = call("message/send", {"message": {"messageId": "m", "role": "user", "parts": [{"text": "hi"}]}}, "0.3", path="/a2a")
        assert sent["result"] == PRAISONAI_TASK
        assert call("tasks/get", {"id": "x"}, "0.3", path="/a2a")["error"]["code"] == -32000


def failing(error: Mapping[str, Any]) -> Told:
    """An agent that has the same error for every method."""
    return lambda _: http(200, {"jsonrpc": "2.0", "id": 1, "error": error})


def knowing(answers: Mapping[str, Any]) -> Told:
    """An agent that has no other methods."""
    unknown = http(200, {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "Method not found"}})
    return lambda request: result(answers[body(request)["method"]]) if body(request)["method"] in answers else unknown


def test_a_question_that_only_the_agents_other_interface_answers_is_asked_there() -> None:
    """a2a-sdk 1.x with its 0.3 compatibility on: the tasks are listed in 1.0 alone."""
    page = {"tasks": [{"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}], "nextPageToken": ""}
    with in_front_of(CARD_BOTH, knowing({"ListTasks": page})) as (agent, call):
        assert types_03.Task.model_validate(call("tasks/list", {}, "0.3")["result"][0]).id == "t"
        assert [(request.headers["a2a-version"], body(request)["method"]) for request in calls(agent)] == [
            ("0.3", "tasks/list"),
            ("1.0", "ListTasks"),
        ]


def test_a_question_that_no_interface_answers_gets_the_first_ones_error() -> None:
    with in_front_of(CARD_BOTH, knowing({})) as (_, call):
        assert call("tasks/list", {}, "0.3")["error"]["message"] == "Method not found"


def test_a_send_is_never_asked_anywhere_else() -> None:
    with in_front_of(CARD_BOTH, knowing({})) as (agent, call):
        assert call("SendMessage", {"message": MESSAGE}, "1.0")["error"]["code"] == -32601
        assert len(calls(agent)) == 1


def test_an_extended_card_is_found_under_another_name_of_the_callers_own_version() -> None:
    with in_front_of(CARD_03, knowing({"agent/getAuthenticatedExtendedCard": CARD_03})) as (_, call):
        assert call("agent/getExtendedCard", {}, "0.3")["result"]["name"] == "Old"


def test_a_waiting_reply_is_not_answered_with_the_question_that_was_there_before() -> None:
    """The agent speaks both: the task was asked for in 1.0, and the send's answer is in 0.3."""
    asks = {"state": "TASK_STATE_INPUT_REQUIRED", "message": {"messageId": "q", "role": "ROLE_AGENT", "parts": [{"text": "What?"}]}}
    task = {"id": "t", "contextId": "c", "status": asks}
    question = {"kind": "message", "messageId": "q", "role": "agent", "parts": [{"kind": "text", "text": "What?"}]}
    answered = {**task, "kind": "task", "status": {"state": "input-required", "message": question}}
    states = iter([task, {**task, "status": {"state": "TASK_STATE_COMPLETED"}}])

    def agent(request: Request) -> bytes:
        return result(answered if body(request)["method"] == "message/send" else next(states))

    message = {"kind": "message", "messageId": "m", "taskId": "t", "role": "user", "parts": [{"kind": "text", "text": "This."}]}
    with in_front_of(CARD_BOTH, agent) as (_, call):
        assert call("message/send", {"message": message}, "0.3")["result"]["status"]["state"] == "completed"


def test_all_pages_of_a_1_0_agent_are_one_array_of_0_3() -> None:
    def pages(request: Request) -> bytes:
        token = body(request)["params"].get("pageToken", "0")
        task = {"id": f"t{token}", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}
        return result({"tasks": [task], "nextPageToken": {"0": "1", "1": "2", "2": ""}[token], "pageSize": 1, "totalSize": 3})

    with in_front_of(CARD_TENANT, pages) as (_, call):
        assert [task["id"] for task in call("tasks/list", {}, "0.3")["result"]] == ["t0", "t1", "t2"]
        page = call("tasks/list", {"pageSize": 1}, "0.3")["result"]
        assert (len(page["tasks"]), page["nextPageToken"]) == (1, "1")


def test_more_tasks_than_an_answer_holds_are_an_error_that_says_what_to_do() -> None:
    task = {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}, "metadata": {"a": "x" * 2_000_000}}
    with in_front_of(CARD_TENANT, always({"tasks": [task], "nextPageToken": "more"})) as (agent, call):
        error = call("tasks/list", {}, "0.3")["error"]
        assert (error["code"], error["data"]["reason"]) == (-32603, "UPSTREAM_ANSWER_TOO_LARGE")
        assert len(calls(agent)) == 3


def test_an_answer_that_grows_too_large_on_its_way_is_an_error_that_says_so() -> None:
    task = {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}
    crowded = {**task, "artifacts": [{"artifactId": "a", "parts": [{"text": ""}] * 220_000}]}
    with in_front_of(CARD_TENANT, always(crowded)) as (_, call):
        assert call("tasks/get", {"id": "t"}, "0.3")["error"]["data"]["reason"] == "UPSTREAM_ANSWER_TOO_LARGE"
        assert "result" in call("GetTask", {"id": "t"}, "1.0")


def test_an_answer_in_no_ascii_keeps_its_size() -> None:
    task = {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}, "metadata": {"a": "ё" * 2_000_000}}
    with in_front_of(
        CARD_TENANT, lambda _request: http(200, json.dumps({"jsonrpc": "2.0", "id": 1, "result": task}, ensure_ascii=False).encode())
    ) as (_, call):
        assert call("tasks/get", {"id": "t"}, "0.3")["result"]["metadata"] == task["metadata"]


def test_a2akits_client_is_told_praisonais_tasks_in_pages() -> None:
    with in_front_of(CARD_PRAISONAI, praisonai) as (_, call):
        page = call("tasks/list", {"pageSize": 50}, "0.3.0")["result"]
        assert ([task["id"] for task in page["tasks"]], page["totalSize"]) == (["task-30ba"], 1)


ODD_ANSWERS = [
    b'{"jsonrpc": "2.0", "id": "another", "result": {"id": "t"}}',
    b'{"result": {"id": "t"}}',
    b'{"jsonrpc": "2.0", "id": 1, "error": null, "result": {"id": "t"}}',
    b'\xef\xbb\xbf{"jsonrpc": "2.0", "id": 1, "result": {"id": "t"}}',
    b'{"jsonrpc": "2.0", "id": 1, "result": {"id": "other", "id": "t"}}',
    b'{"jsonrpc": "2.0", "id": 1, "result": {"id": "other"}, "result": {"id": "t"}}',
]


def test_an_answer_that_clients_could_read_differently_is_told_in_one_way() -> None:
    said = list[bytes]()
    with in_front_of(CARD_TENANT, lambda _request: http(200, said[-1])) as (_, call):
        for answer in ODD_ANSWERS:
            said.append(answer)
            for request_id in ("mine", 1, None):
                told = call("GetTask", {"id": "t"}, "1.0", request_id=request_id)
                assert told == {"jsonrpc": "2.0", "id": request_id, "result": {"id": "t"}}, answer


def test_an_answer_in_the_callers_own_version_goes_through_byte_for_byte() -> None:
    odd = b'{"jsonrpc": "2.0",  "id": 1, "result": {"id": "t", "status": {"state": "TASK_STATE_WORKING"}, "odd": 1.10}}'
    with (
        scripted_agent(lambda _request: http(200, odd)) as agent,
        Runner(overrides={"UpstreamAgentUrl": agent.url("")}, environment=ENVIRONMENT) as runner,
    ):
        call = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "t"}}
        assert runner.request("POST", "/", body=call, headers={"A2A-Version": "1.0"}).body == odd
