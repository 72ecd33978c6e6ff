"""The push-config methods through both SDKs' clients: shapes, error codes, pages; and the card that led the clients to the relay."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from relay_dev.demo.child import Child
from relay_dev.receiver import Receiver
from tests.e2e.clients import A2AClient, Client10, RefusedError, Seen, Webhook
from tests.e2e.relays import Relay, relay_command, started
from tests.e2e.told import webhook

pytestmark = pytest.mark.e2e

TASK_NOT_FOUND, INVALID_PARAMS, METHOD_NOT_FOUND = -32001, -32602, -32601
WELL_KNOWN = ["/.well-known/agent-card.json", "/.well-known/agent.json"]


@pytest.fixture(scope="module")
def quiet_relay(agents: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """It hardly ever asks the agents: nothing here is about how tasks move on, and there are many of them."""
    folder = tmp_path_factory.mktemp("quiet-relay")
    with Child("relay", relay_command(agents, WatchMinSeconds="900", WatchMaxSeconds="900"), folder=folder) as process:
        yield started(process, folder)


@pytest.fixture(scope="module")
def url(quiet_relay: Relay) -> str:
    """The agent that answers either client."""
    return quiet_relay.at("both")


@pytest.fixture
def task(client: A2AClient, url: str) -> Seen:
    """One that stays as it is."""
    return client.send(url, "slow 600")


def anywhere(name: str) -> Webhook:
    """A webhook that nobody listens at: these tasks do not change."""
    return Webhook(f"http://127.0.0.1:9/{name}", token=f"token of {name}")


def test_a_config_is_given_back_as_it_was_registered(client: A2AClient, url: str, task: Seen) -> None:
    created = client.set_config(url, task.id, Webhook("http://127.0.0.1:9/hook", "a token", id="mine"))
    assert created == Webhook("http://127.0.0.1:9/hook", "a token", id="mine")
    assert client.get_config(url, task.id, "mine") == created
    assert client.list_configs(url, task.id) == [created]


def test_a_config_without_an_id_gets_one(client: A2AClient, url: str, task: Seen) -> None:
    created = client.set_config(url, task.id, anywhere("hook"))
    assert created.id
    assert client.get_config(url, task.id, created.id) == created


def test_an_inline_config_is_listed_with_its_id_and_without_its_secret(client: A2AClient, url: str, receiver: Receiver) -> None:
    task = client.send(url, "slow 600", webhook=webhook(receiver))
    (listed,) = client.list_configs(url, task.id)
    assert listed.id
    assert (listed.url, listed.token, listed.secret) == (webhook(receiver).url, webhook(receiver).token, "")


def test_registering_the_same_again_is_the_same_config(client: A2AClient, url: str, task: Seen) -> None:
    assert client.set_config(url, task.id, anywhere("hook")) == client.set_config(url, task.id, anywhere("hook"))
    assert len(client.list_configs(url, task.id)) == 1


def test_setting_a_known_id_changes_the_config(client: A2AClient, url: str, task: Seen) -> None:
    client.set_config(url, task.id, Webhook("http://127.0.0.1:9/old", id="mine"))
    client.set_config(url, task.id, Webhook("http://127.0.0.1:9/new", id="mine"))
    assert client.list_configs(url, task.id) == [Webhook("http://127.0.0.1:9/new", id="mine")]


def test_a_deleted_config_is_gone_and_deleting_again_is_no_error(client: A2AClient, url: str, task: Seen) -> None:
    config = client.set_config(url, task.id, anywhere("hook"))
    client.delete_config(url, task.id, config.id)
    client.delete_config(url, task.id, config.id)
    assert client.list_configs(url, task.id) == []
    with pytest.raises(RefusedError) as refused:
        client.get_config(url, task.id, config.id)
    assert refused.value.code == TASK_NOT_FOUND


def test_a_config_of_another_task_is_not_found(client: A2AClient, url: str, task: Seen) -> None:
    other = client.send(url, "slow 600")
    client.set_config(url, other.id, Webhook("http://127.0.0.1:9/hook", id="theirs"))
    with pytest.raises(RefusedError) as refused:
        client.get_config(url, task.id, "theirs")
    assert refused.value.code == TASK_NOT_FOUND


def test_a_task_that_the_agent_does_not_know_has_no_configs(client: A2AClient, url: str) -> None:
    with pytest.raises(RefusedError) as refused_set:
        client.set_config(url, "no-such-task", anywhere("hook"))
    with pytest.raises(RefusedError) as refused_list:
        client.list_configs(url, "no-such-task")
    assert (refused_set.value.code, refused_list.value.code) == (TASK_NOT_FOUND, TASK_NOT_FOUND)
    assert refused_set.value.data["taskId"] == "no-such-task"


@pytest.mark.parametrize(
    "wrong", ["http://example.com/hook", "https://10.0.0.1/hook", "https://user:pass@example.com/", "ftp://127.0.0.1/"]
)
def test_a_url_that_cannot_be_a_webhook_is_refused_by_its_field(client: A2AClient, url: str, task: Seen, wrong: str) -> None:
    with pytest.raises(RefusedError) as refused:
        client.set_config(url, task.id, Webhook(wrong))
    assert refused.value.code == INVALID_PARAMS
    assert refused.value.data["field"] == {"1.0": "url", "0.3": "pushNotificationConfig.url"}[client.version]


def test_a_bad_url_inline_is_refused_before_the_agent_hears_the_message(client: A2AClient, url: str) -> None:
    with pytest.raises(RefusedError) as refused:
        client.send(url, "slow 600", webhook=Webhook("https://10.0.0.1/"))
    field = {"1.0": "configuration.taskPushNotificationConfig.url", "0.3": "configuration.pushNotificationConfig.url"}[client.version]
    assert (refused.value.code, refused.value.data["field"]) == (INVALID_PARAMS, field)


def test_a_message_answer_passes_and_its_inline_config_is_dropped(client: A2AClient, url: str, receiver: Receiver) -> None:
    assert client.reply(url, "reply to this", webhook=webhook(receiver)) == "You said: reply to this"
    assert receiver.notifications == []


def test_pages_of_1_0_hold_every_config_once(url: str) -> None:
    client = Client10()
    task = client.send(url, "slow 600")
    registered = [client.set_config(url, task.id, Webhook(f"http://127.0.0.1:9/{number}", id=f"id-{number}")) for number in range(5)]
    first, token = client.list_page(url, task.id, page_size=2)
    second, last_token = client.list_page(url, task.id, page_size=3, page_token=token)
    assert (first + second, last_token) == (registered, "")


def test_a_page_of_1_0_that_cannot_be_is_refused_by_its_field(url: str) -> None:
    client = Client10()
    task = client.send(url, "slow 600")
    client.set_config(url, task.id, anywhere("hook"))
    with pytest.raises(RefusedError) as too_large:
        client.list_page(url, task.id, page_size=101)
    with pytest.raises(RefusedError) as not_ours:
        client.list_page(url, task.id, page_token="made up")
    assert [(each.value.code, each.value.data["field"]) for each in (too_large, not_ours)] == [
        (INVALID_PARAMS, "pageSize"),
        (INVALID_PARAMS, "pageToken"),
    ]


@pytest.mark.parametrize("path", WELL_KNOWN)
def test_the_card_says_push_and_no_streaming_at_the_relays_own_address(client: A2AClient, url: str, path: str) -> None:
    card = client.card(url, path)
    assert card["capabilities"] == {"pushNotifications": True, "streaming": False}
    addresses = {interface["url"] for interface in card.get("supportedInterfaces", [])} | {card.get("url", url)}
    assert addresses <= {url, f"{url}/v1"}


def test_the_default_agent_is_at_the_root(quiet_relay: Relay) -> None:
    card: dict[str, Any] = httpx.get(f"{quiet_relay.url}{WELL_KNOWN[0]}", trust_env=False).json()
    assert {interface["url"] for interface in card["supportedInterfaces"]} == {quiet_relay.url, f"{quiet_relay.url}/v1"}


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("NoSuchMethod", {}, METHOD_NOT_FOUND),
        ("GetTask", {"id": "no-such-task"}, TASK_NOT_FOUND),
        ("CreateTaskPushNotificationConfig", {"taskId": "t"}, INVALID_PARAMS),
        ("SendStreamingMessage", {"message": {}}, -32004),
    ],
)
def test_a_json_rpc_error_answers_http_200(url: str, method: str, params: dict[str, Any], code: int) -> None:
    call = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    answer = httpx.post(url, json=call, headers={"A2A-Version": "1.0"}, trust_env=False)
    assert (answer.status_code, answer.json()["id"], answer.json()["error"]["code"]) == (200, 7, code)
