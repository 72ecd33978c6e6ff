"""An agent's stream at the wire: the bytes of server-sent events in every form and in any pieces, over real sockets.

Source: WHATWG HTML, "Server-sent events"; A2A 1.0 §9.4.6 and §11.7.
"""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from relay.adapters.upstream import MAX_TASK_ANSWER_BYTES, Streams, upstream_client
from relay.domain.endpoint import Binding, Endpoint
from relay.domain.errors import (
    InvalidAgentResponseError,
    RelayError,
    TaskNotFoundError,
    UpstreamForbiddenError,
    UpstreamRefusedError,
    UpstreamTooLargeError,
    UpstreamUnauthenticatedError,
    UpstreamUnavailableError,
)
from relay.domain.task import ProtocolVersion
from tests.integration.loopback import Receiver, Request, Script

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
ONE, TWO = {"result": {"kind": "task", "text": "öne"}}, {"result": {"kind": "status-update"}}
TOLD = [ONE, TWO]


def data(event: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


def streams_of(*pieces: bytes, head: bytes = HEAD) -> Script:
    """Says these bytes one after the other, each on its way before the next, and ends the connection."""

    def script(connection: socket.socket, _request: Request) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (head, *pieces):
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_RDWR)
        raise EOFError

    return script


def bytewise(content: bytes) -> Script:
    return streams_of(*(content[at : at + 1] for at in range(len(content))))


@pytest.fixture(scope="module")
def streams() -> Iterator[Streams]:
    with upstream_client() as client:
        yield Streams(client, now=lambda: NOON)


@contextmanager
def agent(script: Script) -> Iterator[Receiver]:
    with Receiver(script) as receiver:
        yield receiver


def told(
    streams: Streams,
    script: Script,
    *,
    version: ProtocolVersion = V10,
    binding: Binding = Binding.JSON_RPC,
    path: str = "/rpc",
    hidden: tuple[str, ...] = (),
    called: Callable[[], float] = lambda: 1.0,
) -> tuple[list[Mapping[str, Any]], Request]:
    """What is told on the stream, and how it was asked for."""
    with agent(script) as receiver:
        endpoint = Endpoint(receiver.url(path), version, binding=binding)
        with streams.subscription(endpoint, "t/1", headers={"x-key": "k"}, hidden=hidden, called=called) as subscription:
            return list(subscription.events()), receiver.requests[0]


# --- the bytes


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_end_of_a_line_is_taken_and_every_byte_may_come_alone(streams: Streams, end: str) -> None:
    content = b"".join(data(event) for event in TOLD).replace(b"\n", end.encode())
    assert told(streams, bytewise(content))[0] == TOLD


def test_the_stream_may_be_cut_in_two_at_any_byte(streams: Streams) -> None:
    content = b": ping\r\n\r\nid: 1\r\n" + b"".join(data(event) for event in TOLD)
    for at in range(len(content) + 1):
        assert told(streams, streams_of(content[:at], content[at:]))[0] == TOLD, at


def test_the_pieces_of_chunked_coding_are_none_of_the_events(streams: Streams) -> None:
    content = b"".join(data(event) for event in TOLD)
    chunks = [b"%x\r\n%b\r\n" % (len(content[at : at + 7]), content[at : at + 7]) for at in range(0, len(content), 7)]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert told(streams, streams_of(*chunks, b"0\r\n\r\n", head=head))[0] == TOLD


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + data(ONE) + data(TWO),
        b": a comment\n:\n\n" + data(ONE) + b":ping\n\n" + data(TWO),
        b"event: message\nid: 7\nretry: 10000\n" + data(ONE) + b"id\nnonsense: x\n" + data(TWO),
        b"data:" + json.dumps(ONE).encode() + b"\n\n" + data(TWO),
        b"".join(b"data: " + line.encode() + b"\n" for line in json.dumps(ONE, indent=1).splitlines()) + b"\n" + data(TWO),
        b"\n\n\n" + data(ONE) + b"\n\n" + data(TWO),
    ],
    ids=["byte order mark", "comments", "other fields", "no space", "many lines of data", "empty lines"],
)
def test_what_else_the_format_allows_changes_nothing(streams: Streams, content: bytes) -> None:
    assert told(streams, streams_of(content))[0] == TOLD


