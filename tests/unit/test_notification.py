import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from relay.domain import notification
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.push_config import Authentication, Dialect, PushConfig, Updates
from relay.domain.signer import Signer, SigningKey
from relay.domain.task import Ending, ProtocolVersion, Revision, Snapshot, View
from relay.domain.update_events import event_since, fingerprint

KEY = ConfigKey(TaskKey("owner", "default", "", "task-1"), "config-1")
NOW = datetime(2026, 11, 20, 12, 0, 30, 900_000, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()

# Standard Webhooks 1.0.0, "Signature scheme": the specification's own example
VECTOR_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
VECTOR_TIME = datetime.fromtimestamp(1614265330, UTC)
VECTOR_BODY = b'{"test": 2432232314}'
VECTOR_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

# Svix's and Standard Webhooks' own test of the asymmetric signature: the seed and the public key, over the same id, time and body
VECTOR_KEYPAIR = base64.b64decode("6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==")
VECTOR_V1A = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="

parts = st.text(min_size=1, max_size=20)
config_keys = st.builds(ConfigKey, st.builds(TaskKey, parts, parts, st.text(max_size=20), parts), parts)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=3),
    max_leaves=10,
)


def config(dialect: Dialect = Dialect.A2A_V10, *, token: str = "", authentication: Authentication | None = None) -> PushConfig:
    return PushConfig(key=KEY, url="https://receiver.example/hook", dialect=dialect, token=token, authentication=authentication)


def snapshot(**more: Any) -> Snapshot:
    return Snapshot(ProtocolVersion.V10, {"id": "task-1", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}, **more})


def body_of(config: PushConfig, told: Snapshot) -> bytes:
    return notification.body(config, revision(told))


def revision(told: Snapshot) -> Revision:
    return Revision(7, View(told, NOW, NOW, "poll"))


def headers(of: PushConfig, *, body: bytes = b"{}", **more: Any) -> tuple[tuple[str, str], ...]:
    known: dict[str, Any] = {
        "webhook_id": "msg_1",
        "timestamp": NOW,
        "attempt": 1,
        "revision": revision(snapshot()).head,
        "traceparent": "",
    }
    return notification.headers(of, body=body, **(known | more))


def signing_key(seed: bytes = VECTOR_KEYPAIR[:32]) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return SigningKey(public=private.public_key().public_bytes_raw(), sign=private.sign)


SIGNER = Signer((signing_key(),), issuer="https://relay.example")


def test_webhook_id_is_the_same_in_every_release() -> None:
    assert notification.webhook_id(KEY, 7) == "msg_PO6tHc9BOzSQ9mQaXjKyfRkb"


@given(config_keys, st.integers(1, 10**10))
def test_webhook_id_is_a_header_value_without_the_dot_that_separates_what_is_signed(key: ConfigKey, revision: int) -> None:
    found = notification.webhook_id(key, revision)
    assert found.startswith("msg_")
    assert found.removeprefix("msg_").replace("-", "").replace("_", "").isalnum()
    assert found.isascii()


@given(config_keys, config_keys, st.integers(1, 50), st.integers(1, 50))
def test_webhook_ids_are_equal_only_for_the_same_config_and_revision(one: ConfigKey, other: ConfigKey, first: int, second: int) -> None:
    same_id = notification.webhook_id(one, first) == notification.webhook_id(other, second)
    assert same_id == ((one, first) == (other, second))


def test_webhook_id_tells_parts_apart_that_only_join_equally() -> None:
    one = ConfigKey(TaskKey("a", "b", "", "c"), "d")
    other = ConfigKey(TaskKey("a", "b", "c", ""), "d")
    assert notification.webhook_id(one, 1) != notification.webhook_id(other, 1)


def test_a_1_0_body_is_the_task_under_its_name_and_nothing_else() -> None:
    body = json.loads(body_of(config(), snapshot()))
    assert body == {"task": {"id": "task-1", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}}


def test_a_0_3_body_is_the_bare_task_in_0_3() -> None:
    body = json.loads(body_of(config(Dialect.A2A_V03), snapshot()))
    assert (body["id"], body["kind"], body["status"]["state"]) == ("task-1", "task", "working")


def test_body_is_compact_utf_8() -> None:
    body = body_of(config(), snapshot(metadata={"grüße": "日本"}))
    assert '"metadata":{"grüße":"日本"}'.encode() in body


