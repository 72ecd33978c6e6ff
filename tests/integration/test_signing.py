"""What the relay signs, checked as a receiver does: through the public keys that the relay itself serves."""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from relay.adapters.secrets import MAX_AGE
from relay_dev.http_event import HttpAnswer
from relay_dev.received import Notification
from relay_dev.runner import Runner
from tests.support.world import World

JWKS_PATH = "/.well-known/jwks.json"
FIRST, SECOND = "1" * 64, "2" * 64
SECRET = "a plain secret of thirty bytes."


@pytest.fixture
def world() -> Iterator[World]:
    with World(PublicUrl="https://relay.example") as world:
        yield world


def keys(world: World) -> list[jwt.PyJWK]:
    return jwt.PyJWKSet.from_dict(json.loads(world.runner.request("GET", JWKS_PATH).body)).keys


def put_texts(world: World, *texts: str) -> None:
    """Makes them the signing secret, and lets the functions' five minutes pass."""
    world.runner.aws.client("secretsmanager").put_secret_value(SecretId="SigningSecret", SecretString=" ".join(texts))
    world.runner.advance(MAX_AGE)


def told(world: World, task_id: str = "task", **config: Any) -> Notification:
    """What a new config is told of a task that ends."""
    task = world.agent.task(task_id)
    world.register(task_id, **config)
    world.settle()
    task.becomes("completed")
    world.advance(10)
    return world.posts()[-1]


def signers(world: World, notification: Notification) -> list[str | None]:
    """The ids of the published keys whose `v1a` it carries, in the order of its header."""
    signed = f"{notification.webhook_id}.{notification.headers['webhook-timestamp']}.".encode() + notification.body
    signatures = [token.removeprefix("v1a,") for token in notification.headers["webhook-signature"].split(" ") if token.startswith("v1a,")]
    return [key.key_id for signature in signatures for key in keys(world) if verifies(key, b64decode(signature, validate=True), signed)]


def verifies(key: jwt.PyJWK, signature: bytes, signed: bytes) -> bool:
    assert isinstance(key.key, Ed25519PublicKey)
    try:
        key.key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def header(answer: HttpAnswer, name: str) -> str:
    return dict(answer.headers)[name]


@pytest.mark.parametrize("path", [JWKS_PATH, f"/agents/default{JWKS_PATH}", f"/agents/nobody{JWKS_PATH}"])
def test_public_keys_are_the_relay_s_at_every_agent_s_address(world: World, path: str) -> None:
    answer = world.runner.request("GET", path)
    (key,) = json.loads(answer.body)["keys"]
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
    assert (answer.status, header(answer, "content-type")) == (200, "application/jwk-set+json")
    assert header(answer, "cache-control") == "public, max-age=300"
    assert answer.body == world.runner.request("GET", JWKS_PATH).body


def test_public_keys_are_open_to_all_and_their_private_halves_to_nobody() -> None:
    with Runner() as closed:  # asks callers for a relay key
        secret = closed.aws.client("secretsmanager").get_secret_value(SecretId="SigningSecret")["SecretString"]
        answer = closed.request("GET", JWKS_PATH)
    assert answer.status == 200
    assert set(json.loads(answer.body)["keys"][0]) == {"kty", "crv", "x", "kid", "use", "alg"}
    assert len(secret) == 64
    assert secret.encode() not in answer.body


def test_public_keys_are_not_posted(world: World) -> None:
    assert world.runner.request("POST", JWKS_PATH).status == 405


def test_a_notification_without_any_secret_verifies_by_the_public_keys(world: World) -> None:
    assert signers(world, told(world)) == [keys(world)[0].key_id]


