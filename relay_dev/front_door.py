"""The local HTTP API: ASGI in, API Gateway's events to the function, its answer out."""

import asyncio
import logging
import threading
import uuid
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from relay_dev.definition import Route
from relay_dev.http_event import (
    MAX_PAYLOAD_BYTES,
    HttpAnswer,
    HttpRequest,
    MalformedAnswerError,
    as_on_aws,
    choose_route,
    gateway_event,
    http_answer,
)
from relay_dev.invoker import Invoke
from relay_dev.place import Place

_log = logging.getLogger(__name__)

MAX_BODY_BYTES = 10 * 1024 * 1024  # API Gateway: payload of an HTTP API
TIMEOUT_SECONDS = 30.0  # API Gateway: the longest an HTTP API waits for its function

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class FrontDoor:
    """An ASGI application. Each request has a thread of its own, as each has an environment of its own on Lambda."""

    def __init__(self, routes: Sequence[Route], *, invoke: Invoke, place: Place, now: Callable[[], datetime]) -> None:
        self._routes = routes
        self._invoke = invoke
        self._place = place
        self._now = now

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """The answer to a request, on this thread."""
        path = as_on_aws(request.path)
        if path is None:
            return HttpAnswer.message(400, "Bad Request")
        request = replace(request, path=path)
        found = choose_route(self._routes, request)
        if found is None:
            return HttpAnswer.message(404, "Not Found")
        route, parameters = found
        event = gateway_event(request, route, parameters, place=self._place, now=self._now(), request_id=uuid.uuid4().hex)
        if len(event.get("body", "")) > MAX_PAYLOAD_BYTES:
            return HttpAnswer.message(413, "Request Entity Too Large")
        outcome = self._invoke(route.function, event)
        if outcome.error is not None:
            return HttpAnswer.message(502, "Internal Server Error")
        try:
            return http_answer(outcome.answer)
        except MalformedAnswerError as error:
            _log.error("%s gave %s", route.function, error)
            return HttpAnswer.message(502, "Internal Server Error")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await _read_body(receive)
        if body is None:
            answer = HttpAnswer.message(413, "Request Entity Too Large")
        else:
            answer = await self._answer_in_time(_request(scope, body))
        headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in answer.headers]
        headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _answer_in_time(self, request: HttpRequest) -> HttpAnswer:
        try:
            return await asyncio.wait_for(_in_thread(lambda: self.answer(request)), TIMEOUT_SECONDS)
        except TimeoutError:
            return HttpAnswer.message(503, "Service Unavailable")


def _in_thread(call: Callable[[], HttpAnswer]) -> asyncio.Future[HttpAnswer]:
    """A daemon thread, so that a call that hangs does not hold up the end of the process."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[HttpAnswer] = loop.create_future()

    def settle(answer: HttpAnswer) -> None:
        if not future.done():
            future.set_result(answer)

    def run() -> None:
        try:
            answer = call()
        except Exception:  # noqa: BLE001 whatever it was, the client is answered
            _log.exception("The front door failed")
            answer = HttpAnswer.message(500, "Internal Server Error")
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, answer)

    threading.Thread(target=run, name="front-door", daemon=True).start()
    return future


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body, or None when it is too large; even then it is read to its end, so that the client gets to hear it."""
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        length += len(part)
        if length <= MAX_BODY_BYTES:
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if length <= MAX_BODY_BYTES else None


def _request(scope: Message, body: bytes) -> HttpRequest:
    return HttpRequest(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        body=body,
        protocol=f"HTTP/{scope['http_version']}",
        source_ip=scope["client"][0] if scope.get("client") else "127.0.0.1",
    )
