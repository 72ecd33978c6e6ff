"""Tasks are listed by the relay's own choice: where nobody else has chosen, and one process sees many tasks of an agent."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from relay.adapters.table.listers import Listers
from relay.adapters.table.strategies import StrategyRecords
from relay.domain.crowd import LISTED_DOWN_TO, LISTED_FROM
from relay.domain.keys import AgentKey, ListKey, TaskKey
from relay.domain.listing import RECALL_AFTER
from relay.domain.strategy import Strategy
from relay.use_cases.known_listers import KnownListers
from relay.use_cases.list_where_it_pays import MAX_KEYS, Crowds
from relay.wiring import wiring
from tests.support.samples import NOW
from tests.support.world import World

AGENT = AgentKey("default", "default")
EVERY, SLOW, SWEEP = 5, 20, 600  # seconds: ListSeconds, WatchMaxSeconds, ListSweepSeconds
RAMP = 90  # seconds, in which polls become as slow as they can
MANY = [f"t{number}" for number in range(LISTED_FROM)]
PACE = {"WatchMinSeconds": "1", "WatchMaxSeconds": str(SLOW), "ListSeconds": str(EVERY), "ListSweepSeconds": str(SWEEP)}


@pytest.fixture(scope="module")
def one_world() -> Iterator[World]:
    with World(FollowStrategy="auto", **PACE) as world:
        yield world


@pytest.fixture
def world(one_world: World) -> World:
    one_world.reset()
    one_world.advance(700)  # what was given up is tried again, and nobody remembers the tasks of the test before
    return one_world


def seconds(world: World, many: float, step: float = EVERY + 0.5) -> None:
    while many > 0:
        world.advance(min(many, step))
        many -= step


def is_listed(world: World) -> bool:
    return Listers(world.connection).get(ListKey(AGENT, "")) is not None


def quiet(world: World, *task_ids: str) -> None:
    """Followed for so long without a change that they are polled no more often than a list's sweep needs."""
    world.follow(*task_ids)
    seconds(world, RAMP)
    assert [interval(world, task_id) for task_id in task_ids] == [SWEEP] * len(task_ids)


def given_up(world: World) -> bool:
    return Strategy.LIST in StrategyRecords(world.connection, now=world.runner.clock.now).given_up(AGENT)


def interval(world: World, task_id: str) -> float:
    watch = world.watch(task_id)
    assert watch is not None
    return watch.interval.total_seconds()


def test_few_tasks_are_polled_and_nothing_is_asked_or_read_for_a_list(world: World) -> None:
    world.follow(*MANY[: LISTED_DOWN_TO - 1])
    world.wire.requests.clear()
    world.advance(SLOW)
    assert (world.agent.count("ListTasks"), is_listed(world)) == (0, False)
    reads = [request for request in world.wire.asked("watch") if request.name in ("GetItem", "Query") and "FOLLOWING" in str(request.body)]
    assert reads == []


def test_many_tasks_are_listed_and_a_change_is_told_by_the_list(world: World) -> None:
    quiet(world, *MANY)
    assert is_listed(world)
    world.agent.calls.clear()
    seconds(world, 2 * SLOW)
    assert world.agent.count("GetTask") == 0
    world.agent.task("t3").becomes("working")
    world.agent.task("t4").becomes("completed", artifacts=["the answer"])
    seconds(world, EVERY + 1)
    assert (world.told("t3"), world.told("t4")) == ([2], [2])
    assert b"the answer" in world.posts("t4")[0].body


def test_list_that_has_just_begun_counts_for_tasks_that_would_not_have_begun_it(world: World) -> None:
    """Or they would be said to have fallen back to polling, while the list works."""
    key = ListKey(AGENT, "")
    now = world.runner.clock.now
    known = KnownListers(Listers(world.connection), wiring().watch_queue, slowest=timedelta(seconds=SLOW), now=now)
    world.follow(*MANY[:2])
    assert known.lists_until(key) is None
    seconds(world, 2 * EVERY)
    assert known.lists_until(key) is not None
    assert known.lists_until(key, begins=False) is not None


@pytest.mark.thorough
def test_artifacts_alone_are_found_within_the_sweep_and_then_as_soon_as_by_polls(world: World) -> None:
    quiet(world, *MANY)
    world.agent.task("t3").document["artifacts"] = [{"artifactId": "a", "parts": [{"text": "the first part"}]}]
    began = world.runner.clock.now()
    while not world.told("t3"):
        world.advance(EVERY)
        assert (world.runner.clock.now() - began).total_seconds() < SWEEP + 2 * EVERY
    world.agent.task("t3").document["artifacts"][0]["parts"] = [{"text": "the first and the second part"}]
    seconds(world, 2 * EVERY)
    assert world.told("t3") == [2, 3]


@pytest.mark.thorough
def test_what_follows_a_change_soon_is_found_by_a_poll_before_the_list_can(world: World) -> None:
    quiet(world, *MANY)
    world.agent.task("t3").becomes("working", message="one")
    seconds(world, EVERY + 1)
    for number in (2, 3):
        world.agent.task("t3").becomes("working", message=f"message {number}")
        seconds(world, 2, step=1)
        assert world.told("t3") == list(range(2, number + 2))
    seconds(world, RAMP)
    assert interval(world, "t3") == SWEEP


