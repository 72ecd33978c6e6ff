"""One ListTasks for all tasks of an agent: what it shows is asked for at once, and what it cannot show the tasks' own polls find.

`make test` runs a sample; the rules themselves are in `tests/unit/test_listing_rules.py`.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from relay.adapters.table.listers import Listers
from relay.adapters.table.strategies import StrategyRecords
from relay.domain.keys import AgentKey, ListKey
from relay.domain.listing import RECALL_AFTER
from relay.domain.strategy import Strategy
from relay.domain.task import ProtocolVersion
from relay.domain.wakeup import ListWakeup
from tests.support.wire import AwsRequest, Effect, undisturbed
from tests.support.world import SWEEP, VISIBILITY, WATCHING, World, task_key

AGENT = AgentKey("default", "default")
LISTED = ListKey(AGENT, "")
EVERY, POLLS, SLOW = 5, 60, 300  # seconds: ListSeconds, WatchMaxSeconds, ListSweepSeconds
GIVEN_UP = 601  # seconds until a strategy that was given up is tried again
TASKS = [f"t{number}" for number in range(5)]


@pytest.fixture(scope="module")
def one_world() -> Iterator[World]:
    pace = {"WatchMinSeconds": "1", "WatchMaxSeconds": str(POLLS), "ListSeconds": str(EVERY), "ListSweepSeconds": str(SLOW)}
    with World(FollowStrategy="list", **pace) as world:
        yield world


@pytest.fixture
def world(one_world: World) -> World:
    one_world.reset()
    return one_world


def listers(world: World) -> Listers:
    return Listers(world.connection)


def interval(world: World, task_id: str) -> float:
    watch = world.watch(task_id)
    assert watch is not None
    return watch.interval.total_seconds()


def given_up(world: World) -> bool:
    return Strategy.LIST in StrategyRecords(world.connection, now=world.runner.clock.now).given_up(AGENT)


def followed_by_list(world: World, *task_ids: str) -> None:
    world.follow(*task_ids)
    seconds(world, 10)
    assert all(interval(world, task_id) == SLOW for task_id in task_ids)
    world.agent.calls.clear()


def is_of_the_clock(request: AwsRequest) -> bool:
    """The agent's record, and which of its strategies do not work: read now and then, however many rounds there are."""
    return request.name == "GetItem" or (request.name == "Query" and "FOLLOWING" in request.body["ExpressionAttributeValues"][":pk"]["S"])


def seconds(world: World, many: float) -> None:
    """As they pass: in steps that are little longer than the lister's."""
    while many > 0:
        world.advance(min(many, EVERY + 0.5))
        many -= EVERY + 0.5


def answers(world: World, change: Any) -> None:
    """From now on the agent's answers to ListTasks are changed by that."""
    world.agent.before_answer = lambda method, answer: change(answer) if method == "ListTasks" else None


def test_quiet_tasks_cost_one_list_between_them(world: World) -> None:
    world.agent.task("t0").becomes("input-required")
    followed_by_list(world, *TASKS)
    world.wire.requests.clear()
    seconds(world, 2 * POLLS)
    assert world.agent.count("GetTask") == 0
    rounds = world.agent.count("ListTasks")
    assert 16 <= rounds <= 2 * POLLS / EVERY + 1
    asked = Counter(request.name for request in world.wire.asked("watch") if not is_of_the_clock(request))
    assert asked == {"UpdateItem": 2 * rounds, "SendMessage": rounds, "BatchGetItem": rounds}


@pytest.mark.thorough
def test_change_is_asked_for_and_told_soon(world: World) -> None:
    followed_by_list(world, *TASKS)
    world.agent.task("t3").becomes("working", message="on it")
    seconds(world, EVERY + 1)
    assert world.told("t3") == [2]
    seconds(world, 30)
    assert world.agent.count("GetTask") == 1


