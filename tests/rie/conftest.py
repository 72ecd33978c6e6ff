"""The stack as `sam build` makes it for this machine, the embedded AWS on a port, and what `events/` needs around it."""

import json
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from relay_dev.aws_port import AwsPort
from relay_dev.clock import Clock
from relay_dev.embedded import ENVIRONMENT, EmbeddedAws
from relay_dev.receiver import Receiver
from relay_dev.resources import create_resources
from relay_dev.template import TEMPLATE, read_template
from tests import sam
from tests.rie.agent import Agent
from tests.rie.emulator import BuiltFunction, emulator_binary, link_runtime_client

EVENTS = sam.ROOT / "events"

# Where events/ and events/local.env.json look for the embedded AWS, the agent and the receiver.
AWS_PORT, AGENT_PORT, RECEIVER_PORT = 4570, 9999, 9900

OpenFunction = Callable[[str], BuiltFunction]


@pytest.fixture(scope="session")
def emulator() -> Path:
    found = emulator_binary(sam.ENVIRONMENT)
    if found is None:
        pytest.skip("no runtime interface emulator: `make check` installs aws-sam-cli, which brings it")
    return found


@pytest.fixture(scope="session")
def built(emulator: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The functions and the layer, built by SAM for this machine's architecture and this Python."""
    folder = tmp_path_factory.mktemp("built")
    sam.build(folder, python=f"{sys.version_info.major}.{sys.version_info.minor}")
    return folder


@pytest.fixture(scope="session")
def runtime_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return link_runtime_client(tmp_path_factory.mktemp("runtime"))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedAws]:
    """Empty but for the template's resources; `relay dev --aws-port` opens the same."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    embedded = EmbeddedAws(clock=Clock())
    embedded.start()
    create_resources(read_template(TEMPLATE, place=embedded.place), embedded)
    yield embedded
    embedded.stop()


@pytest.fixture
def aws_url(aws: EmbeddedAws) -> Iterator[str]:
    port = AwsPort(aws, socket.create_server(("127.0.0.1", 0)))
    port.start()
    yield port.url
    port.close()


@pytest.fixture
def agent() -> Iterator[Agent]:
    with Agent() as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Judges by the token and the secret that events/api-set-push-config.json registers."""
    with Receiver(token="token-1", secret="a secret of 24 bytes or more") as running:
        yield running


@pytest.fixture
def local(aws_url: str, agent: Agent, receiver: Receiver) -> Callable[[str], Any]:
    """Reads a file of events/, with the ports that are open here in place of its own."""
    ports = {AWS_PORT: aws_url, AGENT_PORT: agent.url, RECEIVER_PORT: receiver.url}

    def read(name: str) -> Any:
        text = (EVENTS / name).read_text(encoding="utf-8")
        for port, url in ports.items():
            text = text.replace(f"http://127.0.0.1:{port}", url)
        return json.loads(text)

    return read


@pytest.fixture
def open_function(
    emulator: Path, built: Path, runtime_client: Path, aws: EmbeddedAws, local: Callable[[str], Any], tmp_path: Path
) -> Iterator[OpenFunction]:
    """Starts a built function with the template's environment, under what events/local.env.json overrides, as SAM does."""
    functions = read_template(TEMPLATE, place=aws.place).functions
    overrides = local("local.env.json")["Parameters"]
    with ExitStack() as running:

        def start(name: str) -> BuiltFunction:
            function = BuiltFunction(
                name,
                emulator=emulator,
                built=built,
                runtime_client=runtime_client,
                environment={**functions[name].environment, **overrides},
                log=tmp_path / f"{name}.log",
            )
            return running.enter_context(function)

        yield start
