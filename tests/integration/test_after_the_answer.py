"""The agent has answered a call, and then a request of the relay's own fails for good: each in turn, and what the caller is told of it."""

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.test_praisonai_configs import SET, ask, hook
from tests.support.wire import AwsRequest, Effect
from tests.support.world import World

QUEUE = "SendMessage SendMessageBatch"
Response = dict[str, Any]


@pytest.fixture
def world(kept_worlds: None) -> World:
    return World.kept()


class _Fails:
    """The api's request of that number after the agent was called with `method`. `name` is what it was."""

    def __init__(self, world: World, method: str, number: int) -> None:
        self.world, self.method, self.number, self.name = world, method, number, ""
        self._before = world.agent.count(method)
        world.wire.decide = self

    def __call__(self, request: AwsRequest) -> Effect:
        if request.function != "api" or self.world.agent.count(self.method) == self._before:
            return Effect.NONE
        self.number -= 1
        if self.number:
            return Effect.NONE
        self.name = f"{request.name} {_sort_key(request.body)}".strip()
        return Effect.FAILS


def _sort_key(body: Mapping[str, Any]) -> str:
    named = body.get("Item") or body.get("Key") or {}
    return str(named.get("sk", body.get("ExpressionAttributeValues", {}).get(":prefix", {})).get("S", "")).partition("#")[0]


def each_failing(world: World, method: str, params: Mapping[str, Any], *, version: str = "1.0") -> Iterator[tuple[str, Response]]:
    """What failed, and the answer. In between the caller of this makes the world as it is to be."""
    for number in range(1, 40):
        fails = _Fails(world, "SendMessage" if "essage" in method else method, number)
        response = world.call(method, params, version=version)
        world.wire.decide = lambda _: Effect.NONE
        if not fails.name:
            return
        yield fails.name, response
    raise AssertionError("so many requests no call makes")


def send_params(world: World, **configuration: Any) -> Response:
    webhook = {"url": f"{world.receiver.url}/hook", "id": "hook"}
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hello"}]}
    return {"message": message, "configuration": {"returnImmediately": True, "taskPushNotificationConfig": webhook, **configuration}}


@pytest.mark.parametrize("method", ["GetTask", "CancelTask", "ListTasks"])
def test_no_hint_that_fails_keeps_the_answer_from_the_caller_and_the_watch_finds_what_it_would_have_told(world: World, method: str) -> None:
    def followed() -> None:
        world.reset()
        world.follow("t1")
        world.agent.task("t1").becomes("working")

    followed()
    failed = []
    for name, response in each_failing(world, method, {} if method == "ListTasks" else {"id": "t1"}):
        failed.append(name)
        if name == "Query PENDING":
            assert response["error"]["data"][0]["metadata"] == {"outcome": "taken", "taskId": "t1"}
        else:
            assert "result" in response, name
        world.advance(10.5)
        state = "canceled" if method == "CancelTask" else "working"
        assert world.posts("t1")[-1].state == state, name
        followed()
    assert failed[-1].split()[0] in QUEUE, failed


def test_webhooks_that_wait_for_a_task_are_seen_to_by_the_question_after_the_one_that_failed(world: World) -> None:
    ask(world, SET, taskId="t1", url=hook(world))
    world.agent.task("t1").becomes("working")
    _Fails(world, "GetTask", 1)
    error = world.call("GetTask", {"id": "t1"})["error"]
    assert (error["code"], error["message"]) == (
        -32603,
        "The agent has answered, but the relay failed to see to webhooks that wait for the task: ask for it again.",
    )
    world.wire.decide = lambda _: Effect.NONE
    world.result("GetTask", {"id": "t1"})
    world.settle()
    assert [post.state for post in world.receiver.notifications] == ["working"]


def test_a_send_is_answered_or_says_that_the_message_was_taken(world: World) -> None:
    answered, refused = [], []
    for name, response in each_failing(world, "SendMessage", send_params(world)):
        assert world.agent.count("SendMessage") == 1
        (task_id,) = world.agent.tasks
        if "result" in response:
            answered.append(name)
            world.advance(10.5)
            assert [post.state for post in world.posts("hook")] == ["submitted"], name
        else:
            refused.append(name)
            told, metadata = response["error"]["message"], response["error"]["data"][0]["metadata"]
            assert told.startswith(
                f"The message was taken, its task is {task_id}, but the relay failed afterwards: do not send it again"
            ), name
            assert metadata == {"outcome": "taken", "taskId": task_id}
        world.reset()
    assert [name for name in answered if name.split()[0] in QUEUE], answered
    assert "PutItem HABIT" in answered
    assert {"PutItem REVISION", "PutItem PUSH", "PutItem CURSOR"} <= set(refused)


def test_callers_of_03_are_told_the_same(world: World) -> None:
    message = {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "hello"}]}
    params = {"message": message, "configuration": {"blocking": False, "pushNotificationConfig": {"url": f"{world.receiver.url}/hook"}}}
    refused = []
    for name, response in each_failing(world, "message/send", params, version="0.3"):
        if "error" in response:
            refused.append(name)
            assert response["error"]["data"]["outcome"] == "taken"
        world.reset()
    assert "PutItem REVISION" in refused


def test_what_a_waiting_send_could_not_observe_is_its_answer_all_the_same_and_told_later(world: World) -> None:
    def goes_on(method: str, answer: Response) -> None:
        if method == "GetTask":
            world.agent.task("task-1").becomes("completed")
            answer["result"] = world.agent.task("task-1").seen

    def fails(request: AwsRequest) -> Effect:
        is_meant = request.function == "api" and request.name == "PutItem" and "REVISION#0000000002" in str(request.body)
        return Effect.FAILS if is_meant else Effect.NONE

    world.agent.before_answer, world.wire.decide = goes_on, fails
    result = world.result("SendMessage", send_params(world, returnImmediately=False))
    assert result["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
    world.advance(10.5)
    assert [post.state for post in world.posts("hook")] == ["submitted", "completed"]


def test_outcome_of_a_silent_agent_is_said_to_be_unknown_though_its_habit_cannot_be_noted(world: World) -> None:
    def late() -> None:
        """What is left of the caller's 25 s is half a second."""
        world.runner.clock.advance(timedelta(seconds=24.5))

    world.runner.cold_start()
    world.agent.before_card, world.agent.before_answer = late, lambda *_: time.sleep(1)
    world.wire.decide = lambda request: Effect.FAILS if _sort_key(request.body) == "HABIT" and request.name == "PutItem" else Effect.NONE
    error = world.call("SendMessage", send_params(world))["error"]
    assert error["data"][0]["metadata"]["outcome"] == "unknown"
    assert world.items("HABIT#") == []
