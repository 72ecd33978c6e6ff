"""Promise 5, isolation: what a receiver that hangs holds up, and what it does not."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import pytest

from relay.domain.batches import PATIENCE
from relay.domain.task import ProtocolVersion, Revision, Snapshot, View
from relay.domain.wakeup import DeliveryWakeup
from relay_dev.invoker import Outcome
from relay_dev.received import Notification
from relay_dev.receiver import Receiver
from tests.support.wire import Died, Effect, once
from tests.support.world import DELIVERY, World, config_key, task_key

PATIENCE_SECONDS = 30.0  # of a test that would hang otherwise


class HangingReceiver(Receiver):
    """Takes a POST and does not answer it until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.is_reached = threading.Event()
        self.may_answer = threading.Event()

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Notification:
        self.is_reached.set()
        self.may_answer.wait(PATIENCE_SECONDS)
        return super().take(path, headers, body)


@pytest.fixture
def hanging() -> Iterator[HangingReceiver]:
    with HangingReceiver() as receiver:
        yield receiver
        receiver.may_answer.set()


def event(*wakeups: DeliveryWakeup) -> dict[str, object]:
    return {"Records": [{"messageId": f"message-{place}", "body": wakeup.dump()} for place, wakeup in enumerate(wakeups)]}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
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
    assert hanging.is_reached.wait(PATIENCE_SECONDS)
    world.receiver.wait_for(lambda posts: len(posts) == 1, timeout=PATIENCE_SECONDS)
    until(lambda: world.cursor("answers", "answers").position == 2)

    outcome = world.runner.invoke("DeliverFunction", event(put(world, "answers", 3, "COMPLETED")))

    assert outcome.answer == {"batchItemFailures": []}
    assert world.told("answers") == [2, 3]
    assert batch.is_alive()
    assert hanging.notifications == []
    hanging.may_answer.set()
    batch.join(PATIENCE_SECONDS)
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


# --- a process that waits for a receiver takes more from the queue (docs/decisions/0012)


@pytest.fixture
def patient() -> Iterator[World]:
    """A POST that hangs ends by the machine's time: here after twenty seconds, for machines that have much else to do."""
    with World(WebhookTimeoutSeconds="20") as world:
        yield world


class Waiting:
    """An environment of the deliver function, there is no other, that waits for a receiver which hangs, for longer than its patience."""

    def __init__(self, world: World, hanging: HangingReceiver, *others: str) -> None:
        self.world = world
        self._hanging = hanging
        for task_id in ("hangs", *others):
            world.agent.task(task_id)
            world.register(task_id, f"{hanging.url}/{task_id}" if task_id.startswith("hangs") else "", id=task_id)
        world.settle()
        self._outcomes: list[Outcome] = []
        wakeup = put(world, "hangs", 2, "WORKING")
        self._thread = threading.Thread(target=lambda: self._outcomes.append(world.runner.invoke("DeliverFunction", event(wakeup))))
        self._thread.start()
        assert hanging.is_reached.wait(PATIENCE_SECONDS)

    def queue(self, task_id: str, number: int) -> None:
        self.world.put(DELIVERY, put(self.world, task_id, number, "WORKING").dump())

    def loses_patience(self) -> None:
        self.world.runner.clock.advance(PATIENCE)

    @property
    def is_waiting(self) -> bool:
        return self._thread.is_alive() and self._hanging.notifications == []

    def ends(self) -> Outcome:
        self._hanging.may_answer.set()
        self._thread.join(PATIENCE_SECONDS)
        assert self.world.told("hangs", self._hanging) == [2]
        return self._outcomes[0]


def test_the_only_environment_tells_others_while_a_receiver_hangs(patient: World, hanging: HangingReceiver) -> None:
    waiting = Waiting(patient, hanging, "a", "b")
    waiting.loses_patience()
    for task_id, number in (("a", 2), ("b", 2), ("a", 3)):
        waiting.queue(task_id, number)
        until(lambda: patient.cursor(task_id, task_id).position == number)  # noqa: B023 -- read at once
    until(lambda: patient.length(DELIVERY) == 0)  # what was taken is deleted
    assert (patient.told("a"), patient.told("b")) == ([2, 3], [2])
    assert waiting.is_waiting
    assert waiting.ends().answer == {"batchItemFailures": []}


