"""The watch remembers the newest revision between its polls, yet others append too."""

from datetime import timedelta

from relay.domain.task import Revision, Snapshot, View
from relay.domain.watch import LOOK_EVERY
from tests.support.wire import Effect, undisturbed
from tests.support.world import DELIVERY, World, task_key


def test_task_that_goes_back_is_told_though_another_function_saw_it_between_two_polls() -> None:
    with World() as world:
        world.agent.task("t1").becomes("working")
        world.register("t1", id="c")
        world.settle()
        _seen_by_another_function(world, "TASK_STATE_SUBMITTED")
        world.settle()
        world.advance((LOOK_EVERY + timedelta(seconds=11)).total_seconds())
        assert [post.state for post in world.posts("c")] == ["submitted", "working"]


def test_watch_past_its_deadline_does_not_end_before_what_another_function_saw_is_told() -> None:
    with World(WatchDeadlineHours="0.01") as world:  # 36 s; it polls every 10 s, and looks at 30 s
        world.agent.task("t1")
        world.register("t1", id="c")
        world.settle()
        for _ in range(3):
            world.advance(10)
        _seen_by_another_function(world, "TASK_STATE_WORKING")
        world.wire.decide = lambda request: Effect.DIES_BEFORE if request.function == "deliver" else Effect.NONE
        world.settle()
        world.wire.decide = undisturbed
        world.purge(DELIVERY)
        for _ in range(20):
            world.advance(10)
        assert world.told("c") == [2, 3]
        assert [post.headers.get("a2a-relay-ended") for post in world.posts("c")] == [None, "deadline"]
        assert world.watch("t1") is None


def _seen_by_another_function(world: World, state: str) -> None:
    """Appended while the watch waits; no hint comes to the watch."""
    [first] = world.revisions.after(task_key("t1"), 0, limit=1)
    document = world.revisions.open(first).snapshot.document
    snapshot = Snapshot(first.version, {**document, "status": {**document["status"], "state": state}})
    now = world.runner.clock.now()
    seen = View(snapshot, asked_at=now, arrived_at=now, learnt_by="send")
    assert world.revisions.append(task_key("t1"), Revision(2, seen), expires=now + timedelta(days=1))
