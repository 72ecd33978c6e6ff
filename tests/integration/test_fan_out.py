"""Fanning out: the stream says that something exists, and one small wake-up per push config follows (design §2, rules 1, 7 and 13)."""

import json
from typing import Any

from relay.domain.wakeup import DeliveryWakeup
from tests.support.wire import AwsRequest, Effect, once, undisturbed
from tests.support.world import DELIVERY, WATCHING, World, config_key, task_key

POLL = 10.5  # seconds: a little more than the watch's interval


def followed(world: World, *tasks: str, configs: tuple[str, ...] = ("a",)) -> None:
    for task_id in tasks:
        world.agent.task(task_id)
        for config_id in configs:
            world.register(task_id, f"{world.receiver.url}/{task_id}-{config_id}", id=config_id)
    world.settle()
    world.wire.requests.clear()


def sent(world: World, queue: str) -> list[dict[str, Any]]:
    """What the fan-out sent to a queue."""
    requests = [each for each in world.wire.asked("fanout", "SendMessageBatch") if each.body["QueueUrl"] == world.queue_url(queue)]
    return [json.loads(entry["MessageBody"]) for each in requests for entry in each.body["Entries"]]


def refused(request: AwsRequest) -> dict[str, Any]:
    failed = [{"Id": each["Id"], "Code": "ServiceUnavailable", "SenderFault": False} for each in request.body["Entries"]]
    return {"Successful": [], "Failed": failed}


def test_a_revision_becomes_one_wake_up_for_each_config_of_its_task(world: World) -> None:
    followed(world, "t1", configs=("a", "b"))
    followed(world, "t2")
    world.agent.task("t1").becomes("working")
    world.advance(POLL)
    assert sorted((wakeup["config"], wakeup["revision"]) for wakeup in sent(world, DELIVERY)) == [("a", 2), ("b", 2)]


def test_the_fan_out_posts_nothing_and_writes_nothing(world: World) -> None:
    followed(world, "t1")
    world.agent.task("t1").becomes("working")
    world.advance(POLL)
    assert {each.name for each in world.wire.asked("fanout")} == {"Query", "SendMessageBatch"}


def test_several_revisions_of_a_task_in_one_batch_become_one_wake_up(world: World) -> None:
    followed(world, "t1")
    for state in ("working", "input-required", "completed"):
        world.agent.next_state = state
        world.send(task_id="t1")
    world.settle()
    assert [wakeup["revision"] for wakeup in sent(world, DELIVERY)] == [4]
    assert world.told() == [2, 3, 4]


def test_a_config_that_has_passed_the_revision_is_not_woken(world: World) -> None:
    """A record that the stream reads again."""
    followed(world, "t1")
    world.wire.decide = once(Effect.DIES_AFTER, function="fanout", name="SendMessageBatch")
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    world.advance(POLL)
    assert [wakeup["revision"] for wakeup in sent(world, DELIVERY)] == [2], "the second reading finds the config told"
    assert world.told() == [2]


def test_a_config_that_was_put_is_woken_and_its_watch_begins(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    assert [(wakeup["config"], wakeup.get("revision")) for wakeup in sent(world, DELIVERY)] == [("a", None)]
    assert [wakeup.get("starts") for wakeup in sent(world, WATCHING)] == [True]


def test_a_config_that_was_removed_hints_its_watch_and_wakes_nothing(world: World) -> None:
    followed(world, "t1")
    world.delete("t1", "a")
    world.settle()
    assert sent(world, DELIVERY) == []
    assert [wakeup.get("starts") for wakeup in sent(world, WATCHING)] == [None]
    assert world.watch("t1") is None


def test_an_entry_that_sqs_did_not_take_fails_its_record_and_comes_again(world: World) -> None:
    """Rule 7. SendMessageBatch answers 200 with failed entries."""
    followed(world, "t1", "t2")
    world.wire.decide = lambda request: (
        refused(request) if (request.function, request.name) == ("fanout", "SendMessageBatch") else Effect.NONE
    )
    for task_id in ("t1", "t2"):
        world.agent.task(task_id).becomes("completed")
    world.advance(POLL)
    assert world.told() == []
    world.wire.decide = undisturbed
    world.advance(POLL)
    assert sorted(post.path for post in world.posts()) == ["/t1-a", "/t2-a"]


def test_a_watch_wake_up_that_sqs_did_not_take_comes_again(world: World) -> None:
    world.agent.task("t1")

    def decide(request: AwsRequest) -> Any:
        if request.function == "fanout" and request.body.get("QueueUrl") == world.queue_url(WATCHING):
            world.wire.decide = undisturbed
            return refused(request)
        return Effect.NONE

    world.wire.decide = decide
    world.register("t1", id="a")
    world.settle()
    asked = world.agent.count("GetTask")
    world.advance(POLL)
    assert world.agent.count("GetTask") > asked


def test_a_cursor_of_an_unknown_version_holds_up_only_its_own_task(world: World) -> None:
    """Rule 13: the batch comes again in halves until the record is alone, and is never taken for done."""
    followed(world, "t1", "t2", "t3")
    [item] = [item for item in world.items("CURSOR#") if item["pk"]["S"] == task_key("t2").partition]
    world.connection.put({**item, "v": {"N": "2"}})
    for task_id in ("t1", "t2", "t3"):
        world.agent.task(task_id).becomes("completed")
    world.advance(POLL)
    world.advance(POLL)
    assert sorted(post.path for post in world.posts()) == ["/t1-a", "/t3-a"]
    world.connection.put(item)
    world.advance(POLL)
    assert sorted(post.path for post in world.posts()) == ["/t1-a", "/t2-a", "/t3-a"]


def test_a_record_that_fails_for_good_is_given_to_its_own_queue_and_the_watch_repairs_it(world: World) -> None:
    """Ten retries, then the stream goes on; the config is behind, and the watch looks for such."""
    followed(world, "t1")
    world.wire.decide = lambda request: Effect.FAILS if request.function == "fanout" else Effect.NONE
    world.agent.task("t1").becomes("completed")
    for _ in range(15):
        world.advance(POLL)
    assert len(world.take("StreamFailureQueue")) == 1
    assert world.told() == [2]


def test_the_wake_up_names_its_receiver_as_message_group(world: World) -> None:
    """SQS then serves quiet receivers first."""
    followed(world, "t1")
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    [request] = world.wire.asked("fanout", "SendMessageBatch")
    [entry] = request.body["Entries"]
    assert entry["MessageGroupId"] == world.cursor("t1", "a").group
    assert DeliveryWakeup.load(entry["MessageBody"]) == DeliveryWakeup(config_key("t1", "a"), 2, group=entry["MessageGroupId"])
