"""`relay dev` and agents as processes of their own, on free ports, as a user starts them."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from subprocess import run
from typing import Any

import boto3

from relay_dev.demo.child import Child
from tests.e2e.clients import PYTHON_03, SCRIPTS_03

READY_SECONDS = 60  # for a process to be up, on a machine that has other things to do
COMMAND_SECONDS = 60

# SQS delays whole seconds, so a poll a second is the fastest there is; a retry after 1, 1 and 2 s, then the dead letter.
PARAMETERS = {"WatchMinSeconds": "1", "WatchMaxSeconds": "1", "RetrySchedule": "1,1,2", "WebhookTimeoutSeconds": "3"}

AGENT_10 = (sys.executable, "-m", "relay_dev.demo.agent")
AGENT_BOTH = (*AGENT_10, "--v03")
AGENT_03 = (str(PYTHON_03), str(SCRIPTS_03 / "agent.py"))


@dataclass(frozen=True)
class Relay:
    """A `relay dev` that runs. `folder` is its current one: other commands find it there."""

    process: Child
    url: str
    folder: Path
    _taken: list[dict[str, Any]] = field(default_factory=list)

    def at(self, agent: str) -> str:
        """An agent's address at the relay."""
        return f"{self.url}/agents/{agent}"

    def command(self, *arguments: str) -> str:
        """What a command of the operator's prints, on this relay."""
        done = run(
            [sys.executable, "-m", "relay_dev.cli", *arguments], cwd=self.folder, capture_output=True, text=True, timeout=COMMAND_SECONDS
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    @property
    def key(self) -> str:
        """The relay key it asks for."""
        return self.process.wait_for_line(r"Authorization: Bearer (\S+)'", deadline=time.monotonic() + READY_SECONDS)[1]

    def dead_letter_messages(self) -> list[dict[str, Any]]:
        """The bodies of all messages that ever were on the dead-letter queue; they are taken from there."""
        url = self._announcement["queues"]["WebhookDeadLetterQueue"]
        while messages := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._taken.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return self._taken

    @cached_property
    def _announcement(self) -> Mapping[str, Any]:
        announced: Mapping[str, Any] = json.loads(next(self.folder.glob(".relay/dev-*.json")).read_text())
        return announced

    @cached_property
    def _sqs(self) -> Any:
        return boto3.client(
            "sqs",
            endpoint_url=self._announcement["aws_endpoint_url"],
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )


def agent_url(process: Child) -> str:
    return process.wait_for_line(r"^agent: (\S+)", deadline=time.monotonic() + READY_SECONDS)[1]


def started(process: Child, folder: Path) -> Relay:
    """The relay, once it says that it is ready."""
    return Relay(process, process.wait_for_line(r"^relay dev: (\S+)", deadline=time.monotonic() + READY_SECONDS)[1], folder)


def relay_command(agents: Mapping[str, str], **parameters: str) -> list[str]:
    """`relay dev` in front of the agents, by name; the first one is the default too."""
    upstreams = [option for name, url in agents.items() for option in ("--upstream", f"{name}={url}")]
    overrides = [f"{name}={value}" for name, value in {**PARAMETERS, **parameters}.items()]
    return [sys.executable, "-m", "relay_dev.cli", "dev", "--port", "0", *upstreams, "--parameter-overrides", *overrides]
