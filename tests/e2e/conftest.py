"""End-to-end tests: real clients of both SDKs, real agents, `relay dev`; each a process of its own. Receivers are in this process.

The processes are started once in each test process; every test has tasks and receivers of its own.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from relay_dev.demo.child import Child
from relay_dev.receiver import Receiver
from tests.e2e.clients import PYTHON_03, A2AClient, Client03, Client10
from tests.e2e.relays import AGENT_03, AGENT_10, AGENT_BOTH, Relay, agent_url, relay_command, started

# How long an agent stays in a state: longer than two polls, however late they are; and longer than the second in which artifacts may change
# only once.
STEP = ("--step-seconds", "1.5", "--polls", "3")
TOKEN = "a token of the client's"
SECRET = "a secret of thirty-two characters"


@pytest.fixture(scope="session")
def has_sdk_03() -> None:
    if not PYTHON_03.exists():
        pytest.fail("a2a-sdk 0.3.26 is not there: make .venv-a2a03/.installed")


@pytest.fixture(scope="session")
def agents(has_sdk_03: None) -> Iterator[dict[str, str]]:
    """Agents that cannot push, by name: `v10` and `both` are a2a-sdk 1.x, `v03` is a2a-sdk 0.3.26."""
    commands = {"v10": AGENT_10, "both": AGENT_BOTH, "v03": AGENT_03}
    with ExitStack() as ends:
        running = {name: ends.enter_context(Child(name, [*command, *STEP])) for name, command in commands.items()}
        yield {name: agent_url(process) for name, process in running.items()}


@pytest.fixture(scope="session")
def relay(agents: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """In front of all agents, open to everybody on loopback."""
    folder = tmp_path_factory.mktemp("relay")
    with Child("relay", relay_command(agents), folder=folder) as process:
        yield started(process, folder)


@pytest.fixture(autouse=True)
def relays_last_words(request: pytest.FixtureRequest) -> Iterator[None]:
    """Pytest shows them beside a failure."""
    yield
    for name in ("relay", "quiet_relay", "closed_relay"):
        if name in request.fixturenames:
            print(f"The last output of {name}:\n{request.getfixturevalue(name).process.last_output}")


@pytest.fixture(scope="session")
def clients(has_sdk_03: None) -> Iterator[dict[str, A2AClient]]:
    """By the version they speak."""
    with Client03() as client03:
        yield {"1.0": Client10(), "0.3": client03}


@pytest.fixture(params=["1.0", "0.3"])
def client(clients: dict[str, A2AClient], request: pytest.FixtureRequest) -> A2AClient:
    """Each SDK's client; the agent `both` answers either."""
    return clients[request.param]


@pytest.fixture
def open_receiver() -> Iterator[Callable[[], Receiver]]:
    """Each call starts a receiver that verifies token and signature of what it gets."""
    with ExitStack() as ends:
        yield lambda: ends.enter_context(Receiver(token=TOKEN, secret=SECRET))


@pytest.fixture
def receiver(open_receiver: Callable[[], Receiver]) -> Receiver:
    return open_receiver()
