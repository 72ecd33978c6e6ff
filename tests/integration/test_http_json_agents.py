"""In front of agents that speak HTTP+JSON only, callers of either version: the whole relay, step by step.

What a caller is told is read with a2a-sdk's own types; the fake agent reads and writes the proto's words with a2a-sdk's own conversions.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from a2a.compat.v0_3 import types as types_03
from a2a.types import ListTasksResponse, SendMessageResponse, StreamResponse, Task
from google.protobuf.json_format import ParseDict

from relay.domain.task import ProtocolVersion
from tests.support.agent import FakeAgent
from tests.support.http_json_agent import HttpJsonAgent, Speech
from tests.support.world import World

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
SEND, GET, CANCEL = {V10: "SendMessage", V03: "message/send"}, {V10: "GetTask", V03: "tasks/get"}, {V10: "CancelTask", V03: "tasks/cancel"}
LIST = {V10: "ListTasks", V03: "tasks/list"}
MESSAGE: dict[ProtocolVersion, dict[str, Any]] = {
    V10: {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hello"}, {"data": {"a": 1}}, {"raw": "aGVsbG8=", "filename": "f"}]},
    V03: {
        "kind": "message",
        "messageId": "m",
        "role": "user",
        "parts": [
            {"kind": "text", "text": "hello"},
            {"kind": "data", "data": {"a": 1}},
            {"kind": "file", "file": {"bytes": "aGVsbG8=", "name": "f"}},
        ],
    },
}


@pytest.fixture(scope="module", params=Speech)
def shared(request: pytest.FixtureRequest) -> Iterator[tuple[World, HttpJsonAgent]]:
    with FakeAgent() as fake, HttpJsonAgent(fake, request.param) as agent, World(UpstreamAgentUrl=agent.url) as world:
        yield world, agent


@pytest.fixture
def world(shared: tuple[World, HttpJsonAgent]) -> World:
    world, agent = shared
    world.empty_the_table()
    world.receiver.clear()
    agent.agent.reset()
    agent.agent.speaks = agent.speech.version
    agent.refusal = None
    agent.requests.clear()
    return world


@pytest.fixture
def agent(shared: tuple[World, HttpJsonAgent]) -> HttpJsonAgent:
    return shared[1]


@pytest.fixture(params=ProtocolVersion)
def version(request: pytest.FixtureRequest) -> ProtocolVersion:
    return ProtocolVersion(request.param)


def sent(world: World, version: ProtocolVersion, *, url: str = "", waits: bool = False) -> Any:
    hook = {"taskPushNotificationConfig" if version is V10 else "pushNotificationConfig": {"url": url}} if url else {}
    manner = {"returnImmediately": not waits} if version is V10 else {"blocking": waits}
    return world.result(SEND[version], {"message": MESSAGE[version], "configuration": {**manner, **hook}}, version=version)


def state_of(task: Any, version: ProtocolVersion) -> str:
    if version is V10:
        ParseDict(task, Task())
        return str(task["status"]["state"]).removeprefix("TASK_STATE_").lower()
    return types_03.Task.model_validate(task).status.state.value


def test_a_send_is_heard_whole_and_answered_in_the_caller_s_words(world: World, agent: HttpJsonAgent, version: ProtocolVersion) -> None:
    told = sent(world, version)
    if version is V10:
        ParseDict(told, SendMessageResponse())
        told = told["task"]
    assert state_of(told, version) == "submitted"
    ((method, params),) = agent.agent.calls
    assert method == SEND[agent.speech.version]
    assert {name: value for name, value in params["message"].items() if value} == MESSAGE[agent.speech.version]
    verb, path, said_version, _ = agent.requests[-1]
    assert (verb, path) == ("POST", "/message:send" if agent.speech is Speech.V10 else "/v1/message:send")
    assert said_version == agent.speech.version


def test_a_message_for_an_answer_is_told_as_one(world: World, agent: HttpJsonAgent, version: ProtocolVersion) -> None:
    agent.agent.next_state = ""
    told = sent(world, version)
    if version is V10:
        assert ParseDict(told, SendMessageResponse()).message.parts[0].text == "hello"
    else:
        assert types_03.Message.model_validate(told).message_id == "reply"


def test_an_inline_config_is_told_each_state(world: World, agent: HttpJsonAgent, version: ProtocolVersion) -> None:
    sent(world, version, url=f"{world.receiver.url}/hook")
    world.settle()
    for state in ("working", "completed"):
        agent.agent.task("task-1").becomes(state, message=state, artifacts=["an answer"] if state == "completed" else None)
        world.advance(11)
    bodies = [json.loads(post.body) for post in world.posts()]
    if version is V10:
        for body in bodies:
            ParseDict(body, StreamResponse())
        bodies = [body["task"] for body in bodies]
    assert [state_of(body, version) for body in bodies] == ["submitted", "working", "completed"]
    assert bodies[-1]["artifacts"][0]["parts"][0]["text"] == "an answer"


def test_a_send_that_waits_is_answered_with_the_end(world: World, agent: HttpJsonAgent, version: ProtocolVersion) -> None:
    def completes(method: str, _answer: Any) -> None:
        if method == SEND[agent.speech.version]:
            agent.agent.task("task-1").becomes("completed", artifacts=["an answer"])

    agent.agent.before_answer = completes
    told = sent(world, version, waits=True)
    assert state_of(told["task"] if version is V10 else told, version) == "completed"


def test_a_task_is_got_and_canceled(world: World, agent: HttpJsonAgent, version: ProtocolVersion) -> None:
    agent.agent.task("a.b c").becomes("working", message="busy")
    assert state_of(world.result(GET[version], {"id": "a.b c", "historyLength": 2}, version=version), version) == "working"
    assert state_of(world.result(CANCEL[version], {"id": "a.b c"}, version=version), version) == "canceled"
    prefix = "" if agent.speech is Speech.V10 else "/v1"
    asked = [request[1] for request in agent.requests if "well-known" not in request[1]]
    assert asked == [f"{prefix}/tasks/a.b%20c?historyLength=2", f"{prefix}/tasks/a.b%20c:cancel"]


def test_a_late_registration_asks_for_the_task(world: World, agent: HttpJsonAgent, version: ProtocolVersion) -> None:
    agent.agent.task("t").becomes("completed")
    config = {"url": f"{world.receiver.url}/hook"}
    method = {V10: "CreateTaskPushNotificationConfig", V03: "tasks/pushNotificationConfig/set"}[version]
    world.result(method, {"taskId": "t", **(config if version is V10 else {"pushNotificationConfig": config})}, version=version)
    world.settle()
    assert len(world.posts()) == 1


@pytest.mark.parametrize("task_id", ["no-such-task", "..", "."])
def test_a_task_that_the_agent_does_not_know_is_not_found(
    world: World, agent: HttpJsonAgent, version: ProtocolVersion, task_id: str
) -> None:
    for methods in (GET, CANCEL):
        error = world.call(methods[version], {"id": task_id}, version=version)["error"]
        assert error["code"] == -32001, error
    assert all(".." not in request[1] for request in agent.requests)


def test_tasks_are_listed_or_it_is_said_that_they_cannot_be(world: World, agent: HttpJsonAgent, version: ProtocolVersion) -> None:
    agent.agent.task("t")
    answer = world.call(LIST[version], {"pageSize": 5}, version=version)
    if agent.speech is not Speech.V10:  # the fake agent has no such method in 0.3
        assert answer["error"]["code"] in (-32601, -32004)
    elif version is V10:
        ParseDict(answer["result"], ListTasksResponse())
        assert agent.requests[-1][1] == "/tasks?pageSize=5"
    else:
        assert [types_03.Task.model_validate(task).id for task in answer["result"]["tasks"]] == ["t"]


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (400, {"code": -32009, "message": "Unsupported A2A version"}, -32009),
        (409, {"code": -32002, "message": "Task is not cancelable"}, -32002),
        (409, {"message": "Task is not cancelable"}, -32002),
        (404, {"message": "Task not found"}, -32001),
        (404, {"detail": "Not Found"}, -32601),
        (422, {"message": "wrong"}, -32602),
        (500, {"message": "unknown exception"}, -32603),
        (200, {"error": {"code": 1}}, -32006),
        (302, {}, -32006),
        (502, {"message": "bad gateway"}, -32603),
        (503, {"code": -32603, "message": "not yet"}, -32603),
    ],
)
def test_what_an_agent_says_in_http_is_told_in_json_rpc_s_words(
    world: World, agent: HttpJsonAgent, status: int, said: dict[str, Any], code: int
) -> None:
    agent.refusal = (status, said)
    version = agent.speech.version
    answer = world.call(CANCEL[version], {"id": "t"}, version=version)
    if status == 200:  # what it said is passed on as it is: the agent is of the caller's own version
        assert "error" in answer["result"] or answer["result"]["kind"] == "task"
    else:
        assert answer["error"]["code"] == code, answer


@pytest.mark.parametrize("status", [401, 403])
def test_an_agent_that_wants_another_credential_is_told_as_http_tells_it(world: World, agent: HttpJsonAgent, status: int) -> None:
    agent.refusal = (status, {"code": -32603, "message": "no"})
    with pytest.raises(ConnectionError, match=f"HTTP {status}"):
        world.call(GET[agent.speech.version], {"id": "t"}, version=agent.speech.version)