def test_end_is_told_whole_though_a_list_has_neither_artifacts_nor_history(world: World) -> None:
    followed_by_list(world, *TASKS)
    for task_id in TASKS:
        world.agent.task(task_id).becomes("completed", artifacts=["the answer"])
    seconds(world, EVERY + 1)
    assert [world.told(task_id) for task_id in TASKS] == [[2]] * len(TASKS)
    assert all("the answer" in post.body.decode() for post in world.posts())
    assert world.agent.count("GetTask") == len(TASKS)
    asked = [params for method, params in world.agent.calls if method == "ListTasks"]
    assert {(params["historyLength"], params["includeArtifacts"]) for params in asked} == {(0, False)}


def test_artifacts_alone_the_tasks_own_poll_finds(world: World) -> None:
    followed_by_list(world, "t1")
    world.agent.task("t1").document["artifacts"] = [{"artifactId": "a", "parts": [{"text": "so far"}]}]
    seconds(world, EVERY + 1)
    assert world.told("t1") == []
    world.advance(SLOW)
    assert world.told("t1") == [2]


@pytest.mark.thorough
def test_status_that_was_stamped_anew_is_asked_for_once(world: World) -> None:
    followed_by_list(world, "t1")
    world.agent.task("t1").becomes("submitted")
    seconds(world, 30)
    assert world.agent.count("GetTask") == 1
    assert world.told("t1") == []


@pytest.mark.thorough
def test_task_whose_status_has_no_timestamp_is_polled(world: World) -> None:
    followed_by_list(world, "t1")
    world.agent.task("t2").document["status"] = {"state": "TASK_STATE_SUBMITTED"}
    world.register("t2", id="t2")
    seconds(world, 60)
    assert interval(world, "t2") < SLOW
    world.agent.task("t2").document["status"] = {"state": "TASK_STATE_COMPLETED"}
    seconds(world, 60)
    assert world.told("t2") == [2]


def test_every_page_is_read_however_many_change(world: World) -> None:
    many = [f"task-{number:03}" for number in range(230)]
    for task_id in many:
        world.agent.task(task_id)
    followed_by_list(world, many[0], many[-1])
    for task_id in many:
        world.agent.task(task_id).becomes("working")
    seconds(world, EVERY + 1)
    assert (world.told(many[0]), world.told(many[-1])) == ([2], [2])
    assert world.agent.count("GetTask") == 2
    assert len([params for method, params in world.agent.calls if method == "ListTasks" and params.get("pageToken")]) >= 2


@pytest.mark.thorough
def test_agent_whose_clock_is_behind_is_listed_by_its_own(world: World) -> None:
    now = world.agent.now
    world.agent.now = lambda: now() - timedelta(hours=3)
    try:
        followed_by_list(world, *TASKS)
        world.agent.task("t1").becomes("completed")
        seconds(world, EVERY + 1)
        assert world.told("t1") == [2]
    finally:
        world.agent.now = now


@pytest.mark.thorough
def test_agent_whose_clock_is_ahead_is_listed_too(world: World) -> None:
    now = world.agent.now
    world.agent.now = lambda: now() + timedelta(hours=3)
    try:
        followed_by_list(world, *TASKS)
        world.agent.task("t1").becomes("completed")
        seconds(world, 30)
        assert world.told("t1") == [2]
        assert world.agent.count("GetTask") == 1
    finally:
        world.agent.now = now


@pytest.mark.thorough
def test_one_task_stamped_in_the_far_future_hides_no_other(world: World) -> None:
    world.agent.task("odd").document["status"]["timestamp"] = "2099-01-01T00:00:00Z"
    followed_by_list(world, "t1", "odd")
    world.agent.task("t1").becomes("working")
    seconds(world, EVERY + 1)
    assert world.told("t1") == [2]
    seconds(world, 30)
    assert world.agent.count("GetTask") == 1


