"""The vectors of RFC 8032, 8037 and 7638, and a stock JWT library, judge what the relay signs."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.signer import NO_SIGNER, Signer, SigningKey, jwks, jws, notification_jwt

# RFC 8032 §7.1, TEST 1, is also the key of RFC 8037, Appendix A.
VECTOR_SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
VECTOR_PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
VECTOR_SIGNATURE_OF_NOTHING = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)
VECTOR_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"

NOW = datetime(2026, 11, 20, 12, 0, 30, 900_000, tzinfo=UTC)
BODY = '{"task":{"id":"Grüße"}}'.encode()


def key(seed: bytes = VECTOR_SEED) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return SigningKey(public=private.public_key().public_bytes_raw(), sign=private.sign)


def token(*keys: SigningKey, issuer: str = "https://relay.example", issued_at: datetime = NOW, task_id: str = "task-1") -> str:
    signer = Signer(keys or (key(),), issuer=issuer)
    return notification_jwt(
        signer, webhook_id="msg_1", task_id=task_id, audience="https://receiver.example", issued_at=issued_at, body=BODY
    )


def claims(encoded: str) -> dict[str, Any]:
    payload = encoded.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def test_a_key_is_that_of_rfc_8032() -> None:
    assert (key().public, key().sign(b"")) == (VECTOR_PUBLIC, VECTOR_SIGNATURE_OF_NOTHING)


def test_key_id_is_the_thumbprint_of_rfc_8037() -> None:
    assert key().id == VECTOR_THUMBPRINT


def test_nothing_but_the_padding_is_taken_from_base64url() -> None:
    assert jws({}, b"\x00\x00\x17", lambda signed: b"\x17") == "e30.AAAX.Fw"
    assert jws({}, b"", lambda signed: signed) == "e30..ZTMwLg"


def test_jws_is_that_of_rfc_8037() -> None:
    assert jws({"alg": "EdDSA"}, b"Example of Ed25519 signing", key().sign) == (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )


def test_a_public_key_is_told_as_a_jwk_that_only_verifies() -> None:
    assert jwks(Signer((key(),))) == {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "kid": VECTOR_THUMBPRINT,
                "use": "sig",
                "alg": "EdDSA",
            }
        ]
    }


def test_all_live_keys_are_told_the_current_one_first() -> None:
    one, other = key(b"1" * 32), key(b"2" * 32)
    assert [each["kid"] for each in jwks(Signer((one, other)))["keys"]] == [one.id, other.id]


def test_a_signer_without_keys_tells_an_empty_set() -> None:
    assert jwks(NO_SIGNER) == {"keys": []}


def test_a_key_s_private_half_is_not_in_its_repr() -> None:
    assert "sign" not in repr(Signer((key(),)))


def test_stock_library_verifies_the_jwt_by_the_key_that_its_header_names() -> None:
    current, other = key(b"1" * 32), key(b"2" * 32)
    keys = jwt.PyJWKSet.from_dict(dict(jwks(Signer((current, other)))))
    encoded = token(current, other, issued_at=datetime.now(UTC))
    named = jwt.get_unverified_header(encoded)["kid"]
    found = jwt.decode(encoded, keys[named], algorithms=["EdDSA"], audience="https://receiver.example", issuer="https://relay.example")
    assert found["taskId"] == "task-1"


def test_stock_library_refuses_the_jwt_by_another_key() -> None:
    (other,) = jwt.PyJWKSet.from_dict(dict(jwks(Signer((key(b"2" * 32),))))).keys
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token(issued_at=datetime.now(UTC)), other, algorithms=["EdDSA"], audience="https://receiver.example")


def test_stock_library_refuses_the_jwt_after_five_minutes() -> None:
    (known,) = jwt.PyJWKSet.from_dict(dict(jwks(Signer((key(),))))).keys
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(
            token(issued_at=datetime.now(UTC) - timedelta(minutes=5)), known, algorithms=["EdDSA"], audience="https://receiver.example"
        )


def test_the_jwt_says_who_tells_whom_what_and_until_when() -> None:
    assert claims(token()) == {
        "iss": "https://relay.example",
        "aud": "https://receiver.example",
        "iat": 1795176030,
        "exp": 1795176030 + 300,
        "jti": "msg_1",
        "taskId": "task-1",
        "request_body_sha256": hashlib.sha256(BODY).hexdigest(),
    }


def test_the_header_of_the_jwt_says_what_it_is() -> None:
    assert jwt.get_unverified_header(token()) == {"alg": "EdDSA", "typ": "JWT", "kid": VECTOR_THUMBPRINT}


@pytest.mark.parametrize("last", range(256))
def test_base64url_of_a_jws_loses_its_padding_and_nothing_else(last: int) -> None:
    encoded = jws({}, bytes([last]), lambda _: bytes([last, last])).split(".")
    assert [base64.urlsafe_b64decode(part + "==") for part in encoded] == [b"{}", bytes([last]), bytes([last, last])]


def test_the_first_key_makes_the_jwt() -> None:
    one, other = key(b"1" * 32), key(b"2" * 32)
    assert [jwt.get_unverified_header(token(*keys))["kid"] for keys in ((one, other), (other, one))] == [one.id, other.id]


def test_an_issuer_that_nobody_knows_is_left_out() -> None:
    assert "iss" not in claims(token(issuer=""))


@given(st.text(st.characters(), max_size=50))
def test_the_jwt_is_a_header_value_whatever_the_task_is_called(task_id: str) -> None:
    encoded = token(task_id=task_id)
    assert encoded.replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert encoded.isascii()
    assert claims(encoded)["taskId"] == task_id
