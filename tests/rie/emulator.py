"""A built function under AWS's own runtime interface emulator and runtime client: `sam local invoke` without a container.

The emulator comes with aws-sam-cli. It is one execution environment: invocations come one after the other, and a handler's exception is
answered with HTTP 200 and an `errorType`. Python starts without its site-packages, so that only the layer's packages can be imported.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Self
from urllib.request import Request, urlopen

from tests.sam import ARCHITECTURE

START_SECONDS = 20
INVOKE_SECONDS = 60

_RUNTIME_PACKAGES = ("awslambdaric", "simplejson", "snapshot-restore-py")
_REGION = "us-east-1"
_SET_BY_LAMBDA = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_REGION": _REGION,
    "AWS_DEFAULT_REGION": _REGION,
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
    "LANG": "C.UTF-8",
    "PATH": "/usr/bin:/bin",
    "TZ": ":UTC",
}


class InvocationError(Exception):
    """The handler raised, or its process ended."""


def emulator_binary(sam_environment: Path) -> Path | None:
    """The emulator in aws-sam-cli's virtual environment, for this machine; none when there is none."""
    found = [*sam_environment.glob(f"lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{ARCHITECTURE}")]
    return found[0] if found and ARCHITECTURE and sys.platform == "linux" else None


def link_runtime_client(folder: Path) -> Path:
    """A folder with Lambda's runtime client and nothing else of this virtual environment."""
    for name in _RUNTIME_PACKAGES:
        for top in _top_level_files(name):
            (folder / top.name).symlink_to(top)
    return folder


def _top_level_files(name: str) -> Iterable[Path]:
    found = distribution(name)
    tops = {Path(file).parts[0] for file in found.files or () if not str(file).startswith("..")}
    return [Path(str(found.locate_file(top))) for top in sorted(tops) if top != "__pycache__"]


class BuiltFunction:
    """One execution environment of a function, from `start` to `stop`."""

    def __init__(self, name: str, *, emulator: Path, built: Path, runtime_client: Path, environment: Mapping[str, str], log: Path) -> None:
        self._name = name
        self._emulator = emulator
        self._built = built
        self._runtime_client = runtime_client
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Raises: TimeoutError when the emulator does not listen in time."""
        self._port, runtime_port = _free_port(), _free_port()
        addresses = [
            "--runtime-api-address",
            f"127.0.0.1:{runtime_port}",
            "--runtime-interface-emulator-address",
            f"127.0.0.1:{self._port}",
        ]
        handler = self._name.removesuffix("Function").lower() + ".handler"
        client = [sys.executable, "-S", "-m", "awslambdaric", handler]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._emulator), "--log-level", "error", *addresses, *client],
                cwd=self._code,
                env=self._variables(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_it_listens()

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)  # with the runtime client, which the emulator starts
            self._process.wait()
            self._process = None

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """The handler's answer. Raises: InvocationError."""
        url = f"http://127.0.0.1:{self._port}/2015-03-31/functions/function/invocations"
        with urlopen(Request(url, data=json.dumps(event).encode()), timeout=INVOKE_SECONDS) as answer:
            text = answer.read().decode()
        try:
            payload = json.loads(text)
        except ValueError as error:
            raise InvocationError(f"{text}\n{self.log}") from error
        if isinstance(payload, dict) and "errorType" in payload:
            raise InvocationError(f"{text}\n{self.log}")
        return payload

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    @property
    def _code(self) -> Path:
        return self._built / self._name

    def _variables(self) -> dict[str, str]:
        """What Lambda sets, and what the template does; nothing of this process."""
        path = [self._code, self._built / "RelayLayer" / "python", self._runtime_client]
        return {
            **_SET_BY_LAMBDA,
            "PYTHONPATH": ":".join(str(each) for each in path),
            "LAMBDA_TASK_ROOT": str(self._code),
            "AWS_LAMBDA_FUNCTION_NAME": self._name,
            **self._environment,
        }

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=1):
                    return
            except OSError:
                time.sleep(0.02)
        raise TimeoutError(f"the emulator of {self._name} does not listen\n{self.log}")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
