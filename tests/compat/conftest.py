"""Compatibility tests: the clients, agents and receivers of other packages, each in an environment of its own; `make test-compat`.

One relay stands in front of every agent; the processes are started once.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from relay_dev.demo.child import Child
from tests.compat.remote import A2AKIT_SDIST, DRIVERS, PACKAGES, RemoteClient, python
from tests.e2e.clients import Client03, Client10
from tests.e2e.face import A2AClient
from tests.e2e.relays import AGENT_03, AGENT_10, AGENT_BOTH, Relay, agent_url, relay_command, started

STEP = ("--step-seconds", "1.5", "--polls", "3")  # as in tests/e2e: longer than two polls

AGENTS = {
    "v10": [*AGENT_10, *STEP],
    "both": [*AGENT_BOTH, *STEP],
    "v03": [*AGENT_03, *STEP],
    "a2akit": [python("a2akit"), str(DRIVERS / "a2akit_agent.py")],
    "a2akit-http": [python("a2akit"), str(DRIVERS / "a2akit_agent.py"), "http+json"],
    "a2akit-example": [python("a2akit"), str(DRIVERS / "a2akit_example.py"), str(A2AKIT_SDIST)],
    "praisonai": [python("praisonai"), str(DRIVERS / "praisonai_agent.py")],
}


@pytest.fixture(scope="session")
def agents() -> Iterator[dict[str, str]]:
    """Agents that cannot push, by name."""
    with ExitStack() as ends:
        running = {name: ends.enter_context(Child(name, command)) for name, command in AGENTS.items()}
        yield {name: agent_url(process) for name, process in running.items()}


@pytest.fixture(scope="session")
def relay(agents: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    folder = tmp_path_factory.mktemp("relay")
    with Child("relay", relay_command(agents), folder=folder) as process:
        yield started(process, folder)


@pytest.fixture(scope="session")
def quiet_relay(agents: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """It hardly ever asks the agents: for tasks of which there are many, and that do not move."""
    folder = tmp_path_factory.mktemp("quiet-relay")
    with Child("relay", relay_command(agents, WatchMinSeconds="900", WatchMaxSeconds="900"), folder=folder) as process:
        yield started(process, folder)


@pytest.fixture(autouse=True)
def relays_last_words(request: pytest.FixtureRequest) -> Iterator[None]:
    """Pytest shows them beside a failure."""
    yield
    for name in {"relay", "quiet_relay"} & set(request.fixturenames):
        print(f"The last output of {name}:\n{request.getfixturevalue(name).process.last_output}")


@pytest.fixture(scope="session")
def clients() -> Iterator[dict[str, A2AClient]]:
    """By package and version."""
    with ExitStack() as ends:
        remote = {name: ends.enter_context(RemoteClient(package)) for name, package in PACKAGES.items()}
        yield {"a2a-sdk 1.3.0": Client10(), "a2a-sdk 0.3.26": ends.enter_context(Client03()), **remote}