def test_an_environment_goes_on_telling_others_while_what_it_took_hangs_too(patient: World, hanging: HangingReceiver) -> None:
    waiting = Waiting(patient, hanging, "hangs-too", "a")
    hanging.is_reached.clear()
    waiting.loses_patience()
    waiting.queue("hangs-too", 2)
    assert hanging.is_reached.wait(PATIENCE_SECONDS)
    waiting.loses_patience()
    waiting.queue("a", 2)
    until(lambda: patient.told("a") == [2])
    assert waiting.is_waiting
    assert waiting.ends().answer == {"batchItemFailures": []}
    assert len(hanging.notifications) == 2


def test_what_we_fail_to_deliver_of_what_was_taken_comes_back(patient: World, hanging: HangingReceiver) -> None:
    """It fails nothing else."""
    waiting = Waiting(patient, hanging, "a", "b")
    claims = len(patient.wire.asked("deliver", "UpdateItem"))
    patient.wire.decide = once(Effect.FAILS, function="deliver", name="UpdateItem")
    waiting.loses_patience()
    waiting.queue("a", 2)
    until(lambda: len(patient.wire.asked("deliver", "UpdateItem")) > claims)
    waiting.queue("b", 2)
    until(lambda: patient.told("b") == [2])
    assert patient.told("a") == []
    assert waiting.ends().answer == {"batchItemFailures": []}
    patient.advance(121)
    assert patient.told("a")[:1] == [2]


def test_a_queue_that_cannot_be_asked_fails_nothing(patient: World, hanging: HangingReceiver) -> None:
    waiting = Waiting(patient, hanging, "a")
    patient.wire.decide = lambda request: Effect.FAILS if request.name == "ReceiveMessage" else Effect.NONE
    waiting.loses_patience()
    waiting.queue("a", 2)
    until(lambda: len(patient.wire.asked("deliver", "ReceiveMessage")) == 1)
    assert waiting.ends().answer == {"batchItemFailures": []}
    assert len(patient.wire.asked("deliver", "ReceiveMessage")) == 1, "it is not asked again"
    patient.settle()
    assert patient.told("a") == [2]


def test_a_message_of_a_newer_version_is_left_in_the_queue(patient: World, hanging: HangingReceiver) -> None:
    waiting = Waiting(patient, hanging, "a")
    patient.put(DELIVERY, '{"v":99,"kind":"deliver"}')
    waiting.queue("a", 2)
    waiting.loses_patience()
    until(lambda: patient.told("a") == [2])
    waiting.ends()
    patient.runner.clock.advance(timedelta(seconds=121))
    assert patient.take(DELIVERY) == ['{"v":99,"kind":"deliver"}']


def test_what_a_look_took_whose_answer_was_lost_comes_back_before_the_queues_own_time(patient: World, hanging: HangingReceiver) -> None:
    """botocore gives up after 2 s, and asks again: the queue takes that for another look."""
    waiting = Waiting(patient, hanging, "a")
    patient.wire.decide = once(Effect.TIMES_OUT, name="ReceiveMessage")
    waiting.queue("a", 2)
    waiting.loses_patience()
    until(lambda: len(patient.wire.asked("deliver", "ReceiveMessage")) > 1)
    assert waiting.ends().answer == {"batchItemFailures": []}
    assert patient.told("a") == []
    patient.advance(121)
    assert patient.told("a")[:1] == [2]


@pytest.mark.parametrize("name", ["UpdateItem", "DeleteMessageBatch"])
def test_an_environment_that_dies_with_what_it_took_loses_nothing(patient: World, hanging: HangingReceiver, name: str) -> None:
    """Before it claims, and when all but the deleting is done."""
    waiting = Waiting(patient, hanging, "a")
    patient.wire.decide, deaths = once(Effect.DIES_BEFORE, function="deliver", name=name), patient.wire.deaths
    waiting.loses_patience()
    waiting.queue("a", 2)
    until(lambda: patient.wire.deaths > deaths)
    hanging.may_answer.set()
    assert isinstance(waiting.ends().error, Died)
    patient.advance(121)
    assert [number for number in patient.told("a") if number <= 2] == [2], "the watch may have found the task in its own state since"
