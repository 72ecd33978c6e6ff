"""A list in trouble: an agent that is busy, slow, gone or removed; a function without time, that lost its claim, or that AWS fails."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.watch import handler
from relay.adapters.table.agents import RegisteredAgent
from relay.adapters.table.listers import Listers
from relay.adapters.table.strategies import StrategyRecords
from relay.domain.keys import AgentKey, ListKey
from relay.domain.listing import CLAIM, ListCall
from relay.domain.strategy import Strategy
from relay.domain.wakeup import ListWakeup, WatchWakeup
from relay.wiring import wiring
from tests.support.wire import Answer, AwsRequest, Effect, once, undisturbed
from tests.support.world import VISIBILITY, WATCHING, World, task_key

AGENT = AgentKey("default", "default")
LISTED = ListKey(AGENT, "")
EVERY, SLOW = 5, 300  # seconds: ListSeconds, ListSweepSeconds
TURN = EVERY + 0.5


@pytest.fixture(scope="module")
def one_world() -> Iterator[World]:
    pace = {"WatchMinSeconds": "1", "WatchMaxSeconds": "60", "ListSeconds": str(EVERY), "ListSweepSeconds": str(SLOW)}
    with World(FollowStrategy="list", **pace) as world:
        yield world


@pytest.fixture
def world(one_world: World) -> World:
    """The tasks t1 and t2 are followed by a list."""
    one_world.agent.__dict__.pop("card", None)
    one_world.clear()
    one_world.runner.cold_start()  # nobody knows of a list
    one_world.follow("t1", "t2")
    turns(one_world, 2)
    assert is_listed(one_world)
    one_world.agent.calls.clear()
    return one_world


def turns(world: World, many: int = 1) -> None:
    for _ in range(many):
        world.advance(TURN)


def lists(world: World) -> int:
    return world.agent.count("ListTasks")


def is_listed(world: World) -> bool:
    return Listers(world.connection).get(LISTED) is not None


def given_up(world: World) -> bool:
    return Strategy.LIST in StrategyRecords(world.connection, now=world.runner.clock.now).given_up(AGENT)


def refused(request: AwsRequest) -> Answer:
    """As SQS answers, with HTTP 200."""
    return {"Successful": [], "Failed": [{"Id": each["Id"], "Code": "Throttled", "SenderFault": False} for each in request.body["Entries"]]}


# --- the agent


def test_pause_that_a_list_is_asked_for_is_kept(world: World) -> None:
    world.agent.status, world.agent.retry_after = 429, "60"
    turns(world)
    assert lists(world) == 1
    world.agent.status = 200
    world.advance(45)
    assert (lists(world), given_up(world)) == (1, False)
    world.agent.task("t1").becomes("working")
    world.advance(50)
    assert world.told("t1") == [2]


def test_pause_that_one_task_is_asked_for_is_kept_by_the_list(world: World) -> None:
    world.agent.status, world.agent.retry_after = 503, "60"
    world.put(WATCHING, WatchWakeup(task_key("t1"), asked_at=world.runner.clock.now()).dump())
    world.settle()
    assert world.agent.count("GetTask") == 1
    world.agent.status = 200
    world.advance(45)
    assert lists(world) == 0
    world.agent.task("t1").becomes("working")
    world.advance(50)
    assert world.told("t1") == [2]


def test_list_that_takes_long_goes_on_in_the_next_turn_where_it_was(world: World) -> None:
    def takes_its_time(method: str, _: dict[str, Any]) -> None:
        if method == "ListTasks":
            world.runner.clock.advance(timedelta(seconds=8))

    for number in range(240):
        world.agent.task(f"other {number:03}")
    for task in world.agent.tasks.values():
        task.becomes("working")
    world.agent.before_answer = takes_its_time
    turns(world)
    world.settle()
    assert [params.get("pageToken", "") for method, params in world.agent.calls if method == "ListTasks"][:3] == ["", "100", "200"]
    assert (world.told("t1"), world.told("t2"), given_up(world)) == ([2], [2], False)


def test_agent_whose_card_cannot_be_read_for_a_moment_is_listed_when_it_can(world: World) -> None:
    world.agent.card = dict  # type: ignore[method-assign]
    world.runner.cold_start()
    turns(world, 2)
    assert (lists(world), given_up(world), is_listed(world)) == (0, False, True)
    del world.agent.__dict__["card"]
    world.agent.task("t1").becomes("working")
    turns(world)
    assert world.told("t1") == [2]


def test_agent_that_refuses_the_credential_is_listed_no_more_and_its_tasks_are_polled(world: World) -> None:
    world.agent.lets_in = {"Bearer another one"}
    turns(world)
    assert given_up(world)
    world.agent.lets_in = None
    world.agent.task("t1").becomes("working")
    asked = lists(world)
    world.advance(30)
    world.advance(61)
    assert (lists(world), world.told("t1")) == (asked, [2])


@pytest.mark.thorough
def test_agent_that_was_removed_is_listed_no_more(world: World) -> None:
    more = AgentKey("default", "more")
    wiring().agent_records.put(RegisteredAgent(more, world.agent.url, follow=Strategy.LIST))
    params = {"taskId": "t1", "id": "more", "url": f"{world.receiver.url}/more"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "CreateTaskPushNotificationConfig", "params": params}
    assert world.runner.request("POST", "/agents/more", body=body, headers={"a2a-version": "1.0"}).status == 200
    turns(world, 2)
    assert Listers(world.connection).get(ListKey(more, "")) is not None
    wiring().agent_records.delete(more)
    world.runner.cold_start()
    turns(world)
    for _ in range(30):  # it looks for resting tasks again after what it has woken, which comes spread over a minute
        world.advance(10)
    assert Listers(world.connection).get(ListKey(more, "")) is None
    assert is_listed(world)


# --- the function


class ShortOfTime:
    aws_request_id = "watch"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def test_function_without_time_for_a_list_leaves_it_to_the_next(world: World) -> None:
    world.purge(WATCHING)
    answer = handler({"Records": [{"messageId": "m", "body": ListWakeup(LISTED).dump()}]}, ShortOfTime())
    assert (answer, lists(world), world.length(WATCHING)) == ({"batchItemFailures": []}, 0, 1)


def test_list_that_another_has_claimed_is_come_back_to(world: World) -> None:
    now = world.runner.clock.now()
    lister = Listers(world.connection).get(LISTED)
    assert lister is not None
    call = ListCall(LISTED, (("m", ListWakeup(LISTED, lister.waits_for)),))
    assert Listers(world.connection).claim(call, "one that dies", now=now, until=now + CLAIM)[0]
    world.agent.task("t1").becomes("working")
    turns(world)
    assert (lists(world), world.told("t1")) == (0, [])
    world.advance(CLAIM.total_seconds())
    turns(world)
    assert world.told("t1") == [2]


def test_change_that_was_listed_when_the_queue_took_no_message_is_told_by_the_next_turn(world: World) -> None:
    world.agent.task("t1").becomes("working")
    world.wire.decide = lambda request: (
        refused(request) if (request.function, request.name) == ("watch", "SendMessageBatch") else Effect.NONE
    )
    turns(world)
    assert (lists(world), world.told("t1")) == (1, [])
    world.wire.decide = undisturbed
    world.advance(VISIBILITY)
    assert world.told("t1") == [2]
    assert not given_up(world)


def test_list_that_fails_holds_up_no_other_of_its_batch(world: World) -> None:
    world.agent.task("t3")
    world.result("CreateTaskPushNotificationConfig", {"tenant": "acme", "taskId": "t3", "url": f"{world.receiver.url}/t3", "id": "t3"})
    turns(world, 2)
    acme = ListKey(AGENT, "acme")
    assert Listers(world.connection).get(acme) is not None
    for task_id in ("t1", "t3"):
        world.agent.task(task_id).becomes("working")
    at_its_claim = once(Effect.FAILS, function="watch", name="UpdateItem")
    world.wire.decide = lambda request: at_its_claim(request) if f"'{acme.sort_key}'" in str(request.body) else Effect.NONE
    turns(world)
    assert (world.told("t1"), world.told("t3")) == ([2], [])
    world.wire.decide = undisturbed
    world.advance(VISIBILITY)
    assert world.told("t3") == [2]
