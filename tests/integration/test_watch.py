"""Following tasks: a watch moves exactly as a waiting config does (design §2, rules 3, 12 and 13)."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from relay.domain.wakeup import DeliveryWakeup, WatchWakeup
from tests.support.wire import AwsRequest, Effect, each, once, undisturbed
from tests.support.world import DELIVERY, VISIBILITY, WATCHING, World, config_key, task_key

POLL = 10.5  # seconds: a little more than the watch's interval
TASK = task_key("t1")


@pytest.fixture
def followed(world: World) -> World:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    world.wire.requests.clear()
    world.agent.calls.clear()
    return world


@pytest.fixture
def paced() -> Iterator[World]:
    """Polls from 1 to 20 seconds."""
    with World(WatchMinSeconds="1", WatchMaxSeconds="20") as world:
        world.agent.task("t1")
        world.register("t1", id="a")
        world.settle()
        yield world


def polls(world: World) -> int:
    return world.agent.count("GetTask")


def interval(world: World) -> float:
    watch = world.watch("t1")
    assert watch is not None
    return watch.interval.total_seconds()


def steps(world: World) -> list[str]:
    """What the watch function asked of AWS, in order."""
    return [_step(request) for request in world.wire.asked("watch")]


def _step(request: AwsRequest) -> str:
    if request.name == "UpdateItem":
        return "claim" if "claim_until = :until" in request.body["UpdateExpression"] else "wait"
    return request.name


# --- one turn


def test_a_turn_is_claim_poll_timer_wait(followed: World) -> None:
    asked: list[int] = []
    followed.agent.before_answer = lambda _method, _answer: asked.append(len(followed.wire.asked("watch")))
    followed.advance(POLL)
    assert steps(followed) == ["claim", "SendMessage", "wait"]
    assert asked == [1], "the agent is asked under the claim"
    [timer] = [json.loads(each.body["MessageBody"])["timer"] for each in followed.wire.asked("watch", "SendMessage")]
    watch = followed.watch("t1")
    assert watch is not None
    assert (watch.waits_for, watch.claim_until) == (timer, None)


def test_a_change_costs_one_put_more(followed: World) -> None:
    followed.agent.task("t1").becomes("working")
    followed.advance(POLL)
    assert steps(followed) == ["claim", "PutItem", "SendMessage", "wait"]


def test_one_poll_per_timer(followed: World) -> None:
    for _ in range(5):
        followed.advance(POLL)
    assert polls(followed) == 5
    assert followed.length(WATCHING) == 1


def test_a_duplicated_timer_polls_once(followed: World) -> None:
    [body] = list(pending(followed))
    for _ in range(3):
        followed.put(WATCHING, body)
    followed.advance(POLL)
    assert polls(followed) == 1
    assert followed.length(WATCHING) == 1


def pending(world: World) -> list[str]:
    """The timer that the watch waits for, as it lies in the queue."""
    watch = world.watch("t1")
    assert watch is not None
    return [WatchWakeup(TASK, timer=watch.waits_for).dump()]


def test_two_batches_never_poll_one_task_at_the_same_time(followed: World) -> None:
    """A hint comes while the poll is under way: it is returned, and asks again afterwards."""
    followed.agent.task("t1").becomes("working")

    def meanwhile(method: str, _answer: object) -> None:
        followed.agent.before_answer = lambda _method, _answer: None
        event = {"Records": [{"messageId": "m", "body": WatchWakeup(TASK, asked_at=followed.runner.clock.now()).dump()}]}
        assert followed.runner.invoke("WatchFunction", event).answer == {"batchItemFailures": []}

    followed.agent.before_answer = meanwhile
    followed.advance(POLL)
    assert polls(followed) == 1
    followed.advance(5)
    assert polls(followed) == 2


@pytest.mark.parametrize("effect", [Effect.TIMES_OUT, Effect.TWICE, Effect.THROTTLED])
def test_requests_that_took_effect_twice_poll_and_append_once(followed: World, effect: Effect) -> None:
    followed.wire.decide = each(effect, function="watch")
    for state in ("working", "completed"):
        followed.agent.task("t1").becomes(state)
        followed.advance(POLL)
    assert followed.newest("t1") == 3
    assert followed.told("a") == [2, 3]
    followed.wire.decide = undisturbed
    for _ in range(6):
        followed.advance(100)
    assert followed.watch("t1") is None
    assert followed.length(WATCHING) == 0


# --- how often


def test_silence_slows_the_watch_down_to_its_maximum(paced: World) -> None:
    seen = []
    for _ in range(60):
        paced.advance(1)
        seen.append(interval(paced))
    assert seen == sorted(seen)
    assert (seen[0] < 3, seen[-1]) == (True, 20)


def test_a_change_makes_the_watch_quick_again(paced: World) -> None:
    for _ in range(40):
        paced.advance(1)
    slow = interval(paced)
    paced.agent.task("t1").becomes("working")
    while paced.newest("t1") == 1:
        paced.advance(1)
    assert slow > 5
    assert interval(paced) == 1


def test_an_interrupted_task_is_polled_at_the_maximum(paced: World) -> None:
    paced.agent.task("t1").becomes("input-required")
    paced.advance(2)
    assert interval(paced) == 20


def test_a_message_to_an_interrupted_task_makes_the_next_poll_due_at_once(paced: World) -> None:
    paced.agent.task("t1").becomes("input-required")
    paced.advance(2)
    paced.agent.next_state = "working"
    paced.send(task_id="t1")
    paced.agent.task("t1").becomes("completed")
    paced.settle()
    assert [post.state for post in paced.posts("a")] == ["input-required", "working", "completed"]


@pytest.mark.parametrize("status", [500, 503])
def test_an_agent_that_fails_slows_the_watch_down_and_ends_nothing(paced: World, status: int) -> None:
    paced.agent.status = status
    for _ in range(60):
        paced.advance(1)
    assert interval(paced) == 20
    assert paced.length("WatchFaultQueue") == 0
    paced.agent.status = 200
    paced.agent.task("t1").becomes("completed")
    paced.advance(21)
    assert paced.told("a") == [2]


def test_a_task_that_the_agent_has_forgotten_is_followed_until_the_deadline() -> None:
    with World(WatchDeadlineHours="1", WatchMinSeconds="60", WatchMaxSeconds="600") as world:
        world.agent.task("t1")
        world.register("t1", id="a")
        world.settle()
        world.agent.forget("t1")
        for _ in range(5):
            world.advance(650)
        assert world.watch("t1") is not None
        for _ in range(4):
            world.advance(901)
        assert world.watch("t1") is None
        assert [post.headers["a2a-relay-ended"] for post in world.posts("a")] == ["vanished", "deadline"]


# --- hints


def test_a_hint_that_a_later_poll_has_answered_is_acknowledged(followed: World) -> None:
    hint = WatchWakeup(TASK, asked_at=followed.runner.clock.now())
    followed.advance(POLL)
    followed.put(WATCHING, hint.dump())
    followed.settle()
    assert polls(followed) == 1
    assert followed.length(WATCHING) == 1


def test_a_hint_for_a_task_that_nobody_follows_is_acknowledged(world: World) -> None:
    world.agent.task("t9")
    world.put(WATCHING, WatchWakeup(task_key("t9"), asked_at=world.runner.clock.now()).dump())
    world.settle()
    assert world.length(WATCHING) == 0
    assert world.items() == []


def listed(world: World) -> int:
    """How many hints a list of all tasks brings."""
    world.wire.requests.clear()
    assert len(world.result("ListTasks", {})["tasks"]) == len(world.agent.tasks)
    assert [request.name for request in world.wire.asked("api")].count("BatchGetItem") == 1
    return sum(len(request.body["Entries"]) for request in world.wire.asked("api", "SendMessageBatch"))


def test_list_that_shows_a_move_makes_the_next_poll_due_at_once(followed: World) -> None:
    for number in range(40):
        followed.agent.task(f"nobody follows {number}")
    assert listed(followed) == 0
    followed.agent.task("t1").becomes("completed")
    assert listed(followed) == 1
    followed.settle()
    assert [post.state for post in followed.posts("a")] == ["completed"]


def test_list_hints_by_a_status_message_that_it_shows_and_not_by_one_that_it_leaves_out(followed: World) -> None:
    followed.agent.task("t1").becomes("working", message="half of it")
    assert listed(followed) == 1
    followed.settle()

    def without_messages(method: str, answer: dict[str, Any]) -> None:
        for task in answer["result"]["tasks"] if method == "ListTasks" else ():
            del task["status"]["message"]

    followed.agent.before_answer = without_messages
    assert listed(followed) == 0
    followed.agent.before_answer = lambda _method, _answer: None
    followed.agent.task("t1").becomes("working", message="all of it")
    assert listed(followed) == 1


def test_after_a_hint_the_timer_that_was_waited_for_polls_no_more(followed: World) -> None:
    followed.result("CancelTask", {"id": "t1"})
    followed.settle()
    followed.agent.calls.clear()
    followed.advance(POLL)
    assert polls(followed) == 0


# --- the end


def test_the_watch_ends_when_the_task_has_ended_and_every_config_has_passed_it(followed: World) -> None:
    followed.agent.task("t1").becomes("completed")
    followed.advance(POLL)
    followed.advance(60)
    assert followed.watch("t1") is None
    assert followed.length(WATCHING) == 0


def test_after_the_end_of_the_task_the_agent_is_not_asked_any_more(followed: World) -> None:
    followed.receiver.fail_next(500, times=3)
    followed.agent.task("t1").becomes("completed")
    followed.advance(POLL)
    count = polls(followed)
    for _ in range(5):
        followed.advance(40)
    assert polls(followed) == count
    assert followed.told("a") == [2]


def test_the_watch_stays_while_a_config_is_behind() -> None:
    with World(RetrySchedule="600,600,600", WatchMaxSeconds="900") as world:
        world.agent.task("t1")
        world.register("t1", id="a")
        world.settle()
        world.receiver.fail_next(500, times=3)
        world.agent.task("t1").becomes("completed")
        world.advance(POLL)
        for _ in range(3):
            assert world.cursor("t1", "a").position == 1
            assert world.watch("t1") is not None
            world.advance(601)
        for _ in range(3):
            world.advance(901)
        assert world.told("a") == [2]
        assert world.watch("t1") is None


def test_the_watch_ends_with_the_last_config(followed: World) -> None:
    followed.register("t1", id="b")
    followed.delete("t1", "a")
    followed.settle()
    assert followed.watch("t1") is not None
    followed.delete("t1", "b")
    followed.settle()
    assert followed.watch("t1") is None
    followed.advance(VISIBILITY)
    assert followed.length(WATCHING) == 0


def test_a_registration_after_the_end_begins_a_new_watch(followed: World) -> None:
    followed.delete("t1", "a")
    followed.settle()
    followed.register("t1", id="a")
    followed.settle()
    followed.agent.task("t1").becomes("completed")
    followed.advance(POLL)
    assert followed.told("a") == [2]


def test_a_config_registered_while_its_watch_ends_is_followed(followed: World) -> None:
    """The watch has looked and found nobody; before it ends itself, somebody registers."""
    followed.delete("t1", "a")

    def meanwhile(request: AwsRequest) -> Effect:
        if (request.function, request.name) == ("watch", "DeleteItem"):
            followed.wire.decide = undisturbed
            followed.register("t1", id="b")
        return Effect.NONE

    followed.wire.decide = meanwhile
    followed.settle()
    followed.agent.task("t1").becomes("completed")
    for _ in range(2):
        followed.advance(POLL)
    assert followed.told("b") == [2]


def test_the_watch_ends_at_its_deadline_and_a_registration_moves_it() -> None:
    with World(WatchDeadlineHours="1", WatchMinSeconds="600", WatchMaxSeconds="600") as world:
        world.agent.task("t1")
        world.register("t1", id="a")
        world.settle()
        world.runner.advance(timedelta(minutes=50))
        world.register("t1", id="b")
        world.settle()
        for _ in range(3):
            world.advance(601)
        assert world.watch("t1") is not None
        for _ in range(6):
            world.advance(601)
        assert world.watch("t1") is None


def test_what_is_undelivered_at_the_deadline_is_delivered_all_the_same() -> None:
    """Past its deadline a watch asks the agent no more, but it stays while a config is behind: its wake-up may have been lost."""
    with World(WatchDeadlineHours="1", WatchMinSeconds="600", WatchMaxSeconds="600") as world:
        world.agent.task("t1")
        world.register("t1", id="a")
        world.settle()
        world.advance(2400)
        world.wire.decide = lambda request: Effect.DIES_BEFORE if request.function == "deliver" else Effect.NONE
        world.agent.task("t1").becomes("working")
        world.advance(601)
        assert world.newest("t1") == 2
        world.purge(DELIVERY)
        world.wire.decide = undisturbed
        for _ in range(4):
            world.advance(601)
        assert world.told("a") == [2, 3]
        for _ in range(3):
            world.advance(901)
        assert world.watch("t1") is None


# --- configs that are behind


@pytest.mark.parametrize("stamped", ["9999-12-31T23:59:59.9999999Z", "0001-01-01T00:00:00Z"], ids=["MaxValue", "MinValue"])
def test_a_status_that_an_agent_stamps_with_no_real_time_is_told_and_so_is_what_follows(followed: World, stamped: str) -> None:
    """.NET's `DateTimeOffset`s for "never" and "not set"."""
    followed.agent.task("t1").becomes("working")
    followed.agent.task("t1").document["status"]["timestamp"] = stamped
    followed.advance(POLL)
    followed.agent.task("t1").becomes("completed")
    followed.advance(POLL)
    assert followed.told("a") == [2, 3]


