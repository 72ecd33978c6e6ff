"""How an agent is found to block without a send being repeated, and what is remembered of it."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.world import World

MESSAGE = {"role": "ROLE_USER", "parts": [{"text": "hello"}]}
LEAVES = {"returnImmediately": True}


@pytest.fixture
def world(kept_worlds: None) -> Iterator[World]:
    world = World.kept()
    yield world
    world.agent.__dict__.pop("card", None)
    world.reset()


def send(world: World, message_id: str, **configuration: Any) -> dict[str, Any]:
    result: dict[str, Any] = world.result("SendMessage", {"message": {**MESSAGE, "messageId": message_id}, "configuration": configuration})
    world.settle()
    return result


def is_the_relays(result: dict[str, Any]) -> bool:
    return "task" in result and str(result["task"]["id"]).startswith("relay-")


def habits(world: World) -> list[str]:
    return [item["habit"]["S"] for item in world.items("HABIT#")]


def test_agent_that_answers_with_tasks_is_let_be(world: World) -> None:
    for number in range(3):
        assert not is_the_relays(send(world, f"m{number}", **LEAVES))
    assert habits(world) == ["answers-with-tasks"]


def test_agent_that_has_tasks_may_answer_with_a_message_now_and_then(world: World) -> None:
    send(world, "m1", **LEAVES)
    world.agent.next_state = ""
    assert "message" in send(world, "m2", **LEAVES)
    world.agent.next_state = "submitted"
    assert not is_the_relays(send(world, "m3", **LEAVES, taskPushNotificationConfig={"url": f"{world.receiver.url}/hook"}))


def test_one_task_undoes_what_messages_have_shown(world: World) -> None:
    world.agent.next_state = ""
    send(world, "m1", **LEAVES)
    world.agent.next_state = "completed"
    assert is_the_relays(send(world, "m2", **LEAVES))
    assert habits(world) == ["answers-with-tasks"], "the worker has seen the agent's task"
    assert not is_the_relays(send(world, "m3", **LEAVES))


def test_after_a_message_sends_that_need_a_task_get_one(world: World) -> None:
    world.agent.next_state = ""
    assert "message" in send(world, "m1", **LEAVES)
    assert habits(world) == ["answers-with-messages"]
    assert is_the_relays(send(world, "m2", **LEAVES))
    assert is_the_relays(send(world, "m3", **LEAVES, taskPushNotificationConfig={"url": f"{world.receiver.url}/hook"}))
    assert "message" in send(world, "m4"), "one that waits has no need of a task"
    assert [each.state for each in world.receiver.notifications] == ["submitted", "working", "completed"]
    assert world.agent.count("SendMessage") == 4


def test_other_processes_know_it_too(world: World) -> None:
    world.agent.next_state = ""
    send(world, "m1", **LEAVES)
    world.runner.cold_start()
    assert is_the_relays(send(world, "m2", **LEAVES))


def test_it_is_forgotten_after_a_month(world: World) -> None:
    world.agent.next_state = ""
    send(world, "m1", **LEAVES)
    world.runner.clock.advance(timedelta(days=30, seconds=1))
    assert not is_the_relays(send(world, "m2", **LEAVES))


def test_agent_that_holds_a_send_open_is_called_by_the_worker_from_then_on(world: World) -> None:
    world.agent.next_state = "completed"
    world.agent.before_answer = lambda *_: world.runner.clock.advance(timedelta(seconds=6))
    assert not is_the_relays(send(world, "m1", **LEAVES))
    world.agent.before_answer = lambda *_: None
    assert habits(world) == ["holds-sends-open"]
    assert is_the_relays(send(world, "m2", **LEAVES))
    assert world.agent.count("SendMessage") == 2


def test_agent_that_is_only_slow_is_let_be(world: World) -> None:
    world.agent.before_answer = lambda *_: world.runner.clock.advance(timedelta(seconds=6))
    send(world, "m1", **LEAVES)
    assert habits(world) == ["answers-with-tasks"]


def test_agent_that_does_not_answer_in_time_is_called_by_the_worker_from_then_on(world: World) -> None:
    card = world.agent.card()

    def late() -> dict[str, Any]:
        """What is left of the caller's 25 s is half a second."""
        world.runner.clock.advance(timedelta(seconds=24.5))
        return card

    world.agent.card = late  # type: ignore[method-assign]
    world.agent.before_answer = lambda *_: time.sleep(1)
    answer = world.call("SendMessage", {"message": {**MESSAGE, "messageId": "m1"}, "configuration": LEAVES})
    assert answer["error"]["code"] == -32603
    assert "unknown" in answer["error"]["message"]
    world.agent.before_answer = lambda *_: None
    assert habits(world) == ["holds-sends-open"]
    assert is_the_relays(send(world, "m2", **LEAVES))
    assert world.agent.count("SendMessage") == 2
