"""Each SDK's own client in front of the other SDK's agent: a2a-sdk 1.x before 0.3.26, and 0.3.26 before 1.x. What a task's states are told
is in `test_states`."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from a2a.client import ClientConfig, create_client
from a2a.types import ListTasksRequest
from a2a.utils.errors import UnsupportedOperationError

from relay_dev.demo.child import Child
from relay_dev.receiver import Receiver
from tests.e2e.clients import A2AClient, RefusedError, Seen, Webhook
from tests.e2e.relays import Relay, relay_command, started
from tests.e2e.told import steps, wait_for_state, webhook

pytestmark = pytest.mark.e2e

AGENT_OF_THE_OTHER = {"1.0": "v03", "0.3": "v10"}
TASK_NOT_FOUND, NOT_CANCELABLE, INVALID_PARAMS = -32001, -32002, -32602
HOOK = Webhook("http://127.0.0.1:9/hook", "a token", id="mine")


@pytest.fixture(scope="module")
def quiet_relay(agents: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """It asks the agents of itself only when somebody registers: what is told here comes from what clients do."""
    folder = tmp_path_factory.mktemp("quiet-relay")
    with Child("relay", relay_command(agents, WatchMinSeconds="900", WatchMaxSeconds="900"), folder=folder) as process:
        yield started(process, folder)


@pytest.fixture
def url(quiet_relay: Relay, client: A2AClient) -> str:
    return quiet_relay.at(AGENT_OF_THE_OTHER[client.version])


@pytest.fixture
def task(client: A2AClient, url: str) -> Seen:
    """One that stays as it is."""
    return client.send(url, "slow 600")


def test_a_send_that_does_not_wait_is_answered_with_the_task(task: Seen) -> None:
    assert (task.state, task.artifacts) == ("submitted", 0)
    assert task.context_id != task.id


def test_a_task_is_got_with_its_history(client: A2AClient, url: str, task: Seen) -> None:
    got = client.get(url, task.id)
    assert (got.id, got.context_id, got.state, got.history) == (task.id, task.context_id, "submitted", 1)


def test_a_canceled_task_is_told_to_its_webhook(client: A2AClient, url: str, receiver: Receiver) -> None:
    task = client.send(url, "slow 600", webhook=webhook(receiver))
    assert client.cancel(url, task.id).state == "canceled"
    assert steps(wait_for_state(receiver, "canceled")) == [("submitted", 0), ("canceled", 0)]


def test_a_task_that_has_ended_cannot_be_canceled(client: A2AClient, url: str, task: Seen) -> None:
    client.cancel(url, task.id)
    with pytest.raises(RefusedError) as refused:
        client.cancel(url, task.id)
    assert refused.value.code == NOT_CANCELABLE


def test_a_message_answer_is_told(client: A2AClient, url: str) -> None:
    assert client.reply(url, "reply to this") == "You said: reply to this"


def test_push_configs_are_set_got_listed_and_deleted(client: A2AClient, url: str, task: Seen) -> None:
    assert client.set_config(url, task.id, HOOK) == HOOK
    assert client.get_config(url, task.id, "mine") == HOOK
    assert client.list_configs(url, task.id) == [HOOK]
    client.delete_config(url, task.id, "mine")
    assert client.list_configs(url, task.id) == []


def test_an_inline_config_is_registered(client: A2AClient, url: str, receiver: Receiver) -> None:
    task = client.send(url, "slow 600", webhook=webhook(receiver))
    assert [config.url for config in client.list_configs(url, task.id)] == [webhook(receiver).url]
    assert steps(wait_for_state(receiver, "submitted")) == [("submitted", 0)]


def test_a_task_that_the_agent_does_not_know_is_not_found(client: A2AClient, url: str) -> None:
    for ask in (client.get, client.cancel):
        with pytest.raises(RefusedError) as refused:
            ask(url, "no-such-task")
        assert refused.value.code == TASK_NOT_FOUND
    with pytest.raises(RefusedError) as unknown:
        client.send(url, "more", task=Seen("no-such-task", "c", "working", 0))
    assert unknown.value.code == TASK_NOT_FOUND


def test_a_message_to_a_task_that_has_ended_is_refused_as_its_agent_refuses_it(client: A2AClient, url: str, task: Seen) -> None:
    client.cancel(url, task.id)
    with pytest.raises(RefusedError) as refused:
        client.send(url, "more", task=task)
    assert refused.value.code in (INVALID_PARAMS, -32004)  # 0.3.26 says the first, 1.x the second
    assert task.id in refused.value.message


def test_a_1_x_client_is_told_that_the_0_3_agent_lists_no_tasks(quiet_relay: Relay) -> None:
    async def listed() -> None:
        async with httpx.AsyncClient(trust_env=False) as http:
            client = await create_client(quiet_relay.at("v03"), ClientConfig(httpx_client=http, streaming=False))
            await client.list_tasks(ListTasksRequest())

    with pytest.raises(UnsupportedOperationError, match="tasks/list"):
        asyncio.run(listed())


@pytest.mark.parametrize("agent", ["v10", "v03", "both"])
@pytest.mark.parametrize("path", ["/.well-known/agent-card.json", "/.well-known/agent.json"])
def test_every_card_offers_both_versions_and_every_sdk_reads_it(
    quiet_relay: Relay, clients: dict[str, A2AClient], agent: str, path: str
) -> None:
    url = quiet_relay.at(agent)
    card: dict[str, Any] = clients["1.0"].card(url, path)
    assert [interface["protocolVersion"] for interface in card["supportedInterfaces"]] == ["1.0", "1.0", "0.3", "0.3"]
    assert clients["0.3"].card(url, path)["url"] == url