@pytest.mark.thorough
def test_agent_that_was_restarted_with_its_clock_set_back_is_listed_anew(world: World) -> None:
    now, ahead = world.agent.now, timedelta(minutes=10)
    world.agent.now = lambda: now() - timedelta(hours=1)
    try:
        world.agent.task("gone")._now = lambda: world.agent.now() + ahead
        world.agent.task("gone").becomes("working")
        followed_by_list(world, "t1")
        world.agent.forget("gone")
        seconds(world, 2 * EVERY + 1)
        world.agent.task("t1").becomes("working")
        seconds(world, EVERY + 1)
        assert world.told("t1") == [2]
    finally:
        world.agent.now = now


# --- its beginning and its end


@pytest.mark.thorough
def test_lister_ends_when_no_task_counts_on_it(world: World) -> None:
    followed_by_list(world, *TASKS)
    for task_id in TASKS:
        world.agent.task(task_id).becomes("completed")
    seconds(world, EVERY + 1)
    assert world.told() == [2] * len(TASKS)
    world.advance(2 * SLOW + 130)
    seconds(world, EVERY + 1)
    assert listers(world).get(LISTED) is None
    world.agent.calls.clear()
    seconds(world, 30)
    assert world.agent.calls == []


@pytest.mark.thorough
def test_lister_goes_on_for_as_long_as_a_task_counts_on_it(world: World) -> None:
    followed_by_list(world, "t1")
    for _ in range(30):
        world.advance(50)
    world.agent.task("t1").becomes("completed")
    seconds(world, EVERY + 1)
    assert world.told("t1") == [2]


@pytest.mark.thorough
def test_there_is_one_lister_however_many_wake_it(world: World) -> None:
    followed_by_list(world, *TASKS)
    for _ in range(5):
        world.put(WATCHING, ListWakeup(LISTED).dump())
    world.put(WATCHING, ListWakeup(LISTED, "a timer of the past").dump())
    seconds(world, 60)
    assert world.agent.count("ListTasks") <= 60 / EVERY + 1


@pytest.mark.thorough
def test_lister_whose_timer_was_lost_is_woken_by_a_task(world: World) -> None:
    followed_by_list(world, *TASKS)
    world.purge(WATCHING)
    world.advance(SWEEP)
    world.agent.task("t2").becomes("working")
    seconds(world, EVERY + 1)
    assert world.told("t2") == [2]
    assert world.agent.count("ListTasks") > 0


@pytest.mark.thorough
def test_lister_that_died_in_its_turn_is_back_soon(world: World) -> None:
    followed_by_list(world, *TASKS)
    world.wire.decide = lambda request: Effect.DIES_BEFORE if (request.function, request.name) == ("watch", "BatchGetItem") else Effect.NONE
    seconds(world, EVERY + 1)
    assert world.wire.deaths > 0
    world.wire.decide = undisturbed
    world.agent.task("t2").becomes("working")
    world.advance(SWEEP)
    world.advance(VISIBILITY)
    assert world.told("t2") == [2]
    world.agent.task("t3").becomes("working")
    seconds(world, EVERY + 1)
    assert world.told("t3") == [2]


# --- those that count on a list that ends


def recalled(world: World) -> None:
    """As long as it may take until a task is asked for that no list tells any more."""
    world.advance(EVERY + 1)
    world.advance(RECALL_AFTER.total_seconds() + 1)
    world.advance(POLLS + 1)


def test_tasks_of_a_list_that_breaks_are_polled_soon_though_they_would_have_rested_for_long(world: World) -> None:
    followed_by_list(world, *TASKS)
    answers(world, _has_no_lists)
    world.agent.task("t3").becomes("completed")
    recalled(world)
    assert (given_up(world), world.told("t3")) == (True, [2])
    assert all(interval(world, task_id) <= POLLS for task_id in TASKS if task_id != "t3")
    world.advance(POLLS + 11)
    assert listers(world).get(LISTED) is None


