"""Push is the relay's own choice where the card offers it and nothing better: once the agent has shown that it reaches the relay."""

import itertools
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from relay.adapters.table.reaches import Reaches
from relay.adapters.table.strategies import StrategyRecords
from relay.domain.keys import AgentKey
from relay.domain.reach import PROBE_AGAIN
from relay.domain.strategy import Strategy
from tests.support.wire import AwsRequest, Effect, undisturbed
from tests.support.world import SWEEP, World, task_key

AGENT = AgentKey("default", "default")
PUBLIC_URL = "https://relay.example"
SOON, SLOW = 2, 60  # seconds: WatchMinSeconds, WatchMaxSeconds
PACE = {"WatchMinSeconds": str(SOON), "WatchMaxSeconds": str(SLOW)}
SET = "CreateTaskPushNotificationConfig"


@pytest.fixture
def world() -> Iterator[World]:
    """A new one: what is known of an agent that pushes lasts for a week."""
    with World(FollowStrategy="auto", PublicUrl=PUBLIC_URL, **PACE) as world:
        world.agent.pushes = True
        yield world


def followed(world: World, *task_ids: str) -> None:
    world.follow(*task_ids)
    world.advance(SOON + 1)


def push(world: World, state: str, task_id: str) -> int:
    """As the agent would, to where the relay has registered."""
    task, config = world.agent.task(task_id), world.agent.push_configs[task_id]
    task.becomes(state)
    told: dict[str, Any] = {"statusUpdate": {"taskId": task_id, "contextId": "c", "status": task.seen["status"]}}
    headers = {"x-a2a-notification-token": config["token"]}
    return world.runner.request("POST", urlsplit(config["url"]).path, body=told, headers=headers).status


def interval(world: World, task_id: str) -> float:
    watch = world.watch(task_id)
    assert watch is not None
    return watch.interval.total_seconds()


def heard(world: World, task_id: str = "t1") -> None:
    followed(world, task_id)
    assert push(world, "working", task_id) == 202
    world.advance(20)


def test_one_task_has_a_callback_until_the_agent_has_used_it_and_is_polled_meanwhile(world: World) -> None:
    followed(world, "t1", "t2", "t3")
    assert len(world.agent.push_configs) == world.agent.count(SET) == 1
    world.agent.task("t1").becomes("working")
    world.agent.task("t2").becomes("working")
    world.advance(10)
    assert (world.told("t1"), world.told("t2")) == ([2], [2])
    assert all(interval(world, task_id) < SLOW for task_id in ("t1", "t2", "t3"))


def test_agent_that_was_heard_gets_a_callback_for_each_task_and_is_seldom_asked(world: World) -> None:
    heard(world)
    followed(world, "t2")
    assert set(world.agent.push_configs) == {"t1", "t2"}
    world.advance(SLOW)
    assert (interval(world, "t1"), interval(world, "t2")) == (SLOW, SLOW)
    assert push(world, "completed", "t2") == 202
    world.settle()
    assert world.told("t2") == [2]
    world.advance(SLOW + 1)
    world.advance(SLOW + 1)
    assert set(world.agent.push_configs) == {"t1"}


@pytest.mark.thorough
def test_agent_that_stays_silent_is_tried_ever_more_seldom(world: World) -> None:
    tried = []
    for number, wait in enumerate(PROBE_AGAIN[:2]):
        followed(world, f"a{number}", f"b{number}")
        tried.append(world.agent.count(SET))
        for name in (f"a{number}", f"b{number}"):
            world.agent.task(name).becomes("completed")
        world.advance(wait.total_seconds())
    assert tried == [1, 2]
    assert world.agent.push_configs == {}, "a task that has ended needs no callback"


