"""The whole line while functions die and queues are emptied: nothing is lost, and order is kept.

The relay runs by threads in this process, with a clock that is moved on whenever nothing happens: a message whose function died comes
back after 360 s, a sweep comes every 300 s. That no single step is the wrong one to die at is shown in tests/integration/test_crash.py.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from random import Random
from typing import TypeVar

import pytest

from relay_dev.embedded import Call
from relay_dev.received import Notification
from relay_dev.receiver import Receiver
from relay_dev.runner import Runner
from tests.e2e.clients import Client10, RefusedError, Seen, Webhook
from tests.e2e.conftest import TOKEN
from tests.e2e.told import LATEST, WHOLE, Step, steps

pytestmark = pytest.mark.e2e

T = TypeVar("T")

IDLE_SECONDS = 0.4  # without news for so long, time is moved on
LEAP = timedelta(seconds=61)
ENVIRONMENT = {"CLIENT_AUTHENTICATION": "none", "POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}


class DiedError(BaseException):
    """The function's process is gone."""


class Mortality:
    """Lets functions die before or after any of their requests to AWS, by chance, but by the same chance for the same seed."""

    def __init__(self, seed: int, *, chance: float) -> None:
        self._random = Random(seed)
        self._chance = chance
        self._lock = threading.Lock()
        self.deaths: list[str] = []

    def on_call(self, moment: str, call: Call) -> None:
        with self._lock:
            if self._random.random() < self._chance:
                self.deaths.append(f"{moment} {call.operation}")
                raise DiedError(self.deaths[-1])


@contextmanager
def relay_that(
    agents: dict[str, str], *, on_call: Callable[[str, Call], None] | None = None, **parameters: str
) -> Iterator[tuple[Runner, str]]:
    """A relay in this process, and its URL."""
    overrides = {
        "UpstreamAgentUrl": agents["v10"],
        "WatchMinSeconds": "1",
        "WatchMaxSeconds": "1",
        "AllowedWebhookHosts": "127.0.0.1",
        **parameters,
    }
    with Runner(overrides=overrides, environment=ENVIRONMENT, on_call=on_call) as runner:
        bound = socket.create_server(("127.0.0.1", 0))
        runner.serve(bound)
        yield runner, f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def patient_receiver() -> Iterator[Receiver]:
    """It knows no secret: stock verifiers compare a signature's time with their own clock."""
    with Receiver(token=TOKEN) as receiver:
        yield receiver


def until_it_works(call: Callable[[], T]) -> T:
    """What a client does that hears HTTP 502: whether the call took effect is not known."""
    for _ in range(100):
        with suppress(RefusedError):
            return call()
    raise AssertionError("a hundred calls failed")


def wait_patiently(runner: Runner, receiver: Receiver, state: str) -> list[Notification]:
    """What was accepted, once a state was; time is moved on while nothing comes."""
    deadline = time.monotonic() + LATEST
    while not (accepted := receiver.accepted) or accepted[-1].state != state:
        assert time.monotonic() < deadline, [each.as_line() for each in receiver.notifications]
        try:
            receiver.wait_for(partial(has_grown, len(receiver.notifications)), IDLE_SECONDS)
        except TimeoutError:
            runner.advance(LEAP)
    return accepted


def has_grown(known: int, told: Sequence[Notification]) -> bool:
    return len(told) > known


def assert_nothing_lost(notifications: Sequence[Notification], task: Seen, expected: Sequence[Step], *, every: bool = True) -> None:
    """In order, each at least once; a repeated one is the same one.

    Without `every`, a state on the way may be missing: a poll may have seen it whose function died before the state was observed.
    """
    revisions = [int(each.revision) for each in notifications]
    assert revisions == sorted(revisions)
    once = list({each.webhook_id: each for each in notifications}.values())
    told = steps(once)
    assert told == (expected if every else [step for step in expected if step in told])
    assert told[-1] == expected[-1]
    assert {(each.webhook_id, each.body) for each in notifications} == {(each.webhook_id, each.body) for each in once}
    assert {Client10().read_notification(each.body).id for each in once} == {task.id}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_lost_while_functions_die(agents: dict[str, str], patient_receiver: Receiver, seed: int) -> None:
    client, mortality = Client10(), Mortality(seed, chance=0.03)
    with relay_that(agents, on_call=mortality.on_call) as (runner, url):
        task = until_it_works(lambda: client.send(url, "hello"))
        until_it_works(lambda: client.set_config(url, task.id, Webhook(patient_receiver.url, TOKEN, id="mine")))
        notifications = wait_patiently(runner, patient_receiver, "completed")
    assert_nothing_lost(notifications, task, WHOLE[1:], every=False)
    assert len(mortality.deaths) > 3


def test_nothing_is_lost_when_the_queues_are_purged_in_the_middle(agents: dict[str, str], patient_receiver: Receiver) -> None:
    """Neither the retry of the first change nor the next poll is on its way any more: only the sweep knows."""
    client = Client10()
    patient_receiver.fail_next(503)
    with relay_that(agents, RetrySchedule="100") as (runner, url):
        task = client.send(url, "slow 600", webhook=Webhook(patient_receiver.url, TOKEN))
        wait_for_a_timer(runner)
        for name in ("DeliveryQueue", "WatchQueue"):
            runner.aws.client("sqs").purge_queue(QueueUrl=queue_url(runner, name))
        wait_patiently(runner, patient_receiver, "submitted")
        client.cancel(url, task.id)
        notifications = wait_patiently(runner, patient_receiver, "canceled")
    assert_nothing_lost(notifications, task, [("submitted", 0), ("canceled", 0)])


def wait_for_a_timer(runner: Runner) -> None:
    """Until the delivery queue holds the retry, which is due in a minute at least."""
    name, deadline = "ApproximateNumberOfMessagesDelayed", time.monotonic() + LATEST
    asked = {"QueueUrl": queue_url(runner, "DeliveryQueue"), "AttributeNames": [name]}
    while runner.aws.client("sqs").get_queue_attributes(**asked)["Attributes"][name] == "0":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def queue_url(runner: Runner, name: str) -> str:
    return next(queue.url for queue in runner.definition.queues if queue.name == name)
