"""An agent in memory: its tasks change when they are told to, and it tells of that as the strategy asks.

It answers over the functions' own HTTP client, in place of the connection. Each task works, with a status message that names the number
of its last change, and has one artifact.
Source: A2A 1.0 §3.1.4 (ListTasks), §3.1.6 (SubscribeToTask), §9.4 (JSON-RPC).
"""

import json
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from bench.scale.meter import Meter
from bench.scale.timeline import Bell, Timeline
from relay.adapters.upstream.transport import _waiting
from relay.domain.task import parse_timestamp

URL = "http://127.0.0.1:9"
_MARK = "change-"
_ARTIFACT = "x" * 1500  # characters
_LOOK_SECONDS = 20.0  # how often a thread that listens looks whether it is to stop; on Lambda every second, for next to nothing

Json = dict[str, Any]


@dataclass(frozen=True)
class Callback:
    """What the relay has registered for a task at an agent that pushes."""

    url: str
    token: str


class Agent:
    def __init__(self, timeline: Timeline, meter: Meter, *, streams: bool, pushes: bool) -> None:
        self.callbacks: dict[str, Callback] = {}
        self._timeline = timeline
        self._meter = meter
        self._streams, self._pushes = streams, pushes
        self._statuses: OrderedDict[str, Json] = OrderedDict()  # the last that changed is the last
        self._told: dict[str, list[_Stream]] = {}

    def change(self, task_id: str, number: int, at: datetime) -> None:
        """The task's status is that change's from now on; open streams are told."""
        message = {"messageId": f"{_MARK}{number}", "role": "ROLE_AGENT", "parts": [{"text": f"step {number}"}]}
        timestamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._statuses[task_id] = {"state": "TASK_STATE_WORKING", "timestamp": timestamp, "message": message}
        self._statuses.move_to_end(task_id)
        for stream in self._told.get(task_id, []):
            stream.tell(self.status_update(task_id))

    def task(self, task_id: str) -> Json:
        artifacts = [{"artifactId": "a", "parts": [{"text": _ARTIFACT}]}]
        return {"id": task_id, "contextId": f"context of {task_id}", "status": self._statuses[task_id], "artifacts": artifacts}

    def status_update(self, task_id: str) -> Json:
        return {"statusUpdate": {"taskId": task_id, "contextId": f"context of {task_id}", "status": self._statuses[task_id]}}

    def client(self, *_: Any, **__: Any) -> httpx.Client:
        """In place of `upstream_client`."""
        return httpx.Client(transport=_Transport(self._answer), headers={"accept": "application/json", "user-agent": "a2a-push-relay"})

    def _answer(self, request: httpx.Request) -> httpx.Response:
        with self._meter.stands_in():
            if request.method == "GET":
                self._meter.asked("the card")
                return _answered(self._card())
            call = json.loads(request.content)
            method, params = call["method"], call["params"]
            self._meter.asked(method)
            if method == "SubscribeToTask":
                return self._subscribed(call["id"], params["id"])
            return _answered({"jsonrpc": "2.0", "id": call["id"], "result": self._result(method, params)})

    def _result(self, method: str, params: Json) -> Json:
        if method == "ListTasks":
            return self._page(params)
        if method == "CreateTaskPushNotificationConfig":
            self.callbacks[params["taskId"]] = Callback(params["url"], params["token"])
            return params
        if method != "GetTask":
            raise ValueError(f"nobody was to call {method}")
        return self.task(params["id"])

    def _page(self, params: Json) -> Json:
        """The newest first; a page's token is the place of its first task."""
        after, size, start = parse_timestamp(params.get("statusTimestampAfter")), params["pageSize"], int(params.get("pageToken") or 0)
        found: list[str] = []
        for task_id in reversed(self._statuses):
            stamped = parse_timestamp(self._statuses[task_id]["timestamp"])
            if len(found) > start + size or (after and stamped and stamped < after):
                break
            found.append(task_id)
        tasks = [
            {name: value for name, value in self.task(task_id).items() if name != "artifacts"} for task_id in found[start : start + size]
        ]
        return {"tasks": tasks, "nextPageToken": str(start + size) if len(found) > start + size else "", "pageSize": size}

    def _subscribed(self, call_id: Any, task_id: str) -> httpx.Response:
        stream = _Stream(self._timeline, call_id, on_end=lambda: self._told[task_id].remove(stream))
        self._told.setdefault(task_id, []).append(stream)
        stream.tell({"task": self.task(task_id)})
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=stream)

    def _card(self) -> Json:
        return {
            "name": "An agent in memory",
            "description": "For the bench",
            "version": "1",
            "supportedInterfaces": [{"url": f"{URL}/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
            "capabilities": {"streaming": self._streams, "pushNotifications": self._pushes},
            "defaultInputModes": ["text/plain"],
            "defaultOutputModes": ["text/plain"],
            "skills": [],
        }


def number_in(task: Json) -> int:
    """Of the change that the task shows."""
    return int(task["status"]["message"]["messageId"].removeprefix(_MARK))


def _answered(document: Json) -> httpx.Response:
    """As it comes from a connection: not read yet."""
    return httpx.Response(200, headers={"content-type": "application/json"}, stream=httpx.ByteStream(json.dumps(document).encode()))


class _Transport(httpx.BaseTransport):
    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self._answer = answer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._answer(request)


class _Stream(httpx.SyncByteStream):
    """One open connection. Who reads it waits on the timeline, and does meanwhile what is to be done while a stream is silent."""

    def __init__(self, timeline: Timeline, call_id: Any, *, on_end: Callable[[], None]) -> None:
        self._timeline = timeline
        self._call_id = call_id
        self._on_end = on_end
        self._bell = Bell(timeline)
        self._events: deque[Json] = deque()

    def tell(self, event: Json) -> None:
        self._events.append(event)
        self._bell.ring()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            while not self._events:
                self._wait()
            response = {"jsonrpc": "2.0", "id": self._call_id, "result": self._events.popleft()}
            yield b"data: %b\n\n" % json.dumps(response).encode()

    def _wait(self) -> None:
        called = _waiting.get()
        due = timedelta(seconds=called()).total_seconds() if called else 1.0
        if not self._events:
            self._bell.wait(due if due < 1.0 else _LOOK_SECONDS)

    def close(self) -> None:
        self._on_end()