def test_agent_that_takes_no_push_config_is_polled_whatever_its_card_says(world: World) -> None:
    def refuse(method: str, answer: dict[str, Any]) -> None:
        if method == SET:
            answer.pop("result")
            answer["error"] = {"code": -32003, "message": "Push Notification is not supported"}

    world.agent.before_answer = refuse
    followed(world, "t1", "t2")
    world.agent.task("t2").becomes("working")
    world.advance(10)
    assert (world.told("t2"), world.agent.count(SET)) == ([2], 1)
    assert Strategy.PUSH in StrategyRecords(world.connection, now=world.runner.clock.now).given_up(AGENT)


@pytest.mark.thorough
def test_agent_that_falls_silent_is_polled_and_has_to_show_anew_that_it_reaches_the_relay(world: World) -> None:
    heard(world)
    followed(world, "t2", "t3")
    for task_id in ("t1", "t2", "t3"):
        world.agent.task(task_id).becomes("input-required")
    world.advance(SLOW + 1)
    world.advance(1)
    assert [len(world.told(task_id)) for task_id in ("t1", "t2", "t3")] == [2, 1, 1]
    now = world.runner.clock.now()
    assert not Reaches(world.connection).get(AGENT).is_heard(now)
    world.advance(PROBE_AGAIN[0].total_seconds() + 20)
    world.agent.calls.clear()
    followed(world, "t4", "t5")
    assert world.agent.count(SET) == 1


@pytest.mark.thorough
@pytest.mark.parametrize(
    "parameters",
    [{"FollowStrategy": "poll", "PublicUrl": PUBLIC_URL}, {"FollowStrategy": "auto"}],
    ids=["the operator says poll", "the relay's address is not known"],
)
def test_no_callback_against_the_operators_choice_or_without_an_address(parameters: dict[str, str]) -> None:
    with World(**PACE, **parameters) as world:
        world.agent.pushes = True
        followed(world, "t1")
        world.advance(SLOW)
        assert world.agent.count(SET) == 0


def test_clients_webhooks_are_told_by_the_relay_alone(world: World) -> None:
    """The agent never has a client's push config, neither inline nor by the methods."""
    heard(world)
    task_id = world.send(webhook={"url": f"{world.receiver.url}/inline", "id": "inline"})
    world.register(task_id, id="later")
    world.advance(SOON + 1)
    assert push(world, "completed", task_id) == 202
    world.settle()
    assert [post.state for post in world.posts("inline")] == ["submitted", "completed"]
    assert [post.state for post in world.posts("later")] == ["completed"]
    assert world.receiver.url not in str(world.agent.calls)


# --- the callback goes with the message


def inline(config_id: str, world: World) -> dict[str, str]:
    return {"url": f"{world.receiver.url}/{config_id}", "id": config_id}


def test_agent_that_was_heard_gets_the_callback_with_the_message_and_no_second_one(world: World) -> None:
    heard(world)
    world.agent.calls.clear()
    task_id = world.send(webhook=inline("a", world))
    world.settle()
    world.advance(SOON + 1)
    assert (interval(world, task_id), world.agent.count(SET)) == (SLOW, 0)
    assert push(world, "completed", task_id) == 202
    world.settle()
    world.advance(SLOW + 1)
    assert [post.state for post in world.posts("a")] == ["submitted", "completed"]
    assert task_id not in world.agent.push_configs


def test_what_is_pushed_before_the_message_is_answered_is_told_once_the_task_is_known(world: World) -> None:
    heard(world)
    answered: list[int] = []

    def pushes_first(method: str, _: dict[str, Any]) -> None:
        if method == "SendMessage":
            task_id = list(world.agent.tasks)[-1]
            answered.extend((push(world, "working", task_id), push(world, "input-required", task_id)))

    world.agent.before_answer = pushes_first
    world.send(webhook=inline("a", world))
    world.settle()
    assert answered == [202, 202]
    assert [post.state for post in world.posts("a")] == ["submitted", "working", "input-required"]


