"""Agents of both SDKs that stream: each step of a task arrives long before a poll would have found it."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from relay_dev.demo.child import Child
from relay_dev.receiver import Receiver
from tests.e2e.clients import A2AClient, Client10
from tests.e2e.relays import AGENT_03, AGENT_10, Relay, agent_url, relay_command, started
from tests.e2e.told import WHOLE, assert_verified, steps, wait_for_state, webhook

pytestmark = [pytest.mark.e2e, pytest.mark.thorough]

STEP_SECONDS = 3.0  # a stream is open within a step, and the pace of artifacts is kept
SELDOM = {"WatchMinSeconds": "60", "WatchMaxSeconds": "60"}  # no step of a task is as long


@pytest.fixture(scope="module")
def streaming_agents(has_sdk_03: None) -> Iterator[dict[str, Child]]:
    options = ("--stream", "--step-seconds", str(STEP_SECONDS))
    with ExitStack() as ends:
        yield {
            version: ends.enter_context(Child(f"agent {version}", [*command, *options]))
            for version, command in (("1.0", AGENT_10), ("0.3", AGENT_03), ("0.3-rest", (*AGENT_03, "--rest")))
        }


@pytest.fixture(scope="module")
def relay(streaming_agents: dict[str, Child], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    folder = tmp_path_factory.mktemp("relay")
    names = {f"v{version}": agent_url(process) for version, process in streaming_agents.items()}
    with Child("relay", relay_command(names, **SELDOM), folder=folder) as process:
        yield started(process, folder)


def test_every_step_is_told_by_the_stream(relay: Relay, client: A2AClient, receiver: Receiver) -> None:
    task = client.send(relay.at(f"v{client.version}"), "hello", webhook=webhook(receiver))
    notifications = wait_for_state(receiver, "completed")
    assert steps(notifications) == WHOLE
    assert_verified(notifications, client, task)


def test_every_step_is_told_by_the_stream_of_an_agent_of_0_3_over_http_json(relay: Relay, receiver: Receiver) -> None:
    """a2a-sdk 0.3 tells it in the proto's words."""
    client = Client10()
    task = client.send(relay.at("v0.3-rest"), "hello", webhook=webhook(receiver))
    notifications = wait_for_state(receiver, "completed")
    assert steps(notifications) == WHOLE
    assert_verified(notifications, client, task)
