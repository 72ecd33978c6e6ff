"""As whom the relay signs: its own ed25519 keys, which anyone can check, and the documents made with them.

Every notification carries a `v1a` signature of each live key (`domain/notification.py`); the public keys are a JWK Set; the receiver of a
push config with scheme Bearer and no credentials is shown a JWT. What a key signs for one cannot pass for the other: the signed part of a
JWS has one dot in it, that of `v1a` two or more. What signs is handed in; ed25519 needs no randomness, so all of this stays pure.

Source: RFC 7517 and 8037 (JWK Set, OKP keys), RFC 7638 (thumbprint), RFC 7515 and 7519 (JWS, JWT); A2A's guide "Streaming & Asynchronous
Operations", "Example: asymmetric keys (JWT + JWKS)", for the claims.
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relay.domain.task import Json

JWKS_PATH = "/.well-known/jwks.json"
JWKS_MAX_AGE = timedelta(minutes=5)  # as long as a process keeps the secret: a replaced key takes no longer for the one than for the other
JWT_LIFETIME = timedelta(minutes=5)  # what Standard Webhooks' libraries grant a timestamp


@dataclass(frozen=True)
class SigningKey:
    """One live ed25519 key: its public half (32 bytes), and what signs with the other."""

    public: bytes
    sign: Callable[[bytes], bytes] = field(repr=False, compare=False)

    @property
    def id(self) -> str:
        """The public key's thumbprint: the same in every process, another for any other key."""
        return _base64url(hashlib.sha256(_compact(_required_members(self))).digest())


@dataclass(frozen=True)
class Signer:
    """The live keys, the current one first; more than one while a key is being replaced, none when the relay has no key of its own.

    `issuer` is the relay's public base URL; empty where nobody knows it.
    """

    keys: tuple[SigningKey, ...] = ()
    issuer: str = ""


NO_SIGNER = Signer()


def jwks(signer: Signer) -> Json:
    """The JWK Set of all live public keys, in their order."""
    return {"keys": [{**_required_members(key), "kid": key.id, "use": "sig", "alg": "EdDSA"} for key in signer.keys]}


def notification_jwt(signer: Signer, *, webhook_id: str, task_id: str, audience: str, issued_at: datetime, body: bytes) -> str:
    """Five minutes' proof, by the current key, that the issuer tells this audience this body about this task.

    `jti` is the webhook-id: the same on every retry. Without an issuer that is known, `iss` is left out. Raises: IndexError without a key.
    """
    seconds = int(issued_at.timestamp())
    claims: Json = {
        **({"iss": signer.issuer} if signer.issuer else {}),
        "aud": audience,
        "iat": seconds,
        "exp": seconds + int(JWT_LIFETIME.total_seconds()),
        "jti": webhook_id,
        "taskId": task_id,
        "request_body_sha256": hashlib.sha256(body).hexdigest(),
    }
    key = signer.keys[0]
    return jws({"alg": "EdDSA", "typ": "JWT", "kid": key.id}, _compact(claims), key.sign)


def jws(header: Json, payload: bytes, sign: Callable[[bytes], bytes]) -> str:
    """JWS, compact serialization."""
    signed = f"{_base64url(_compact(header))}.{_base64url(payload)}"
    return f"{signed}.{_base64url(sign(signed.encode('ascii')))}"


def _required_members(key: SigningKey) -> Json:
    """What a thumbprint is taken of, in the order of RFC 7638."""
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(key.public)}


def _compact(document: Json) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
