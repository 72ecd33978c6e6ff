"""A small HTTP/1.1 server for the bench's own processes: fast enough not to be what is measured."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """Header names in lower case. `port` is the one it came in by, `arrived_at` epoch seconds once its headers are in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int
    arrived_at: float


Answer = tuple[int, bytes | AsyncIterator[bytes]]  # an iterator's pieces are server-sent events, until the client goes
Handle = Callable[[Request], Awaitable[Answer]]


async def serve(handle: Handle, *, ports: int, clock: Callable[[], float]) -> list[int]:
    """Listens at so many free ports of the loopback address; returns them at once."""
    found = []
    for _ in range(ports):
        server = await asyncio.start_server(lambda reader, writer: _connection(reader, writer, handle, clock), "127.0.0.1", 0, backlog=1024)
        found.append(int(server.sockets[0].getsockname()[1]))
        _servers.append(server)
    return found


_servers: list[asyncio.Server] = []  # kept alive


async def _connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handle: Handle, clock: Callable[[], float]) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    port = int(connection.getsockname()[1])
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            arrived_at = clock()
            first, *lines = head.decode("latin-1").split("\r\n")
            method, path, _ = first.split(" ", 2)
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            status, content = await handle(Request(method, path, headers, body, port, arrived_at))
            if not isinstance(content, bytes):
                await _stream(writer, content)
                break
            writer.write(
                b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (status, len(content), content)
            )
            await writer.drain()
    writer.close()


async def _stream(writer: asyncio.StreamWriter, pieces: AsyncIterator[bytes]) -> None:
    writer.write(b"HTTP/1.1 200 -\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
    async for piece in pieces:
        writer.write(piece)
        await writer.drain()
