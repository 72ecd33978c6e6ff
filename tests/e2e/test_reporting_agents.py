"""Agents of both SDKs that tell the relay of their tasks with the classes of docs/report-from-your-agent.md, over sockets."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from relay_dev.demo.child import Child
from relay_dev.receiver import Receiver
from tests.e2e.clients import ROOT, A2AClient
from tests.e2e.relays import AGENT_03, AGENT_10, Relay, agent_url, relay_command, started
from tests.e2e.told import WHOLE, assert_verified, steps, wait_for_state, webhook

pytestmark = pytest.mark.e2e

SELDOM = "300"  # seconds between two polls: more than a test has
STEP_SECONDS = "1.5"
DOC = ROOT / "docs" / "report-from-your-agent.md"


def command(version: str, port: int, report_to: str) -> list[str]:
    if version == "0.3":
        return [*AGENT_03, "--step-seconds", STEP_SECONDS, "--port", str(port), "--report-to", report_to]
    return [AGENT_10[0], "-m", "tests.e2e.reporting_agent", str(port), report_to]


@pytest.fixture(scope="module")
def reported_relay(agents: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """It asks seldom; its agents `1.0` and `0.3` report."""
    folder = tmp_path_factory.mktemp("relay")
    with ExitStack() as ends:
        environment = ends.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("NO_PROXY", "127.0.0.1")
        process = ends.enter_context(Child("relay", relay_command(agents, WatchMinSeconds=SELDOM, WatchMaxSeconds=SELDOM), folder=folder))
        relay = started(process, folder)
        for version in ("1.0", "0.3"):
            port = _free_port()
            relay.command("agents", "add", version, f"http://127.0.0.1:{port}")
            environment.setenv("RELAY_REPORT_TOKEN", relay.command("agents", "report-token", version).strip())
            agent = ends.enter_context(Child(version, command(version, port, f"{relay.at(version)}/reports"), folder=ROOT))
            agent_url(agent)
        yield relay


def test_every_change_that_is_reported_is_told_once(reported_relay: Relay, client: A2AClient, receiver: Receiver) -> None:
    url = reported_relay.at(client.version)
    task = client.send(url, "hello", webhook=webhook(receiver))
    told = wait_for_state(receiver, "completed")
    assert steps(told) == WHOLE
    assert_verified(told, client, task)


@pytest.mark.parametrize("name", ["a2a_sdk_1", "a2a_sdk_03"])
def test_the_documented_class_is_the_one_that_is_tested(name: str) -> None:
    code = (DOC.parent / "report" / f"{name}.py").read_text(encoding="utf-8")
    assert f"```python\n{code}```" in DOC.read_text(encoding="utf-8")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
