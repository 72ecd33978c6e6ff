"""One connection of a hostile receiver, and the bad manners that it can be given."""

import socket
import threading
from dataclasses import dataclass

DRIP_SECONDS = 0.05  # between two bytes
_LINGER_NOT = b"\x01\0\0\0\0\0\0\0"  # struct linger: on, for no time at all: closing sends a reset


class HungUpError(Exception):
    """The connection is over, by whichever side."""


@dataclass
class Line:
    """`closing` is set when the server ends: until then what is endless does not end by itself."""

    connection: socket.socket
    closing: threading.Event
    _unread: bytes = b""

    def read(self) -> bytes:
        """The next request, head and body. Raises: HungUpError."""
        head, end, rest = self._unread.partition(b"\r\n\r\n")
        while not end:
            head, end, rest = (head + self._more()).partition(b"\r\n\r\n")
        lengths = [line[15:] for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"]
        length = int(lengths[0]) if lengths else 0
        while len(rest) < length:
            rest += self._more()
        self._unread = rest[length:]
        return head + end + rest[:length]

    def say(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drip(self, data: bytes) -> None:
        """Again and again, slowly."""
        while not self.closing.wait(DRIP_SECONDS):
            self.connection.sendall(data)
        raise HungUpError

    def pour(self, data: bytes) -> None:
        """Again and again, as fast as it is taken."""
        while not self.closing.is_set():
            self.connection.sendall(data)
        raise HungUpError

    def hold(self) -> None:
        """Silence."""
        self.closing.wait()
        raise HungUpError

    def hang_up(self) -> None:
        raise HungUpError

    def half_close(self) -> None:
        """Says no more, and listens on."""
        self.connection.shutdown(socket.SHUT_WR)
        while self.connection.recv(65536):
            pass
        raise HungUpError

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self.connection.close()
        raise HungUpError

    def _more(self) -> bytes:
        data = self.connection.recv(65536)
        if not data:
            raise HungUpError
        return data
