"""`relay listen`: the receiver for trying things, asked over real sockets."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from argparse import ArgumentParser
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from standardwebhooks import Webhook

from relay_dev import listen
from relay_dev.listen import Receiver

SECRET = "a plain secret of thirty bytes."
TASK_10 = {"task": {"id": "t-1", "contextId": "c-1", "status": {"state": "TASK_STATE_INPUT_REQUIRED"}, "artifacts": [{"artifactId": "a"}]}}
TASK_03 = {"kind": "task", "id": "t-1", "contextId": "c-1", "status": {"state": "input-required"}, "artifacts": [{"artifactId": "a"}]}


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


def signed(body: bytes, secret: str = SECRET, *, webhook_id: str = "msg_1", at: datetime | None = None) -> dict[str, str]:
    """The three headers of Standard Webhooks, made by the stock library from a plain secret."""
    moment = at or datetime.now(UTC)
    signature = Webhook("whsec_" + b64encode(secret.encode()).decode()).sign(webhook_id, moment, body.decode())
    return {"webhook-id": webhook_id, "webhook-timestamp": str(int(moment.timestamp())), "webhook-signature": signature}


def post(client: httpx.Client, receiver: Receiver, payload: Any, headers: Mapping[str, str] | None = None) -> httpx.Response:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return client.post(f"{receiver.url}/webhook", content=body, headers=dict(headers or {}))


@pytest.mark.parametrize(
    ("headers", "status", "found"),
    [
        ({"X-A2A-Notification-Token": "T"}, 200, "ok"),
        ({"A2A-Notification-Token": "T"}, 200, "ok"),
        ({"X-A2A-Notification-Token": "T", "A2A-Notification-Token": "T"}, 200, "ok"),
        ({"X-A2A-Notification-Token": "T", "A2A-Notification-Token": "U"}, 401, "wrong"),
        ({"X-A2A-Notification-Token": "U"}, 401, "wrong"),
        ({"X-A2A-Notification-Token": ""}, 401, "wrong"),
        ({}, 401, "none"),
    ],
)
def test_only_the_right_token_is_accepted(client: httpx.Client, headers: dict[str, str], status: int, found: str) -> None:
    with Receiver(token="T") as receiver:
        assert post(client, receiver, TASK_10, headers).status_code == status
        assert [notification.token for notification in receiver.notifications] == [found]


def test_without_a_token_to_compare_nothing_is_refused(client: httpx.Client) -> None:
    with Receiver() as receiver:
        assert post(client, receiver, TASK_10, {"X-A2A-Notification-Token": "T"}).status_code == 200
        assert receiver.notifications[0].token == "unchecked"


def test_a_plain_secret_counts_as_its_utf8_bytes(client: httpx.Client) -> None:
    body = json.dumps(TASK_10).encode()
    with Receiver(secret=SECRET) as receiver:
        assert post(client, receiver, body, signed(body)).status_code == 200
        assert receiver.notifications[0].signature == "verified"


def test_a_whsec_secret_is_base64(client: httpx.Client) -> None:
    body = json.dumps(TASK_10).encode()
    with Receiver(secret="whsec_" + b64encode(SECRET.encode()).decode()) as receiver:
        assert post(client, receiver, body, signed(body)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        signed(json.dumps(TASK_10).encode(), "another secret, also thirty bytes"),
        signed(b'{"another": "body"}'),
        signed(json.dumps(TASK_10).encode(), at=datetime.now(UTC) - timedelta(minutes=6)),
        {**signed(json.dumps(TASK_10).encode()), "webhook-id": "msg_2"},
        {**signed(json.dumps(TASK_10).encode()), "webhook-signature": "no comma in it"},
        {"webhook-signature": "v1,AAAA"},
    ],
    ids=["secret", "body", "too old", "id", "malformed", "no id"],
)
def test_a_wrong_signature_is_refused(client: httpx.Client, headers: dict[str, str]) -> None:
    with Receiver(secret=SECRET) as receiver:
        assert post(client, receiver, TASK_10, headers).status_code == 401
        assert receiver.notifications[0].signature == "wrong"


def test_a_missing_signature_is_refused(client: httpx.Client) -> None:
    with Receiver(secret=SECRET) as receiver:
        assert post(client, receiver, TASK_10).status_code == 401
        assert receiver.notifications[0].signature == "none"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (TASK_10, ("t-1", "input-required", 1, "a2a-1.0")),
        ({"statusUpdate": {"taskId": "t-1", "status": {"state": "TASK_STATE_WORKING"}}}, ("t-1", "working", 0, "a2a-1.0")),
        ({"artifactUpdate": {"taskId": "t-1", "artifact": {"artifactId": "a"}}}, ("t-1", "", 1, "a2a-1.0")),
        ({"message": {"messageId": "m", "taskId": "t-1"}}, ("t-1", "", 0, "a2a-1.0")),
        (TASK_03, ("t-1", "input-required", 1, "a2a-0.3")),
        ({"id": "t-1", "status": {"state": "TASK_STATE_COMPLETED"}}, ("t-1", "completed", 0, "a2a-0.3")),
        ({"kind": "status-update", "taskId": "t-1", "status": {"state": "working"}}, ("t-1", "working", 0, "a2a-0.3")),
        ({"something": "else"}, ("", "", 0, None)),
        ({"task": "no object", "status": 5}, ("", "", 0, None)),
    ],
)
def test_bodies_of_both_versions_are_read(client: httpx.Client, payload: Any, expected: tuple[Any, ...]) -> None:
    with Receiver() as receiver:
        assert post(client, receiver, payload).status_code == 200
        found = receiver.notifications[0]
    assert (found.task_id, found.state, found.artifacts, found.dialect) == expected


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"5", b"\xff\xfe", b"[" * 200_000], ids=["empty", "cut", "array", "number", "bytes", "deep"]
)
def test_a_body_that_is_no_json_object_is_400(client: httpx.Client, body: bytes) -> None:
    with Receiver() as receiver:
        assert post(client, receiver, body).status_code == 400
        assert [notification.payload for notification in receiver.notifications] == [None]


def test_it_fails_on_demand_and_then_takes_the_same_notification(client: httpx.Client) -> None:
    with Receiver() as receiver:
        receiver.fail_next(503, times=2)
        answers = [post(client, receiver, TASK_10, {"webhook-id": "msg_1"}).status_code for _ in range(3)]
        assert answers == [503, 503, 200]
        assert [(found.attempt, found.status, found.is_duplicate) for found in receiver.notifications] == [
            (1, 503, False),
            (2, 503, False),
            (3, 200, False),
        ]
        assert len(receiver.accepted) == 1


def test_the_relays_own_headers_tell_revision_and_attempt(client: httpx.Client) -> None:
    with Receiver() as receiver:
        post(client, receiver, TASK_10, {"webhook-id": "msg_1", "A2A-Relay-Revision": "7", "A2A-Relay-Attempt": "3"})
        post(client, receiver, TASK_10, {"webhook-id": "msg_1", "A2A-Relay-Attempt": "no number"})
        assert [(found.revision, found.attempt) for found in receiver.notifications] == [("7", 3), ("", 2)]


def test_a_webhook_id_accepted_before_is_marked_as_a_duplicate(client: httpx.Client) -> None:
    with Receiver() as receiver:
        for webhook_id in ("msg_1", "msg_2", "msg_1"):
            post(client, receiver, TASK_10, {"webhook-id": webhook_id})
        assert [found.is_duplicate for found in receiver.notifications] == [False, False, True]
        assert receiver.notifications[2].as_line().endswith("duplicate")


def test_a_line_says_what_an_operator_sent_again_and_that_nothing_more_may_come(client: httpx.Client) -> None:
    with Receiver() as receiver:
        post(client, receiver, TASK_10, {"A2A-Relay-Redriven": "true"})
        post(client, receiver, TASK_10, {"A2A-Relay-Ended": "vanished"})
        assert [found.as_line().split("-> 200")[1].strip() for found in receiver.notifications] == ["redriven", "ended vanished"]


def test_posts_without_a_webhook_id_are_no_duplicates(client: httpx.Client) -> None:
    with Receiver() as receiver:
        post(client, receiver, TASK_10)
        post(client, receiver, TASK_10)
        assert [(found.is_duplicate, found.attempt) for found in receiver.notifications] == [(False, 1), (False, 1)]


def test_notifications_are_listed_and_cleared(client: httpx.Client) -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    with Receiver(now=lambda: now) as receiver:
        assert client.get(f"{receiver.url}/anything").json() == {"status": "ok"}
        client.post(f"{receiver.url}/any/path?q=1", json=TASK_10, headers={"webhook-id": "msg_1", "X-A2A-Notification-Token": "T"})
        listed = client.get(f"{receiver.url}/notifications").json()
        assert listed["count"] == 1
        found = listed["notifications"][0]
        assert found["headers"]["webhook-id"] == "msg_1"
        assert {
            name: found[name]
            for name in ("timestamp", "path", "payload", "task_id", "state", "webhook_id", "attempt", "token", "signature")
        } == {
            "timestamp": now.isoformat(),
            "path": "/any/path?q=1",
            "payload": TASK_10,
            "task_id": "t-1",
            "state": "input-required",
            "webhook_id": "msg_1",
            "attempt": 1,
            "token": "unchecked",
            "signature": "none",
        }
        assert client.post(f"{receiver.url}/notifications/clear").json() == {"status": "ok"}
        assert client.get(f"{receiver.url}/notifications").json() == {"count": 0, "notifications": []}


def test_clearing_needs_no_length() -> None:
    """`curl -X POST` sends neither a body nor its length."""
    with Receiver() as receiver:
        receiver.take("/webhook", {}, b"{}")
        connection = HTTPConnection(urlsplit(receiver.url).netloc, timeout=10)
        connection.putrequest("POST", "/notifications/clear")
        connection.endheaders()
        assert connection.getresponse().status == 200
        assert receiver.notifications == []


def test_only_the_last_thousand_are_kept(client: httpx.Client) -> None:
    with Receiver() as receiver:
        for number in range(1001):
            receiver.take("/webhook", {"webhook-id": str(number)}, b"{}")
        listed = client.get(f"{receiver.url}/notifications").json()
    assert listed["count"] == 1000
    assert listed["notifications"][0]["webhook_id"] == "1"


def test_waiting_ends_when_the_predicate_holds_and_says_what_arrived_when_it_never_does(client: httpx.Client) -> None:
    with Receiver() as receiver:
        post(client, receiver, TASK_10, {"webhook-id": "msg_1"})
        assert len(receiver.wait_for(lambda found: len(found) == 1, timeout=5)) == 1
        with pytest.raises(TimeoutError, match="webhook-id msg_1"):
            receiver.wait_for(lambda found: len(found) == 2, timeout=0.01)


def test_a_connection_is_kept_alive_and_closed_when_the_receiver_stops() -> None:
    with Receiver() as receiver:
        connection = HTTPConnection(receiver.url.removeprefix("http://"), timeout=10)
        for _ in range(2):
            connection.request("POST", "/webhook", body=b"{}")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b'{"status": "ok", "received": true}')
        taken = connection.sock
        assert taken is not None
    assert taken.recv(1) == b""
    with pytest.raises(ConnectionRefusedError), socket.create_connection(connection_address(receiver)):
        pass


def connection_address(receiver: Receiver) -> tuple[str, int]:
    url = httpx.URL(receiver.url)
    return url.host, url.port or 0


def test_a_post_without_a_length_or_with_a_huge_one_is_refused(client: httpx.Client) -> None:
    with Receiver() as receiver:
        assert client.post(receiver.url, content=iter([b"{}"])).status_code == 411
        address = connection_address(receiver)
        with socket.create_connection(address, timeout=10) as raw:
            raw.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
            assert raw.recv(20).startswith(b"HTTP/1.1 413")
        assert receiver.notifications == []


def test_what_a_stranger_sends_cannot_break_the_line() -> None:
    receiver = Receiver()
    line = receiver.take(
        "/", {"webhook-id": "a\x1b[2J"}, json.dumps({"id": "x\ny\u2028z", "status": {"state": "working"}}).encode()
    ).as_line()
    receiver.stop()
    assert line.isprintable()
    assert "task x?y?z" in line


def test_the_curl_it_prints_registers_the_receiver() -> None:
    command = shlex.split(listen.registration("http://127.0.0.1:8787", "http://127.0.0.1:9900", token="it's", secret=SECRET))
    call = json.loads(command[-1])
    assert command[:2] == ["curl", "-s"]
    assert call["method"] == "CreateTaskPushNotificationConfig"
    assert call["params"] == {
        "taskId": "TASK_ID",
        "url": "http://127.0.0.1:9900/webhook",
        "token": "it's",
        "authentication": {"scheme": "HMAC-SHA256", "credentials": SECRET},
    }


@contextmanager
def started(*arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """`relay listen` as a process of its own, without the other commands of `relay`."""
    program = (
        "import sys; from argparse import ArgumentParser; from relay_dev import listen; "
        "parser = ArgumentParser(); listen.add_arguments(parser); sys.exit(listen.run(parser.parse_args()))"
    )
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_its_url_and_each_notification_and_ends_cleanly(client: httpx.Client, number: signal.Signals) -> None:
    with started("--port", "0", "--status", "503", "--times", "2") as process:
        assert process.stdout
        url = process.stdout.readline().split()[3]
        assert process.stdout.readline() == "Register it for a task:\n"
        assert process.stdout.readline().startswith("curl -s http://127.0.0.1:8787 ")
        answers = [client.post(f"{url}/webhook", json=TASK_03, headers={"webhook-id": "msg_1"}).status_code for _ in range(3)]
        assert answers == [503, 503, 200]
        lines = [process.stdout.readline() for _ in range(3)]
        assert all("task t-1  1 artifact   webhook-id msg_1" in line for line in lines)
        assert [line.split()[-1] for line in lines] == ["503", "503", "200"]
        os.kill(process.pid, number)
        rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "", "")


def test_a_port_in_use_is_one_sentence_and_exit_1() -> None:
    with Receiver() as receiver:
        port = str(httpx.URL(receiver.url).port)
        with started("--port", port) as process:
            out, errors = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert errors == f"Port {port} on 127.0.0.1 is in use; choose another with --port, or --port 0 for a free one.\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--secret", "whsec_A"], "--secret cannot be used: "),
        (["--secret", "whsec_!!"], "--secret cannot be used: "),
        (["--secret", "S"], "--secret cannot be used: the relay takes none of less than 24 bytes.\n"),
        (["--port", "99999"], "There is no port 99999; "),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_1(capsys: pytest.CaptureFixture[str], options: list[str], said: str) -> None:
    parser = ArgumentParser()
    listen.add_arguments(parser)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert listen.run(parser.parse_args(["--port", "0", *options])) == 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert capsys.readouterr().err.startswith(said)
