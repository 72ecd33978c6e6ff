"""Every line of a2a-sdk and of @a2a-js/sdk in front of agents of either version. What a client is told it reads with its own types.

The stories run at the same time, from the first test on: each is some seconds of nothing but waiting.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from relay_dev.received import Notification
from relay_dev.receiver import Receiver
from tests.compat.remote import SDKS
from tests.e2e.conftest import SECRET, TOKEN
from tests.e2e.face import A2AClient, RefusedError, Seen, Webhook
from tests.e2e.relays import Relay
from tests.e2e.told import WHOLE, assert_verified, steps, wait_for_state, webhook

pytestmark = pytest.mark.compat

TASK_NOT_FOUND, NOT_CANCELABLE, INVALID_PARAMS = -32001, -32002, -32602
CLIENTS = ["a2a-sdk 1.3.0", "a2a-sdk 0.3.26", *SDKS]
AGENTS = ["v10", "both", "v03"]
AT_ONCE = 8  # stories; the machine may be a small one

Told = tuple[Seen, list[Notification]]


@dataclass(frozen=True)
class Pair:
    client: str
    agent: str

    def __str__(self) -> str:
        return f"{self.client} - {self.agent}"


PAIRS = [Pair(client, agent) for client in CLIENTS for agent in AGENTS]


@pytest.fixture(scope="module")
def story(relay: Relay, clients: dict[str, A2AClient]) -> Iterator[Callable[[Pair], Told]]:
    def run(pair: Pair) -> Told:
        with Receiver(token=TOKEN, secret=SECRET) as receiver:
            task = clients[pair.client].send(relay.at(pair.agent), "hello", webhook=webhook(receiver))
            return task, wait_for_state(receiver, "completed")

    running: dict[Pair, Future[Told]] = {}
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for pair in PAIRS:
            running[pair] = threads.submit(run, pair)
        yield lambda pair: running[pair].result()


@pytest.fixture(params=CLIENTS)
def client(clients: dict[str, A2AClient], request: pytest.FixtureRequest) -> A2AClient:
    return clients[request.param]


@pytest.fixture(params=AGENTS)
def url(quiet_relay: Relay, request: pytest.FixtureRequest) -> str:
    return quiet_relay.at(request.param)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_every_state_is_told_in_order_in_the_clients_own_types(
    story: Callable[[Pair], Told], clients: dict[str, A2AClient], pair: Pair
) -> None:
    task, notifications = story(pair)
    assert task.state == "submitted"
    assert steps(notifications) == WHOLE
    assert_verified(notifications, clients[pair.client], task)


def test_push_configs_are_set_got_listed_and_deleted(client: A2AClient, url: str) -> None:
    task = client.send(url, "slow 600")
    hook = Webhook("http://127.0.0.1:9/hook", "a token", id="mine")
    assert client.set_config(url, task.id, hook) == hook
    assert client.get_config(url, task.id, "mine") == hook
    assert client.list_configs(url, task.id) == [hook]
    client.delete_config(url, task.id, "mine")
    assert client.list_configs(url, task.id) == []
    with pytest.raises(RefusedError) as refused:
        client.get_config(url, task.id, "mine")
    assert refused.value.code == TASK_NOT_FOUND


def test_an_inline_config_is_listed_with_an_id(client: A2AClient, url: str) -> None:
    task = client.send(url, "slow 600", webhook=Webhook("http://127.0.0.1:9/hook", "a token"))
    (listed,) = client.list_configs(url, task.id)
    assert listed.id
    assert (listed.url, listed.token) == ("http://127.0.0.1:9/hook", "a token")


def test_a_send_that_waits_is_answered_with_the_result(client: A2AClient, relay: Relay) -> None:
    task = client.send(relay.at("both"), "slow 0.5", waits=True)
    assert (task.state, task.artifacts) == ("completed", 1)


def test_a_task_is_got_and_canceled_once(client: A2AClient, url: str) -> None:
    task = client.send(url, "slow 600")
    got = client.get(url, task.id)
    assert (got.id, got.context_id, got.state) == (task.id, task.context_id, "submitted")
    assert client.cancel(url, task.id).state == "canceled"
    with pytest.raises(RefusedError) as refused:
        client.cancel(url, task.id)
    assert refused.value.code == NOT_CANCELABLE


def test_an_unknown_task_is_not_found(client: A2AClient, url: str) -> None:
    for ask in (client.get, client.cancel, lambda url, task_id: client.set_config(url, task_id, Webhook("http://127.0.0.1:9/hook"))):
        with pytest.raises(RefusedError) as refused:
            ask(url, "no-such-task")
        assert refused.value.code == TASK_NOT_FOUND


def test_a_url_that_cannot_be_a_webhook_is_refused(client: A2AClient, url: str) -> None:
    task = client.send(url, "slow 600")
    with pytest.raises(RefusedError) as refused:
        client.set_config(url, task.id, Webhook("https://10.0.0.1/hook"))
    assert refused.value.code == INVALID_PARAMS


def test_a_message_answer_is_told(client: A2AClient, url: str) -> None:
    assert client.reply(url, "reply to this") == "You said: reply to this"


@pytest.mark.parametrize("path", ["/.well-known/agent-card.json", "/.well-known/agent.json"])
def test_the_card_is_read_by_the_clients_own_types(client: A2AClient, url: str, path: str) -> None:
    card = client.card(url, path)
    assert card["capabilities"]["pushNotifications"] is True
    addresses = {interface["url"] for interface in card.get("supportedInterfaces", [])} | {card.get("url") or url}
    assert url in addresses
    assert all(address.startswith(url) for address in addresses)
