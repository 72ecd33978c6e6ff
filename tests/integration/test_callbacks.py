"""Agents that push: the relay registers its own callback for each task, and becomes the durable hop."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from relay.domain.callback import CONFIG_ID, LASTS, REGISTER_AGAIN
from relay_dev.http_event import HttpAnswer
from tests.support.world import World

PUBLIC_URL = "https://relay.example"
CREDENTIAL = "the/operators+credential"
SOON, SLOW = 2, 60  # seconds: how often the watch polls, before the agent has the callback and after


@pytest.fixture(scope="module")
def one_world() -> Iterator[World]:
    parameters = {"FollowStrategy": "push", "PublicUrl": PUBLIC_URL, "WatchMinSeconds": str(SOON), "WatchMaxSeconds": str(SLOW)}
    with World(**parameters, UpstreamCredential=f"X-Key: {CREDENTIAL}") as world:
        yield world


@pytest.fixture
def world(one_world: World) -> World:
    """The task t1, `submitted`, with one config; the agent has the relay's callback for it."""
    one_world.reset()
    one_world.agent.pushes = True
    followed(one_world)
    return one_world


def followed(world: World, task_id: str = "t1") -> None:
    world.agent.task(task_id)
    world.register(task_id, id="a")
    world.settle()
    world.advance(SOON + 1)


def push(world: World, body: Any, *, task_id: str = "t1", token: str | None = None, header: str = "x-a2a-notification-token") -> HttpAnswer:
    """As the agent would, to where the relay has registered."""
    config = world.agent.push_configs[task_id]
    path = urlsplit(config["url"]).path
    shown = config["token"] if token is None else token
    value = f"Bearer {shown}" if header == "authorization" else shown
    return world.runner.request("POST", path, body=body, headers={header: value})


def status(world: World, state: str, task_id: str = "t1") -> dict[str, Any]:
    task = world.agent.task(task_id)
    task.becomes(state)
    return {"statusUpdate": {"taskId": task_id, "contextId": "c", "status": task.seen["status"]}}


def test_the_agent_gets_one_callback_per_task_with_a_token_and_no_secret_of_the_clients(world: World) -> None:
    config = world.agent.push_configs["t1"]
    assert config["url"].startswith(f"{PUBLIC_URL}/callbacks/")
    assert (config["id"], set(config)) == (CONFIG_ID, {"id", "taskId", "url", "token"})
    assert world.agent.count("CreateTaskPushNotificationConfig") == 1


def test_what_is_pushed_is_told_and_the_agent_is_seldom_asked(world: World) -> None:
    asked = world.agent.count("GetTask")
    for state in ("working", "input-required", "working"):
        assert push(world, status(world, state)).status == 202
        world.settle()
    assert (world.told("a"), world.agent.count("GetTask")) == ([2, 3, 4], asked)
    watch = world.watch("t1")
    assert watch is not None
    assert watch.interval.total_seconds() == SLOW


def test_the_end_is_asked_for_and_told_whole(world: World) -> None:
    told = status(world, "completed")
    world.agent.task("t1").becomes("completed", artifacts=["all of it"])
    assert push(world, told).status == 202
    world.settle()
    (post,) = world.posts("a")
    assert (post.state, post.artifacts) == ("completed", 1)


def test_what_is_not_pushed_is_polled(world: World) -> None:
    world.agent.task("t1").becomes("failed")
    world.advance(SLOW + 1)
    assert [post.state for post in world.posts("a")] == ["failed"]


@pytest.mark.parametrize("header", ["x-a2a-notification-token", "a2a-notification-token", "authorization"])
def test_the_token_is_taken_in_every_header_that_sdks_send(world: World, header: str) -> None:
    assert push(world, status(world, "working"), header=header).status == 202
    assert world.newest("t1") == 2


