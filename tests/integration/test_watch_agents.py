"""An agent that is busy or down is left alone, probed, and no task of it is given up on (domain/agent_health.py)."""

from collections.abc import Iterator

import pytest

from tests.support.world import World

TASKS = [f"t{number}" for number in range(12)]


@pytest.fixture
def world() -> Iterator[World]:
    with World(WatchMinSeconds="1", WatchMaxSeconds="20") as world:
        for task in TASKS:
            world.agent.task(task)
            world.register(task, id=task)
        world.settle()
        world.agent.calls.clear()
        yield world


def told_the_end(world: World) -> bool:
    return all(world.told(task) == [2] for task in TASKS)


def test_retry_after_of_a_busy_agent_is_kept_for_all_its_tasks(world: World) -> None:
    world.agent.status, world.agent.retry_after = 429, "300"
    world.advance(2)
    asked = world.agent.count("GetTask")
    for _ in range(9):
        world.advance(30)
    assert 1 <= asked <= len(TASKS)
    assert world.agent.count("GetTask") == asked
    world.agent.status = 200
    for task in TASKS:
        world.agent.task(task).becomes("completed")
    for _ in range(10):
        world.advance(30)
    assert told_the_end(world)


def test_agent_that_is_down_is_probed_and_no_task_is_given_up_on(world: World) -> None:
    world.agent.status = 503
    for _ in range(30):
        world.advance(4)
    assert world.agent.count("GetTask") < 40, "12 tasks at the slowest pace alone would have asked 72 times"
    world.agent.status = 200
    for task in TASKS:
        world.agent.task(task).becomes("completed")
    for _ in range(20):
        world.advance(4)
    assert told_the_end(world)


def test_agent_that_reports_is_asked_seldom() -> None:
    with World(FollowStrategy="report", WatchMinSeconds="1", WatchMaxSeconds="60") as world:
        world.agent.task("t1")
        world.register("t1", id="a")
        world.settle()
        watch = world.watch("t1")
        assert watch is not None
        assert watch.interval.total_seconds() == 60
