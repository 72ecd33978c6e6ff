"""Where the functions run in the first two benches: the template's own settings, AWS and the receivers as processes of their own.

What this process spends is the relay's; TLS and the network are missing from it.
"""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from botocore.config import Config

import relay.outside
from bench.processes import Arrival, arrivals, asked, started
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.push_config import Authentication, Dialect, PushConfig
from relay.domain.task import ProtocolVersion, Revision, Snapshot, View
from relay.wiring import Wiring, wiring
from relay_dev import execution_environment
from relay_dev.definition import Definition
from relay_dev.embedded import ENVIRONMENT
from relay_dev.invoker import Invoke, Invoker
from relay_dev.place import Place
from relay_dev.template import TEMPLATE, read_template

_POOL = 1000  # all environments of this process share one client, so its connections must do for all
_TASK_TEXT = "x" * 1500
_EXPIRES = timedelta(days=30)
PARAMETERS = {"AllowedWebhookHosts": "127.0.0.1"}


@dataclass(frozen=True)
class Spent:
    """What AWS was asked for, and the CPU that this cost its process."""

    requests: Counter[str]
    cpu_seconds: float


class Stage:
    """A context manager; one at a time in a process. `parameters` are the template's."""

    def __init__(
        self,
        *,
        aws_delay_ms: float = 0,
        is_fair: bool = True,
        answering: int = 1,
        hanging: int = 0,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        self._aws = ["bench.aws", "--delay-ms", str(aws_delay_ms), *([] if is_fair else ["--unfair"])]
        self._receivers = ["bench.receivers", "--answering", str(answering), "--hanging", str(hanging)]
        self.definition: Definition = read_template(TEMPLATE, place=Place(), overrides={**PARAMETERS, **(parameters or {})})
        self.invoke: Invoke = Invoker(self.definition.functions)
        self.answering: list[int] = []
        self.hanging: list[int] = []
        self.aws_url = ""
        self._own = threading.local()
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            (aws_port,) = started(ends, *self._aws)
            self.aws_url = f"http://127.0.0.1:{aws_port}"
            ports = started(ends, *self._receivers)
            self.answering, self.hanging = ports["answering"], ports["hanging"]
            ends.enter_context(execution_environment.restored())
            execution_environment.set_variables(
                {**ENVIRONMENT, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": None, "AWS_ENDPOINT_URL": self.aws_url}
            )
            execution_environment.set_variables(self.definition.environment)
            relay.outside.AWS_CLIENT = relay.outside.AWS_CLIENT.merge(Config(max_pool_connections=_POOL))
            execution_environment.forget()
            ends.callback(execution_environment.forget)
            ends.enter_context(redirect_stdout(ends.enter_context(Path(os.devnull).open("w"))))  # log lines and metrics are made, not kept
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    @property
    def wiring(self) -> Wiring:
        return wiring()

    def register(self, name: str, port: int) -> ConfigKey:
        """A task of that name with one push config, also of that name, which has a secret and a token."""
        key = ConfigKey(TaskKey("default", "default", "", name), name)
        now = self.now()
        authentication = Authentication("HMAC-SHA256", "a secret of 24 bytes or more")
        config = PushConfig(key, f"http://127.0.0.1:{port}/{name}", Dialect.A2A_V10, token="token", authentication=authentication)
        self.wiring.cursors.create(key, 0, group=str(port), now=now, expires=now + _EXPIRES)
        self.wiring.configs.put(config, expires=now + _EXPIRES)
        return key

    def append(self, task: TaskKey, number: int) -> float:
        """Puts a revision; epoch seconds just before."""
        now = self.now()
        document = {
            "id": task.task_id,
            "contextId": "context",
            "status": {"state": "TASK_STATE_WORKING", "timestamp": now.isoformat()},
            "artifacts": [{"artifactId": "a", "parts": [{"text": f"{number} {_TASK_TEXT}"}]}],
        }
        view = View(Snapshot(ProtocolVersion.V10, document), asked_at=now, arrived_at=now, learnt_by="poll")
        self.wiring.revisions.append(task, Revision(number, view), expires=now + _EXPIRES)
        return now.timestamp()

    def arrivals(self) -> list[Arrival]:
        """All POSTs so far, by when they came."""
        return arrivals(self.answering[0])

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def ask_queue(self, operation: str, **asked: Any) -> dict[str, Any]:
        """What Lambda asks of the queue."""
        if not hasattr(self._own, "connection"):
            self._own.connection = HTTPConnection(urlsplit(self.aws_url).netloc)
        connection: HTTPConnection = self._own.connection
        connection.request("POST", "/", json.dumps(asked), {"X-Amz-Target": f"AmazonSQS.{operation}"})
        found: dict[str, Any] = json.loads(connection.getresponse().read())
        return found

    def release(self) -> None:
        """The receivers that hang answer from now on."""
        asked(f"http://127.0.0.1:{self.answering[0]}/release")

    def spent(self) -> Spent:
        found = asked(f"{self.aws_url}/spent")
        return Spent(Counter(found["requests"]), found["cpu_seconds"])
