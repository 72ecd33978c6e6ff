"""Receivers that fail, hang, die and come back; configs that are registered late, twice, or deleted."""

import re
import socket
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from relay_dev.receiver import Receiver
from tests.e2e.clients import A2AClient, Seen
from tests.e2e.conftest import SECRET, TOKEN
from tests.e2e.relays import Relay
from tests.e2e.told import LATEST, WHOLE, assert_verified, steps, wait_for_state, webhook
from tests.integration import loopback

pytestmark = pytest.mark.e2e

ALWAYS = 1000  # times that a receiver fails: for as long as a test runs


@pytest.fixture
def url(relay: Relay) -> str:
    """The agent that answers either client."""
    return relay.at("both")


@pytest.fixture
def client10(clients: dict[str, A2AClient]) -> A2AClient:
    return clients["1.0"]


def given_up(relay: Relay, task: Seen, config_id: str) -> set[int]:
    """The revisions of one config that the dead-letter queue's messages announce."""
    letters = [message for message in relay.dead_letter_messages() if message["task_id"] == task.id]
    return {number for letter in letters if letter["config"] == config_id for number in range(letter["first"], letter["last"] + 1)}


def wait_until_given_up(relay: Relay, task: Seen, config_id: str, revisions: range) -> None:
    deadline = time.monotonic() + LATEST
    while (found := given_up(relay, task, config_id)) != set(revisions):
        assert time.monotonic() < deadline, f"only revisions {sorted(found)} are in the dead-letter queue"
        time.sleep(0.1)


def hanging_receiver() -> loopback.Receiver:
    """It takes a request, and never answers."""

    def hang(_connection: socket.socket, _request: loopback.Request) -> None:
        receiver.closing.wait()

    receiver = loopback.Receiver(hang)
    return receiver


def test_a_cancel_is_notified(client: A2AClient, url: str, receiver: Receiver) -> None:
    task = client.send(url, "slow 600", webhook=webhook(receiver))
    wait_for_state(receiver, "submitted")
    assert client.cancel(url, task.id).state == "canceled"
    notifications = wait_for_state(receiver, "canceled")
    assert steps(notifications) == [("submitted", 0), ("canceled", 0)]
    assert_verified(notifications, client, task)


def test_a_receiver_that_answers_503_twice_gets_the_same_notification_again(client10: A2AClient, url: str, receiver: Receiver) -> None:
    receiver.fail_next(503, times=2)
    client10.send(url, "slow 600", webhook=webhook(receiver))
    wait_for_state(receiver, "submitted")
    first, *repeated = receiver.notifications
    assert [each.status for each in (first, *repeated)] == [503, 503, 200]
    assert [each.attempt for each in (first, *repeated)] == [1, 2, 3]
    assert {(each.webhook_id, each.body) for each in repeated} == {(first.webhook_id, first.body)}
    assert {each.signature for each in receiver.notifications} == {"verified"}


def test_what_a_dead_receiver_missed_is_in_the_dead_letter_queue_and_a_redrive_delivers_it(
    relay: Relay, client10: A2AClient, url: str
) -> None:
    with Receiver(token=TOKEN, secret=SECRET) as dead:
        port = int(dead.url.rpartition(":")[2])
    task = client10.send(url, "slow 600", webhook=webhook(dead, config_id="dead"))
    wait_until_given_up(relay, task, "dead", range(1, 2))
    listed = relay.command("dead-letters", "--task", task.id)
    assert re.search(rf"task {task.id}  config dead .* connect-error", listed), listed
    with Receiver(token=TOKEN, secret=SECRET, port=port) as back:
        relay.command("redrive", "--receiver", dead.url)
        redriven = wait_for_state(back, "submitted")
        assert steps(redriven) == [("submitted", 0)]
        assert redriven[0].headers["a2a-relay-redriven"] == "true"
        assert_verified(redriven, client10, task)
        assert "0 dead letters" in relay.command("dead-letters", "--task", task.id)
        client10.cancel(url, task.id)
        assert "a2a-relay-redriven" not in wait_for_state(back, "canceled")[-1].headers


def test_a_receiver_that_is_back_is_told_what_follows(relay: Relay, client10: A2AClient, url: str, receiver: Receiver) -> None:
    receiver.fail_next(500, times=4)  # the first attempt, and the three that the schedule has
    task = client10.send(url, "slow 600", webhook=webhook(receiver, config_id="mine"))
    wait_until_given_up(relay, task, "mine", range(1, 2))
    client10.cancel(url, task.id)
    assert steps(wait_for_state(receiver, "canceled")) == [("canceled", 0)]


def test_a_config_registered_after_the_end_gets_the_final_state(client: A2AClient, url: str, receiver: Receiver) -> None:
    task = client.send(url, "slow 0", waits=True)
    assert task.state == "completed"
    client.set_config(url, task.id, webhook(receiver))
    notifications = wait_for_state(receiver, "completed")
    assert steps(notifications) == [("completed", 1)]
    assert_verified(notifications, client, task)


def test_a_deleted_config_gets_nothing_more(client: A2AClient, url: str, open_receiver: Callable[[], Receiver], receiver: Receiver) -> None:
    deleted = open_receiver()
    task = client.send(url, "slow 1.5", webhook=webhook(receiver))
    config = client.set_config(url, task.id, webhook(deleted))
    wait_for_state(deleted, "working")
    client.delete_config(url, task.id, config.id)
    before = len(deleted.notifications)
    assert steps(wait_for_state(receiver, "completed"))[-1] == ("completed", 1)
    assert len(deleted.notifications) == before


def test_configs_of_a_task_do_not_disturb_each_other(
    client10: A2AClient, url: str, open_receiver: Callable[[], Receiver], receiver: Receiver
) -> None:
    failing = open_receiver()
    failing.fail_next(500, times=ALWAYS)
    with hanging_receiver() as hanging:
        task = client10.send(url, "hello", webhook=webhook(receiver))
        client10.set_config(url, task.id, webhook(failing, config_id="failing"))
        client10.set_config(url, task.id, replace(webhook(failing), url=hanging.url(), id="hanging"))
        notifications = wait_for_state(receiver, "completed")
        assert hanging.requests
    assert steps(notifications) == WHOLE
    assert {each.attempt for each in notifications} == {1}
    assert failing.notifications
    assert not failing.accepted