def test_body_has_the_same_bytes_whatever_the_order_of_the_members() -> None:
    document = snapshot(metadata={"a": 1, "b": 2}).document
    turned = dict(reversed(list(document.items()))) | {"metadata": {"b": 2, "a": 1}}
    assert body_of(config(), Snapshot(ProtocolVersion.V10, turned)) == body_of(config(), snapshot(metadata={"a": 1, "b": 2}))


def test_numbers_that_json_does_not_have_become_null() -> None:
    task = json.loads(body_of(config(), snapshot(metadata={"x": float("nan"), "y": [float("-inf")]})))["task"]
    assert task["metadata"] == {"x": None, "y": [None]}


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    task = json.loads(body_of(config(), snapshot(metadata={"x": "a\ud83db", "y": "😀"})))["task"]
    assert task["metadata"] == {"x": "a�b", "y": "😀"}


@given(st.dictionaries(st.text(st.characters(), max_size=5), json_values, max_size=4), st.sampled_from(list(Dialect)))
def test_body_is_always_strict_json_in_utf_8(metadata: dict[str, Any], dialect: Dialect) -> None:
    def refused(constant: str) -> None:
        raise AssertionError(constant)

    body = body_of(config(dialect), snapshot(metadata=metadata))
    json.loads(body.decode("utf-8"), parse_constant=refused)


def test_headers_of_a_plain_1_0_config() -> None:
    assert headers(config()) == (
        ("Content-Type", "application/a2a+json"),
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", "1795176030"),
        ("A2A-Relay-Revision", "7"),
        ("A2A-Relay-Attempt", "1"),
    )


def test_0_3_is_told_as_plain_json() -> None:
    assert dict(headers(config(Dialect.A2A_V03)))["Content-Type"] == "application/json"


def test_token_goes_under_both_names_that_receivers_read() -> None:
    found = dict(headers(config(token="t0ken")))
    assert (found["X-A2A-Notification-Token"], found["A2A-Notification-Token"]) == ("t0ken", "t0ken")


def test_token_and_authorization_do_not_crowd_each_other_out() -> None:
    names = [name for name, _ in headers(config(token="t", authentication=Authentication("Basic", "c")))]
    assert names[:4] == ["Content-Type", "Authorization", "X-A2A-Notification-Token", "A2A-Notification-Token"]


def test_authorization_is_scheme_and_credentials_exactly_as_registered() -> None:
    assert dict(headers(config(authentication=Authentication("bEaReR", "abc==  d"))))["Authorization"] == "bEaReR abc==  d"


@pytest.mark.parametrize("scheme", ["Basic", "Digest", "HMAC-SHA256"])
def test_a_scheme_without_credentials_sends_no_authorization(scheme: str) -> None:
    assert "Authorization" not in dict(headers(config(authentication=Authentication(scheme)), signer=SIGNER))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_bearer_without_credentials_is_shown_a_jwt_for_the_origin_of_its_webhook(scheme: str) -> None:
    scheme_sent, _, encoded = dict(headers(config(authentication=Authentication(scheme)), signer=SIGNER))["Authorization"].partition(" ")
    payload = json.loads(base64.urlsafe_b64decode(encoded.split(".")[1] + "=="))
    assert scheme_sent == "Bearer"
    assert (payload["aud"], payload["taskId"], payload["jti"]) == ("https://receiver.example", "task-1", "msg_1")
    assert (payload["iss"], payload["iat"]) == ("https://relay.example", 1795176030)


def test_bearer_with_credentials_is_sent_them_and_no_jwt() -> None:
    assert dict(headers(config(authentication=Authentication("Bearer", "c")), signer=SIGNER))["Authorization"] == "Bearer c"


def test_bearer_without_credentials_sends_nothing_while_the_relay_has_no_key() -> None:
    assert "Authorization" not in dict(headers(config(authentication=Authentication("Bearer"))))


def test_without_authentication_no_jwt_is_shown() -> None:
    assert "Authorization" not in dict(headers(config(token="t"), signer=SIGNER))


def test_a_signing_secret_signs_and_is_never_sent() -> None:
    found = headers(config(authentication=Authentication("hmac-sha256", SECRET)))
    assert "webhook-signature" in dict(found)
    assert "Authorization" not in dict(found)
    assert not any(SECRET in value or SECRET.removeprefix("whsec_") in value for _, value in found)


def test_hmac_scheme_without_a_secret_signs_nothing() -> None:
    assert "webhook-signature" not in dict(headers(config(authentication=Authentication("HMAC-SHA256"))))


