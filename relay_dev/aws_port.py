"""The embedded AWS over HTTP on one port, for other processes: `relay redrive`, `sam local invoke`, the AWS CLI."""

import io
import socket
import threading
from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from relay_dev.embedded import EmbeddedAws


class _QuietHandler(MotoRequestHandler):
    def log_request(self, *_: Any) -> None:
        """A line per AWS call is of no use to anyone."""


class AwsPort:
    """Serves the same state as the in-process clients see, until it is closed. The socket is bound already."""

    def __init__(self, aws: EmbeddedAws, bound: socket.socket) -> None:
        host, port = bound.getsockname()[:2]
        self.url = f"http://{host}:{port}"
        self._aws = aws
        self._application = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(host, port, self._serve, threaded=True, request_handler=_QuietHandler, fd=bound.fileno())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="aws-port", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        _read_body(environ)  # before the lock: a slow client holds up nobody else
        operation = environ.get("HTTP_X_AMZ_TARGET", "") or f"S3.{environ['REQUEST_METHOD']}"
        with self._aws.one_call(operation):
            return [*self._application(environ, start_response)]


def _read_body(environ: dict[str, Any]) -> None:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length:
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
