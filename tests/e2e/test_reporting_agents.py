"""Agents of both SDKs tell of their tasks, over sockets: by the classes of docs/report-from-your-agent.md, and by the SDKs' own push."""

import itertools
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

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


def command(version: str, port: int, report_to: str = "") -> list[str]:
    """Without an address it pushes by itself."""
    if version == "0.3":
        tells = ["--report-to", report_to] if report_to else ["--push"]
        return [*AGENT_03, "--step-seconds", STEP_SECONDS, "--port", str(port), *tells]
    return [AGENT_10[0], "-m", "tests.e2e.reporting_agent", str(port), *([report_to] if report_to else [])]


@pytest.fixture(scope="module")
def told_relay(agents: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """It asks seldom; its agents `report-1.0` and `report-0.3` report, `push-1.0` and `push-0.3` push."""
    with _relay(agents, tmp_path_factory, "report", "push") as relay:
        yield relay


@pytest.fixture(scope="module")
def choosing_relay(agents: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """Its agents `auto-1.0` and `auto-0.3` push, and no operator has said so."""
    with _relay(agents, tmp_path_factory, "auto") as relay:
        yield relay


@contextmanager
def _relay(agents: dict[str, str], tmp_path_factory: pytest.TempPathFactory, *follows: str) -> Iterator[Relay]:
    folder, relay_port = tmp_path_factory.mktemp("relay"), str(_free_port())
    settings = {"WatchMinSeconds": SELDOM, "WatchMaxSeconds": SELDOM, "PublicUrl": f"http://127.0.0.1:{relay_port}"}
    with ExitStack() as ends:
        environment = ends.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("NO_PROXY", "127.0.0.1")
        process = ends.enter_context(Child("relay", [*relay_command(agents, **settings), "--port", relay_port], folder=folder))
        relay = started(process, folder)
        for follow, version in itertools.product(follows, ("1.0", "0.3")):
            name, port = f"{follow}-{version}", _free_port()
            relay.command("agents", "add", name, f"http://127.0.0.1:{port}", "--follow", follow)
            environment.setenv("RELAY_REPORT_TOKEN", relay.command("agents", "report-token", name).strip())
            report_to = f"{relay.at(name)}/reports" if follow == "report" else ""
            agent_url(ends.enter_context(Child(name, command(version, port, report_to), folder=ROOT)))
        yield relay


def test_every_change_that_is_reported_is_told_once(told_relay: Relay, client: A2AClient, receiver: Receiver) -> None:
    task = client.send(told_relay.at(f"report-{client.version}"), "hello", webhook=webhook(receiver))
    told = wait_for_state(receiver, "completed")
    assert steps(told) == WHOLE
    assert_verified(told, client, task)


def test_every_change_that_is_pushed_is_told_once(told_relay: Relay, client: A2AClient, receiver: Receiver) -> None:
    """The agent stays long enough in its first state for the relay to register its callback."""
    task = client.send(told_relay.at(f"push-{client.version}"), "slow 4", webhook=webhook(receiver))
    told = wait_for_state(receiver, "completed")
    assert steps(told) == WHOLE
    assert_verified(told, client, task)


@pytest.mark.thorough
def test_agent_that_says_it_pushes_is_followed_by_push_without_an_operators_word(
    choosing_relay: Relay, client: A2AClient, receiver: Receiver
) -> None:
    """The first of its tasks shows that it reaches the relay."""
    address = choosing_relay.at(f"auto-{client.version}")
    for times in (1, 2):
        task = client.send(address, "slow 4", webhook=webhook(receiver))
        told = wait_for_state(receiver, "completed", times=times)
        of_task = [notification for notification in told if notification.task_id == task.id]
        assert steps(of_task) == WHOLE
        assert_verified(of_task, client, task)


@pytest.mark.parametrize("name", ["a2a_sdk_1", "a2a_sdk_03"])
def test_the_documented_class_is_the_one_that_is_tested(name: str) -> None:
    code = (DOC.parent / "report" / f"{name}.py").read_text(encoding="utf-8")
    assert f"```python\n{code}```" in DOC.read_text(encoding="utf-8")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
