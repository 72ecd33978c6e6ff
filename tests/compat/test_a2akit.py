"""a2akit 0.0.32: its client's push methods over JSON-RPC and HTTP+JSON, and what its push example does: client, worker and receiver."""

import time
from collections.abc import Iterator

import httpx
import pytest

from relay_dev.demo.child import Child
from tests.compat.remote import DRIVERS, RemoteClient, python
from tests.e2e.face import A2AClient, RefusedError, Webhook
from tests.e2e.relays import READY_SECONDS, Relay

pytestmark = pytest.mark.compat

TOKEN = "my-secret-token"
AGENTS = ["a2akit", "both"]
OVER = {"jsonrpc": "a2akit 0.0.32", "http+json": "a2akit 0.0.32 over HTTP+JSON"}


@pytest.fixture(params=OVER)
def client(clients: dict[str, A2AClient], request: pytest.FixtureRequest) -> A2AClient:
    return clients[OVER[request.param]]


@pytest.fixture(params=AGENTS)
def url(quiet_relay: Relay, request: pytest.FixtureRequest) -> str:
    return quiet_relay.at(request.param)


@pytest.fixture
def receiver() -> Iterator[Child]:
    with Child("receiver", [python("a2akit"), str(DRIVERS / "a2akit_receiver.py")]) as process:
        yield process


def address(receiver: Child) -> str:
    return receiver.wait_for_line(r"^receiver: (\S+)", deadline=time.monotonic() + READY_SECONDS)[1]


@pytest.mark.parametrize("agent", ["a2akit", "a2akit-http", "both"])  # the example's own worker speaks HTTP+JSON
def test_the_push_example_prints_states_as_they_happen_polls_and_lists_one_config(
    relay: Relay, client: A2AClient, receiver: Child, agent: str
) -> None:
    url, hook = relay.at(agent), address(receiver)
    task = client.send(url, "Generate the Q1 report", webhook=Webhook(f"{hook}/webhook", TOKEN))
    assert task.state == "submitted"
    deadline = time.monotonic() + READY_SECONDS
    receiver.wait_for_line(rf"\[WEBHOOK\] Task: {task.id}  State: completed  Artifacts: 1", deadline=deadline)
    receiver.wait_for_line(r"\[WEBHOOK\]   .*Generate the Q1 report", deadline=deadline)
    assert client.get(url, task.id).state == "completed"
    (config,) = client.list_configs(url, task.id)
    assert (config.url, config.token) == (f"{hook}/webhook", TOKEN)
    listed = httpx.get(f"{hook}/notifications", trust_env=False).json()["notifications"]
    states = [told["status"]["state"] for told in listed]
    assert states == sorted(states, key=["submitted", "working", "completed"].index)


def test_the_receivers_401_for_a_wrong_token_ends_in_a_dead_letter(relay: Relay, clients: dict[str, A2AClient], receiver: Child) -> None:
    hook = address(receiver)
    task = clients["a2akit 0.0.32"].send(relay.at("both"), "slow 600", webhook=Webhook(f"{hook}/webhook", "another token"))
    receiver.wait_for_line(r"\[WEBHOOK\] Invalid token: another token", deadline=time.monotonic() + READY_SECONDS)
    relay.process.wait_for_line(rf"dead-lettered.*{task.id}", deadline=time.monotonic() + READY_SECONDS)
    assert httpx.get(f"{hook}/notifications", trust_env=False).json()["count"] == 0


def test_push_configs_are_set_got_listed_and_deleted(client: A2AClient, url: str) -> None:
    task = client.send(url, "slow 600")
    hook = Webhook("http://127.0.0.1:9/hook", TOKEN, id="cfg-2")
    assert client.set_config(url, task.id, hook) == hook
    assert client.get_config(url, task.id, "cfg-2") == hook
    assert client.list_configs(url, task.id) == [hook]
    client.delete_config(url, task.id, "cfg-2")
    assert client.list_configs(url, task.id) == []
    with pytest.raises(RefusedError) as refused:
        client.get_config(url, task.id, "cfg-2")
    assert refused.value.code == -32001


def test_a_config_is_got_without_its_id_over_json_rpc(clients: dict[str, A2AClient], url: str) -> None:
    client = clients["a2akit 0.0.32"]
    task = client.send(url, "slow 600", webhook=Webhook("http://127.0.0.1:9/hook", TOKEN))
    assert client.get_config(url, task.id, "").url == "http://127.0.0.1:9/hook"


def test_an_unknown_task_is_not_found(client: A2AClient, url: str) -> None:
    for ask in (client.get, client.cancel, lambda url, task_id: client.set_config(url, task_id, Webhook("http://127.0.0.1:9/hook"))):
        with pytest.raises(RefusedError) as refused:
            ask(url, "no-such-task")
        assert refused.value.code == -32001


def test_the_client_takes_json_rpc_of_what_the_card_offers(clients: dict[str, A2AClient], url: str) -> None:
    client = clients["a2akit 0.0.32"]
    assert isinstance(client, RemoteClient)
    assert client.call("protocol", url=url) == "jsonrpc"
