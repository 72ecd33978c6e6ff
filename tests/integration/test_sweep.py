"""The sweep: what lost messages, purged queues and failed batches leave behind is woken again; nothing in the fast path relies on it."""

from datetime import timedelta
from typing import Any

import pytest

from relay.adapters.table.listers import Listers
from relay.domain.keys import AgentKey, ListKey
from relay.wiring import wiring
from tests.support.wire import AwsRequest, Effect, undisturbed
from tests.support.world import DELIVERY, SWEEP, WATCHING, World

POLL = 10.5  # seconds: a little more than the watch's interval


def behind(world: World, *, tasks: tuple[str, ...] = ("t1",)) -> None:
    """Each task's only config waits for a timer, and so does each watch; the tasks have not ended."""
    for task_id in tasks:
        world.agent.task(task_id)
        world.register(task_id, f"{world.receiver.url}/{task_id}", id="a")
    world.settle()
    world.receiver.fail_next(503, len(tasks))
    for task_id in tasks:
        world.agent.task(task_id).becomes("working")
    world.advance(POLL)


def test_a_config_whose_timer_was_lost_is_woken(world: World) -> None:
    behind(world)
    world.purge(DELIVERY)
    world.advance(SWEEP)
    assert world.told() == [2]


def test_a_watch_whose_timer_was_lost_is_woken(world: World) -> None:
    behind(world)
    world.purge(WATCHING)
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    assert world.told() == [2], "only the retry"
    world.advance(SWEEP)
    assert world.told() == [2, 3]


def test_a_watch_that_died_while_it_held_its_claim_is_woken(world: World) -> None:
    behind(world)
    world.wire.decide = lambda request: Effect.DIES_BEFORE if (request.function, request.name) == ("watch", "SendMessage") else Effect.NONE
    world.advance(POLL)
    world.wire.decide = undisturbed
    world.purge(WATCHING)
    world.agent.task("t1").becomes("completed")
    world.advance(SWEEP)
    assert world.told() == [2, 3]


def test_a_lister_whose_wake_up_was_lost_is_woken_and_ends_where_nothing_is_listed_any_more(world: World) -> None:
    listers, key, now = Listers(world.connection), ListKey(AgentKey("default", "default"), ""), world.runner.clock.now()
    listers.want(key, until=now + timedelta(days=1), now=now)
    world.advance(100)
    assert listers.get(key) is not None
    world.advance(SWEEP)
    assert listers.get(key) is None


def test_both_queues_purged_loses_nothing(world: World) -> None:
    behind(world, tasks=("t1", "t2"))
    world.purge(DELIVERY)
    world.purge(WATCHING)
    for task_id in ("t1", "t2"):
        world.agent.task(task_id).becomes("completed")
    world.advance(SWEEP)
    world.advance(SWEEP)
    assert (world.told("t1"), world.told("t2")) == ([2, 3], [2, 3])


def test_what_is_not_overdue_by_two_minutes_is_left_alone(world: World) -> None:
    behind(world)
    world.purge(DELIVERY)
    world.purge(WATCHING)
    world.runner.advance(timedelta(seconds=119))
    early = wiring().sweep()
    assert (early.configs_woken, early.watches_woken) == (0, 0)
    world.runner.advance(timedelta(seconds=15))
    swept = wiring().sweep()
    assert (swept.configs_woken, swept.watches_woken) == (1, 1)


def test_a_sweep_beside_a_timer_that_was_not_lost_doubles_nothing(world: World) -> None:
    """DeliveryPaused for a while, then all at once: timers, sweeps' wake-ups and the stream's."""
    behind(world)
    world.runner.advance(timedelta(seconds=1000))
    for _ in range(3):
        wiring().sweep()
    world.settle()
    world.advance(POLL)
    assert world.told() == [2]


@pytest.mark.parametrize(("days", "told"), [(16.9, ["working"]), (17.1, [])])
def test_config_whose_time_runs_out_while_delivery_is_paused_is_told_no_more(days: float, told: list[str]) -> None:
    """It lasts for a day and 16; the limit of the first promise: no dead letter says so."""
    with World(DeliveryPaused="true", WatchDeadlineHours="24") as world:
        world.agent.task("t1")
        world.register("t1", id="a")
        world.agent.task("t1").becomes("working")
        world.advance(POLL)
        assert (world.newest("t1"), world.posts()) == (2, [])
        records = [{"messageId": str(number), "body": body} for number, body in enumerate(world.take(DELIVERY))]
        assert records
        world.runner.clock.advance(timedelta(days=days))
        assert world.runner.invoke("DeliverFunction", {"Records": records}).answer == {"batchItemFailures": []}
        assert [post.state for post in world.posts()] == told
        assert world.dead_letters() == []


