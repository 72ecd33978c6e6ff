"""An agent on loopback that answers what a test says, byte for byte, and remembers what it was asked, headers included."""

import json
import socket
from collections.abc import Callable
from typing import Any

from tests.integration.loopback import Receiver, Request

CARD = {
    "name": "Scripted",
    "description": "Answers what it is told to",
    "version": "1",
    "supportedInterfaces": [{"url": "/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
    "capabilities": {"streaming": False, "pushNotifications": False},
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain"],
    "skills": [],
}
TASK = {"id": "task-1", "contextId": "context-1", "status": {"state": "TASK_STATE_WORKING"}}


def http(status: int, content: Any) -> bytes:
    """A whole answer; what is not bytes goes as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return b"HTTP/1.1 %d Told\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


def result(value: Any) -> bytes:
    """A JSON-RPC answer; the relay does not compare its id."""
    return http(200, {"jsonrpc": "2.0", "id": 1, "result": value})


def scripted_agent(answer: Callable[[Request], bytes | None], *, card: Any = CARD) -> Receiver:
    """Its card is always there; `answer` is for the calls, and None is silence until the agent is closed."""

    def script(connection: socket.socket, request: Request) -> None:
        told = http(200, card) if request.line.startswith("GET ") else answer(request)
        if told is None:
            agent.closing.wait()
        else:
            connection.sendall(told)

    agent = Receiver(script)
    return agent


def calls(agent: Receiver) -> list[Request]:
    """What it was asked beside its card."""
    return [request for request in agent.requests if request.line.startswith("POST ")]
