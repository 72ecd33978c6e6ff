"""A receiver on a loopback socket that does, byte for byte, what a test scripts."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
DEADLINE = 20  # seconds a test waits for a condition before it fails


@dataclass(frozen=True)
class Request:
    line: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    connection: int  # counted from 1


Script = Callable[[socket.socket, Request], None]


def says(answer: bytes) -> Script:
    """Answers each request with these bytes, and keeps the connection open."""
    return lambda connection, _request: connection.sendall(answer)


def closes_after(answer: bytes) -> Script:
    """Answers, then closes the connection, whatever the answer promised."""

    def script(connection: socket.socket, _request: Request) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)
        raise EOFError

    return script


def resets_after(answer: bytes) -> Script:
    """Answers, then breaks the connection off with a reset."""

    def script(connection: socket.socket, _request: Request) -> None:
        connection.sendall(answer)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        connection.close()
        raise EOFError

    return script


class Receiver:
    """Use as a context manager; `closing` is set when a script shall end."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self.closing = threading.Event()
        self.requests: list[Request] = []
        self.connections = 0

    def url(self, path: str = "/hook", *, host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        for each in [self._listener, *self._sockets]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(DEADLINE)

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                accepted, _ = self._listener.accept()
                self._sockets.append(accepted)
                self.connections += 1
                self._spawn(self._serve, accepted, self.connections)

    def _serve(self, accepted: socket.socket, number: int) -> None:
        with suppress(OSError, EOFError, ValueError):
            connection = self._tls.wrap_socket(accepted, server_side=True) if self._tls else accepted
            self._sockets.append(connection)
            with connection.makefile("rb") as stream:
                while True:
                    line, _, head = _until_blank(stream.readline).partition("\r\n")
                    headers = {name.lower(): value.strip() for name, _, value in (part.partition(":") for part in head.split("\r\n"))}
                    body = stream.read(int(headers.get("content-length", 0)))
                    self.requests.append(request := Request(line, headers, body, number))
                    self._script(connection, request)


def _until_blank(readline: Callable[[], bytes]) -> str:
    lines = []
    while (line := readline()) != b"\r\n":
        if not line:
            raise EOFError
        lines.append(line)
    return b"".join(lines).decode("utf-8").removesuffix("\r\n")
