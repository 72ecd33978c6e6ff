"""The queues: what SQS did not take is told, and no delay is longer than it allows (design §2 rules 7 and 8)."""

import json
from datetime import timedelta
from typing import Any

import boto3
import pytest

from relay.adapters.queues import Queue, Sending
from relay.domain.keys import AgentKey, TaskKey
from relay.domain.wakeup import DeliveryWakeup, ListWakeup, StreamWakeup, WatchWakeup, WorkWakeup
from relay.outside import AWS_CLIENT
from tests.support.wire import AwsRequest, Effect
from tests.support.world import DELIVERY, World, config_key, task_key


@pytest.fixture
def queue(world: World) -> Queue:
    """As a function has it."""
    return Queue(boto3.client("sqs", config=AWS_CLIENT), world.queue_url(DELIVERY))


def wakeups(count: int) -> list[Sending]:
    return [Sending(DeliveryWakeup(config_key("t1", f"config {n}"), n + 1, group="g")) for n in range(count)]


def refusing(*ids: str) -> Any:
    """SQS takes the entries of a batch but these."""

    def decide(request: AwsRequest) -> Any:
        entries = [entry["Id"] for entry in request.body["Entries"]]
        if not set(ids) & set(entries):
            return Effect.NONE
        failed = [{"Id": each, "Code": "ServiceUnavailable", "SenderFault": False} for each in entries if each in ids]
        return {"Successful": [], "Failed": failed}

    return decide


def test_a_batch_of_more_than_ten_goes_in_several_requests(world: World, queue: Queue) -> None:
    assert queue.send_all(wakeups(25)) == []
    assert [len(each.body["Entries"]) for each in world.wire.asked(name="SendMessageBatch")] == [10, 10, 5]
    assert world.length(DELIVERY) == 25


def test_entries_that_sqs_did_not_take_are_told_by_their_position(world: World, queue: Queue) -> None:
    """An answer with failed entries is a 200."""
    world.wire.decide = refusing("3", "11")
    assert queue.send_all(wakeups(12)) == [3, 11]


def test_nothing_to_send_asks_nothing(world: World, queue: Queue) -> None:
    assert queue.send_all([]) == []
    assert world.wire.requests == []


@pytest.mark.parametrize(("delay", "seconds"), [(0, 0), (0.1, 1), (4.2, 5), (900, 900), (3600, 900)])
def test_a_delay_is_whole_seconds_never_early_and_at_most_900(world: World, queue: Queue, delay: float, seconds: int) -> None:
    queue.send(WatchWakeup(task_key("t1")), timedelta(seconds=delay))
    queue.send_all([Sending(WatchWakeup(task_key("t1")), timedelta(seconds=delay))])
    one, batch = world.wire.requests
    assert (one.body["DelaySeconds"], batch.body["Entries"][0]["DelaySeconds"]) == (seconds, seconds)


def test_a_delivery_wake_up_carries_its_receiver_as_message_group(world: World, queue: Queue) -> None:
    queue.send(DeliveryWakeup(config_key("t1", "a"), group="g"))
    queue.send(DeliveryWakeup(config_key("t1", "a")))
    assert [each.body.get("MessageGroupId") for each in world.wire.requests] == ["g", None]


def test_all_other_wake_ups_carry_their_agent_as_message_group(world: World, queue: Queue) -> None:
    """However many tasks of one agent are followed, or hang, those of others are served first."""
    agents = [AgentKey("default", "default"), AgentKey("default", "other"), AgentKey("me", "default")]
    for owner, agent in agents:
        for task in (TaskKey(owner, agent, "", "t1"), TaskKey(owner, agent, "tenant", "t2")):
            queue.send_all([Sending(WatchWakeup(task)), Sending(StreamWakeup(task)), Sending(WorkWakeup(task))])
            queue.send(ListWakeup(task.list_key))
    sent = [entry["MessageGroupId"] for each in world.wire.requests for entry in each.body.get("Entries", [each.body])]
    per_agent = len(sent) // len(agents)
    assert [len(set(sent[start : start + per_agent])) for start in range(0, len(sent), per_agent)] == [1, 1, 1]
    assert len(set(sent)) == len(agents)


def test_a_message_holds_a_version_and_no_secret(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a", token="a secret token", authentication={"scheme": "Bearer", "credentials": "a secret credential"})
    world.receiver.fail_next(503)
    world.settle()
    world.agent.task("t1").becomes("completed")
    world.advance(11)
    sent = [each.body.get("MessageBody") or entry["MessageBody"] for each in sends(world) for entry in each.body.get("Entries", [{}])]
    assert sent
    assert all(json.loads(body)["v"] == 1 for body in sent)
    assert not any("secret" in body or "127.0.0.1" in body for body in sent)


def sends(world: World) -> list[AwsRequest]:
    return [each for each in world.wire.requests if each.name.startswith("SendMessage")]
