"""`relay listen` on a `v1a` signature: judged by the JWK Set of a relay on loopback."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from relay.domain.notification import sign_v1, sign_v1a
from relay.domain.signer import Signer, SigningKey, jwks
from relay_dev.listen import Printer
from relay_dev.published_keys import PublishedKeys
from relay_dev.receiver import Receiver

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BODY = json.dumps({"task": {"id": "t-1", "status": {"state": "TASK_STATE_WORKING"}}}).encode()
SECRET = "a plain secret of thirty bytes."


def key(seed: bytes) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(seed * 32)
    return SigningKey(public=private.public_key().public_bytes_raw(), sign=private.sign)


ONE, OTHER = key(b"1"), key(b"2")


def signed(*keys: SigningKey, at: datetime = NOW, body: bytes = BODY) -> dict[str, str]:
    signatures = [sign_v1a(each, "msg_1", at, body) for each in keys]
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": " ".join(signatures)}


class Relay(HTTPServer):
    """Serves `content`, and counts how often."""

    def __init__(self, content: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.content = content
        self.paths: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def publishes(self, keys: Sequence[SigningKey]) -> None:
        self.content = jwks(Signer(tuple(keys)))


class _Exchange(BaseHTTPRequestHandler):
    server: Relay

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.server.content).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name is BaseHTTPRequestHandler's)
        """Quiet."""


@pytest.fixture
def relay() -> Iterator[Relay]:
    with Relay(jwks(Signer((ONE,)))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def times() -> list[float]:
    """What the monotonic clock says: its last entry."""
    return [0.0]


@pytest.fixture
def published(relay: Relay, times: list[float]) -> PublishedKeys:
    return PublishedKeys(relay.url, monotonic=lambda: times[-1])


def test_a_signature_of_the_relay_is_verified(published: PublishedKeys) -> None:
    assert published.check(BODY, signed(ONE), now=NOW) == "verified"


def test_one_known_key_among_those_that_sign_is_enough(published: PublishedKeys) -> None:
    assert published.check(BODY, signed(OTHER, ONE), now=NOW) == "verified"


@pytest.mark.parametrize(
    "headers",
    [
        signed(OTHER),
        signed(ONE, body=b"another body"),
        signed(ONE) | {"webhook-id": "msg_2"},
        signed(ONE) | {"webhook-timestamp": "1"},
        signed(ONE, at=NOW - timedelta(minutes=5, seconds=1)),
        signed(ONE, at=NOW + timedelta(minutes=5, seconds=1)),
        signed() | {"webhook-signature": "v1a,not-base64!"},
        signed() | {"webhook-signature": "v1a," + b64encode(b"too short").decode()},
    ],
)
def test_any_other_signature_is_wrong(published: PublishedKeys, headers: dict[str, str]) -> None:
    assert published.check(BODY, headers, now=NOW) == "wrong"


@pytest.mark.parametrize("headers", [{}, {"webhook-signature": "v1,AAAA"}, {"webhook-signature": ""}])
def test_without_v1a_no_key_is_asked_for(published: PublishedKeys, relay: Relay, headers: dict[str, str]) -> None:
    assert published.check(BODY, headers, now=NOW) == "none"
    assert relay.paths == []


def test_keys_are_fetched_once_and_again_when_nothing_verifies(published: PublishedKeys, relay: Relay, times: list[float]) -> None:
    for _ in range(3):
        published.check(BODY, signed(ONE), now=NOW)
    assert relay.paths == ["/.well-known/jwks.json"]
    relay.publishes([OTHER])
    assert published.check(BODY, signed(OTHER), now=NOW) == "wrong"
    times.append(10.0)
    assert published.check(BODY, signed(OTHER), now=NOW) == "verified"
    assert len(relay.paths) == 2


@pytest.mark.parametrize(
    "content", ["no object", {}, {"keys": {}}, {"keys": []}, {"keys": [{"kty": "RSA"}, 1]}, {"keys": [{"crv": "Ed25519", "x": "AA"}]}]
)
def test_where_no_keys_are_published_nothing_is_judged(published: PublishedKeys, relay: Relay, content: Any) -> None:
    relay.content = content
    assert published.check(BODY, signed(ONE), now=NOW) == "unchecked"


def test_keys_stay_while_the_relay_does_not_answer(published: PublishedKeys, relay: Relay, times: list[float]) -> None:
    assert published.check(BODY, signed(ONE), now=NOW) == "verified"
    relay.content = "down"
    times.append(10.0)
    assert published.check(BODY, signed(OTHER), now=NOW) == "wrong"
    assert published.check(BODY, signed(ONE), now=NOW) == "verified"


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1"])
def test_without_a_relay_nothing_is_judged(url: str) -> None:
    assert PublishedKeys(url).check(BODY, signed(ONE), now=NOW) == "unchecked"


def test_a_receiver_shows_what_the_keys_say_and_refuses_nothing_for_it(relay: Relay) -> None:
    receiver = Receiver(relay_url=relay.url, now=lambda: NOW)
    right, wrong = (receiver.take("/", signed(each), BODY) for each in (ONE, OTHER))
    receiver.stop()
    assert (right.status, right.v1a, right.signature, right.as_json()["v1a"]) == (200, "verified", "none", "verified")
    assert (wrong.status, wrong.v1a) == (200, "wrong")
    assert "signature none  v1a verified" in right.as_line()


def test_a_receiver_with_a_secret_refuses_what_only_the_relay_s_key_has_signed(relay: Relay) -> None:
    receiver = Receiver(relay_url=relay.url, secret=SECRET, now=lambda: datetime.now(UTC))
    at = datetime.now(UTC)
    v1 = sign_v1(SECRET, "msg_1", at, BODY)
    only_v1a = signed(ONE, at=at)
    both = {**only_v1a, "webhook-signature": f"{v1} {only_v1a['webhook-signature']}"}
    refused, accepted = receiver.take("/", only_v1a, BODY), receiver.take("/", both, BODY)
    receiver.stop()
    assert (refused.status, refused.signature, refused.v1a) == (401, "none", "verified")
    assert (accepted.status, accepted.signature, accepted.v1a) == (200, "verified", "verified")


def test_the_first_wrong_v1a_is_explained(capsys: pytest.CaptureFixture[str], relay: Relay) -> None:
    receiver = Receiver(relay_url=relay.url, now=lambda: NOW, on_notification=Printer(relay.url))
    for each in (ONE, OTHER, OTHER):
        receiver.take("/", signed(each), BODY)
    receiver.stop()
    right, wrong, hint, again = capsys.readouterr().out.splitlines()
    assert ["v1a verified" in right, "v1a wrong" in wrong, "v1a wrong" in again] == [True, True, True]
    assert f"{relay.url}/.well-known/jwks.json" in hint
    assert "--relay URL" in hint
