"""Configs for tasks that are still to come (PraisonAI's), and the list over all tasks."""

from typing import Any

import pytest

from tests.integration.test_praisonai_configs import CONFIG_NOT_FOUND, DELETE, GET, LIST, SET, TASK_NOT_FOUND, ask, hook, refusal, states
from tests.support.wire import Effect, once
from tests.support.world import World, config_key

DAY = 24 * 3600
MINE, YOURS = {"x-upstream-authorization": "Bearer mine"}, {"x-upstream-authorization": "Bearer yours"}


def arrives(world: World, state: str = "working") -> None:
    """The agent makes its first task, `task-1`, of a message that nobody asked a webhook for."""
    world.agent.next_state = state
    assert world.send() == "task-1"


def listed(world: World, **params: Any) -> list[str]:
    return [config["taskId"] for config in ask(world, LIST, **params)["configs"]]


def test_the_capability_probe_makes_the_relay_call_nobody_but_the_agent(world: World) -> None:
    told = ask(world, SET, taskId="test", url="https://test.example.com")
    assert (told["taskId"], told["url"], told["token"]) == ("test", "https://test.example.com", None)
    assert [method for method, _ in world.agent.calls] == ["GetTask"]
    world.agent.calls.clear()
    world.advance(600)
    assert (world.agent.calls, world.receiver.notifications, world.watch("test")) == ([], [], None)
    assert ask(world, DELETE, taskId="test") == {"deleted": True}


def test_a_task_that_comes_by_a_send_is_told_from_its_first_revision(world: World) -> None:
    ask(world, SET, taskId="task-1", url=hook(world))
    arrives(world, "submitted")
    world.settle()
    world.agent.task("task-1").becomes("completed")
    world.advance(10.5)
    assert states(world) == ["submitted", "completed"]


def test_a_task_that_comes_by_a_get_is_told_as_it_is(world: World) -> None:
    ask(world, SET, taskId="t1", url=hook(world))
    world.agent.task("t1").becomes("completed")
    world.advance(60)
    assert states(world) == [], "nobody has asked for the task yet"
    world.result("GetTask", {"id": "t1"})
    world.settle()
    assert states(world) == ["completed"]


def test_a_task_that_is_known_by_the_next_set_is_no_longer_waited_for(world: World) -> None:
    ask(world, SET, taskId="t1", url=hook(world, "old"))
    task = world.agent.task("t1")
    ask(world, SET, taskId="t1", url=hook(world, "new"))
    task.becomes("working")
    world.advance(10.5)
    world.result("GetTask", {"id": "t1"})
    world.advance(10.5)
    assert states(world, "old") == []
    assert states(world, "new") == ["submitted", "working"]


def test_it_is_bound_once(world: World) -> None:
    ask(world, SET, taskId="task-1", url=hook(world))
    arrives(world)
    world.settle()
    for _ in range(3):
        world.result("GetTask", {"id": "task-1"})
        world.advance(10.5)
    assert states(world) == ["working"]


def test_after_a_day_nobody_waits_any_more(world: World) -> None:
    ask(world, SET, taskId="task-1", url=hook(world))
    world.advance(DAY + 1)
    assert refusal(world, GET, taskId="task-1")[0] == CONFIG_NOT_FOUND
    assert listed(world) == []
    arrives(world)
    world.advance(60)
    assert states(world) == []


def test_to_say_it_again_waits_for_another_day(world: World) -> None:
    ask(world, SET, taskId="task-1", url=hook(world, "old"))
    world.advance(DAY - 60)
    ask(world, SET, taskId="task-1", url=hook(world, "new"))
    world.advance(DAY - 60)
    arrives(world)
    world.settle()
    assert (states(world, "old"), states(world, "new")) == ([], ["working"])


def test_one_that_is_deleted_is_never_bound(world: World) -> None:
    ask(world, SET, taskId="task-1", url=hook(world))
    assert ask(world, DELETE, taskId="task-1") == {"deleted": True}
    assert refusal(world, GET, taskId="task-1") == (CONFIG_NOT_FOUND, "Config not found")
    arrives(world)
    world.advance(60)
    assert states(world) == []
    assert world.items("PENDING#") == []


