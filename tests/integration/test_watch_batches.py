"""What a batch of wake-ups for one watch means as a whole."""

import json

from relay.domain.wakeup import WatchWakeup
from tests.support.world import World, task_key


def _events(world: World, *wakeups: WatchWakeup) -> dict[str, object]:
    return {"Records": [{"messageId": str(place), "body": wakeup.dump()} for place, wakeup in enumerate(wakeups)]}


def test_answered_hint_in_a_batch_does_not_take_the_watchs_own_timer_with_it() -> None:
    with World() as world:
        world.agent.task("t1")
        world.register("t1", id="c")
        world.settle()
        watch = world.watch("t1")
        assert watch is not None
        assert watch.polled_at is not None
        answered = WatchWakeup(task_key("t1"), asked_at=watch.polled_at.replace(year=2020))
        polls = world.agent.count("GetTask")
        outcome = world.runner.invoke("WatchFunction", _events(world, answered, WatchWakeup(task_key("t1"), timer=watch.waits_for)))
        assert outcome.error is None
        assert json.dumps(outcome.answer) == '{"batchItemFailures": []}'
        after = world.watch("t1")
        assert after is not None
        assert world.agent.count("GetTask") == polls + 1
        assert after.waits_for not in ("", watch.waits_for)
