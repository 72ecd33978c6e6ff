"""An agent of a2akit's that streams: each step of a task arrives long before a poll would have found it, over either binding."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from relay_dev.demo.child import Child
from relay_dev.receiver import Receiver
from tests.compat.remote import DRIVERS, python
from tests.e2e.clients import Client10
from tests.e2e.conftest import SECRET, TOKEN
from tests.e2e.relays import Relay, agent_url, relay_command, started
from tests.e2e.told import assert_verified, wait_for_state, webhook

pytestmark = pytest.mark.compat

BINDINGS = ("jsonrpc", "http+json")
SELDOM = {"WatchMinSeconds": "300", "WatchMaxSeconds": "300"}  # no test waits for so long


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """Its agents are named as their binding."""
    folder = tmp_path_factory.mktemp("relay")
    with ExitStack() as ends:
        command = [python("a2akit"), str(DRIVERS / "a2akit_agent.py")]
        agents = {name: ends.enter_context(Child(name, [*command, name, "stream"])) for name in BINDINGS}
        urls = {name.replace("+", "-"): agent_url(process) for name, process in agents.items()}
        process = ends.enter_context(Child("relay", relay_command(urls, **SELDOM), folder=folder))
        yield started(process, folder)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(token=TOKEN, secret=SECRET) as receiver:
        yield receiver


@pytest.mark.parametrize("binding", BINDINGS)
def test_every_step_of_an_agent_of_a2akits_is_told_by_its_stream(streamed: Relay, receiver: Receiver, binding: str) -> None:
    client = Client10()
    task = client.send(streamed.at(binding.replace("+", "-")), "slow 3", webhook=webhook(receiver))
    told = wait_for_state(receiver, "completed")
    assert list(dict.fromkeys(notification.state for notification in told)) == ["submitted", "working", "completed"]
    assert_verified(told, client, task)
