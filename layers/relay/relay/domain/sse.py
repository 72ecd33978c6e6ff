"""Server-sent events as an agent's stream has them: bytes in, the data of whole events out.

Source: WHATWG HTML, "Server-sent events", §9.2.5 and §9.2.6. Of the fields only `data` matters to A2A.
"""

import re
from collections.abc import Iterator

_LINE_END = re.compile(rb"\r\n|\r|\n")


class EventTooLargeError(ValueError):
    """One event holds more than the reader takes."""


class SseReader:
    """One connection's bytes, in whatever pieces they come. What is kept between two pieces is at most one event."""

    def __init__(self, max_event_bytes: int) -> None:
        self._max = max_event_bytes
        self._line: list[bytes] = []  # the pieces of a line that has not ended yet
        self._data: list[bytes] = []
        self._size = 0
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
            line, self._line = b"".join([*self._line, part]), []
            if line:
                self._read(line)
            else:
                yield from self._event()
        if rest:
            self._line.append(rest)
            self._grow(len(rest))

    def _read(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name.removeprefix(b"\xef\xbb\xbf") == b"data":
            self._data.append(value.removeprefix(b" "))
        self._size = sum(map(len, self._data))
        self._grow(0)

    def _event(self) -> Iterator[bytes]:
        data, self._data, self._size = self._data, [], 0
        if data:
            yield b"\n".join(data)

    def _grow(self, by: int) -> None:
        self._size += by
        if self._size > self._max:
            raise EventTooLargeError(f"an event of more than {self._max} bytes")
