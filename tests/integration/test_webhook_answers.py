"""What a receiver can answer to one POST, and the outcome it makes."""

import gzip
import socket
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from relay.adapters.webhook import Post, WebhookClient
from relay.domain.outcome import Outcome, OutcomeKind
from tests.integration.loopback import OK, Receiver, Request, Script, closes_after, resets_after, says

NOW = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
LONG = timedelta(seconds=20)
SHORT = timedelta(milliseconds=500)


@pytest.fixture
def client() -> Iterator[WebhookClient]:
    client = WebhookClient(now=lambda: NOW)
    yield client
    client.close()


def send(
    client: WebhookClient, url: str, *, body: bytes = b"{}", headers: tuple[tuple[str, str], ...] = (), timeout: timedelta = LONG
) -> Outcome:
    post = Post(url, headers, body, timeout, allow_private=True)
    [outcome] = client.run([lambda: client.post(post)])
    assert isinstance(outcome, Outcome)
    return outcome


def test_request_is_sent_as_given(client: WebhookClient) -> None:
    with Receiver(says(OK)) as receiver:
        headers = (
            ("Content-Type", "application/a2a+json"),
            ("webhook-id", "msg_1"),
            ("X-Empty", ""),
            ("Authorization", "Bearer t\u00f6ken"),
        )
        outcome = send(client, receiver.url("/a/../b%2F//?x=1&y=[2]{3}|#part"), body=b"\x00\xffbytes", headers=headers)
    assert outcome.kind is OutcomeKind.DELIVERED
    assert (outcome.status, outcome.answer, outcome.detail) == (200, "ok", "The receiver answered 200.")
    [request] = receiver.requests
    assert request.line == "POST /a/../b%2F//?x=1&y=[2]{3}| HTTP/1.1"
    assert request.body == b"\x00\xffbytes"
    version = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["version"]
    assert request.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "user-agent": f"a2a-push-relay/{version}",
        "accept": "*/*",
        "content-type": "application/a2a+json",
        "webhook-id": "msg_1",
        "x-empty": "",
        "authorization": "Bearer t\u00f6ken",
        "content-length": "7",
    }


def test_large_body_is_sent_without_asking_first(client: WebhookClient) -> None:
    body = b"x" * 3_000_000
    with Receiver(says(OK)) as receiver:
        assert send(client, receiver.url(), body=body).is_delivered
    assert receiver.requests[0].body == body
    assert "expect" not in receiver.requests[0].headers
    assert "content-type" not in receiver.requests[0].headers