def test_an_event_that_was_not_ended_is_none(streams: Streams) -> None:
    """A connection that is cut tells no half of an event."""
    assert told(streams, streams_of(data(ONE), data(TWO)[:-1]))[0] == [ONE]


def test_a_stream_whose_connection_breaks_is_an_agent_out_of_reach_after_what_it_has_told(streams: Streams) -> None:
    chunk = data(ONE)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    with agent(streams_of(b"%x\r\n%b\r\n" % (len(chunk), chunk), b"20\r\ndata: ", head=head)) as receiver:
        endpoint = Endpoint(receiver.url("/rpc"), V10)
        with streams.subscription(endpoint, "t1", headers={}, called=lambda: 1.0) as subscription:
            events = subscription.events()
            assert next(events) == ONE
            with pytest.raises(UpstreamUnavailableError):
                next(events)


def test_an_event_over_the_limit_ends_the_stream(streams: Streams) -> None:
    piece = b"a" * 1_000_000
    with pytest.raises(UpstreamTooLargeError):
        told(streams, streams_of(b"data: ", *[piece] * (MAX_TASK_ANSWER_BYTES // len(piece) + 1)))


def test_many_events_together_may_be_larger_than_the_limit(streams: Streams) -> None:
    large = {"result": {"text": "a" * 3_000_000}}
    events, _ = told(streams, streams_of(*[data(large)] * 7))
    assert events == [large] * 7


def test_who_waits_is_called_while_nothing_comes_and_may_end_it(streams: Streams) -> None:
    class StoppedError(Exception):
        pass

    calls = iter([0.01, 0.01, 0.01])

    def called() -> float:
        if (seconds := next(calls, None)) is None:
            raise StoppedError
        return seconds

    def trickles(connection: socket.socket, _request: Request) -> None:
        connection.sendall(HEAD + data(ONE)[:-1])
        connection.recv(1)  # until the relay ends it

    with pytest.raises(StoppedError):
        told(streams, trickles, called=called)


def test_a_credential_that_the_agent_quotes_is_told_on_without(streams: Streams) -> None:
    secret = "a-credential-of-the-operator"
    events, _ = told(streams, streams_of(data({"result": {"text": f"key {secret}"}})), hidden=(secret,))
    assert events == [{"result": {"text": "key [credential]"}}]


def test_a_credential_in_an_event_of_several_lines_is_found_however_it_is_spelt(streams: Streams) -> None:
    event = b'data: {"result":\r\ndata: {"text": "key a\\u002Dcredential/of\\/the-operator",\ndata: "n": 1.5}}\n\n'
    events, _ = told(streams, streams_of(event[:40], event[40:]), hidden=("a-credential/of/the-operator",))
    assert events == [{"result": {"text": "key [credential]", "n": 1.5}}]


@pytest.mark.parametrize("content", [b"data: nonsense\n\n", b"data: [1]\n\n", b"data: {\n\n"])
def test_an_event_that_is_no_json_object_ends_the_stream(streams: Streams, content: bytes) -> None:
    with pytest.raises(InvalidAgentResponseError):
        told(streams, streams_of(content))


@pytest.mark.parametrize(("code", "raised"), [(-32001, TaskNotFoundError), (-32603, UpstreamRefusedError)])
def test_an_error_on_the_stream_ends_it(streams: Streams, code: int, raised: type[RelayError]) -> None:
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "no"}}
    with pytest.raises(raised):
        told(streams, streams_of(data(error)))


# --- how it is asked for, and what is no stream


def test_it_is_one_json_rpc_post_in_the_agents_version(streams: Streams) -> None:
    for version, method in ((V10, "SubscribeToTask"), (V03, "tasks/resubscribe")):
        _, request = told(streams, streams_of(data(ONE)), version=version)
        sent = json.loads(request.body)
        assert (request.line, sent["method"], sent["params"]) == ("POST /rpc HTTP/1.1", method, {"id": "t/1"})
        assert {name: request.headers[name] for name in ("accept", "a2a-version", "x-key", "accept-encoding")} == {
            "accept": "text/event-stream",
            "a2a-version": version.value,
            "x-key": "k",
            "accept-encoding": "identity",
        }


@pytest.mark.parametrize(
    ("version", "path", "asked"),
    [(V10, "/api", "GET /api/tasks/t%2F1:subscribe HTTP/1.1"), (V03, "/v1", "POST /v1/tasks/t%2F1:subscribe HTTP/1.1")],
)
def test_over_http_json_it_has_a_path_of_its_own_and_bare_events(streams: Streams, version: ProtocolVersion, path: str, asked: str) -> None:
    bare = {"statusUpdate": {"taskId": "t/1", "status": {"state": "TASK_STATE_WORKING"}}}
    events, request = told(streams, streams_of(data(bare)), version=version, binding=Binding.HTTP_JSON, path=path)
    assert (events, request.line) == ([bare], asked)


def answer(status: int, body: bytes, *, media_type: bytes = b"application/json", more: bytes = b"") -> Script:
    head = b"HTTP/1.1 %d X\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n" % (status, media_type, len(body), more)
    return streams_of(body, head=head)


RPC_ERROR = b'{"jsonrpc": "2.0", "id": 1, "error": {"code": %d, "message": "no"}}'


@pytest.mark.parametrize(
    ("script", "raised"),
    [
        (answer(401, b"{}"), UpstreamUnauthenticatedError),
        (answer(403, b"<html>", media_type=b"text/html"), UpstreamForbiddenError),
        (answer(404, b"Not Found", media_type=b"text/plain"), InvalidAgentResponseError),
        (answer(500, b"Internal Server Error", media_type=b"text/plain"), UpstreamUnavailableError),
        (answer(503, b"", more=b"Retry-After: 7\r\n"), UpstreamUnavailableError),
        (answer(302, b"", more=b"Location: http://127.0.0.1:1/\r\n"), InvalidAgentResponseError),
        (answer(200, RPC_ERROR % -32601), UpstreamRefusedError),
        (answer(200, RPC_ERROR % -32004), UpstreamRefusedError),
        (answer(200, RPC_ERROR % -32001), TaskNotFoundError),
        (answer(400, RPC_ERROR % -32004), UpstreamRefusedError),
        (answer(200, b'{"jsonrpc": "2.0", "id": 1, "result": {}}'), InvalidAgentResponseError),
        (answer(200, data(ONE), media_type=b"text/event-stream", more=b"Content-Encoding: gzip\r\n"), InvalidAgentResponseError),
        (answer(201, data(ONE), media_type=b"text/event-stream"), InvalidAgentResponseError),
    ],
)
def test_what_is_no_stream_is_told_as_what_it_is(streams: Streams, script: Script, raised: type[RelayError]) -> None:
    with pytest.raises(raised):
        told(streams, script)


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (404, b'{"error": {"code": 404, "message": "no", "details": [{"reason": "TASK_NOT_FOUND"}]}}', TaskNotFoundError),
        (400, b'{"error": {"code": 400, "message": "no", "details": [{"reason": "UNSUPPORTED_OPERATION"}]}}', UpstreamRefusedError),
        (404, b'{"detail": "Not Found"}', UpstreamRefusedError),
        (401, b"", UpstreamUnauthenticatedError),
    ],
)
def test_over_http_json_what_is_no_stream_is_told_likewise(streams: Streams, status: int, body: bytes, raised: type[RelayError]) -> None:
    with pytest.raises(raised):
        told(streams, answer(status, body), binding=Binding.HTTP_JSON, path="")
