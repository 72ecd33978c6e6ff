"""A send whose agent cannot be asked before, beside or after it: what the caller is told, and what becomes of its webhook."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.loopback import Request
from tests.support.cards import CARD_BOTH
from tests.support.scripted_agent import http, result, scripted_agent
from tests.support.world import WATCHING, World


@pytest.fixture
def world(kept_worlds: None) -> Iterator[World]:
    world = World.kept()
    yield world
    world.agent.before_answer, world.agent.status = lambda _method, _answer: None, 200


def send(world: World, *, task_id: str = "", webhook: bool = False, waits: bool = False) -> dict[str, Any]:
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hello"}], **({"taskId": task_id} if task_id else {})}
    inline = {"taskPushNotificationConfig": {"url": f"{world.receiver.url}/hook", "id": "hook"}} if webhook else {}
    return world.call("SendMessage", {"message": message, "configuration": {"returnImmediately": not waits, **inline}})


def cannot_be_asked(world: World) -> None:
    """It answers messages alone."""
    world.agent.before_answer = lambda method, _: setattr(world.agent, "status", 502 if method == "GetTask" else 200)


def states(world: World) -> list[str]:
    return [post.state for post in world.posts("hook")]


def test_message_that_no_time_is_left_for_is_said_not_to_be_sent(world: World) -> None:
    world.agent.before_card = lambda: world.runner.clock.advance(timedelta(seconds=26))
    world.runner.cold_start()
    error = send(world)["error"]
    assert (error["code"], error["message"]) == (-32603, "The agent could not be reached in time; nothing was sent to it.")
    assert error["data"][0]["metadata"]["outcome"] == "not-sent"
    assert (world.agent.count("SendMessage"), world.items("HABIT#")) == (0, [])


def test_message_with_a_webhook_is_not_sent_while_nobody_knows_how_its_task_stands(world: World) -> None:
    world.agent.task("t1")
    cannot_be_asked(world)
    assert send(world, task_id="t1", webhook=True)["error"]["code"] == -32603
    assert (world.agent.count("SendMessage"), world.items("PUSH#")) == (0, [])


def test_message_without_one_is_sent_all_the_same(world: World) -> None:
    world.agent.task("t1")
    world.agent.next_state = "completed"
    cannot_be_asked(world)
    answer = send(world, task_id="t1", waits=True)
    assert answer["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED"


def test_what_a_waiting_send_sees_is_told_before_any_poll(world: World) -> None:
    def goes_on(method: str, answer: dict[str, Any]) -> None:
        if method == "GetTask":
            world.agent.task("task-1").becomes(next(coming, "completed"))
            answer["result"] = world.agent.task("task-1").seen

    coming = iter(["working"])
    world.agent.before_answer = goes_on
    answer = send(world, webhook=True, waits=True)
    world.purge(WATCHING)
    world.settle()
    assert answer["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
    assert states(world) == ["submitted", "working", "completed"]


def test_waiting_send_whose_task_is_forgotten_is_answered_with_what_was_last_seen(world: World) -> None:
    world.agent.next_state = "working"
    world.agent.before_answer = lambda method, _: world.agent.forget("task-1") if method == "SendMessage" else None
    answer = send(world, webhook=True, waits=True)
    assert answer["result"]["task"]["status"]["state"] == "TASK_STATE_WORKING"
    world.settle()
    assert states(world) == ["working"]


def test_answer_in_the_other_version_is_told_though_the_agent_cannot_be_asked_at_once() -> None:
    """The agent speaks both: its log is kept in 1.0, and the send's answer is in 0.3."""
    interfaces = [{**each, "url": "/rpc"} for each in CARD_BOTH["supportedInterfaces"]]
    task = {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_COMPLETED"}}
    polls = iter([http(502, {})])

    def agent(request: Request) -> bytes:
        if b"message/send" in request.body:
            return result({**task, "kind": "task", "status": {"state": "working"}})
        return next(polls, result(task))

    message = {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "hello"}]}
    card = {**CARD_BOTH, "supportedInterfaces": interfaces, "url": "/rpc"}
    with scripted_agent(agent, card=card) as scripted, World(UpstreamAgentUrl=scripted.url("")) as world:
        configuration = {"blocking": False, "pushNotificationConfig": {"url": f"{world.receiver.url}/hook"}}
        answer = world.result("message/send", {"message": message, "configuration": configuration}, version="0.3")
        assert answer["status"]["state"] == "working"
        world.settle()
        world.advance(11)
        assert states(world) == ["working", "completed"]
