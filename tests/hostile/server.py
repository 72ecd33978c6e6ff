"""A hostile receiver: `python -m tests.hostile.server --behaviour slow-headers --port 9911`; `--list` names the behaviours."""

import argparse
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.hostile.behaviours import BEHAVIOURS, Behaviour
from tests.hostile.certificates import Authority
from tests.hostile.line import HungUpError, Line

_DEADLINE = 20  # seconds for its threads to end


class HostileServer:
    """A context manager. `on_event` is told in words what happens; `connections` counts them, `requests` are those that were read."""

    def __init__(
        self,
        behaviour: Behaviour,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        authority: Authority | None = None,
        on_event: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._behaviour = behaviour
        self._context = (authority or Authority()).context(behaviour.certificate) if behaviour.certificate else None
        self._listener = socket.create_server((host, port))
        self._on_event = on_event
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self.requests: list[bytes] = []
        self.connections = 0

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        scheme = "https" if self._behaviour.certificate or self._behaviour.is_https else "http"
        return f"{scheme}://{self._listener.getsockname()[0]}:{self.port}"

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for each in [self._listener, *self._sockets]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(_DEADLINE)

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._sockets.append(connection)
                self.connections += 1
                self._spawn(self._serve, connection, self.connections)

    def _serve(self, connection: socket.socket, number: int) -> None:
        self._on_event(f"connection {number}")
        try:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._sockets.append(connection)
            line = _Noted(connection, self._closing, self.requests)
            while True:
                self._behaviour.serve(line)
        except HungUpError:
            self._on_event(f"connection {number} ended")
        except (OSError, ssl.SSLError) as error:
            self._on_event(f"connection {number} ended by the other side: {error}")
        finally:
            connection.close()


class _Noted(Line):
    def __init__(self, connection: socket.socket, closing: threading.Event, requests: list[bytes]) -> None:
        super().__init__(connection, closing)
        self._requests = requests

    def read(self) -> bytes:
        request = super().read()
        self._requests.append(request)
        return request


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.server", description="A receiver that misbehaves as told.")
    parser.add_argument("--behaviour", choices=BEHAVIOURS, default="good", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="name the behaviours, and what the relay makes of each")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ca-file", type=Path, metavar="FILE", help="write here the authority that a client must trust")
    args = parser.parse_args()
    if args.list:
        for name, behaviour in BEHAVIOURS.items():
            print(f"{name:<26} {behaviour.about:<52} -> {behaviour.kind}{f' ({behaviour.status})' if behaviour.status else ''}")
        return
    authority = Authority()
    if args.ca_file:
        authority.write(args.ca_file)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    behaviour = BEHAVIOURS[args.behaviour]
    with HostileServer(behaviour, host=args.host, port=args.port, authority=authority, on_event=_tell) as server:
        _tell(f"{server.url}: {behaviour.about} (Ctrl-C ends it)")
        stopped.wait()


def _tell(words: str) -> None:
    print(words, flush=True)


if __name__ == "__main__":
    main()
