"""The agents of a2akit and PraisonAI, which cannot push here, behind the relay: every kind of client in front of them gets push.

An agent is free in how long it stays in a state, so a state may pass between two polls; what is told is in order, and ends with the result.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from relay_dev.received import Notification
from relay_dev.receiver import Receiver
from tests.e2e.conftest import TOKEN
from tests.e2e.face import A2AClient, RefusedError, Seen, Webhook
from tests.e2e.relays import Relay
from tests.e2e.told import Step, steps, wait_for_state

pytestmark = pytest.mark.compat

CLIENTS = ["a2a-sdk 1.3.0", "a2a-sdk 1.0.3", "a2a-sdk 0.3.26", "@a2a-js/sdk 1.3.0", "a2akit 0.0.32"]
AGENTS = ["a2akit", "a2akit-http", "praisonai"]
PAIRS = [(client, agent) for client in CLIENTS for agent in AGENTS]
NAMES = [f"{client} - {agent}" for client, agent in PAIRS]
AT_ONCE = 5
CANCEL_SECONDS = 20
COURSE = [("submitted", 0), ("working", 0), ("working", 0), ("completed", 1)]  # twice working: another status message

Told = tuple[Seen, list[Notification]]


@pytest.fixture(scope="module")
def story(relay: Relay, clients: dict[str, A2AClient]) -> Iterator[Callable[[str, str], Told]]:
    def run(client: str, agent: str) -> Told:
        with Receiver(token=TOKEN) as receiver:  # a2akit's client cannot register a secret with a send
            task = clients[client].send(relay.at(agent), "hello", webhook=Webhook(f"{receiver.url}/webhook", TOKEN))
            return task, wait_for_state(receiver, "completed")

    running: dict[tuple[str, str], Future[Told]] = {}
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for pair in PAIRS:
            running[pair] = threads.submit(run, *pair)
        yield lambda client, agent: running[client, agent].result()


@pytest.mark.parametrize(("client", "agent"), PAIRS, ids=NAMES)
def test_changes_are_told_in_order_in_the_clients_own_types(
    story: Callable[[str, str], Told], clients: dict[str, A2AClient], client: str, agent: str
) -> None:
    task, notifications = story(client, agent)
    told = steps(notifications)
    assert told[-1] == ("completed", 1)
    assert len(told) > 1
    assert _is_in_order(told)
    for notification in notifications:
        read = clients[client].read_notification(notification.body)
        assert (read.id, read.context_id, read.state) == (task.id, task.context_id, notification.state)


@pytest.mark.parametrize(("client", "agent"), PAIRS, ids=NAMES)
def test_a_send_that_waits_is_answered_with_the_result(relay: Relay, clients: dict[str, A2AClient], client: str, agent: str) -> None:
    task = clients[client].send(relay.at(agent), "slow 0.5", waits=True)
    assert (task.state, task.artifacts) == ("completed", 1)


@pytest.mark.parametrize(("client", "agent"), PAIRS, ids=NAMES)
def test_a_task_is_got_and_canceled_and_an_unknown_one_is_not_found(
    quiet_relay: Relay, clients: dict[str, A2AClient], client: str, agent: str
) -> None:
    asked, url = clients[client], quiet_relay.at(agent)
    task = asked.send(url, "slow 20", webhook=Webhook("http://127.0.0.1:9/hook"))  # without it, a2akit's send waits
    assert asked.get(url, task.id).id == task.id
    canceled = asked.cancel(url, task.id)
    deadline = time.monotonic() + CANCEL_SECONDS
    while canceled.state != "canceled":  # a2akit's worker is asked to stop, and its task is as yet as it was
        assert canceled.state in ("submitted", "working")
        assert time.monotonic() < deadline
        canceled = asked.get(url, task.id)
    with pytest.raises(RefusedError) as refused:
        asked.get(url, "no-such-task")
    assert refused.value.code == -32001


def _is_in_order(told: Sequence[Step]) -> bool:
    """Whether it is the course with some steps left out."""
    course = iter(COURSE)
    return all(step in course for step in told)
