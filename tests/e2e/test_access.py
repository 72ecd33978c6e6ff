"""Who may call the relay, and with whose credential it calls the agent."""

from collections.abc import Iterator

import httpx
import pytest

from relay_dev.demo.child import Child
from tests.e2e.clients import Client03, Client10, RefusedError
from tests.e2e.relays import Relay, relay_command, started
from tests.integration.loopback import Receiver
from tests.support.scripted_agent import TASK, calls, result, scripted_agent

pytestmark = pytest.mark.e2e

CALL = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "task-1"}}


@pytest.fixture(scope="module")
def agent() -> Iterator[Receiver]:
    """It knows one task, and remembers the headers of every request."""
    with scripted_agent(lambda _request: result(TASK)) as running:
        yield running


@pytest.fixture(scope="module")
def closed_relay(agent: Receiver, agents: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """As closed as on AWS: it asks for a relay key. The agent `both` is there for clients of both versions."""
    folder = tmp_path_factory.mktemp("closed-relay")
    command = relay_command({"recording": agent.url(""), "both": agents["both"]}, ClientAuthentication="relay-key")
    with Child("relay", command, folder=folder) as process:
        yield started(process, folder)


def post(url: str, **headers: str) -> httpx.Response:
    return httpx.post(url, json=CALL, headers={"A2A-Version": "1.0", **headers}, trust_env=False, timeout=40)


def test_without_the_relay_key_nothing_is_answered(closed_relay: Relay, agent: Receiver) -> None:
    asked = len(calls(agent))
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"X-API-Key": "wrong"}, {"Authorization": f"Basic {closed_relay.key}"}):
        answer = post(closed_relay.url, **headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert len(calls(agent)) == asked


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_the_relay_key_opens_the_relay(closed_relay: Relay, header: str) -> None:
    value = f"Bearer {closed_relay.key}" if header == "Authorization" else closed_relay.key
    assert post(closed_relay.url, **{header: value}).json()["result"] == TASK


def test_the_card_is_open_and_says_how_to_come_in(closed_relay: Relay) -> None:
    card = httpx.get(f"{closed_relay.url}/.well-known/agent-card.json", trust_env=False).json()
    assert {name: set(requirement["schemes"]) for requirement in card["securityRequirements"] for name in requirement["schemes"]} == {
        "bearer": {"bearer"},
        "apiKey": {"apiKey"},
    }
    assert set(card["securitySchemes"]) == {"bearer", "apiKey"}


def test_both_sdks_come_in_with_the_key_and_only_with_it(closed_relay: Relay) -> None:
    url, headers = closed_relay.at("both"), {"Authorization": f"Bearer {closed_relay.key}"}
    with Client03(headers) as with_key, Client03() as without_key:
        for client in (Client10(headers), with_key):
            assert client.send(url, "slow 600").state == "submitted"
        for client in (Client10(), without_key):
            with pytest.raises(RefusedError) as refused:
                client.send(url, "slow 600")
            assert refused.value.code == 401


def test_the_callers_own_credential_reaches_the_agent_and_the_relay_key_does_not(closed_relay: Relay, agent: Receiver) -> None:
    key = {"Authorization": f"Bearer {closed_relay.key}"}
    post(closed_relay.url, **key)
    post(closed_relay.url, **key, **{"X-Upstream-Authorization": "Bearer the caller's own", "A2A-Extensions": "urn:one"})
    without, with_credential = (call.headers for call in calls(agent)[-2:])
    assert "authorization" not in without
    assert (with_credential["authorization"], with_credential["a2a-extensions"]) == ("Bearer the caller's own", "urn:one")
    assert closed_relay.key not in str(without) + str(with_credential)
    assert "x-upstream-authorization" not in with_credential