@pytest.mark.thorough
def test_list_goes_on_with_some_tasks_less_and_ends_when_few_are_left(world: World) -> None:
    quiet(world, *MANY)
    for task_id in MANY[LISTED_DOWN_TO:]:
        world.agent.task(task_id).becomes("completed")
    seconds(world, 3 * SWEEP, step=20)
    assert is_listed(world)
    world.agent.task("t0").becomes("completed")
    seconds(world, 2 * (SWEEP + 60) + SLOW, step=20)
    assert (is_listed(world), given_up(world)) == (False, False)
    world.agent.calls.clear()
    world.agent.task("t1").becomes("completed")
    seconds(world, SLOW)
    assert (world.told("t1"), world.agent.count("ListTasks")) == ([2], 0)


def _has_no_lists(answer: dict[str, Any]) -> None:
    del answer["result"]
    answer["error"] = {"code": -32601, "message": "Method not found"}


def _lists_what_nobody_follows(answer: dict[str, Any]) -> None:
    for task in answer["result"]["tasks"]:
        task["id"] = f"another {task['id']}"


def _lists_without_end(answer: dict[str, Any]) -> None:
    answer["result"]["tasks"] += [{"id": f"another {number}"} for number in range(5000)]


@pytest.mark.thorough
@pytest.mark.parametrize("wrong", [_has_no_lists, _lists_what_nobody_follows, _lists_without_end])
def test_agent_whose_lists_do_not_show_the_tasks_is_asked_for_one_and_polled(world: World, wrong: Any) -> None:
    world.agent.before_answer = lambda method, answer: wrong(answer) if method == "ListTasks" else None
    world.follow(*MANY)
    seconds(world, 40)
    assert (given_up(world), is_listed(world), world.agent.count("ListTasks")) == (True, False, 1)
    world.agent.task("t3").becomes("working")
    seconds(world, SLOW + 1)
    assert world.told("t3") == [2]


@pytest.mark.thorough
def test_agent_whose_lists_leave_out_what_has_ended_is_polled_once_a_poll_has_found_that(world: World) -> None:
    """Nothing else changes, so no listed timestamp shows that the lists are past the end."""
    world.agent.before_answer = lambda method, answer: _without_ended(answer) if method == "ListTasks" else None
    quiet(world, *MANY)
    world.agent.task("t0").becomes("completed")
    world.advance(SWEEP + SLOW)
    assert world.told("t0") == [2]
    seconds(world, EVERY + 1)
    assert given_up(world)
    seconds(world, RECALL_AFTER.total_seconds() + SLOW + 1)
    world.agent.task("t1").becomes("completed")
    world.advance(SLOW + 1)
    assert world.told("t1") == [2]


def _without_ended(answer: dict[str, Any]) -> None:
    answer["result"]["tasks"] = [task for task in answer["result"]["tasks"] if task["status"]["state"] != "TASK_STATE_COMPLETED"]


@pytest.mark.thorough
def test_agent_that_says_no_time_as_dotnet_does_is_polled_and_nothing_fails(world: World) -> None:
    for task_id in MANY:
        world.agent.task(task_id).document["status"]["timestamp"] = "0001-01-01T00:00:00Z"
    world.follow(*MANY)
    seconds(world, 40)
    assert (given_up(world), is_listed(world), world.agent.count("ListTasks")) == (True, False, 1)
    world.agent.task("t3").document["status"]["state"] = "TASK_STATE_COMPLETED"
    seconds(world, SLOW + 1)
    assert world.told("t3") == [2]


@pytest.mark.thorough
def test_tasks_whose_status_has_no_timestamp_count_for_nothing(world: World) -> None:
    for task_id in MANY:
        world.agent.task(task_id).document["status"] = {"state": "TASK_STATE_SUBMITTED"}
        world.register(task_id, id=task_id)
    seconds(world, 2 * SLOW)
    assert world.agent.count("ListTasks") == 0


@pytest.mark.thorough
@pytest.mark.parametrize("parameters", [{"FollowStrategy": "poll"}, {"FollowStrategy": "auto", "FollowAs": "caller"}])
def test_neither_against_the_operators_choice_nor_of_tasks_under_a_callers_credential(parameters: dict[str, str]) -> None:
    with World(**PACE, **parameters) as world:
        world.headers = {"x-upstream-authorization": "Bearer anns-own-credential"}
        world.follow(*MANY)
        seconds(world, 2 * SLOW)
        assert world.agent.count("ListTasks") == 0


def test_tenants_without_end_are_not_all_remembered_and_do_not_drive_out_who_has_turns() -> None:
    crowds = Crowds(now=lambda: NOW)
    for number in range(2 * MAX_KEYS):
        crowds.joined(TaskKey(*AGENT, f"tenant {number}", "t1"), timedelta(seconds=SLOW))
        if number % 100 == 0:
            crowds.joined(TaskKey(*AGENT, "acme", f"t{number}"), timedelta(seconds=SLOW))
    sizes = [crowds.size(ListKey(AGENT, f"tenant {number}")) for number in range(2 * MAX_KEYS)]
    assert (sum(sizes), sizes[-1], crowds.size(ListKey(AGENT, "acme"))) == (MAX_KEYS - 1, 1, 20)
