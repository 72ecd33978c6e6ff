"""Promise 5, isolation: what a receiver that hangs holds up, and what it does not."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from relay.domain.task import ProtocolVersion, Revision, Snapshot, View
from relay.domain.wakeup import DeliveryWakeup
from relay_dev.received import Notification
from relay_dev.receiver import Receiver
from tests.support.world import World, config_key, task_key

PATIENCE = 30.0  # seconds, of a test that would hang otherwise


class HangingReceiver(Receiver):
    """Takes a POST and does not answer it until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.is_reached = threading.Event()
        self.may_answer = threading.Event()

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Notification:
        self.is_reached.set()
        self.may_answer.wait(PATIENCE)
        return super().take(path, headers, body)


@pytest.fixture
def hanging() -> Iterator[HangingReceiver]:
    with HangingReceiver() as receiver:
        yield receiver
        receiver.may_answer.set()


def event(*wakeups: DeliveryWakeup) -> dict[str, object]:
    return {"Records": [{"messageId": f"message-{place}", "body": wakeup.dump()} for place, wakeup in enumerate(wakeups)]}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def put(world: World, task_id: str, number: int, state: str) -> DeliveryWakeup:
    """A revision, and the wake-up that the fan-out would send for the config of the same name."""
    now = world.runner.clock.now()
    snapshot = Snapshot(ProtocolVersion.V10, {"id": task_id, "status": {"state": f"TASK_STATE_{state}"}})
    revision = Revision(number, View(snapshot, asked_at=now, arrived_at=now, learnt_by="poll"))
    assert world.revisions.append(task_key(task_id), revision, expires=now.replace(year=now.year + 1))
    return DeliveryWakeup(config_key(task_id, task_id), revision=number)


def test_next_change_is_told_while_a_receiver_of_the_last_batch_still_hangs(world: World, hanging: HangingReceiver) -> None:
    """The batch's messages are acknowledged when its slowest POST is over, but each config's claim ends with its own."""
    for task_id, url in (("hangs", f"{hanging.url}/hangs"), ("answers", "")):
        world.agent.task(task_id)
        world.register(task_id, url, id=task_id)
    world.settle()
    both = event(put(world, "hangs", 2, "WORKING"), put(world, "answers", 2, "WORKING"))
    batch = threading.Thread(target=world.runner.invoke, args=("DeliverFunction", both))
    batch.start()
    assert hanging.is_reached.wait(PATIENCE)
    world.receiver.wait_for(lambda posts: len(posts) == 1, timeout=PATIENCE)
    until(lambda: world.cursor("answers", "answers").position == 2)

    outcome = world.runner.invoke("DeliverFunction", event(put(world, "answers", 3, "COMPLETED")))

    assert outcome.answer == {"batchItemFailures": []}
    assert world.told("answers") == [2, 3]
    assert batch.is_alive()
    assert hanging.notifications == []
    hanging.may_answer.set()
    batch.join(PATIENCE)
    assert world.told("hangs", hanging) == [2]


def test_receiver_that_hangs_costs_its_own_config_an_attempt_and_the_rest_of_its_batch_nothing(hanging: HangingReceiver) -> None:
    with World(WebhookTimeoutSeconds="2") as world:
        names = [f"t{number}" for number in range(9)]
        for name in names:
            world.agent.task(name)
            world.register(name, id=name)
        world.agent.task("hangs")
        world.register("hangs", f"{hanging.url}/hangs", id="hangs")
        world.settle()
        wakeups = [put(world, name, 2, "WORKING") for name in ("hangs", *names)]
        outcome = world.runner.invoke("DeliverFunction", event(*wakeups))
        assert outcome.answer == {"batchItemFailures": []}
        assert {name: world.told(name) for name in names} == {name: [2] for name in names}
        assert world.cursor("hangs", "hangs").attempts == 1
        assert world.cursor("hangs", "hangs").last_outcome == "timeout"