def test_a_stock_verifier_takes_v1_beside_v1a(world: World) -> None:
    notification = told(world, authentication={"scheme": "HMAC-SHA256", "credentials": SECRET})
    headers = dict(notification.headers)
    assert [token.partition(",")[0] for token in headers["webhook-signature"].split(" ")] == ["v1", "v1a"]
    assert signers(world, notification) == [keys(world)[0].key_id]
    stock = Webhook("whsec_" + b64encode(SECRET.encode()).decode())
    assert stock.verify(notification.body, headers) == json.loads(notification.body)


def test_every_live_key_signs_while_one_is_replaced_and_the_first_makes_the_jwt(world: World) -> None:
    bearer = {"authentication": {"scheme": "Bearer"}}
    put_texts(world, FIRST)
    (first,) = [key.key_id for key in keys(world)]
    put_texts(world, FIRST, SECOND)
    overlap = [key.key_id for key in keys(world)]
    during = told(world, "one", **bearer)
    assert signers(world, during) == overlap
    put_texts(world, SECOND)
    after = told(world, "two", **bearer)
    assert overlap == [first, *(key.key_id for key in keys(world))]
    assert signers(world, after) == overlap[1:]
    assert [jwt.get_unverified_header(encoded(each))["kid"] for each in (during, after)] == overlap


def test_a_retry_is_signed_anew_by_the_keys_of_its_own_time(world: World) -> None:
    put_texts(world, FIRST)
    world.receiver.fail_next(503)
    world.agent.task("task").becomes("completed")
    world.register("task")
    world.settle()
    put_texts(world, SECOND)
    world.settle()
    failed, retried = world.posts()
    assert (failed.webhook_id, failed.body) == (retried.webhook_id, retried.body)
    assert (len(signers(world, failed)), len(signers(world, retried))) == (0, 1)


def test_bearer_without_credentials_is_shown_a_jwt_that_verifies_by_the_public_keys(world: World) -> None:
    notification = told(world, authentication={"scheme": "Bearer"})
    claims = jwt.decode(
        encoded(notification),
        keys(world)[0],
        algorithms=["EdDSA"],
        audience=world.receiver.url,
        issuer="https://relay.example",
        leeway=60,  # the relay's clock was moved on a little
    )
    assert (claims["jti"], claims["taskId"]) == (notification.webhook_id, "task")
    assert claims["request_body_sha256"] == hashlib.sha256(notification.body).hexdigest()
    assert claims["exp"] - claims["iat"] == 300
    assert claims["iat"] == int(notification.headers["webhook-timestamp"])


def encoded(notification: Notification) -> str:
    scheme, _, token = notification.headers["authorization"].partition(" ")
    assert scheme == "Bearer"
    return token


def test_a_jwt_says_no_issuer_where_the_relay_does_not_know_its_address() -> None:
    with World() as unnamed:
        notification = told(unnamed, authentication={"scheme": "Bearer"})
    assert "iss" not in jwt.decode(encoded(notification), options={"verify_signature": False})


def test_signing_secret_is_read_once_in_five_minutes_of_deliveries(world: World) -> None:
    for task_id in ("one", "two", "three"):
        told(world, task_id)
    assert len(world.posts()) >= 3
    assert [each.name for each in world.wire.requests if each.function == "deliver"].count("GetSecretValue") == 1


def test_signing_secret_that_cannot_be_a_key_holds_notifications_back_until_it_is_mended(world: World) -> None:
    put_texts(world, FIRST, "short")
    world.agent.task("task").becomes("completed")
    world.register("task")
    world.settle()
    assert world.posts() == []
    put_texts(world, FIRST)
    world.advance(361)
    assert [signers(world, each) for each in world.posts()] == [[keys(world)[0].key_id]]


def test_nothing_of_the_signing_secret_is_in_what_the_relay_sends_or_keeps(world: World) -> None:
    put_texts(world, FIRST, SECOND)
    notification = told(world, authentication={"scheme": "Bearer"})
    seen = repr(notification.headers) + repr(notification.body) + repr(world.items())
    assert FIRST not in seen
    assert SECOND not in seen
