"""A fake agent behind HTTP+JSON and nothing else: A2A 1.0, 0.3 as a2akit speaks it, or 0.3 in the proto's words as a2a-sdk 0.3 does.

Source: A2A 1.0 §11; a2akit 0.0.32 `endpoints.py`; a2a-sdk 0.3.26 `rest_handler.py`, whose own conversions these are (a2a-sdk 1.x has them
in `compat/v0_3`). The messages it hears are the fake agent's `calls`, in JSON-RPC's words.
"""

import json
import re
import threading
from contextlib import suppress
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Self, cast
from urllib.parse import parse_qs, unquote, urlsplit

from a2a.compat.v0_3 import a2a_v0_3_pb2 as pb2
from a2a.compat.v0_3 import proto_utils
from a2a.compat.v0_3 import types as types_03
from google.protobuf.json_format import MessageToDict, Parse

from relay.domain.task import ProtocolVersion
from tests.support.agent import FakeAgent

Json = dict[str, Any]


class Speech(StrEnum):
    V10 = "1.0"
    A2AKIT = "0.3 as a2akit"
    PROTO = "0.3 as a2a-sdk"

    @property
    def version(self) -> ProtocolVersion:
        return ProtocolVersion.V10 if self is Speech.V10 else ProtocolVersion.V03


_CONFIGS = r"/tasks/(?P<taskId>[^/]+)/pushNotificationConfigs"
_ROUTES: list[tuple[str, str, str, str]] = [
    ("POST", r"/message:send", "SendMessage", "message/send"),
    ("GET", r"/tasks/(?P<id>[^/]+)", "GetTask", "tasks/get"),
    ("POST", r"/tasks/(?P<id>[^/]+):cancel", "CancelTask", "tasks/cancel"),
    ("GET", r"/tasks", "ListTasks", "tasks/list"),
    ("POST", rf"{_CONFIGS}", "CreateTaskPushNotificationConfig", "tasks/pushNotificationConfig/set"),
    ("DELETE", rf"{_CONFIGS}/(?P<configId>[^/]+)", "DeleteTaskPushNotificationConfig", "tasks/pushNotificationConfig/delete"),
    ("GET", r"/extendedAgentCard", "GetExtendedAgentCard", ""),
    ("GET", r"/card", "", "agent/getAuthenticatedExtendedCard"),
]
_STATUSES = {-32001: 404, -32601: 404}


class HttpJsonAgent:
    """A context manager. `requests` are (verb, path with query, A2A-Version, body)."""

    def __init__(self, agent: FakeAgent, speech: Speech) -> None:
        agent.speaks = speech.version
        self.agent = agent
        self.speech = speech
        self.requests: list[tuple[str, str, str | None, bytes]] = []
        self.refusal: tuple[int, Json] | None = None  # what it answers all calls with
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def card(self) -> Json:
        card = {
            name: value for name, value in self.agent.card().items() if name not in ("url", "supportedInterfaces", "preferredTransport")
        }
        if self.speech is Speech.V10:
            return {**card, "supportedInterfaces": [{"url": self.url, "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"}]}
        return {**card, "url": self.url + ("/v1" if self.speech is Speech.A2AKIT else ""), "preferredTransport": "HTTP+JSON"}

    def answer(self, verb: str, target: str, version: str | None, body: bytes) -> tuple[int, Json]:
        self.requests.append((verb, target, version, body))
        url = urlsplit(target)
        if url.path.startswith("/.well-known/"):
            return 200, self.card()
        if self.refusal:
            return self.refusal
        prefix = "" if self.speech is Speech.V10 else "/v1"
        for route_verb, pattern, name_10, name_03 in sorted(_ROUTES, key=lambda route: ":" not in route[1]):
            method = name_10 if self.speech is Speech.V10 else name_03
            match = re.fullmatch(prefix + pattern, url.path)
            if method and match and verb == route_verb:
                query = {name: _query_value(values[0]) for name, values in parse_qs(url.query).items()}
                named = {name: unquote(value) for name, value in match.groupdict().items()}
                return self._called(method, {**query, **self._read(body), **named})
        return 404, {"detail": "Not Found"}

    def _read(self, body: bytes) -> Json:
        if not body:
            return {}
        said: Json = json.loads(body)
        if self.speech is Speech.A2AKIT and "url" in said:
            return {"pushNotificationConfig": said}
        if self.speech is not Speech.PROTO:
            return said
        if "config" in said:
            request = Parse(body, pb2.CreateTaskPushNotificationConfigRequest())
            config = proto_utils.FromProto.task_push_notification_config_request(request)
            return config.model_dump(mode="json", by_alias=True, exclude_none=True)
        if "message" not in said:
            return {}  # a cancel's, which says again what the path says
        params = proto_utils.FromProto.message_send_params(Parse(body, pb2.SendMessageRequest()))
        return params.model_dump(mode="json", by_alias=True, exclude_none=True)

    def _called(self, method: str, params: Json) -> tuple[int, Json]:
        answered = self.agent.answer({"id": 1, "method": method, "params": params})
        if error := answered.get("error"):
            return _STATUSES.get(error["code"], 400), self._error(error)
        result = answered["result"]
        if self.speech is not Speech.PROTO or "skills" in result or "kind" not in result:
            return 200, result
        if method == "message/send":
            spoken = types_03.Message if result["kind"] == "message" else types_03.Task
            return 200, MessageToDict(proto_utils.ToProto.task_or_message(spoken.model_validate(result)))
        return 200, MessageToDict(proto_utils.ToProto.task(types_03.Task.model_validate(result)))

    def _error(self, error: Json) -> Json:
        if self.speech is Speech.PROTO:
            return {"message": error["message"]}
        if self.speech is Speech.A2AKIT:
            return error
        reason = {-32001: "TASK_NOT_FOUND"}.get(error["code"], "METHOD_NOT_FOUND")
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "a2a-protocol.org", "metadata": {}}
        status = _STATUSES.get(error["code"], 400)
        return {"error": {"code": status, "status": "NOT_FOUND", "message": error["message"], "details": [info]}}


def _query_value(text: str) -> Any:
    """As ProtoJSON reads it, where a field is a number or a boolean; the fields of text that agents are asked for are neither."""
    with suppress(ValueError):
        return json.loads(text)
    return text


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, agent: HttpJsonAgent) -> None:
        self.agent = agent
        super().__init__(("127.0.0.1", 0), _Exchange)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's would ask the resolver for a name
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _exchange(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, content = cast("_Server", self.server).agent.answer(self.command, self.path, self.headers.get("A2A-Version"), body)
        answer = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:
        self._exchange()

    def do_POST(self) -> None:
        self._exchange()

    def do_DELETE(self) -> None:
        self._exchange()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name is BaseHTTPRequestHandler's)
        """Quiet."""