def test_a_token_is_never_a_key() -> None:
    assert "webhook-signature" not in dict(headers(config(token="t" * 32, authentication=Authentication("Bearer", "c" * 32))))


def test_traceparent_is_sent_when_there_is_one() -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert dict(headers(config(), traceparent=parent))["traceparent"] == parent
    assert "traceparent" not in dict(headers(config()))


def test_a_cut_task_and_a_redriven_one_say_so() -> None:
    found = dict(headers(config(), is_truncated=True, is_resent=True))
    assert (found["A2A-Relay-Truncated"], found["A2A-Relay-Redriven"]) == ("true", "true")


def test_what_is_not_given_is_not_sent() -> None:
    """The parts that `headers` has defaults for."""
    found = notification.headers(config(), webhook_id="msg_1", timestamp=NOW, body=b"{}", attempt=1, revision=revision(snapshot()).head)
    assert [name for name, _ in found] == ["Content-Type", "webhook-id", "webhook-timestamp", "A2A-Relay-Revision", "A2A-Relay-Attempt"]


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "naïve", "a\x7fb", "\u2028"])
@pytest.mark.parametrize("place", ["token", "scheme", "credentials"])
def test_what_cannot_be_a_header_is_refused_without_being_quoted(place: str, value: str) -> None:
    authentication = Authentication(value if place == "scheme" else "Bearer", value if place == "credentials" else "c")
    with pytest.raises(ValueError, match="cannot be a header") as raised:
        headers(config(token=value if place == "token" else "", authentication=authentication))
    assert value not in str(raised.value)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^an attempt's time has a zone"):
        headers(config(), timestamp=NOW.replace(tzinfo=None))


def test_signature_of_the_specification_s_vector() -> None:
    assert notification.sign_v1(VECTOR_SECRET, VECTOR_ID, VECTOR_TIME, VECTOR_BODY) == VECTOR_SIGNATURE


def test_asymmetric_signature_of_the_reference_s_vector() -> None:
    assert signing_key().public == VECTOR_KEYPAIR[32:]
    assert notification.sign_v1a(signing_key(), VECTOR_ID, VECTOR_TIME, VECTOR_BODY) == VECTOR_V1A


def test_every_notification_is_signed_by_the_relay_s_key() -> None:
    found = dict(headers(config(), signer=SIGNER, body=VECTOR_BODY, webhook_id=VECTOR_ID, timestamp=VECTOR_TIME))
    assert found["webhook-signature"] == VECTOR_V1A


def test_v1_comes_first_and_one_space_stands_before_each_live_key_s_v1a() -> None:
    other = signing_key(b"2" * 32)
    two_keys = Signer((*SIGNER.keys, other))
    registered = config(authentication=Authentication("HMAC-SHA256", VECTOR_SECRET))
    found = dict(headers(registered, signer=two_keys, body=VECTOR_BODY, webhook_id=VECTOR_ID, timestamp=VECTOR_TIME))
    by_other = notification.sign_v1a(other, VECTOR_ID, VECTOR_TIME, VECTOR_BODY)
    assert found["webhook-signature"] == f"{VECTOR_SIGNATURE} {VECTOR_V1A} {by_other}"


def test_signature_counts_the_seconds_of_the_instant_in_any_zone() -> None:
    elsewhere = VECTOR_TIME.astimezone(timezone(timedelta(hours=9))) + timedelta(microseconds=999_999)
    assert notification.sign_v1(VECTOR_SECRET, VECTOR_ID, elsewhere, VECTOR_BODY) == VECTOR_SIGNATURE


def test_header_and_signature_say_the_same_second() -> None:
    found = dict(headers(config(authentication=Authentication("HMAC-SHA256", SECRET)), body=b"{}"))
    signed = notification.sign_v1(SECRET, found["webhook-id"], datetime.fromtimestamp(int(found["webhook-timestamp"]), UTC), b"{}")
    assert found["webhook-signature"] == signed


@given(st.binary(max_size=80).map(lambda tail: b"24 bytes at the least...." + tail), st.booleans())
def test_stock_verifier_accepts_a_whsec_secret_padded_or_not(key: bytes, padded: bool) -> None:
    secret = "whsec_" + base64.b64encode(key).decode().rstrip("=" if not padded else "")
    assert verified(secret, stock_secret=secret)


