"""Agents that should tell of their tasks by themselves, and do not: polls find it, say so, and take over when it happens again."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from relay.adapters.table.strategies import StrategyRecords
from relay.domain.strategy import GIVEN_UP_FOR, MAX_MISSED, Strategy
from relay.wiring import wiring
from tests.support.world import World, task_key

SOON, SLOW = 2, 60  # seconds: WatchMinSeconds, WatchMaxSeconds
TASK = task_key("t1")


@pytest.fixture(scope="module")
def one_world() -> Iterator[World]:
    with World(FollowStrategy="report", WatchMinSeconds=str(SOON), WatchMaxSeconds=str(SLOW)) as world:
        yield world


@pytest.fixture
def world(one_world: World) -> World:
    """The task t1 with one config, asked for seldom."""
    one_world.reset()
    one_world.agent.task("t1")
    one_world.register("t1", id="a")
    one_world.settle()
    one_world.advance(SOON + 1)
    assert interval(one_world) == SLOW
    return one_world


def interval(world: World) -> float:
    watch = world.watch("t1")
    assert watch is not None
    return watch.interval.total_seconds()


def is_given_up(world: World) -> bool:
    return Strategy.REPORT in StrategyRecords(world.connection, now=world.runner.clock.now).given_up(TASK.agent_key)


def test_what_was_not_reported_is_found_and_an_agent_that_often_tells_nothing_is_polled(world: World) -> None:
    for number in range(MAX_MISSED):
        assert not is_given_up(world)
        world.agent.task("t1").becomes("working", message=f"message {number}")
        world.advance(SLOW + 1)
    assert world.told("a") == [2, 3, 4]
    assert is_given_up(world)
    world.advance(SLOW + 1)
    assert interval(world) < SLOW
    world.runner.advance(GIVEN_UP_FOR)
    world.settle()
    world.advance(SLOW + 1)
    assert interval(world) == SLOW, "it is tried again"


def test_what_has_just_happened_may_still_be_reported(world: World) -> None:
    for number in range(MAX_MISSED + 1):
        world.runner.advance(timedelta(seconds=SLOW + 1))
        world.agent.task("t1").becomes("working", message=f"message {number}")
        world.settle()
    assert len(world.told("a")) == MAX_MISSED + 1
    assert not is_given_up(world)


def test_an_end_that_was_not_reported_counts_too(world: World) -> None:
    for number in range(MAX_MISSED):
        world.agent.task(f"other {number}")
        world.register(f"other {number}", id="b")
    world.settle()
    world.advance(SOON + 1)
    for number in range(MAX_MISSED):
        world.agent.task(f"other {number}").becomes("completed")
    world.advance(SLOW + 1)
    assert [post.state for post in world.posts("b")] == ["completed"] * MAX_MISSED
    assert is_given_up(world)


def test_misses_long_ago_are_forgotten(world: World) -> None:
    for number in range(MAX_MISSED):
        world.agent.task("t1").becomes("working", message=f"message {number}")
        world.advance(SLOW + 1)
        world.advance(GIVEN_UP_FOR.total_seconds())
    assert not is_given_up(world)


def test_a_report_under_the_agents_own_id_is_about_the_relays_task() -> None:
    """Of an agent that blocks, and whose task goes on after its answer."""
    with World(UpstreamBlocks="true", WatchMinSeconds=str(SLOW), WatchMaxSeconds=str(SLOW)) as world:
        world.agent.next_state = "working"
        own = world.send(webhook={"url": f"{world.receiver.url}/a", "id": "a"})
        world.settle()
        assert own not in world.agent.tasks
        told = world.agent.task("task-1")
        told.becomes("completed")
        token = wiring().issue_report_tokens.create("default", agents=frozenset({"default"}), label="", expires_at=None).text
        status: dict[str, Any] = {"taskId": "task-1", "contextId": "c", "status": told.seen["status"]}
        answer = world.runner.request("POST", "/reports", body={"statusUpdate": status}, headers={"authorization": f"Bearer {token}"})
        world.settle()
        assert answer.status == 202
        assert [post.state for post in world.posts("a")][-1] == "completed"
        assert {post.task_id for post in world.posts("a")} == {own}
