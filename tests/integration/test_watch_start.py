"""A registration puts the watch, whatever a turn of an older watch is about to do."""

from datetime import timedelta

import pytest

from relay.adapters.table.watches import Watches
from relay.domain.wakeup import WatchWakeup
from relay.domain.watch import Rest, WatchCall
from tests.support.world import World, task_key

TASK = task_key("t1")
HINT = WatchCall(TASK, (("1", WatchWakeup(TASK)),))


@pytest.fixture
def watches(world: World) -> Watches:
    """With a watch whose turn is under way."""
    found = world.watches
    now = world.runner.clock.now()
    found.start(TASK, deadline=now, interval=timedelta(seconds=1), due=now)
    assert found.claim(HINT, "turn", now=now, until=now + timedelta(seconds=40))[0]
    return found


def start_anew(world: World, watches: Watches) -> None:
    now = world.runner.clock.now()
    watches.start_anew(TASK, deadline=now + timedelta(days=7), interval=timedelta(0), due=now)


def test_watch_of_a_registration_is_not_ended_by_a_turn_that_looked_before_it(world: World, watches: Watches) -> None:
    start_anew(world, watches)
    watches.end(TASK, "turn")
    assert watches.get(TASK) is not None
    assert list(watches.overdue(_shard(watches), before=world.runner.clock.now() + timedelta(seconds=1))) == [TASK]


def test_watch_that_rests_is_left_as_it_is(world: World, watches: Watches) -> None:
    now = world.runner.clock.now()
    resting = Rest("timer", now, timedelta(seconds=9), now, now, now, None)
    assert watches.rest(TASK, "turn", resting)
    start_anew(world, watches)
    found = watches.get(TASK)
    assert found is not None
    assert (found.waits_for, found.interval) == ("timer", timedelta(seconds=9))


def _shard(watches: Watches) -> int:
    [item] = watches._connection.query(TASK.partition, prefix="WATCH")
    return int(item["due_shard"]["S"].rpartition("#")[2])
