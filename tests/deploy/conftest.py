"""The stack, built by SAM and deployed by `sam deploy`; an agent without push before it, a receiver behind it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from relay_dev.receiver import Receiver
from tests import sam
from tests.deploy.ministack import PYTHON, MiniStack

STACK_NAME = "relay"
TOKEN = "token-1"
SECRET = "a secret of 24 bytes or more"


@dataclass(frozen=True)
class Deployed:
    """The stack's outputs, and its HTTP API as a caller reaches it."""

    ministack: MiniStack
    outputs: dict[str, str]

    @property
    def relay_key(self) -> str:
        found = self.ministack.client("secretsmanager").get_secret_value(SecretId=self.outputs["RelayKeySecretArn"])
        return str(found["SecretString"])

    def request(self, method: str, path: str, *, key: str = "", document: Any = None) -> httpx.Response:
        """The API's own host name goes in the Host header: not every machine resolves names below localhost."""
        headers = {"host": httpx.URL(self.outputs["RelayUrl"]).netloc.decode(), "a2a-version": "1.0", "content-type": "application/json"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        content = None if document is None else json.dumps(document)
        return httpx.request(method, f"{self.ministack.url}{path}", headers=headers, content=content, timeout=35)

    def call(self, method: str, params: Any) -> Any:
        """The JSON-RPC result of a call with the relay key."""
        document = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self.request("POST", "/", key=self.relay_key, document=document)
        assert answer.status_code == httpx.codes.OK, answer.text
        assert "error" not in answer.json(), answer.text
        return answer.json()["result"]

    def function(self, logical_id: str) -> str:
        """The physical name."""
        return str(self._resource(logical_id)["PhysicalResourceId"])

    def _resource(self, logical_id: str) -> Any:
        found = self.ministack.client("cloudformation").describe_stack_resources(StackName=STACK_NAME)["StackResources"]
        return next(each for each in found if each["LogicalResourceId"] == logical_id)


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    if not PYTHON.exists():
        pytest.skip("no MiniStack: `make test-deploy` installs it")
    with MiniStack(tmp_path_factory.mktemp("ministack") / "log") as running:
        yield running


@pytest.fixture(scope="session")
def agent_url() -> Iterator[str]:
    """The demo's agent: a2a-sdk's, in a process of its own, each state lasting a step."""
    command = [sys.executable, "-m", "relay_dev.demo.agent", "--port", "0", "--step-seconds", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("agent: ").strip()
        process.terminate()


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    with Receiver(token=TOKEN, secret=SECRET) as running:
        yield running


@pytest.fixture(scope="session")
def deployed(ministack: MiniStack, agent_url: str, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    folder: Path = tmp_path_factory.mktemp("deployed")
    sam.build(folder, python=ministack.python_version)
    ministack.client("s3").create_bucket(Bucket="artifacts")
    parameters = {
        "UpstreamAgentUrl": agent_url,
        "AllowedWebhookHosts": "127.0.0.1",
        "RetrySchedule": "1,1,1",
        "WatchMaxSeconds": "2",
        "PythonRuntime": f"python{ministack.python_version}",
        "Architecture": sam.ARCHITECTURE,
    }
    sam.run(
        "deploy",
        *("--template-file", str(folder / "template.yaml")),
        *("--stack-name", STACK_NAME),
        *("--s3-bucket", "artifacts"),
        *("--capabilities", "CAPABILITY_IAM"),
        "--no-confirm-changeset",
        "--no-progressbar",
        *("--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())),
        AWS_ENDPOINT_URL=ministack.url,
    )
    ministack.mend()
    (stack,) = ministack.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    return Deployed(ministack, {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]})
