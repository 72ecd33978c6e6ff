"""An agent and a receiver that repeat whatever they are told, headers and body, as people who debug do; and ears everywhere else.

`Ears` hears all that a relay in this process writes: requests to AWS, log lines of the functions and of the libraries, exceptions.
"""

import base64
import json
import logging
import socket
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from botocore.exceptions import ClientError

from relay_dev.embedded import Call
from relay_dev.invoker import Invoke, Outcome
from tests.integration.loopback import Receiver, Request
from tests.support.scripted_agent import CARD, http, result


def quoted(request: Request) -> dict[str, str]:
    """Everything that came, once more."""
    heard = json.dumps(request.headers) + request.body.decode()
    return {"heard": heard, "in base64": base64.b64encode(heard.encode()).decode(), "line": request.line}


class IndiscreetReceiver(Receiver):
    """`status` is what it answers next; the answer quotes the request, in its headers too."""

    def __init__(self) -> None:
        super().__init__(self._repeat)
        self.status = 200

    def _repeat(self, connection: socket.socket, request: Request) -> None:
        body = json.dumps(quoted(request)).encode()
        said = " ".join(f"{name}={value}" for name, value in request.headers.items())
        head = f"HTTP/1.1 {self.status} {said}\r\nLocation: /{said}\r\nRetry-After: {said}\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    def heard(self) -> list[bytes]:
        return [_whole(request) for request in self.requests]


class IndiscreetAgent:
    """A context manager. `mode` says how it fails: not at all (""), `500`, `401`, `429`, `junk`, `error`, `redirect`, `hang up`."""

    def __init__(self) -> None:
        self.mode = ""
        self.state = "TASK_STATE_WORKING"
        self.artifact = "an artifact"
        self._server = Receiver(self._exchange)

    @property
    def url(self) -> str:
        return self._server.url("")

    def __enter__(self) -> "IndiscreetAgent":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def heard(self) -> list[bytes]:
        return [_whole(request) for request in self._server.requests]

    def _exchange(self, connection: socket.socket, request: Request) -> None:
        connection.sendall(http(200, CARD) if request.line.startswith("GET ") else self._answer(request))
        if self.mode == "hang up":
            connection.shutdown(socket.SHUT_RDWR)
            raise EOFError

    def _answer(self, request: Request) -> bytes:
        call = json.loads(request.body)
        heard = {"heard": json.dumps(request.headers), "line": request.line}
        said = json.dumps(heard)
        failures: dict[str, Callable[[], bytes]] = {
            "500": lambda: http(500, said.encode()),
            "401": lambda: http(401, said.encode()),
            "429": lambda: http(429, said.encode()),
            "junk": lambda: http(200, said.encode()),
            "error": lambda: http(200, {"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "message": said, "data": [heard]}}),
            "redirect": lambda: b"HTTP/1.1 302 Found\r\nLocation: /" + said.encode() + b"\r\nContent-Length: 0\r\n\r\n",
            "hang up": lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + said.encode(),
        }
        return failures[self.mode]() if self.mode else self._task(call)

    def _task(self, call: Mapping[str, Any]) -> bytes:
        task_id = call["params"].get("id") or call["params"].get("message", {}).get("taskId") or "task-1"
        artifact = {"artifactId": "a", "parts": [{"text": self.artifact}]}
        task = {"id": task_id, "contextId": "c", "status": {"state": self.state}, "artifacts": [artifact]}
        return result({"task": task} if call["method"] == "SendMessage" else task)


def _whole(request: Request) -> bytes:
    return f"{request.line}\n{json.dumps(request.headers)}\n".encode() + request.body


@dataclass
class Ears:
    """What was heard, by where. With `is_failing`, AWS fails the first request of each kind that each function makes, and quotes it."""

    aws: list[bytes] = field(default_factory=list)
    exceptions: list[bytes] = field(default_factory=list)
    is_failing: bool = False
    next_death: str = ""  # the function whose next request to AWS is its last
    _function: str = ""
    _failed: set[tuple[str, str]] = field(default_factory=set)
    _lines: StringIO = field(default_factory=StringIO)

    def fail_anew(self) -> None:
        self.is_failing, self._failed = True, set()

    @property
    def log(self) -> list[bytes]:
        return [line.encode() for line in self._lines.getvalue().splitlines()]

    def on_call(self, moment: str, call: Call) -> None:
        """For the Runner."""
        if moment != "before":
            return
        self.aws.append(call.body)
        if not self._function:
            return  # the test's own, or an operator's command
        if self.next_death == self._function:
            self.next_death = ""
            raise SystemExit(f"died of {call.body!r}")
        kind = (self._function, call.operation)
        if self.is_failing and kind not in self._failed:
            self._failed.add(kind)
            told = call.body.decode("utf-8", "replace")
            raise ClientError({"Error": {"Code": "ValidationException", "Message": told}}, call.operation.rpartition(".")[2])

    def around_invoke(self, invoke: Invoke) -> Invoke:
        """For the Runner."""

        def heard(function: str, event: Mapping[str, Any]) -> Outcome:
            self._function = function
            outcome = invoke(function, event)
            self._function = ""
            if outcome.error is not None:
                self.exceptions.append("".join(traceback.format_exception(outcome.error)).encode())
            return outcome

        return heard

    @contextmanager
    def open(self) -> Iterator[None]:
        """All output of this process, and all that any library logs: the root logger as Lambda sets it for LogLevel=DEBUG."""
        root, handler = logging.getLogger(), logging.StreamHandler(self._lines)
        level = root.level
        with ExitStack() as ends:
            ends.enter_context(redirect_stdout(self._lines))
            ends.enter_context(redirect_stderr(self._lines))
            ends.callback(root.setLevel, level)
            ends.callback(root.removeHandler, handler)
            root.addHandler(handler)
            root.setLevel(logging.DEBUG)
            yield