@pytest.mark.thorough
def test_recall_goes_on_until_none_is_left_whatever_it_has_no_time_for(world: World) -> None:
    followed_by_list(world, *TASKS)
    answers(world, _has_no_lists)
    world.advance(EVERY + 1)
    before = world.wire.deaths  # the world is the module's
    world.wire.decide = lambda request: Effect.DIES_BEFORE if "due_at > :after" in str(request.body) else Effect.NONE
    world.advance(RECALL_AFTER.total_seconds() + 1)
    assert (world.wire.deaths - before, listers(world).get(LISTED) is None) == (1, False)
    world.wire.decide = undisturbed
    world.agent.task("t3").becomes("completed")
    world.advance(VISIBILITY)
    recalled(world)
    assert world.told("t3") == [2]
    world.advance(POLLS + 11)
    assert listers(world).get(LISTED) is None


@pytest.mark.thorough
def test_task_that_the_agent_has_forgotten_is_asked_for_as_often_as_without_a_list(world: World) -> None:
    followed_by_list(world, *TASKS)
    world.agent.forget("t1")
    seconds(world, SLOW + 1)
    assert interval(world, "t1") == POLLS
    seconds(world, 6 * POLLS)
    assert [post.headers.get("a2a-relay-ended") for post in world.posts("t1")] == ["vanished"]


# --- agents that do not do what lists need


def _lists_nothing(answer: dict[str, Any]) -> None:
    answer["result"] = {"tasks": [], "nextPageToken": "", "pageSize": 50, "totalSize": 0}


def _has_no_lists(answer: dict[str, Any]) -> None:
    del answer["result"]
    answer["error"] = {"code": -32601, "message": "Method not found"}


def _talks_rubbish(answer: dict[str, Any]) -> None:
    answer["result"] = {"tasks": "many"}


def _has_pages_without_end(answer: dict[str, Any]) -> None:
    answer["result"]["nextPageToken"] = "the same"


def _has_no_timestamps(answer: dict[str, Any]) -> None:
    for task in answer["result"]["tasks"]:
        task["status"].pop("timestamp", None)


@pytest.mark.parametrize(
    "wrong",
    [
        _has_no_lists,
        *(
            pytest.param(wrong, marks=pytest.mark.thorough)
            for wrong in (_lists_nothing, _talks_rubbish, _has_pages_without_end, _has_no_timestamps)
        ),
    ],
)
def test_agent_whose_lists_cannot_be_used_is_polled_and_tried_again_later(world: World, wrong: Any) -> None:
    answers(world, wrong)
    world.follow("t1")
    seconds(world, 20)
    assert given_up(world)
    assert listers(world).get(LISTED) is None
    assert interval(world, "t1") < SLOW
    lists = world.agent.count("ListTasks")
    world.agent.task("t1").becomes("working")
    world.advance(interval(world, "t1") + 1)
    assert world.told("t1") == [2]
    assert world.agent.count("ListTasks") == lists
    world.agent.before_answer = lambda _method, _answer: None
    world.advance(GIVEN_UP)
    world.advance(SLOW)
    seconds(world, 10)
    assert world.agent.count("ListTasks") > lists
    assert listers(world).get(LISTED) is not None


@pytest.mark.thorough
def test_agent_that_does_not_heed_the_time_asked_for_is_polled(world: World) -> None:
    followed_by_list(world, *TASKS)
    world.advance(SLOW)
    everything = [task.seen for task in world.agent.tasks.values()]

    def lists_all(answer: dict[str, Any]) -> None:
        answer["result"]["tasks"] = everything

    world.agent.task("t1").becomes("working")
    answers(world, lists_all)
    everything.append(world.agent.task("t1").seen)
    seconds(world, 2 * EVERY + 1)
    assert given_up(world)
    assert world.told("t1") == [2]


def test_agent_of_0_3_is_polled(world: World) -> None:
    world.agent.speaks = ProtocolVersion.V03
    world.agent.task("t1")
    params = {"taskId": "t1", "pushNotificationConfig": {"url": f"{world.receiver.url}/t1", "id": "t1"}}
    world.result("tasks/pushNotificationConfig/set", params, version="0.3")
    seconds(world, 20)
    assert given_up(world)
    assert world.agent.count("tasks/list") == world.agent.count("ListTasks") == 0
    world.agent.task("t1").becomes("completed")
    world.advance(SLOW)
    assert world.told("t1") == [2]


