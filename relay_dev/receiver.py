"""A receiver on loopback for trying things and for tests: takes POSTs on any path, verifies them, remembers them, fails on demand."""

import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Self, cast

from relay.domain.challenge import CHALLENGE_HEADER
from relay.domain.notification import ATTEMPT_HEADER, REVISION_HEADER
from relay_dev.published_keys import PublishedKeys
from relay_dev.received import (
    Notification,
    Reading,
    SignatureCheck,
    TokenCheck,
    check_signature,
    check_token,
    parse_body,
    read,
    webhook_with,
)

MAX_KEPT = 1000  # notifications that `GET /notifications` lists
MAX_BODY_BYTES = 16 * 1024 * 1024  # the relay's own limit for a task is 10 MB
LIST_PATH = "/notifications"
CLEAR_PATH = "/notifications/clear"


class Receiver:
    """Answers 200 to what holds, 400 to a body that is no JSON object, 401 to a wrong or missing token or signature; and the relay's
    ownership challenge with its nonce.

    With `relay_url`, `v1a` is checked by that relay's public keys too; it is only noted, for another relay may be the one that sent.

    The port is taken on construction (0: a free one), so that `url` is known; requests are answered between `start` and `stop`, which
    also closes the connections that clients keep alive. Every POST is listed, with the status it was answered.

    Raises: OSError when the port cannot be had; ValueError for a secret that is none.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = "",
        secret: str = "",
        relay_url: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_notification: Callable[[Notification], None] | None = None,
    ) -> None:
        self._token = token
        self._secret = secret
        self._webhook = webhook_with(secret)
        self._published_keys = PublishedKeys(relay_url)
        self._now = now
        self._on_notification = on_notification
        self._kept: deque[Notification] = deque(maxlen=MAX_KEPT)
        self._failures: deque[int] = deque()
        self._changed = threading.Condition()
        self._server = _Server(self, host=host, port=port)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Without a trailing slash; notifications are taken on any path below it."""
        host, port = self._server.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    @property
    def notifications(self) -> list[Notification]:
        """Every POST, oldest first, at most the last 1,000."""
        with self._changed:
            return list(self._kept)

    @property
    def accepted(self) -> list[Notification]:
        """Those that were answered 2xx."""
        return [notification for notification in self.notifications if notification.is_accepted]

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()  # would wait for ever for a server that never ran
        self._server.server_close()
        self._server.close_connections()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def fail_next(self, status: int, times: int = 1) -> None:
        """The next `times` POSTs are answered with `status`, whatever they hold; adds to what was asked for before."""
        with self._changed:
            self._failures.extend([status] * times)

    def heal(self) -> None:
        """From now on every POST is answered by what it holds."""
        with self._changed:
            self._failures.clear()

    def clear(self) -> None:
        with self._changed:
            self._kept.clear()
            self._changed.notify_all()

    def wait_for(self, predicate: Callable[[Sequence[Notification]], bool], timeout: float = 10) -> list[Notification]:
        """The notifications, once the predicate holds for them; asked again at every arrival. `timeout` is in seconds.

        Raises: TimeoutError that lists what did arrive.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while not predicate(list(self._kept)):
                if not self._changed.wait(max(0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    arrived = "\n".join(notification.as_line() for notification in self._kept) or "nothing"
                    raise TimeoutError(f"not within {timeout} s; what arrived:\n{arrived}")
            return list(self._kept)

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Notification:
        """Judge one POST, keep it, and say with which status to answer it."""
        payload = parse_body(body)
        reading = read(payload) if payload is not None else Reading()
        token = check_token(self._token, headers)
        signature = check_signature(self._webhook, body, headers)
        v1a = self._published_keys.check(body, headers, now=self._now())
        with self._changed:
            webhook_id = headers.get("webhook-id", "")
            earlier = [kept for kept in self._kept if webhook_id and kept.webhook_id == webhook_id]
            notification = Notification(
                timestamp=self._now(),
                path=path,
                headers=headers,
                body=body,
                payload=payload,
                task_id=reading.task_id,
                state=reading.state,
                artifacts=reading.artifacts,
                dialect=reading.dialect,
                webhook_id=webhook_id,
                revision=headers.get(REVISION_HEADER.lower(), ""),
                attempt=_number(headers.get(ATTEMPT_HEADER.lower(), "")) or len(earlier) + 1,
                token=token,
                signature=signature,
                v1a=v1a,
                status=self._status_for(payload, checks=(token, signature)),
                is_duplicate=any(kept.is_accepted for kept in earlier),
            )
            self._kept.append(notification)
            self._changed.notify_all()
            if self._on_notification:
                self._on_notification(notification)
        return notification

    def _status_for(self, payload: Mapping[str, Any] | None, *, checks: tuple[TokenCheck, SignatureCheck]) -> int:
        if self._failures:
            return self._failures.popleft()
        if payload is None:
            return 400
        wanted = ("ok" if self._token else checks[0], "verified" if self._secret else checks[1])
        return 200 if checks == wanted else 401


def _number(text: str) -> int:
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_port = False

    def __init__(self, receiver: Receiver, *, host: str, port: int) -> None:
        self.receiver = receiver
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._connections: set[socket.socket] = set()
        super().__init__((host, port), _Exchange)

    def server_bind(self) -> None:
        # HTTPServer.server_bind asks the resolver for the full name of the host, which can take seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was quicker


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "relay-listen"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one packet

    def do_GET(self) -> None:
        if self.path.split("?")[0] == LIST_PATH:
            listed = [notification.as_json() for notification in self._receiver.notifications]
            self._answer(200, {"count": len(listed), "notifications": listed})
        else:
            self._answer(200, {"status": "ok"})

    def do_POST(self) -> None:
        is_clearing = self.path.split("?")[0] == CLEAR_PATH
        if is_clearing and not {"Content-Length", "Transfer-Encoding"} & set(self.headers):
            self.headers["Content-Length"] = "0"  # as `curl -X POST` says it
        body = self._read_body()
        if body is None:
            return
        if is_clearing:
            self._receiver.clear()
            self._answer(200, {"status": "ok"})
            return
        if nonce := self.headers.get(CHALLENGE_HEADER):  # asked before the first notification, where the operator wants it
            self._answer(200, {"challenge": nonce})
            return
        headers = {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in self.headers}
        status = self._receiver.take(self.path, headers, body).status
        self._answer(status, {"status": "ok", "received": True} if status < 300 else {"status": "refused", "received": False})

    @property
    def _receiver(self) -> Receiver:
        return cast("_Server", self.server).receiver

    def _read_body(self) -> bytes | None:
        """The body, or None when the request was already answered, or its sender went away."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,12}", length):
            self._refuse(411, "a Content-Length is needed")
            return None
        if int(length) > MAX_BODY_BYTES:
            self._refuse(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def _refuse(self, status: int, reason: str) -> None:
        self.close_connection = True
        self._answer(status, {"status": "refused", "reason": reason})

    def _answer(self, status: int, content: Mapping[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name is BaseHTTPRequestHandler's)
        """The receiver prints its own line per notification."""
