"""What callers ask is answered before API Gateway gives up: the agent's card and the agent's answer share one deadline."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.world import World

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("GetTask", {"id": "task-1"}),
    ("ListTasks", {}),
    ("CancelTask", {"id": "task-1"}),
    ("CreateTaskPushNotificationConfig", {"taskId": "task-1", "url": "http://127.0.0.1:9/hook"}),
]


@pytest.mark.parametrize(("method", "params"), CALLS)
def test_a_card_that_took_all_of_the_time_leaves_none_for_the_call(world: World, method: str, params: dict[str, Any]) -> None:
    world.agent.task("task-1")
    world.agent.before_card = lambda: world.runner.clock.advance(timedelta(seconds=25))
    error = world.call(method, params)["error"]
    assert (error["code"], error["data"][0]["reason"]) == (-32603, "UPSTREAM_TIMEOUT")
    assert world.agent.calls == []