@dataclass
class Send:
    """A message whose task has ended before the agent answers, which it tells once, and first. `api` meets that at one of its requests."""

    world: World
    place: int
    effect: Effect
    asked: int = 0
    is_told: bool = False

    def __call__(self) -> str:
        """The task's id; empty when there was no such request."""
        world = self.world
        world.wire.deaths, world.wire.decide, world.agent.before_answer = 0, self._decide, self._tell
        with suppress(ConnectionError):
            world.send(self.name, webhook=inline(self.name, world))
        world.wire.decide = undisturbed
        return list(world.agent.tasks)[-1] if world.wire.deaths else ""

    @property
    def name(self) -> str:
        return f"send-{self.place}"

    def _tell(self, method: str, _: dict[str, Any]) -> None:
        if method == "SendMessage":
            self.is_told = False
            assert push(self.world, "completed", list(self.world.agent.tasks)[-1]) == 202
            self.is_told = True

    def _decide(self, request: AwsRequest) -> Effect:
        """After the callback was answered: before that nothing of the send is durable."""
        if request.function != "api" or not self.is_told:
            return Effect.NONE
        self.asked += 1
        return self.effect if self.asked == self.place else Effect.NONE


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("effect", "step"), [pytest.param(Effect.DIES_BEFORE, 1, marks=pytest.mark.thorough), (Effect.DIES_AFTER, 3)])
def test_end_that_came_before_the_answer_is_told_whatever_request_api_dies_at_then(world: World, effect: Effect, step: int) -> None:
    """Once the webhook is registered: the client, which got no answer, does not know that it is."""
    heard(world)
    ends: list[str] = []
    for place in itertools.count(1, step):
        send = Send(world, place, effect)
        if not (task_id := send()):
            break
        world.advance(SLOW + 1)
        world.advance(SWEEP)
        if any(item["pk"]["S"] == task_key(task_id).partition for item in world.items("PUSH#")):
            ends.append(world.posts(send.name)[-1].state)
    assert len(ends) > 1
    assert ends == ["completed"] * len(ends)


def test_agent_that_refuses_a_message_with_the_callback_gets_the_next_ones_without(world: World) -> None:
    heard(world)

    def refuses(method: str, answer: dict[str, Any]) -> None:
        if method == "SendMessage" and "taskPushNotificationConfig" in world.agent.calls[-1][1]["configuration"]:
            del answer["result"]
            answer["error"] = {"code": -32602, "message": "no push configs in messages"}

    def is_taken(text: str) -> bool:
        message = {"messageId": text, "role": "ROLE_USER", "parts": [{"text": text}]}
        configuration = {"returnImmediately": True, "taskPushNotificationConfig": inline(text, world)}
        return "result" in world.call("SendMessage", {"message": message, "configuration": configuration})

    world.agent.before_answer = refuses
    assert [is_taken(text) for text in ("a", "b", "c")] == [False, True, True]
    world.settle()
    assert [len(world.posts(text)) for text in ("b", "c")] == [1, 1]
    world.advance(601)
    assert [is_taken(text) for text in ("d", "e")] == [False, True]


@pytest.mark.thorough
def test_no_message_carries_a_callback_to_an_agent_that_was_not_heard(world: World) -> None:
    task_id = world.send(webhook=inline("a", world))
    assert task_id not in world.agent.push_configs
    world.settle()
    assert push(world, "working", task_id) == 202
    world.send("no webhook")
    world.send("a further message", task_id=task_id, webhook=inline("a", world))
    sent = [params["configuration"] for method, params in world.agent.calls if method == "SendMessage"]
    assert sent == [{"returnImmediately": True}] * 3


@pytest.mark.thorough
def test_callback_goes_with_the_message_of_a_client_of_the_other_version(world: World) -> None:
    heard(world)
    message = {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "hello"}]}
    configuration = {"blocking": False, "pushNotificationConfig": inline("a", world)}
    task_id = world.result("message/send", {"message": message, "configuration": configuration}, version="0.3")["id"]
    assert world.agent.push_configs[task_id]["url"].startswith(PUBLIC_URL)
    assert world.receiver.url not in str(world.agent.calls)