def test_another_token_and_another_id_are_refused_alike(world: World) -> None:
    told = status(world, "working")
    wrong = push(world, told, token="a guess")
    missing = push(world, told, token="")
    unknown = world.runner.request("POST", "/callbacks/guess", body=told, headers={"x-a2a-notification-token": "a guess"})
    assert [answer.status for answer in (wrong, missing, unknown)] == [401, 401, 401]
    assert len({answer.body for answer in (wrong, missing, unknown)}) == 1
    assert world.newest("t1") == 1


def test_a_callback_is_for_its_own_task(world: World) -> None:
    world.agent.task("t2")
    world.register("t2", id="b")
    for task_id in ("t2", "never heard of"):
        assert push(world, status(world, "working", task_id)).status == 403
    assert world.newest("t2") == 1


def test_an_agent_that_may_have_forgotten_is_registered_with_again_and_the_first_callback_ends_later(world: World) -> None:
    first = dict(world.agent.push_configs)
    world.advance(REGISTER_AGAIN.total_seconds() + SLOW)
    assert world.agent.push_configs != first
    world.agent.push_configs.update(first)
    assert push(world, status(world, "working")).status == 202
    world.runner.advance(LASTS)
    assert push(world, status(world, "input-required")).status == 401


def test_the_callback_is_removed_at_the_agent_once_when_the_task_has_ended(world: World) -> None:
    push(world, status(world, "completed"))
    world.settle()
    for _ in range(3):
        world.advance(SLOW + 1)
    assert ([post.state for post in world.posts("a")], world.watch("t1")) == (["completed"], None)
    assert (world.agent.push_configs, world.agent.count("DeleteTaskPushNotificationConfig")) == ({}, 1)


def test_the_callback_is_removed_at_the_agent_when_nobody_is_left_to_be_told(world: World) -> None:
    world.delete("t1", "a")
    world.advance(SLOW + 1)
    world.advance(SLOW + 1)
    assert (world.watch("t1"), world.agent.push_configs) == (None, {})


def test_an_agent_that_cannot_remove_the_callback_holds_nothing_up(world: World) -> None:
    push(world, status(world, "completed"))
    world.agent.before_answer = lambda method, answer: answer.clear() if method.startswith("Delete") else None
    world.settle()
    for _ in range(3):
        world.advance(SLOW + 1)
    assert ([post.state for post in world.posts("a")], world.watch("t1")) == (["completed"], None)


def test_a_change_that_was_not_pushed_has_the_callback_registered_again(world: World) -> None:
    first = dict(world.agent.push_configs)
    world.agent.task("t1").becomes("working")
    world.advance(SLOW + 1)
    world.advance(SLOW + 1)
    assert world.told("a") == [2]
    assert world.agent.push_configs != first


def test_an_agent_that_takes_no_push_config_is_polled(one_world: World) -> None:
    one_world.reset()
    followed(one_world)
    one_world.agent.task("t1").becomes("working")
    one_world.advance(SOON * 3)
    assert (one_world.told("a"), one_world.agent.count("CreateTaskPushNotificationConfig")) == ([2], 1)
    one_world.advance(LASTS.total_seconds())  # the agent is given up for some minutes: the next test's is another one


def test_a_callbacks_token_is_kept_as_a_hash(world: World) -> None:
    token = world.agent.push_configs["t1"]["token"]
    rows = str(world.runner.aws.client("dynamodb").scan(TableName="RelayTable")["Items"])
    assert "CALLBACK" in rows
    assert token not in rows


def test_a_push_that_quotes_the_operators_credential_is_told_without_it(world: World) -> None:
    told = status(world, "working")
    told["statusUpdate"]["metadata"] = {"key": "SAID"}
    told["statusUpdate"]["status"]["message"] = {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "SAID"}]}
    said = CREDENTIAL.replace("+", "\\u002b").replace("/", "\\/")
    assert push(world, json.dumps(told).replace("SAID", said).encode()).status == 202
    world.settle()
    (post,) = world.posts("a")
    assert (b"[credential]" in post.body, CREDENTIAL in json.dumps(post.payload)) == (True, False)
