"""A strategy that stops working is said in a log line and counted in a metric, whichever it is, and the tasks are polled."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from relay import observability
from relay.adapters.table.strategies import StrategyRecords
from relay.domain.strategy import MAX_MISSED, Strategy
from relay_dev import execution_environment
from tests.support.streaming import streaming
from tests.support.world import World, task_key

SOON, SLOW = 2, 60  # seconds: WatchMinSeconds, WatchMaxSeconds
PACE = {"WatchMinSeconds": str(SOON), "WatchMaxSeconds": str(SLOW), "ListSeconds": "5"}
TELLING = {"powertools_log_level": "INFO", "powertools_metrics_disabled": "false"}
SILENT = {"powertools_log_level": "CRITICAL", "powertools_metrics_disabled": "true"}
GIVEN_UP, FELL_BACK = "strategy given up for now", "following fell back to polling"

Capture = pytest.CaptureFixture[str]
Said = tuple[dict[str, set[str]], float]  # which lines for which strategies, and the metric


@contextmanager
def followed(strategy: str, **more: str) -> Iterator[World]:
    """The task t1, told by it; from here on everything is logged and counted."""
    with World(FollowStrategy=strategy, **PACE, **more) as world:
        world.agent.pushes = strategy == "push"
        world.follow("t1")
        world.advance(SOON + 1)
        world.advance(5.5)
        world.advance(5.5)
        tells(world, TELLING)
        yield world
        tells(world, SILENT)


def tells(world: World, variables: dict[str, str]) -> None:
    execution_environment.set_variables({name.upper(): value for name, value in variables.items()})
    world.runner.cold_start()
    observability.forget()


def said(capsys: Capture) -> Said:
    printed: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    lines = {text: {each["strategy"] for each in printed if each.get("message") == text} for text in (GIVEN_UP, FELL_BACK)}
    return lines, sum(sum(each["FellBackToPolling"]) for each in printed if "FellBackToPolling" in each)


def told_by(world: World) -> str | None:
    watch = world.watch("t1")
    assert watch is not None
    return watch.told.by


def given_up(world: World) -> frozenset[Strategy]:
    return StrategyRecords(world.connection, now=world.runner.clock.now).given_up(task_key("t1").agent_key)


def test_list_that_does_not_work_any_more(capsys: Capture) -> None:
    def has_no_lists(method: str, answer: dict[str, Any]) -> None:
        if method == "ListTasks":
            del answer["result"]
            answer["error"] = {"code": -32601, "message": "Method not found"}

    with followed("list") as world:
        assert told_by(world) == "list"
        world.agent.before_answer = has_no_lists
        world.advance(6)
        world.advance(21)
        world.advance(SLOW + 1)
        assert told_by(world) is None
    assert said(capsys) == ({GIVEN_UP: {"list"}, FELL_BACK: {"list"}}, 2)


@pytest.mark.parametrize("strategy", ["report", pytest.param("push", marks=pytest.mark.thorough)])
def test_agent_that_does_not_tell_what_it_should(strategy: str, capsys: Capture) -> None:
    with followed(strategy, PublicUrl="https://relay.example") as world:
        assert told_by(world) == strategy
        for number in range(MAX_MISSED + 1):
            world.agent.task("t1").becomes("working", message=f"message {number}")
            world.advance(SLOW + 1)
        assert told_by(world) is None
    assert said(capsys) == ({GIVEN_UP: {strategy}, FELL_BACK: {strategy}}, 2)


def test_agent_that_takes_no_push_config(capsys: Capture) -> None:
    with World(FollowStrategy="push", PublicUrl="https://relay.example", **PACE) as world:
        tells(world, TELLING)
        world.follow("t1")
        world.advance(SOON + 1)
        tells(world, SILENT)
    assert said(capsys) == ({GIVEN_UP: {"push"}, FELL_BACK: set()}, 1)


@pytest.mark.thorough
def test_stream_whose_function_is_gone(capsys: Capture) -> None:
    with World(FollowStrategy="stream", **PACE) as world, streaming(world) as beside:
        world.agent.streams = True
        world.follow("t1")
        beside.eventually(lambda: len(world.agent.task("t1").streams) == 1)
        while told_by(world) != "stream":
            world.advance(1)
        tells(world, TELLING)
        beside.works = False
        beside.die()
        for _ in range(5):
            world.advance(SLOW)
        assert told_by(world) is None
        tells(world, SILENT)
    assert said(capsys) == ({GIVEN_UP: set(), FELL_BACK: {"stream"}}, 1)


@pytest.mark.thorough
def test_agent_without_the_streams_of_its_card(capsys: Capture) -> None:
    with World(FollowStrategy="auto", **PACE) as world, streaming(world) as beside:
        tells(world, TELLING)
        world.agent.streams = True
        world.agent.task("t1")
        world.register("t1", id="t1")
        world.agent.streams = False  # its card was read before
        beside.eventually(lambda: Strategy.STREAM in given_up(world))
        beside.eventually(lambda: not beside.live)
        tells(world, SILENT)
    assert said(capsys) == ({GIVEN_UP: {"stream"}, FELL_BACK: set()}, 1)
