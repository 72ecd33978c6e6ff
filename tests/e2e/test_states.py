"""Every state of a task reaches the webhook: once, in order, whole, signed, in the client's own version, whichever the agent speaks.

The tasks of this module run at the same time, from its first test on: each takes some seconds of nothing but waiting.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from relay_dev.received import Notification
from relay_dev.receiver import Receiver
from tests.e2e.clients import A2AClient, Seen
from tests.e2e.conftest import SECRET, TOKEN
from tests.e2e.relays import Relay
from tests.e2e.told import WHOLE, assert_verified, steps, wait_for_state, webhook

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Pair:
    """A client, by its version, and an agent."""

    client: str
    agent: str

    def __str__(self) -> str:
        return f"client {self.client}, agent {self.agent}"


STRAIGHT = [Pair("1.0", "v10"), Pair("0.3", "v03")]
BRIDGED = [Pair("1.0", "v03"), Pair("0.3", "v10")]
EITHER = [Pair("1.0", "both"), Pair("0.3", "both")]


@dataclass(frozen=True)
class Told:
    """How a task went: the client's last word on it, what the receiver accepted, and the client, which has to be able to read that."""

    task: Seen
    notifications: list[Notification]
    reader: A2AClient


Story = Callable[[A2AClient, str, Receiver], tuple[Seen, list[Notification]]]


def registered_inline(client: A2AClient, url: str, receiver: Receiver) -> tuple[Seen, list[Notification]]:
    task = client.send(url, "hello", webhook=webhook(receiver))
    return task, wait_for_state(receiver, "completed")


def registered_afterwards(client: A2AClient, url: str, receiver: Receiver) -> tuple[Seen, list[Notification]]:
    task = client.send(url, "hello")
    client.set_config(url, task.id, webhook(receiver))
    return task, wait_for_state(receiver, "completed")


def asked_for_input(client: A2AClient, url: str, receiver: Receiver) -> tuple[Seen, list[Notification]]:
    """As a2a-sdk does it, the config goes with every message."""
    task = client.send(url, "ask me", webhook=webhook(receiver))
    wait_for_state(receiver, "input-required")
    client.send(url, "the rest", task=task, webhook=webhook(receiver))
    notifications = wait_for_state(receiver, "completed")
    assert len(client.list_configs(url, task.id)) == 1
    return task, notifications


def waited_for(client: A2AClient, url: str, receiver: Receiver) -> tuple[Seen, list[Notification]]:
    task = client.send(url, "hello", webhook=webhook(receiver), waits=True)
    return task, wait_for_state(receiver, "completed")


def waited_for_in_vain(client: A2AClient, url: str, receiver: Receiver) -> tuple[Seen, list[Notification]]:
    return client.send(url, "slow 60", webhook=webhook(receiver), waits=True), receiver.accepted


STORIES: dict[Story, list[Pair]] = {
    registered_inline: [*STRAIGHT, *BRIDGED, *EITHER],
    registered_afterwards: [*STRAIGHT, *BRIDGED],
    asked_for_input: [*STRAIGHT, *BRIDGED],
    waited_for: [*STRAIGHT, *BRIDGED],
    waited_for_in_vain: EITHER[:1],
}


@pytest.fixture(scope="module")
def told(relay: Relay, clients: dict[str, A2AClient]) -> Iterator[Callable[[Story, Pair], Told]]:
    """Starts all stories at once; each test waits for its own."""
    running: dict[tuple[Story, Pair], Future[Told]] = {}

    def run(story: Story, pair: Pair) -> Told:
        client, url = clients[pair.client], relay.at(pair.agent)
        with Receiver(token=TOKEN, secret=SECRET) as receiver:
            task, notifications = story(client, url, receiver)
        return Told(task, notifications, client)

    with ThreadPoolExecutor(sum(map(len, STORIES.values()))) as threads:
        for story, pairs in STORIES.items():
            for pair in pairs:
                running[story, pair] = threads.submit(run, story, pair)
        yield lambda story, pair: running[story, pair].result()


@pytest.mark.parametrize("pair", STORIES[registered_inline], ids=str)
def test_inline_registration_brings_every_state_in_order(told: Callable[[Story, Pair], Told], pair: Pair) -> None:
    story = told(registered_inline, pair)
    assert steps(story.notifications) == WHOLE
    assert_verified(story.notifications, story.reader, story.task)


@pytest.mark.parametrize("pair", STORIES[registered_afterwards], ids=str)
def test_registration_afterwards_brings_every_state_that_follows(told: Callable[[Story, Pair], Told], pair: Pair) -> None:
    story = told(registered_afterwards, pair)
    assert steps(story.notifications) == WHOLE[1:]
    assert_verified(story.notifications, story.reader, story.task)


@pytest.mark.parametrize("pair", STORIES[asked_for_input], ids=str)
def test_a_task_that_asks_for_input_and_gets_it_arrives_whole(told: Callable[[Story, Pair], Told], pair: Pair) -> None:
    story = told(asked_for_input, pair)
    before = [("submitted", 0), ("working", 0), ("input-required", 0)]
    assert steps(story.notifications) == [*before, *WHOLE[1:]]
    assert_verified(story.notifications, story.reader, story.task)


@pytest.mark.parametrize("pair", STORIES[waited_for], ids=str)
def test_a_blocking_send_answers_with_the_result_and_its_webhook_saw_the_states_between(
    told: Callable[[Story, Pair], Told], pair: Pair
) -> None:
    story = told(waited_for, pair)
    assert (story.task.state, story.task.artifacts) == ("completed", 1)
    assert steps(story.notifications) == WHOLE
    assert_verified(story.notifications, story.reader, story.task)


@pytest.mark.parametrize("pair", STORIES[waited_for_in_vain], ids=str)
def test_a_blocking_send_whose_task_takes_longer_answers_with_the_task_as_it_stands(
    told: Callable[[Story, Pair], Told], pair: Pair
) -> None:
    assert told(waited_for_in_vain, pair).task.state == "submitted"
