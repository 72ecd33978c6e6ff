"""What one change costs: the AWS requests of our functions from the change to its acknowledgement, in the steady state.

Ten tasks with one config each change at once; the first attempt succeeds. The budget is five requests per change: the put; the fan-out's
query and its share of a batch send; the claim; its share of the batch read; the one update that moves the cursor and ends the claim. What a
watch asks for its turn itself (claim, timer, wait, a look now and then) is a poll's, and counted apart. SQS's receives and deletes are
Lambda's.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from relay.wiring import wiring
from tests.support.wire import AwsRequest
from tests.support.world import DELIVERY, World, task_key

TASKS = [f"t{number}" for number in range(10)]
POLL = 10.5  # seconds: a little more than the watch's interval
BUDGET = 5.0  # requests per change
ROUNDS = 4


@pytest.fixture
def steady(world: World) -> World:
    """All has been done once: clients are made, card, keys and the breaker's state are read."""
    for task_id in TASKS:
        world.agent.task(task_id)
        world.register(task_id, id=task_id)
    world.settle()
    change_all(world, "first")
    world.advance(POLL)
    world.wire.requests.clear()
    return world


def change_all(world: World, message: str) -> None:
    for task_id in TASKS:
        world.agent.task(task_id).becomes("working", message=message)


def counted(requests: Iterable[AwsRequest]) -> Counter[str]:
    return Counter(f"{request.function} {request.name}" for request in requests)


def is_of_a_poll(request: AwsRequest) -> bool:
    return request.function == "watch" and request.name != "PutItem"


def is_of_the_clock(request: AwsRequest) -> bool:
    """The breaker's state is read every five seconds at most, however many changes there are: the slower the machine, the more often."""
    return request.function == "deliver" and request.name == "GetItem"


def test_a_change_costs_at_most_five_requests(steady: World) -> None:
    """As the stream hands them out: ten tasks fall into four batches."""
    for number in range(ROUNDS):
        change_all(steady, f"change {number}")
        steady.advance(POLL)
    changes = ROUNDS * len(TASKS)
    assert len(steady.told()) == changes + len(TASKS)
    spent = counted(request for request in steady.wire.requests if not is_of_a_poll(request) and not is_of_the_clock(request))
    assert spent.total() / changes <= BUDGET, spent
    own = {name: spent[name] / changes for name in ("watch PutItem", "fanout Query", "deliver UpdateItem")}
    assert own == {"watch PutItem": 1, "fanout Query": 1, "deliver UpdateItem": 2}


def test_a_poll_costs_claim_timer_and_wait_and_one_put_more_when_it_finds_a_change(steady: World) -> None:
    for message in ("", "second", "", "third"):
        steady.wire.requests.clear()
        steady.agent.calls.clear()
        if message:
            change_all(steady, message)
        steady.advance(POLL)
        polls, looks = steady.agent.count("GetTask"), steady.wire.asked("watch", "Query")
        assert polls >= len(TASKS)
        puts = len(TASKS) if message else 0
        asked = [request for request in steady.wire.asked("watch") if request.name != "GetItem"]  # the agent, once a minute
        assert len(asked) == 3 * polls + puts + len(looks)


def test_full_batches_share_what_can_be_shared(steady: World) -> None:
    """Ten records in one batch of the stream, ten wake-ups in one of the queue."""
    steady.runner.advance(timedelta(seconds=4))
    records = [observed(steady, task_id) for task_id in TASKS]
    assert counted(steady.wire.requests) == {" Query": 10, " PutItem": 10}, "the watch knows the newest revision: it does not even ask"
    steady.wire.requests.clear()
    assert steady.runner.invoke("FanOutFunction", {"Records": records}).answer == {"batchItemFailures": []}
    bodies = steady.take(DELIVERY)
    event = {"Records": [{"messageId": str(place), "body": body} for place, body in enumerate(bodies)]}
    assert steady.runner.invoke("DeliverFunction", event).answer == {"batchItemFailures": []}
    assert counted(request for request in steady.wire.requests if request.name != "GetItem") == {
        "fanout Query": 10,
        "fanout SendMessageBatch": 1,
        "deliver UpdateItem": 20,
        "deliver BatchGetItem": 1,
    }
    assert len(steady.wire.asked(name="GetItem")) <= 1, "the breaker of the one receiver"


def observed(world: World, task_id: str) -> Mapping[str, Any]:
    """A new revision of the task, and its record in the stream."""
    world.agent.task(task_id).becomes("working", message="in a full batch")
    view = wiring().ask(task_key(task_id), timeout=timedelta(seconds=5))
    assert view is not None
    number = wiring().observe(task_key(task_id), view).head.number
    keys = {"pk": {"S": task_key(task_id).partition}, "sk": {"S": f"REVISION#{number:010d}"}}
    return {"eventName": "INSERT", "dynamodb": {"SequenceNumber": str(TASKS.index(task_id) + 1), "Keys": keys}}


def test_no_request_is_larger_than_it_must_be(steady: World) -> None:
    """A wake-up is a name and a number; the cursor's update does not write the task."""
    change_all(steady, "x" * 20_000)
    steady.advance(POLL)
    large = [request for request in steady.wire.requests if len(json.dumps(request.body)) > 8_000]
    assert {(request.function, request.name) for request in large} <= {("watch", "PutItem"), ("fanout", "SendMessageBatch")}
