"""Evo AI's configs for a whole agent: each new task of their caller gets a copy of its own, until the template is deleted."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.integration.test_evo_ai_configs import CONFIG_NOT_FOUND, INVALID_PARAMS, events
from tests.integration.test_praisonai_configs import DELETE, GET, LIST, SET, ask, bodies, hook, refusal
from tests.support.wire import Effect
from tests.support.world import World

MINE, YOURS = {"x-upstream-authorization": "Bearer mine"}, {"x-upstream-authorization": "Bearer yours"}


def for_all(world: World, name: str = "hook", **config: Any) -> str:
    answer = ask(world, SET, config={"url": hook(world, name), **config})
    assert (answer["configured"], answer["url"]) == (True, hook(world, name))
    return str(answer["configId"])


def told(world: World, name: str = "hook") -> list[tuple[str, str]]:
    return [(body["taskId"], body["event"]) for body in bodies(world, name)]


def test_each_new_task_is_told_from_its_first_revision(world: World) -> None:
    for_all(world)
    first, second = world.send(), world.send()
    world.settle()
    world.agent.task(first).becomes("completed")
    world.advance(10.5)
    assert sorted(told(world)) == sorted([(first, "task.submitted"), (second, "task.submitted"), (first, "task.completed")])


def test_the_end_says_how_long_the_task_took(world: World) -> None:
    for_all(world)
    task_id = world.send()
    world.settle()
    world.runner.advance(timedelta(seconds=5))
    world.agent.task(task_id).becomes("completed")
    world.advance(10.5)
    submitted, completed = bodies(world)
    times = [datetime.fromisoformat(body["data"][name]) for body, name in ((submitted, "submittedAt"), (completed, "completedAt"))]
    assert completed["data"]["duration"] == pytest.approx((times[1] - times[0]).total_seconds(), abs=0.001)
    assert "duration" not in submitted["data"]


def test_setting_it_calls_nobody_and_follows_nothing(world: World) -> None:
    for_all(world)
    world.advance(600)
    assert (world.receiver.notifications, world.agent.calls, world.items("WATCH")) == ([], [], [])


def test_a_task_that_was_there_before_gets_none(world: World) -> None:
    task_id = world.send()
    for_all(world)
    world.send("go on", task_id=task_id)
    world.advance(30)
    assert told(world) == []


def test_the_filter_holds_for_copies(world: World) -> None:
    for_all(world, events=["task.completed"])
    task_id = world.send()
    world.settle()
    world.agent.task(task_id).becomes("completed")
    world.advance(10.5)
    assert events(world) == ["task.completed"]


def test_deleting_it_ends_the_copies(world: World) -> None:
    config_id = for_all(world)
    task_id = world.send()
    world.settle()
    assert ask(world, DELETE, configId=config_id) == {"deleted": True}
    assert ask(world, LIST) == {"configs": []}
    assert refusal(world, GET, taskId=task_id)[0] == CONFIG_NOT_FOUND
    assert world.result("ListTaskPushNotificationConfigs", {"taskId": task_id}) == {"configs": []}
    world.agent.task(task_id).becomes("completed")
    world.advance(10.5)
    world.send()
    world.advance(10.5)
    assert events(world) == ["task.submitted"]
    assert world.items("CURSOR#") == world.items("CONFIG#") == []


def test_what_is_set_anew_after_a_delete_does_not_bring_old_copies_back(world: World) -> None:
    config_id = for_all(world)
    task_id = world.send()
    world.settle()
    ask(world, DELETE, configId=config_id)
    ask(world, SET, config={"url": hook(world), "id": config_id})
    world.agent.task(task_id).becomes("completed")
    world.advance(10.5)
    assert events(world) == ["task.submitted"]


def test_a_copy_may_be_deleted_alone(world: World) -> None:
    for_all(world)
    first, second = world.send(), world.send()
    world.settle()
    ask(world, DELETE, taskId=first)
    for task_id in (first, second):
        world.agent.task(task_id).becomes("completed")
    world.advance(10.5)
    assert [task_id for task_id, event in told(world) if event == "task.completed"] == [second]


def test_it_is_had_and_listed_and_the_same_url_is_the_same_one(world: World) -> None:
    config_id = for_all(world, secret="s3cret", headers={"X-Custom": "v"})
    assert for_all(world, events=["task.failed"]) == config_id
    assert for_all(world, "other") != config_id
    found = ask(world, GET, configId=config_id)
    assert (found["configId"], found["url"], found["events"]) == (config_id, hook(world), ["task.failed"])
    assert "taskId" not in found
    assert len(ask(world, LIST)["configs"]) == 2
    assert ask(world, GET) in ask(world, LIST)["configs"]
    assert "s3cret" not in json.dumps(found) + repr(world.items())


def test_errors(world: World) -> None:
    assert refusal(world, GET)[0] == refusal(world, GET, configId="no such")[0] == CONFIG_NOT_FOUND
    assert refusal(world, DELETE, configId="no such")[0] == CONFIG_NOT_FOUND
    assert refusal(world, DELETE)[0] == INVALID_PARAMS
    assert refusal(world, SET, config={"url": "http://example.com/hook"})[0] == INVALID_PARAMS
    for number in range(20):
        for_all(world, f"hook-{number}")
    assert refusal(world, SET, config={"url": hook(world, "one-more")})[0] == INVALID_PARAMS


def test_tasks_of_another_caller_get_none(world: World) -> None:
    world.headers = MINE
    config_id = for_all(world)
    world.headers = YOURS
    assert ask(world, LIST) == {"configs": []}
    assert refusal(world, DELETE, configId=config_id)[0] == CONFIG_NOT_FOUND
    assert refusal(world, SET, config={"url": hook(world), "id": config_id})[0] == INVALID_PARAMS
    world.send()
    world.advance(30)
    assert told(world) == []
    world.headers = MINE
    mine = world.send()
    world.settle()
    assert told(world) == [(mine, "task.submitted")]


def test_who_dies_after_the_copy_is_put_loses_nothing_of_the_task(world: World) -> None:
    for_all(world)

    def dies_after_push(request: Any) -> Effect:
        is_push = request.name == "PutItem" and request.body["Item"]["sk"]["S"].startswith("PUSH#")
        return Effect.DIES_AFTER if is_push and request.function == "api" else Effect.NONE

    world.wire.decide = dies_after_push
    with pytest.raises(ConnectionError):
        world.send()
    world.wire.decide = lambda _request: Effect.NONE
    world.advance(10.5)
    assert events(world) == ["task.submitted"]


def test_a_failing_copy_ends_at_its_retry_when_the_template_is_gone(world: World) -> None:
    config_id = for_all(world)
    world.receiver.fail_next(503, times=100)
    world.send()
    world.settle()
    ask(world, DELETE, configId=config_id)
    posts = len(world.posts("hook"))
    world.advance(600)
    assert len(world.posts("hook")) == posts
    assert world.dead_letters() == []


def test_a_task_that_the_relay_makes_for_an_agent_that_blocks_gets_its_copy_too() -> None:
    with World(UpstreamBlocks="true") as world:
        for_all(world)
        world.agent.next_state = "completed"
        task_id = world.send()
        world.advance(10.5)
        assert told(world)[0] == (task_id, "task.submitted")
        assert told(world)[-1] == (task_id, "task.completed")
