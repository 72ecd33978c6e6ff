"""An agent without push, on loopback: A2A 1.0, or 0.3, over JSON-RPC; its tasks are what the test says they are.

Source: A2A 1.0 §9.4 (JSON-RPC methods), §4.1 (tasks), §4.4 (the card).
"""

import copy
import json
import queue
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Self, cast

from relay.domain.task import ProtocolVersion, TaskState
from tests.support.agent03 import METHODS_IN_10, message_03, task_03
from tests.support.task_list import page_of

Json = dict[str, Any]

_SET_PUSH = ("CreateTaskPushNotificationConfig", "tasks/pushNotificationConfig/set")
_PUSH_METHODS = (*_SET_PUSH, "DeleteTaskPushNotificationConfig", "tasks/pushNotificationConfig/delete")
_TASK_NOT_FOUND = {"code": -32001, "message": "Task not found"}
_METHOD_NOT_FOUND = {"code": -32601, "message": "Method not found"}
_INVALID_PARAMS = {"code": -32602, "message": "Invalid parameters"}


class AgentTask:
    """One task as the agent has it now."""

    def __init__(self, task_id: str, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self.streams: list[queue.SimpleQueue[Json | None]] = []  # what is told on each open stream; None ends it
        self.document: Json = {"id": task_id, "contextId": f"context of {task_id}", "history": [], "artifacts": []}
        self.becomes("submitted")

    def becomes(self, state: str, *, message: str = "", artifacts: list[str] | None = None) -> None:
        """`artifacts` are the texts of all its artifacts from now on."""
        status: Json = {
            "state": f"TASK_STATE_{state.upper().replace('-', '_')}",
            "timestamp": self._now().isoformat().replace("+00:00", "Z"),
        }
        if message:
            status["message"] = {"messageId": message, "role": "ROLE_AGENT", "parts": [{"text": message}]}
        with self._lock:
            self.document["status"] = status
            if artifacts is not None:
                self.document["artifacts"] = [
                    {"artifactId": f"artifact {n}", "parts": [{"text": text}]} for n, text in enumerate(artifacts)
                ]
        self.tells({"statusUpdate": {"taskId": self.document["id"], "contextId": self.document["contextId"], "status": status}})

    def tells(self, event: Json | None) -> None:
        """On every open stream."""
        for stream in self.streams:
            stream.put(event)

    def hears(self, message: Json) -> None:
        with self._lock:
            self.document["history"].append(message)

    @property
    def seen(self) -> Json:
        with self._lock:
            return copy.deepcopy(self.document)

    @property
    def is_terminal(self) -> bool:
        return TaskState.parse(self.document["status"]["state"]).is_terminal


@dataclass
class FakeAgent:
    """A context manager. `calls` are the methods it was called with; `before_answer` may change what it is about to say.

    `next_state` is what a message makes of its task, without one it is answered by a message; `status` other than 200 makes the agent fail
    every call. With `pushes`, which its card says too, it takes push configs: `push_configs`, the last of each task; what it pushes there
    is the test's to do. With `streams` it has some, on which it tells what a task `becomes`. `speaks` is the one version that it and its
    card know.
    `lets_in`: the values of Authorization that it takes, None for all; `shown` are those it was shown, call by call.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    next_state: str = "submitted"
    status: int = 200
    retry_after: str = ""  # what it says with any other status
    streams: bool = False
    pushes: bool = False
    speaks: ProtocolVersion = ProtocolVersion.V10
    lets_in: Collection[str] | None = None
    calls: list[tuple[str, Json]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    before_answer: Callable[[str, Json], None] = lambda _method, _answer: None
    before_card: Callable[[], None] = lambda: None
    before_event: Callable[[Json], None] = lambda _event: None  # of a stream; what it raises as OSError ends the stream
    tasks: dict[str, AgentTask] = field(default_factory=dict)
    push_configs: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._server = _Server(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        for task in self.tasks.values():
            task.tells(None)
        self._server.end()

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Nobody listens at its address, and what was connected is so no more. Its tasks are there when it is back."""
        _, port = self._server.server_address[:2]
        self._server.end()
        try:
            yield
        finally:
            self._server = _Server(self, port)
            self._server.start()

    def task(self, task_id: str) -> AgentTask:
        """The task of that id, made when the agent does not have it yet: it begins as `submitted`."""
        if task_id not in self.tasks:
            self.tasks[task_id] = AgentTask(task_id, self.now)
        return self.tasks[task_id]

    def reset(self) -> None:
        self.retry_after, self.before_event = "", lambda _event: None
        self.next_state, self.status, self.before_answer = "submitted", 200, lambda _method, _answer: None
        self.before_card = lambda: None
        self.speaks, self.lets_in, self.streams, self.pushes = ProtocolVersion.V10, None, False, False
        self.push_configs.clear()
        self.calls.clear()
        self.shown.clear()
        self.tasks.clear()

    def forget(self, task_id: str) -> None:
        del self.tasks[task_id]

    def count(self, method: str) -> int:
        return sum(called == method for called, _ in self.calls)

    def card(self) -> Json:
        url = f"{self.url}/rpc"
        here: Json = {"supportedInterfaces": [{"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}]}
        if self.speaks is ProtocolVersion.V03:
            here = {"protocolVersion": "0.3.0", "url": url, "preferredTransport": "JSONRPC"}
        return {
            "name": "An agent without push",
            "description": "For tests",
            "version": "1",
            **here,
            "capabilities": {"streaming": self.streams, "pushNotifications": self.pushes},
            "defaultInputModes": ["text/plain"],
            "defaultOutputModes": ["text/plain"],
            "skills": [],
        }

    def answer(self, call: Mapping[str, Any]) -> Json:
        method, params = call["method"], call.get("params") or {}
        self.calls.append((method, params))
        try:
            told = self._result(method, params)
        except (AttributeError, KeyError, TypeError, ValueError):  # it reads them as if they were right
            told = {"error": _INVALID_PARAMS}
        answered = {"jsonrpc": "2.0", "id": call.get("id"), **told}
        self.before_answer(method, answered)
        return answered

    def _result(self, method: str, params: Json) -> Json:
        if method in _PUSH_METHODS:
            return self._about_push(method, params)
        if self.speaks is ProtocolVersion.V10:
            return self._result_10(method, params)
        if method not in METHODS_IN_10:
            return {"error": _METHOD_NOT_FOUND}
        told = self._result_10(METHODS_IN_10[method], params)
        if "error" in told:
            return told
        result = told["result"]
        return {"result": message_03(result["message"]) if "message" in result else task_03(result.get("task", result))}

    def _about_push(self, method: str, params: Json) -> Json:
        if not self.pushes:
            return {"error": {"code": -32003, "message": "Push Notification is not supported"}}
        task_id = params.get("taskId") or params["id"]
        if method in _SET_PUSH:
            self.push_configs[task_id] = params.get("pushNotificationConfig", params)
            return {"result": params}
        return {"result": self.push_configs.pop(task_id, None) and {}}

    def _result_10(self, method: str, params: Json) -> Json:
        if method == "SendMessage":
            message = params["message"]
            if not self.next_state:
                return {"result": {"message": {"messageId": "reply", "role": "ROLE_AGENT", "parts": [{"text": "hello"}]}}}
            task_id = message.get("taskId") or f"task-{len(self.tasks) + 1}"
            if message.get("taskId") and task_id not in self.tasks:
                return {"error": _TASK_NOT_FOUND}
            task = self.task(task_id)
            task.hears(message)
            inline = params.get("configuration", {}).get("taskPushNotificationConfig")
            if inline and self.pushes:
                self.push_configs[task_id] = inline
            task.becomes(self.next_state)
            return {"result": {"task": task.seen}}
        if method == "ListTasks":
            return {"result": page_of([task.seen for task in self.tasks.values()], params)}
        known = self.tasks.get(params.get("id", ""))
        if known is None:
            return {"error": _TASK_NOT_FOUND}
        if method == "CancelTask":
            known.becomes("canceled")
        return {"result": known.seen}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, agent: FakeAgent, port: int = 0) -> None:
        self.agent = agent
        self._connected: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Exchange)

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self._connected):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connected.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connected.discard(request)
        super().shutdown_request(request)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's would ask the resolver for a name
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self._agent.before_card()
        self._answer(self._agent.card(), status=self._agent.status)

    def do_POST(self) -> None:
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        authorization = self.headers.get("Authorization", "")
        self._agent.shown.append(authorization)
        is_let_in = self._agent.lets_in is None or authorization in self._agent.lets_in
        if is_let_in and call["method"] == "SubscribeToTask" and self._agent.streams and call["params"]["id"] in self._agent.tasks:
            self._agent.calls.append((call["method"], call["params"]))
            self._stream(self._agent.tasks[call["params"]["id"]], call["id"])
            return
        self._answer(self._agent.answer(call) if is_let_in else {}, status=self._agent.status if is_let_in else 401)

    @property
    def _agent(self) -> FakeAgent:
        return cast("_Server", self.server).agent

    def _answer(self, content: Json, *, status: int) -> None:
        body = json.dumps(content).encode() if status == 200 else b"{}"
        self.send_response(status)
        if self._agent.retry_after and self._agent.status != 200:
            self.send_header("Retry-After", self._agent.retry_after)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, task: AgentTask, request_id: object) -> None:
        told: queue.SimpleQueue[Json | None] = queue.SimpleQueue()
        task.streams.append(told)
        told.put({"task": task.seen})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):  # who listened is gone
            while (event := told.get()) is not None:
                self._agent.before_event(event)
                response = {"jsonrpc": "2.0", "id": request_id, "result": event}
                self.wfile.write(b"data: %b\n\n" % json.dumps(response).encode())
                self.wfile.flush()
        task.streams.remove(told)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name is BaseHTTPRequestHandler's)
        """Quiet."""
