"""Connections to agents with a deadline for the whole exchange.

httpx's own timeouts start anew with every read, so an agent that sends a byte now and then could hold a function for ever. Here the time
that is left is asked before each operation on the socket. (Looking up a name is the resolver's own and cannot be bounded.)

Source: httpx "Custom transports"; httpcore "Network backends".
"""

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

_MAX_CONNECT_SECONDS = 5.0  # an agent that takes longer is down, and somebody waits
_MAX_CONNECTIONS = 20
_KEEP_ALIVE_SECONDS = 15.0  # a frozen function must not find a connection the agent has long closed
_WRITE_BYTES = 16 * 1024  # the time left is asked between pieces of this size

_LONGEST_WAIT_SECONDS = 1.0  # who waits for a stream's next bytes is called at least that often

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_waiting: ContextVar[Callable[[], float] | None] = ContextVar("waiting", default=None)
_afresh: ContextVar[bool] = ContextVar("afresh", default=False)


@contextmanager
def deadline(timeout: timedelta) -> Iterator[None]:
    """All that happens inside, on this thread, ends within `timeout`; a deadline around it that is nearer stays."""
    new, outer = time.monotonic() + timeout.total_seconds(), _deadline.get()
    token = _deadline.set(new if outer is None else min(new, outer))
    try:
        yield
    finally:
        _deadline.reset(token)


def postpone_deadline(seconds: float) -> None:
    """The deadline on this thread is so much later, up to the end of the innermost block: it was not the agent that took the time."""
    if (end := _deadline.get()) is not None:
        _deadline.set(end + seconds)


@contextmanager
def waiting(called: Callable[[], float]) -> Iterator[None]:
    """`called` is, while a read inside waits: every second, or as soon as it last said (seconds). What it raises ends the read."""
    token = _waiting.set(called)
    try:
        yield
    finally:
        _waiting.reset(token)


@contextmanager
def afresh() -> Iterator[None]:
    """What is asked inside goes over a connection of its own making: where one that was kept has died, the others have, too."""
    token = _afresh.set(True)
    try:
        yield
    finally:
        _afresh.reset(token)


def upstream_client(
    ssl_context: ssl.SSLContext | None = None, *, max_connections: int = _MAX_CONNECTIONS, wall_clock: Callable[[], float] = time.time
) -> httpx.Client:
    """The client for all agents: no proxy or certificate from the environment, no redirects, no cookies, no headers that give us away."""
    context = ssl_context or httpx.create_ssl_context(trust_env=False)
    return httpx.Client(
        transport=DeadlineTransport(context, max_connections=max_connections, wall_clock=wall_clock),
        trust_env=False,
        follow_redirects=False,
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),  # one caller's session must not become another's
        # Without compression the limit on an answer is a limit on memory, too.
        headers={"accept": "application/json", "accept-encoding": "identity", "user-agent": "a2a-push-relay"},
    )


class DeadlineTransport(httpx.BaseTransport):
    """httpx's transport with `deadline` in place of its timeouts. It raises httpcore's exceptions.

    httpcore ends kept connections by the monotonic clock, which may stand still while a function is frozen: so the wall clock counts too.
    One that the agent has closed meanwhile httpcore finds by itself.
    """

    def __init__(self, ssl_context: ssl.SSLContext, *, max_connections: int, wall_clock: Callable[[], float]) -> None:
        self._ssl_context = ssl_context
        self._max_connections = max_connections
        self._wall_clock = wall_clock
        self._pool = self._new_pool()
        self._used_at = wall_clock()

    def _new_pool(self) -> httpcore.ConnectionPool:
        return httpcore.ConnectionPool(
            ssl_context=self._ssl_context,
            max_connections=self._max_connections,
            max_keepalive_connections=_MAX_CONNECTIONS,
            keepalive_expiry=_KEEP_ALIVE_SECONDS,
            network_backend=_Backend(),
        )

    def _pool_for_now(self) -> httpcore.ConnectionPool:
        """What is under way over an earlier pool goes on there; its connections end with it."""
        now = self._wall_clock()
        if _afresh.get() or not 0 <= now - self._used_at < _KEEP_ALIVE_SECONDS:
            self._pool = self._new_pool()
        self._used_at = now
        return self._pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path)
        answer = self._pool_for_now().handle_request(
            httpcore.Request(
                request.method,
                url,
                headers=request.headers.raw,
                content=request.stream,
                extensions={"timeout": {"pool": _time_left(httpcore.PoolTimeout)}},
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = _time_left(httpcore.ConnectTimeout, at_most=_MAX_CONNECT_SECONDS if timeout is None else timeout)
        return _Stream(self._backend.connect_tcp(host, port, timeout=left, local_address=local_address, socket_options=socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if called := _waiting.get():
            self._wait(called)
        return self._stream.read(max_bytes, timeout=_time_left(httpcore.ReadTimeout, timeout))

    def _wait(self, called: Callable[[], float]) -> None:
        sock = self._stream.get_extra_info("socket")
        while True:
            seconds = min(_call_outside(called), _LONGEST_WAIT_SECONDS, _time_left(httpcore.ReadTimeout, _LONGEST_WAIT_SECONDS) or 0.0)
            if _is_readable(sock, seconds):
                return

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            self._stream.write(buffer[start : start + _WRITE_BYTES], timeout=_time_left(httpcore.WriteTimeout, timeout))

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None) -> "_Stream":
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout=_time_left(httpcore.ConnectTimeout, timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()


def _call_outside(called: Callable[[], float]) -> float:
    """It may ask an agent itself: that question has a deadline of its own."""
    waits, ends = _waiting.set(None), _deadline.set(None)
    try:
        return called()
    finally:
        _deadline.reset(ends)
        _waiting.reset(waits)


def _is_readable(sock: socket.socket, seconds: float) -> bool:
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(max(seconds, 0.0) * 1000))


def _time_left(late: Callable[[str], Exception], at_most: float | None = None) -> float | None:
    """Seconds to the deadline or `at_most`, None without either. Raises: `late` when the deadline has passed."""
    end = _deadline.get()
    if end is None:
        return at_most
    left = end - time.monotonic()
    if left <= 0:
        raise late("the deadline has passed")
    return left if at_most is None else min(left, at_most)
