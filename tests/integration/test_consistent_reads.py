"""At the wire: every read that can conclude "nothing to do" is strongly consistent, on the table, never on an index (design §2 rule 6)."""

from collections.abc import Mapping
from typing import Any

from tests.support.wire import AwsRequest
from tests.support.world import DELIVERY, SWEEP, TABLE, World

POLL = 10.5  # seconds: a little more than the watch's interval
READS = ("GetItem", "Query", "BatchGetItem")


def much_happens(world: World) -> None:
    """Registering, listing, sending, polling, fanning out, delivering, failing, giving up, sweeping, deleting."""
    task = world.agent.task("t1")
    world.register("t1", id="a")
    world.result("ListTaskPushNotificationConfigs", {"taskId": "t1"})
    world.result("GetTaskPushNotificationConfig", {"taskId": "t1", "id": "a"})
    world.settle()
    world.receiver.fail_next(500, times=4)
    for number in range(3):
        task.becomes("working", message=f"message {number}")
        world.advance(POLL)
    world.send(task_id="t1", webhook={"url": f"{world.receiver.url}/b"})
    for _ in range(4):
        world.advance(120)
    world.purge(DELIVERY)
    task.becomes("completed")
    world.advance(SWEEP)
    world.delete("t1", "a")
    world.advance(POLL)


def test_every_read_is_strongly_consistent_or_the_sweeps_own(world: World) -> None:
    much_happens(world)
    reads = [request for request in world.wire.requests if request.name in READS]
    of_the_index = [request for request in reads if "IndexName" in request.body]
    assert {request.function for request in reads} == {"api", "watch", "fanout", "deliver", "sweep"}
    assert {request.function for request in of_the_index} == {"sweep"}
    weak = [request for request in reads if request not in of_the_index and not is_consistent(request)]
    assert [(request.function, request.name, request.body) for request in weak if not is_of_a_breaker(request)] == []


def is_consistent(request: AwsRequest) -> bool:
    body: Mapping[str, Any] = request.body
    return (body["RequestItems"][TABLE] if request.name == "BatchGetItem" else body).get("ConsistentRead") is True


def is_of_a_breaker(request: AwsRequest) -> bool:
    """A receiver's state decides only when to POST, never that there is nothing to do."""
    return request.name == "GetItem" and request.body["Key"]["sk"]["S"].startswith("RECEIVER")


def test_no_function_scans(world: World) -> None:
    much_happens(world)
    assert [request for request in world.wire.requests if request.name == "Scan"] == []