def test_a_delete_while_it_is_bound_wins(world: World) -> None:
    """The delete takes the cursor after the binding has renewed it, and before it has put the config."""
    ask(world, SET, taskId="t1", url=hook(world))
    world.agent.task("t1").becomes("completed")
    connection = world.connection

    def take_cursor(request: Any) -> Any:
        if (request.function, request.name) == ("api", "PutItem") and request.body["Item"]["sk"]["S"].startswith("PUSH#"):
            world.wire.decide = lambda _request: Effect.NONE
            connection.delete(config_key("t1", "praisonai").task.partition, "CURSOR#praisonai")
        return Effect.NONE

    world.wire.decide = take_cursor
    world.result("GetTask", {"id": "t1"})
    world.advance(60)
    assert states(world) == []
    assert refusal(world, GET, taskId="t1")[0] == CONFIG_NOT_FOUND


@pytest.mark.parametrize("place", range(2, 7))
def test_whoever_dies_on_the_way_the_config_is_bound_at_the_next_pass(world: World, place: int) -> None:
    ask(world, SET, taskId="t1", url=hook(world))
    world.agent.task("t1").becomes("completed")
    count = iter(range(100))
    world.wire.decide = lambda request: Effect.DIES_AFTER if request.function == "api" and next(count) == place else Effect.NONE
    with pytest.raises(ConnectionError):
        world.result("GetTask", {"id": "t1"})
    world.wire.decide = lambda _request: Effect.NONE
    world.result("GetTask", {"id": "t1"})
    world.advance(60)
    assert states(world) == ["completed"]


def test_a2as_own_dialects_ask_for_a_task_that_exists(world: World) -> None:
    nested = {"taskId": "t1", "pushNotificationConfig": {"url": hook(world)}}
    assert world.call(SET, nested, version="")["error"]["code"] == TASK_NOT_FOUND
    assert world.call("CreateTaskPushNotificationConfig", {"taskId": "t1", "url": hook(world)})["error"]["code"] == TASK_NOT_FOUND


def test_the_task_of_another_caller_is_not_told(world: World) -> None:
    """Callers that bring a credential of their own for the agent are several, though the relay key be one."""
    world.headers = MINE
    ask(world, SET, taskId="task-1", url=hook(world))
    world.headers = YOURS
    assert refusal(world, GET, taskId="task-1")[0] == CONFIG_NOT_FOUND
    assert (listed(world), refusal(world, DELETE, taskId="task-1")[0]) == ([], CONFIG_NOT_FOUND)
    arrives(world)
    world.advance(60)
    assert states(world) == []
    world.headers = MINE
    assert listed(world) == ["task-1"]
    world.result("GetTask", {"id": "task-1"})
    world.settle()
    assert states(world) == ["working"]


def test_a_list_without_a_task_tells_the_configs_of_all_tasks(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a2a")
    first = ask(world, SET, taskId="t1", url=hook(world))
    second = ask(world, SET, taskId="future-task-id", url=hook(world))
    configs = ask(world, LIST)["configs"]
    assert sorted(configs, key=lambda config: config["taskId"]) == [second, first]
    ask(world, DELETE, taskId="t1")
    assert listed(world) == ["future-task-id"]


def test_a_list_comes_in_pages_to_who_asks_for_pages(world: World) -> None:
    for number in range(5):
        ask(world, SET, taskId=f"t{number}", url=hook(world))
    pages, token = [], ""
    while True:
        page = ask(world, LIST, pageSize=2, pageToken=token)
        pages.append([config["taskId"] for config in page["configs"]])
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(task for page in pages for task in page) == [f"t{number}" for number in range(5)]
    assert refusal(world, LIST, pageToken="made up")[0] == refusal(world, LIST, pageSize=101)[0] == -32602


def test_a_list_is_whole_though_it_be_read_in_parts(world: World) -> None:
    for number in range(101):
        ask(world, SET, taskId=f"t{number}", url=hook(world))
    assert sorted(listed(world)) == sorted(f"t{number}" for number in range(101))


def test_a_registration_that_dies_after_its_entry_lists_nothing(world: World) -> None:
    world.wire.decide = once(Effect.DIES_AFTER, function="api", name="PutItem")
    with pytest.raises(ConnectionError):
        ask(world, SET, taskId="t1", url=hook(world))
    assert listed(world) == []


def test_no_more_wait_for_a_task_than_it_may_have(world: World) -> None:
    for number in range(100):
        ask(world, SET, taskId="t1", url=hook(world), id=f"c{number}")
    assert refusal(world, SET, taskId="t1", url=hook(world), id="one more")[0] == -32602
    ask(world, SET, taskId="t1", url=hook(world, "other"), id="c7")
