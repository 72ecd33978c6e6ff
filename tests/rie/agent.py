"""An A2A 1.0 agent on loopback, without push, that has one task: `task-1`. Its state is what the test last set."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast

TASK_ID = "task-1"


class Agent:
    def __init__(self) -> None:
        self.state = "TASK_STATE_WORKING"
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def card(self) -> dict[str, Any]:
        return {
            "name": "One task",
            "description": "Has one task",
            "version": "1.0.0",
            "supportedInterfaces": [{"url": f"{self.url}/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
            "capabilities": {"pushNotifications": False, "streaming": False},
            "defaultInputModes": ["text/plain"],
            "defaultOutputModes": ["text/plain"],
            "skills": [],
        }

    def result(self, method: str) -> Any:
        task = {"id": TASK_ID, "contextId": "context-1", "status": {"state": self.state}}
        return {"GetTask": task, "SendMessage": {"task": task}}[method]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, agent: Agent) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.agent = agent


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(cast(_Server, self.server).agent.card())

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if request["method"] == "SubscribeToTask":
            said = {"error": {"code": -32004, "message": "There are no streams here"}}
        else:
            said = {"result": cast(_Server, self.server).agent.result(request["method"])}
        self._answer({"jsonrpc": "2.0", "id": request["id"], **said})

    def _answer(self, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """A line per request is of no use here."""