@pytest.mark.parametrize("status", [201, 202, 204, 299])
def test_any_2xx_is_delivered(client: WebhookClient, status: int) -> None:
    with Receiver(says(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)) as receiver:
        outcome = send(client, receiver.url())
    assert (outcome.kind, outcome.status) == (OutcomeKind.DELIVERED, status)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_redirect_is_refused_and_not_followed(client: WebhookClient, status: int) -> None:
    with Receiver(says(OK)) as elsewhere:
        location = elsewhere.url().encode()
        with Receiver(says(b"HTTP/1.1 %d X\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, location))) as receiver:
            outcome = send(client, receiver.url())
        assert elsewhere.connections == 0
    assert (outcome.kind, outcome.status) == (OutcomeKind.REFUSED, status)
    assert "redirects are not followed" in outcome.detail


def test_410_is_gone(client: WebhookClient) -> None:
    with Receiver(says(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")) as receiver:
        assert send(client, receiver.url()).kind is OutcomeKind.GONE


@pytest.mark.parametrize("value", ["120", "Fri, 06 Nov 2026 08:51:37 GMT"])
def test_refusal_keeps_when_to_come_back_and_what_was_said(client: WebhookClient, value: str) -> None:
    with Receiver(says(b"HTTP/1.1 503 Busy\r\nretry-AFTER:%s\r\nContent-Length: 9\r\n\r\nlater \xff\xfe!" % value.encode())) as receiver:
        outcome = send(client, receiver.url())
    assert (outcome.kind, outcome.status, outcome.retry_after) == (OutcomeKind.REFUSED, 503, timedelta(minutes=2))
    assert outcome.answer == "later \ufffd\ufffd!"


def test_retry_after_of_a_delivered_post_is_ignored(client: WebhookClient) -> None:
    with Receiver(says(b"HTTP/1.1 200 OK\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n")) as receiver:
        assert send(client, receiver.url()).retry_after is None


def test_interim_answers_do_not_decide(client: WebhookClient) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
    with Receiver(says(interim + b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")) as receiver:
        outcome = send(client, receiver.url())
    assert (outcome.kind, outcome.status, outcome.retry_after) == (OutcomeKind.REFUSED, 500, None)


def test_cookies_are_not_kept(client: WebhookClient) -> None:
    with Receiver(says(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")) as receiver:
        send(client, receiver.url())
        send(client, receiver.url())
    assert [request.headers.get("cookie") for request in receiver.requests] == [None, None]


def test_silence_is_a_timeout(client: WebhookClient) -> None:
    with Receiver(says(b"")) as receiver:
        outcome = send(client, receiver.url("/hook?key=hidden"), timeout=SHORT)
    assert (outcome.kind, outcome.status) == (OutcomeKind.TIMEOUT, None)
    assert outcome.detail == "No answer within 0.5 s: the request was sent."
    assert outcome.phases.total_ms >= 400


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: y", b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 2"])
def test_headers_that_trickle_are_a_timeout(client: WebhookClient, begin: bytes) -> None:
    with Receiver(lambda connection, _: trickle(connection, begin, receiver)) as receiver:
        outcome = send(client, receiver.url(), timeout=SHORT)
    assert (outcome.kind, outcome.status) == (OutcomeKind.TIMEOUT, None)


@pytest.mark.parametrize(("status", "kind"), [(200, OutcomeKind.DELIVERED), (503, OutcomeKind.REFUSED)])
def test_status_counts_though_the_body_trickles_until_the_timeout(client: WebhookClient, status: int, kind: OutcomeKind) -> None:
    begin = b"HTTP/1.1 %d X\r\nContent-Length: 9999999\r\n\r\nbegun" % status
    with Receiver(lambda connection, _: trickle(connection, begin, receiver)) as receiver:
        outcome = send(client, receiver.url(), timeout=SHORT)
    assert (outcome.kind, outcome.status) == (kind, status)
    assert outcome.answer.startswith("begun")
    assert outcome.detail == f"The receiver answered {status}; the body of the answer did not come in full."


def trickle(connection: socket.socket, begin: bytes, receiver: Receiver) -> None:
    connection.sendall(begin)
    while not receiver.closing.wait(0.05):
        connection.sendall(b"x")


def test_endless_body_is_read_to_its_limit_only(client: WebhookClient) -> None:
    def pour(connection: socket.socket, _request: Request) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:  # until the client closes the connection
            connection.sendall(b"x" * 4096)

    with Receiver(pour) as receiver:
        outcome = send(client, receiver.url())
    assert outcome.kind is OutcomeKind.DELIVERED
    assert outcome.answer == "x" * 1024
    assert outcome.detail == "The receiver answered 200."  # not broken off by the timeout


@pytest.mark.parametrize(
    ("header", "kind"),
    [(b"Content-Encoding: gzip", OutcomeKind.DELIVERED), (b"Transfer-Encoding: gzip", OutcomeKind.PROTOCOL_ERROR)],  # not asked for
)
def test_compressed_body_is_not_unpacked(client: WebhookClient, header: bytes, kind: OutcomeKind) -> None:
    bomb = gzip.compress(b"boom" * 5_000_000)
    with Receiver(closes_after(b"HTTP/1.1 200 OK\r\n%s\r\nConnection: close\r\n\r\n%s" % (header, bomb))) as receiver:
        outcome = send(client, receiver.url())
    assert outcome.kind is kind
    assert "boom" not in outcome.answer


@pytest.mark.parametrize("line", [b"X: " + b"x" * 70_000, b"\r\n".join([b"X: y"] * 20_000)])
def test_huge_headers_are_a_protocol_error(client: WebhookClient, line: bytes) -> None:
    with Receiver(says(b"HTTP/1.1 200 OK\r\n" + line + b"\r\nContent-Length: 0\r\n\r\n")) as receiver:
        outcome = send(client, receiver.url())
    assert (outcome.kind, outcome.status) == (OutcomeKind.PROTOCOL_ERROR, None)
    assert outcome.detail == "The headers of the answer are too long or too many."


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nffffffffffffffffff\r\n",
    ],
)
def test_status_counts_though_the_body_is_broken(client: WebhookClient, answer: bytes) -> None:
    with Receiver(closes_after(answer)) as receiver:
        outcome = send(client, receiver.url())
    assert (outcome.kind, outcome.status) == (OutcomeKind.DELIVERED, 200)
    assert outcome.detail == "The receiver answered 200; the body of the answer did not come in full."


@pytest.mark.parametrize("ends_after", [closes_after, resets_after])
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_connection_that_ends_before_the_headers_do_is_a_protocol_error(
    client: WebhookClient, ends_after: Callable[[bytes], Script], answer: bytes
) -> None:
    with Receiver(ends_after(answer)) as receiver:
        outcome = send(client, receiver.url())
    assert (outcome.kind, outcome.status) == (OutcomeKind.PROTOCOL_ERROR, None)


@pytest.mark.parametrize(
    "answer",
    [
        b"hello\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: minus\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
    ],
)
def test_what_is_not_an_answer_is_a_protocol_error(client: WebhookClient, answer: bytes) -> None:
    with Receiver(closes_after(answer)) as receiver:
        outcome = send(client, receiver.url())
    assert (outcome.kind, outcome.status) == (OutcomeKind.PROTOCOL_ERROR, None)


def test_closed_port_is_a_connect_error(client: WebhookClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening
        outcome = send(client, f"http://127.0.0.1:{unused.getsockname()[1]}/hook")
    assert (outcome.kind, outcome.status) == (OutcomeKind.CONNECT_ERROR, None)
