"""The whole relay on one machine: template.yaml, an embedded AWS, the deployed handlers.

For `relay dev` it runs by threads behind a socket; a test may also drive it step by step on its own thread, with a clock it moves, and with
faults between any two AWS calls.
"""

import json
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from relay_dev import execution_environment
from relay_dev.aws_port import AwsPort
from relay_dev.clock import Clock
from relay_dev.definition import Definition
from relay_dev.embedded import ENVIRONMENT, EmbeddedAws, OnCall
from relay_dev.endpoint import EndpointAws
from relay_dev.event_loop import EventLoop
from relay_dev.front_door import FrontDoor
from relay_dev.front_door_server import FrontDoorServer
from relay_dev.http_event import HttpAnswer, HttpRequest
from relay_dev.invoker import Invoke, Invoker, Outcome
from relay_dev.resources import create_resources
from relay_dev.sources import make_sources
from relay_dev.template import TEMPLATE, read_template

_POLL_SECONDS = 0.02
_POLL_ENDPOINT_SECONDS = 0.1  # each look is a request there
_LONGEST_END_SECONDS = 3.0  # for batches in flight when the relay is stopped


class Runner:
    """A context manager. Within it the environment of the process is the functions' own, so only one at a time in a process.

    `overrides` are the template's parameters, `environment` goes over what the template gives the functions.
    `on_call` sees every AWS request of a function, before and after; what it raises, the function sees: an Exception as botocore's
    own, a BaseException ends the function. `around_invoke` puts a test's own function in front of each invocation. `clock` is the time of
    AWS and of the functions, the machine's unless it is given.
    """

    def __init__(
        self,
        *,
        template: Path = TEMPLATE,
        overrides: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        endpoint_url: str = "",
        on_call: OnCall | None = None,
        around_invoke: Callable[[Invoke], Invoke] = lambda invoke: invoke,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.aws: EmbeddedAws | EndpointAws = EndpointAws(endpoint_url) if endpoint_url else EmbeddedAws(clock=self.clock, on_call=on_call)
        self.definition: Definition
        self.invoke: Invoke
        self.front_door: FrontDoor
        self._template = template
        self._overrides = dict(overrides or {})
        self._environment = dict(environment or {})
        self._around_invoke = around_invoke
        self._loop: EventLoop
        self._stop_functions: Callable[[], None]
        self._ends = ExitStack()

    def __enter__(self) -> "Runner":
        """Raises: TemplateError, EndpointError."""
        with ExitStack() as ends:
            self._open(ends)
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def serve(self, bound: socket.socket) -> None:
        """Runs by threads from now on, behind a socket that is bound already, until the runner is left."""
        self._ends.callback(self._loop.stop, _LONGEST_END_SECONDS)
        self._ends.callback(self._stop_functions)
        self._loop.start()
        server = FrontDoorServer(self.front_door, bound)
        self._ends.callback(server.close)
        server.start()

    def open_aws_port(self, bound: socket.socket) -> str:
        """Serves the embedded AWS over HTTP too; its URL."""
        if isinstance(self.aws, EndpointAws):
            raise TypeError("another endpoint has a port of its own")
        port = AwsPort(self.aws, bound)
        self._ends.callback(port.close)
        port.start()
        return port.url

    def step(self) -> bool:
        """Does one due batch of each event source, on this thread; whether anything was done."""
        return self._loop.step()

    def settle(self, most_steps: int = 1000) -> int:
        """Steps until nothing is due; how many steps did something. Raises: RuntimeError when there is no end to it."""
        for steps in range(most_steps):
            if not self.step():
                return steps
        raise RuntimeError(f"still something due after {most_steps} steps")

    def advance(self, by: timedelta) -> None:
        """Moves the clock of AWS and of the functions: delays, visibility timeouts, claims, schedules that end within `by` are due now."""
        self.clock.advance(by)
        self.aws.changes.tell()

    def request(self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """One HTTP request through the front door, without a socket; a body that is not bytes goes as JSON."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        path, _, query = path.partition("?")
        given = {
            "host": "localhost",
            "content-type": "application/json",
            **{name.lower(): value for name, value in (headers or {}).items()},
        }
        return self.front_door.answer(HttpRequest(method, path, query, list(given.items()), content))

    def cold_start(self) -> None:
        """The functions' next invocations make their settings and clients anew."""
        execution_environment.forget()

    def _open(self, ends: ExitStack) -> None:
        own = self.aws.environment if isinstance(self.aws, EndpointAws) else ENVIRONMENT
        ends.enter_context(execution_environment.restored())
        execution_environment.set_variables(own)
        self.aws.start()
        ends.callback(self.aws.stop)
        place = self.aws.place
        self.definition = read_template(self._template, place=place, overrides=self._overrides)
        create_resources(self.definition, self.aws)
        execution_environment.set_variables({**self.definition.environment, **self._environment})
        execution_environment.forget()
        ends.callback(execution_environment.forget)
        ends.enter_context(execution_environment.on_clock(self.clock.now))
        invoker = Invoker(self.definition.functions, forget=execution_environment.forget)
        self.invoke = self._around_invoke(invoker)
        self._stop_functions = invoker.stop
        self.front_door = FrontDoor(self.definition.routes, invoke=self._invoke, place=place, now=self.clock.now)
        sources = make_sources(self.definition, self.aws, invoke=self._invoke, now=self.clock.now)
        poll = _POLL_ENDPOINT_SECONDS if isinstance(self.aws, EndpointAws) else _POLL_SECONDS
        self._loop = EventLoop(sources, changes=self.aws.changes, poll_seconds=poll)

    def _invoke(self, function: str, event: Mapping[str, Any]) -> Outcome:
        return self.invoke(function, event)
