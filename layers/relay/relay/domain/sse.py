"""Server-sent events as an agent's stream has them: bytes in, the data of whole events out.

Source: WHATWG HTML, "Server-sent events", §9.2.5 and §9.2.6. Of the fields only `data` matters to A2A.
"""

import re
from collections.abc import Iterator

_LINE_END = re.compile(rb"\r\n|\r|\n")


class EventTooLargeError(ValueError):
    """One event holds more than the reader takes."""


class SseReader:
    """One connection's bytes, in whatever pieces they come. What is kept between two pieces is at most one event, whatever its lines."""

    def __init__(self, max_event_bytes: int) -> None:
        self._max = max_event_bytes
        self._line = bytearray()  # what has come of a line that has not ended yet
        self._data = bytearray()  # of the event so far; each line of it ends in a line feed
        self._ended_in_cr = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The data of each event that this piece completes. Raises: EventTooLargeError."""
        if self._ended_in_cr and piece.startswith(b"\n"):
            piece = piece[1:]
            self._ended_in_cr = False
        if not piece:
            return
        self._ended_in_cr = piece.endswith(b"\r")
        *ended, rest = _LINE_END.split(piece)
        for part in ended:
            line = bytes(self._line) + part
            self._line.clear()
            if line:
                self._read(line)
            elif self._data:
                yield bytes(self._data[:-1])
                self._data.clear()
        self._line += rest
        self._check_size()

    def _read(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name.removeprefix(b"\xef\xbb\xbf") == b"data":
            self._data += value.removeprefix(b" ") + b"\n"
            self._check_size()

    def _check_size(self) -> None:
        if len(self._data) - bool(self._data) + len(self._line) > self._max:
            raise EventTooLargeError(f"an event of more than {self._max} bytes")