def test_the_watch_wakes_who_is_behind_without_a_wake_up_on_its_way(followed: World) -> None:
    """Purged before the first attempt; no sweep is due."""
    followed.wire.decide = once(Effect.DIES_BEFORE, function="deliver")
    followed.agent.task("t1").becomes("completed")
    followed.advance(POLL)
    followed.purge(DELIVERY)
    for _ in range(3):
        followed.advance(31)
    assert followed.told("a") == [2]


def test_the_watch_wakes_nobody_who_waits_or_is_being_told(followed: World) -> None:
    followed.receiver.fail_next(500)
    followed.agent.task("t1").becomes("working")
    followed.advance(POLL)
    followed.purge(DELIVERY)
    followed.wire.requests.clear()
    for _ in range(4):
        followed.advance(POLL)
    assert list(followed.wire.asked("watch", "SendMessageBatch")) == []


def test_a_young_change_is_left_to_the_fast_path(followed: World) -> None:
    followed.agent.task("t1").becomes("completed")
    followed.runner.advance(timedelta(seconds=POLL))
    followed.runner.step()
    assert followed.wire.asked("watch", "SendMessageBatch") == []


# --- faults and versions


def test_a_fault_of_ours_brings_the_message_back_and_costs_no_other_task_its_poll(followed: World) -> None:
    followed.agent.task("t2")
    followed.register("t2", id="b")
    followed.settle()
    [item] = [item for item in followed.items("WATCH") if item["pk"]["S"] == TASK.partition]
    followed.connection.put({**item, "v": {"N": "2"}})
    for task_id in ("t1", "t2"):
        followed.agent.task(task_id).becomes("completed")
    followed.advance(POLL)
    assert (followed.told("a"), followed.told("b")) == ([], [2])
    followed.connection.put(item)
    followed.advance(VISIBILITY)
    followed.advance(POLL)
    assert followed.told("a") == [2]


def test_a_message_of_an_unknown_version_goes_back(followed: World) -> None:
    known = json.loads(WatchWakeup(TASK).dump())
    followed.put(WATCHING, json.dumps({**known, "v": 2}))
    followed.put(WATCHING, DeliveryWakeup(config_key("t1", "a")).dump())
    followed.settle()
    assert polls(followed) == 0
    assert followed.length(WATCHING) == 3


def test_a_watch_whose_worker_died_goes_on(followed: World) -> None:
    followed.wire.decide = once(Effect.DIES_BEFORE, function="watch", name="SendMessage")
    followed.advance(POLL)
    followed.agent.task("t1").becomes("completed")
    followed.advance(VISIBILITY)
    followed.settle()
    assert followed.told("a") == [2]
