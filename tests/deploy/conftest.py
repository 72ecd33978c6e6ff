"""The stack, built by SAM and deployed by `sam deploy`; an agent without push before it, a receiver behind it."""

import json
import os
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
from tests.deploy.ministack import PYTHON, REGION, MiniStack

TOKEN = "token-1"
SECRET = "a secret of 24 bytes or more"


@dataclass(frozen=True)
class Deployed:
    """One stack: its outputs, its resources, and its HTTP API as a caller reaches it."""

    ministack: MiniStack
    name: str
    outputs: dict[str, str]

    @property
    def relay_key(self) -> str:
        found = self.ministack.client("secretsmanager").get_secret_value(SecretId=self.outputs["RelayKeySecretArn"])
        return str(found["SecretString"])

    def request(self, method: str, path: str, *, key: str = "", document: Any = None) -> httpx.Response:
        """The API's own host name goes in the Host header: not every machine resolves names below localhost."""
        headers = {"host": httpx.URL(self.outputs["ApiEndpoint"]).netloc.decode(), "a2a-version": "1.0", "content-type": "application/json"}
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

    def send(self, text: str, webhook: str) -> Any:
        """The task that a message starts, with a push config for it in the same call."""
        authentication = {"scheme": "HMAC-SHA256", "credentials": SECRET}
        config = {"url": webhook, "token": TOKEN, "authentication": authentication}
        message = {"messageId": text, "role": "ROLE_USER", "parts": [{"text": text}]}
        configuration = {"returnImmediately": True, "taskPushNotificationConfig": config}
        return self.call("SendMessage", {"message": message, "configuration": configuration})["task"]

    def relay(self, *arguments: str) -> str:
        """What the `relay` command said about this stack."""
        variables = {"AWS_ENDPOINT_URL": self.ministack.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        done = subprocess.run(
            [str(Path(sys.executable).parent / "relay"), *arguments, "--stack", self.name],
            env={"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": REGION, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def resources(self) -> dict[str, str]:
        """Physical names by logical id."""
        pages = self.ministack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for page in pages for each in page["StackResourceSummaries"]}


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    if not PYTHON.exists():
        pytest.skip("no MiniStack: `make test-deploy` installs it")
    with MiniStack(tmp_path_factory.mktemp("ministack") / "log") as running:
        yield running


@pytest.fixture(scope="session")
def agent_url() -> Iterator[str]:
    """The demo's agent: a2a-sdk's, in a process of its own, each state lasting many polls."""
    command = [sys.executable, "-m", "relay_dev.demo.agent", "--port", "0", "--step-seconds", "6"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("agent: ").strip()
        process.terminate()


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    with Receiver(token=TOKEN, secret=SECRET) as running:
        yield running


@pytest.fixture(scope="session")
def built(ministack: MiniStack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployed")
    sam.build(folder, python=ministack.python_version)
    ministack.client("s3").create_bucket(Bucket="artifacts")
    return folder / "template.yaml"


@pytest.fixture(scope="session")
def deployed(ministack: MiniStack, built: Path, agent_url: str) -> Deployed:
    """As an operator deploys it, but for quick retries and a receiver on loopback."""
    quick = {"RetrySchedule": "1,1,1", "WatchMaxSeconds": "1", "AllowedWebhookHosts": "127.0.0.1"}
    return _deploy(ministack, built, "relay", {"UpstreamAgentUrl": agent_url, **quick})


@pytest.fixture(scope="session")
def deployed_otherwise(ministack: MiniStack, built: Path, agent_url: str) -> Deployed:
    """With every condition of the template turned the other way."""
    parameters = {
        "UpstreamAgentUrl": agent_url,
        "UpstreamCredential": "'X-Api-Key: key-1'",
        "ClientAuthentication": "iam",
        "PublicUrl": "https://relay.example.com",
        "DeliveryPaused": "true",
        "AlarmTopicArn": "arn:aws:sns:us-east-1:000000000000:alarms",
    }
    return _deploy(ministack, built, "relay-otherwise", parameters)


def _deploy(ministack: MiniStack, template: Path, name: str, parameters: dict[str, str]) -> Deployed:
    own = {"PythonRuntime": f"python{ministack.python_version}", "Architecture": sam.ARCHITECTURE}
    sam.run(
        "deploy",
        *("--template-file", str(template)),
        *("--stack-name", name),
        *("--s3-bucket", "artifacts"),
        *("--capabilities", "CAPABILITY_IAM"),
        "--no-confirm-changeset",
        "--no-progressbar",
        *("--parameter-overrides", *(f"{parameter}={value}" for parameter, value in {**own, **parameters}.items())),
        AWS_ENDPOINT_URL=ministack.url,
    )
    ministack.mend()
    (stack,) = ministack.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return Deployed(ministack, name, {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]})
