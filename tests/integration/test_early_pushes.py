"""What an agent pushes to the callback that came with a message before anybody knows which task the message has made."""

import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from relay.domain.callback import MAX_EARLY, MAX_EARLY_BYTES
from tests.support.wire import AwsRequest, Effect, undisturbed
from tests.support.world import World

SOON, SLOW = 2, 60  # seconds: WatchMinSeconds, WatchMaxSeconds
DEADLINE = 60  # seconds a test waits for a condition before it fails


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Its agent has used a callback, so that from now on one goes with each message."""
    pace = {"WatchMinSeconds": str(SOON), "WatchMaxSeconds": str(SLOW)}
    with World(FollowStrategy="auto", PublicUrl="https://relay.example", **pace) as world:
        world.agent.pushes = True
        world.follow("first")
        world.advance(SOON + 1)
        assert push(world, told(world, "first", "working"), at="first") == 202
        world.advance(20)
        yield world


@pytest.fixture(autouse=True)
def _undisturbed(world: World) -> Iterator[None]:
    yield
    world.wire.decide, world.agent.before_answer = undisturbed, lambda _method, _answer: None


def told(world: World, task_id: str, state: str, *, text: str = "") -> dict[str, Any]:
    """As an agent tells that a task has become so, and so it is from now on."""
    world.agent.task(task_id).becomes(state, message=text)
    return {"statusUpdate": {"taskId": task_id, "contextId": "c", "status": world.agent.task(task_id).seen["status"]}}


def push(world: World, body: Any, *, at: str) -> int:
    """To the callback of that task."""
    config = world.agent.push_configs[at]
    headers = {"x-a2a-notification-token": config["token"]}
    return world.runner.request("POST", urlsplit(config["url"]).path, body=body, headers=headers).status


def send(world: World, name: str, early: Any) -> None:
    """`early(task_id)` happens when the agent has the message, and has not answered it."""
    world.agent.before_answer = lambda method, _: early(list(world.agent.tasks)[-1]) if method == "SendMessage" else None
    world.send(name, webhook={"url": f"{world.receiver.url}/{name}", "id": name})


def states(world: World, name: str) -> list[str]:
    return [post.state for post in world.posts(name)]


def test_what_is_too_large_to_keep_the_agent_is_asked_for(world: World) -> None:
    taken: list[int] = []
    send(world, "large", lambda task_id: taken.append(push(world, told(world, task_id, "working", text="x" * MAX_EARLY_BYTES), at=task_id)))
    world.settle()
    assert (taken, states(world, "large")) == ([202], ["submitted", "working"])


@pytest.mark.thorough
def test_of_more_than_can_be_kept_the_last_is_asked_for(world: World) -> None:
    def tell_much(task_id: str) -> None:
        for number in range(MAX_EARLY):
            push(world, told(world, task_id, "working", text=f"step {number}"), at=task_id)
        assert push(world, told(world, task_id, "input-required"), at=task_id) == 202

    send(world, "many", tell_much)
    world.settle()
    assert states(world, "many") == ["submitted", *["working"] * MAX_EARLY, "input-required"]


def test_what_tells_of_another_task_is_not_told_as_this_one(world: World) -> None:
    world.follow("another")

    def mix_up(task_id: str) -> None:
        assert push(world, {**told(world, task_id, "working")}, at=task_id) == 202
        stray = {"taskId": "another", "contextId": "c", "status": {"state": "TASK_STATE_FAILED"}}
        assert push(world, {"statusUpdate": stray}, at=task_id) == 202
        assert push(world, told(world, task_id, "input-required"), at=task_id) == 202

    send(world, "mixed", mix_up)
    world.settle()
    assert states(world, "mixed") == ["submitted", "working", "input-required"]
    assert states(world, "another") == []


def test_what_arrives_just_when_the_task_gets_its_name_is_told_at_once(world: World) -> None:
    arrived, named, polls = threading.Event(), threading.Event(), world.agent.count("GetTask")

    def decide(request: AwsRequest) -> Effect:
        if "early = " in str(request.body.get("UpdateExpression")):
            arrived.set()
            assert named.wait(DEADLINE)
        return Effect.NONE

    def push_aside(task_id: str) -> None:
        pushing.append(threading.Thread(target=push, args=(world, told(world, task_id, "working")), kwargs={"at": task_id}))
        pushing[0].start()
        assert arrived.wait(DEADLINE)

    pushing: list[threading.Thread] = []
    world.wire.decide = decide
    send(world, "between", push_aside)
    named.set()
    pushing[0].join(DEADLINE)
    assert not pushing[0].is_alive()
    assert world.agent.count("GetTask") == polls
    world.purge("WatchQueue")
    world.settle()
    assert states(world, "between") == ["submitted", "working"]
