"""An agent that can only block, and is killed at its first message: `python -m tests.e2e.mortal_agent`.

The first line it prints is `agent: http://127.0.0.1:PORT`; it prints `called` for the message that it dies of.
"""

import json
import os
import signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_CARD = {
    "protocolVersion": "0.3.0",
    "name": "Mortal",
    "description": "Dies at work",
    "version": "1",
    "url": "/rpc",
    "preferredTransport": "JSONRPC",
    "capabilities": {"streaming": False, "pushNotifications": False},
    "defaultInputModes": ["text"],
    "defaultOutputModes": ["text"],
    "skills": [],
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(_CARD).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        print("called", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

    def log_request(self, *_: object) -> None:
        """Nothing."""


def main() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        print(f"agent: http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