def test_the_age_of_the_oldest_undelivered_change_is_measured(world: World) -> None:
    behind(world)
    swept = wiring().sweep()
    assert swept.configs_waiting == 1
    assert timedelta(0) <= swept.oldest_undelivered < timedelta(minutes=1)
    world.purge(DELIVERY)
    world.runner.advance(timedelta(hours=2))
    assert timedelta(hours=2) <= wiring().sweep().oldest_undelivered < timedelta(hours=2, minutes=1)


def test_nothing_waiting_is_no_age(world: World) -> None:
    swept = wiring().sweep()
    assert (swept.configs_waiting, swept.oldest_undelivered) == (0, timedelta(0))


def test_a_queue_that_takes_nothing_keeps_no_wake_up_from_the_other(world: World) -> None:
    behind(world)
    world.purge(DELIVERY)
    world.purge(WATCHING)
    world.wire.decide = lambda request: refused(world, request)
    world.agent.task("t1").becomes("completed")
    world.advance(SWEEP)
    world.wire.decide = undisturbed
    assert world.newest("t1") == 3, "the watch was woken"
    world.advance(SWEEP)
    assert world.told() == [2, 3]


def test_more_configs_than_there_is_time_for_keep_no_watch_waiting_and_the_age_is_measured(world: World) -> None:
    """While deliveries are paused, all configs that wait are overdue: a sweep that dies of them would repair nothing at all."""
    behind(world, tasks=("t1", "t2", "t3"))
    world.purge(DELIVERY)
    world.purge(WATCHING)
    world.runner.clock.advance(timedelta(seconds=200))
    swept = wiring().sweep(remaining=lambda: timedelta(seconds=5))
    assert (swept.configs_woken, swept.watches_woken, swept.configs_waiting) == (0, 3, 3)
    assert swept.oldest_undelivered >= timedelta(seconds=200)
    assert (world.length(DELIVERY), world.length(WATCHING)) == (0, 3)
    left = iter([timedelta(seconds=60), timedelta(seconds=5)])
    assert wiring().sweep(remaining=lambda: next(left)).configs_woken == 3


def refused(world: World, request: AwsRequest) -> Any:
    """The delivery queue takes nothing of a sweep."""
    if request.function != "sweep" or request.body.get("QueueUrl") != world.queue_url(DELIVERY):
        return Effect.NONE
    return {
        "Successful": [],
        "Failed": [{"Id": each["Id"], "Code": "ServiceUnavailable", "SenderFault": False} for each in request.body["Entries"]],
    }


def test_an_index_that_is_late_does_no_harm(world: World) -> None:
    """The sparse index is eventually consistent: a sweep may wake what is told already, or deleted."""
    behind(world)
    world.purge(DELIVERY)
    world.runner.advance(timedelta(seconds=200))
    wiring().sweep()
    world.delete("t1", "a")
    world.settle()
    assert len(world.posts()) == 1


def test_a_config_whose_stream_record_was_given_up_is_followed_all_the_same(world: World) -> None:
    """The record would have started the watch and woken the config; the registration has put the watch too, so the sweep finds it."""
    world.agent.task("t1").becomes("input-required")
    world.register("t1", id="a")
    world.wire.decide = lambda request: Effect.FAILS if request.function == "fanout" else Effect.NONE
    for _ in range(25):
        world.advance(POLL)
    world.wire.decide = undisturbed
    assert len(world.take("StreamFailureQueue")) == 2
    world.agent.task("t1").becomes("completed")
    for _ in range(3):
        world.advance(SWEEP)
    assert world.told() == [1, 2]


def test_a_watch_whose_first_wake_up_was_lost_is_woken(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.wire.decide = lambda request: Effect.DIES_BEFORE if request.function == "watch" else Effect.NONE
    world.settle()
    world.wire.decide = undisturbed
    world.purge(WATCHING)
    world.agent.task("t1").becomes("completed")
    world.advance(SWEEP)
    assert world.told() == [2]
