"""MiniStack, an AWS emulator, in a virtual environment of its own (`make test-deploy` makes it): on loopback, with IAM enforced.

It runs the deployed functions on its own Python, whatever their runtime. Where it differs from AWS and the stack would not run, the
difference is made up for in `mend`, named one by one; nothing else is adapted.
"""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

import boto3

from tests.sam import ROOT

PYTHON = ROOT / ".venv-ministack" / "bin" / "python"
REGION = "us-east-1"
START_SECONDS = 30


class MiniStack:
    def __init__(self, log: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = int(taken.getsockname()[1])
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def python_version(self) -> str:
        """Such as `3.13`: what the layer must be built for."""
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        return subprocess.run([str(PYTHON), "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    def __enter__(self) -> Self:
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": REGION,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(PYTHON), "-m", "ministack"], env=variables, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._wait_until_healthy()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)  # with the processes that run the functions
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def client(self, service: str) -> Any:
        """As the account's root."""
        session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        return session.client(service, endpoint_url=self.url)  # type: ignore[call-overload]

    def mend(self) -> None:
        self._make_numbers_of_concurrency()
        self._let_senders_send_batches()

    def _make_numbers_of_concurrency(self) -> None:
        """A Number parameter reaches an event source mapping as text there; AWS makes a number of it."""
        functions = self.client("lambda")
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            if scaling := mapping.get("ScalingConfig"):
                most = {"MaximumConcurrency": int(scaling["MaximumConcurrency"])}
                functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=most)

    def _let_senders_send_batches(self) -> None:
        """On AWS sqs:SendMessage is what SendMessageBatch needs, and there is no permission of that name."""
        iam = self.client("iam")
        for role in iam.list_roles()["Roles"]:
            name = role["RoleName"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                for statement in document["Statement"]:
                    if statement["Action"] == "sqs:SendMessage":
                        statement["Action"] = ["sqs:SendMessage", "sqs:SendMessageBatch"]
                iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with urlopen(f"{self.url}/_ministack/health", timeout=1):
                    return
            except (URLError, OSError):
                time.sleep(0.05)
        raise TimeoutError(f"MiniStack does not answer\n{self.log}")