def test_padding_alone_is_taken_off_a_whsec_secret() -> None:
    assert notification.signing_key("whsec_" + base64.b64encode(b"k" * 22 + b"\xd7").decode()) == b"k" * 22 + b"\xd7"
    assert notification.signing_key("whsec_XXXX==") == base64.b64decode("XXXX")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: not text.startswith("whsec_")))
def test_stock_verifier_accepts_any_other_secret_as_the_base64_of_its_bytes(secret: str) -> None:
    assert verified(secret, stock_secret="whsec_" + base64.b64encode(secret.encode()).decode())


def test_stock_verifier_refuses_another_secret() -> None:
    with pytest.raises(WebhookVerificationError):
        verified("one secret of enough bytes", stock_secret="whsec_" + base64.b64encode(b"another secret of enough bytes").decode())


def verified(secret: str, *, stock_secret: str) -> bool:
    """Whether the standardwebhooks library, whose clock is the real one, takes our headers, with `v1a` in them, over our body."""
    registered = config(authentication=Authentication("HMAC-SHA256", secret))
    body = body_of(registered, snapshot(metadata={"grüße": "日本"}))
    found = headers(registered, body=body, timestamp=datetime.now(UTC), signer=Signer((signing_key(), signing_key(b"2" * 32))))
    return bool(Webhook(stock_secret).verify(body, dict(found)) == json.loads(body))


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_====", "whsec_not-base64!", "whsec_AAAAA", "whsec_grüße"])
def test_a_secret_that_is_no_key_is_refused_without_being_quoted(secret: str) -> None:
    with pytest.raises(ValueError, match=r"^a (signing|whsec_) secret") as raised:
        notification.signing_key(secret)
    assert raised.value.__cause__ is None
    assert len(secret) < 8 or secret.removeprefix("whsec_") not in str(raised.value)


def test_traceparent_of_the_change_goes_along() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert dict(headers(config(), traceparent=trace))["traceparent"] == trace
    assert "traceparent" not in dict(headers(config()))


def test_an_api_key_goes_in_the_header_that_was_registered_for_it() -> None:
    key = Authentication("ApiKey", json.dumps({"in": "header", "name": "X-My-Key", "value": "secret"}))
    found = dict(headers(config(authentication=key)))
    assert found["X-My-Key"] == "secret"
    assert "Authorization" not in found


@pytest.mark.parametrize("dialect", Dialect)
def test_every_dialect_tells_the_task(dialect: Dialect) -> None:
    assert "task-1" in body_of(config(dialect), snapshot()).decode()


@pytest.mark.parametrize("ending", Ending)
def test_a_header_says_that_nothing_more_may_come_and_why(ending: Ending) -> None:
    assert dict(headers(config(), ending=ending))["A2A-Relay-Ended"] == ending.value
    assert "A2A-Relay-Ended" not in dict(headers(config()))


@pytest.mark.parametrize(
    ("dialect", "version"),
    [
        (Dialect.A2A_V10, ProtocolVersion.V10),
        (Dialect.A2A_V03, ProtocolVersion.V03),
        (Dialect.PRAISONAI, None),
        (Dialect.EVO_AI, None),
        (Dialect.EVO_AI_EVENTS, None),
    ],
)
def test_events_are_told_in_the_versions_of_a2a_to_those_who_wish_for_them(dialect: Dialect, version: ProtocolVersion | None) -> None:
    wishing = replace(config(dialect), updates=Updates.EVENTS)
    assert notification.events_version(wishing) is version
    assert notification.events_version(replace(wishing, updates=Updates.EVERY_REVISION)) is None
    before, told = snapshot(), snapshot(status={"state": "TASK_STATE_COMPLETED"})
    body = notification.body(wishing, revision(told), fingerprint(before, version) if version else None)
    if version:
        assert json.loads(body) == event_since(fingerprint(before, version), told, version)
        assert body != notification.body(wishing, revision(told))
    else:
        assert body == notification.body(config(dialect), revision(told))


def test_what_no_single_event_tells_is_told_as_the_whole_task() -> None:
    wishing = replace(config(), updates=Updates.EVENTS)
    assert json.loads(notification.body(wishing, revision(snapshot())))["task"]["id"] == "task-1"


def test_who_has_not_wished_for_events_is_told_the_task_whatever_is_known_of_it() -> None:
    known = fingerprint(snapshot(), ProtocolVersion.V10)
    told = snapshot(status={"state": "TASK_STATE_COMPLETED"})
    assert notification.body(config(), revision(told), known) == body_of(config(), told)