def followed_beside_another_that_changes(world: World) -> None:
    """Of t1 no list can show anything for long: what t2 does moves the mark."""
    followed_by_list(world, "t1", "t2")
    seconds(world, 70)
    world.agent.task("t2").becomes("working")
    seconds(world, EVERY + 1)


@pytest.mark.thorough
def test_agent_that_changes_states_without_a_timestamp_is_polled(world: World) -> None:
    followed_beside_another_that_changes(world)
    world.agent.task("t1").document["status"]["state"] = "TASK_STATE_WORKING"
    seconds(world, 2 * EVERY)
    assert world.told("t1") == []
    world.advance(SLOW)
    assert world.told("t1") == [2]
    assert given_up(world)


@pytest.mark.thorough
def test_agent_whose_lists_hide_a_task_is_polled(world: World) -> None:
    def hides_t1(answer: dict[str, Any]) -> None:
        answer["result"]["tasks"] = [task for task in answer["result"]["tasks"] if task["id"] != "t1"]

    answers(world, hides_t1)
    world.agent.task("t1").becomes("working")
    followed_beside_another_that_changes(world)
    world.agent.task("t1").becomes("completed")
    seconds(world, 70)
    world.agent.task("t2").becomes("completed")
    seconds(world, EVERY + 1)
    assert (world.told("t1"), world.told("t2"), given_up(world)) == ([], [2, 3], False)
    world.advance(SLOW)
    assert world.told("t1") == [2]
    assert given_up(world)


@pytest.mark.thorough
def test_agent_that_is_down_is_polled_and_listed_again(world: World) -> None:
    followed_by_list(world, *TASKS)
    world.agent.status = 502
    seconds(world, 4 * EVERY)
    world.agent.status = 200
    assert given_up(world)
    world.agent.task("t1").becomes("working")
    world.advance(SLOW)
    assert world.told("t1") == [2]
    world.advance(GIVEN_UP)
    world.advance(SLOW)
    seconds(world, 10)
    world.agent.task("t2").becomes("working")
    seconds(world, EVERY + 1)
    assert world.told("t2") == [2]


@pytest.mark.thorough
def test_agent_that_asks_for_a_pause_has_it(world: World) -> None:
    followed_by_list(world, *TASKS)
    world.agent.status, world.agent.retry_after = 429, "60"
    seconds(world, EVERY + 1)
    asked = world.agent.count("ListTasks")
    seconds(world, 40)
    assert world.agent.count("ListTasks") == asked
    world.agent.status = 200
    seconds(world, 100)
    assert world.agent.count("ListTasks") > asked
    assert not given_up(world)


@pytest.mark.thorough
def test_task_followed_with_a_callers_credential_is_polled() -> None:
    with World(FollowStrategy="list", FollowAs="caller", WatchMinSeconds="1", WatchMaxSeconds=str(SLOW)) as world:
        world.headers = {"x-upstream-authorization": "Bearer anns-own-credential"}
        world.follow("t1")
        seconds(world, 20)
        assert interval(world, "t1") < SLOW
        assert world.agent.count("ListTasks") == 0


def test_tasks_of_another_tenant_are_listed_beside(world: World) -> None:
    world.agent.task("t1")
    world.result("CreateTaskPushNotificationConfig", {"tenant": "acme", "taskId": "t1", "url": f"{world.receiver.url}/t1", "id": "t1"})
    seconds(world, 10)
    assert listers(world).get(ListKey(AGENT, "acme")) is not None
    assert {params.get("tenant") for method, params in world.agent.calls if method == "ListTasks"} == {"acme"}
    world.agent.task("t1").becomes("completed")
    seconds(world, EVERY + 1)
    assert world.told("t1") == [2]
    assert task_key("t1").tenant == ""
