"""The public keys of a relay, fetched from its JWK Set, and what they say of a `v1a` signature.

Source: Standard Webhooks 1.0.0, "Signature scheme" (`v1a`); RFC 8037 (OKP keys).
"""

import binascii
import json
import threading
import time
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from relay.domain.signer import JWKS_PATH
from relay_dev.received import V1A, SignatureCheck

TOLERANCE = timedelta(minutes=5)  # of Standard Webhooks' own libraries
_TIMEOUT_SECONDS = 2.0
_REFETCH_SECONDS = 10.0  # a key may be new, a relay may have come up; but not every notification asks


class PublishedKeys:
    """Fetched when first needed, and again when nothing verifies; without a URL, or while nothing can be fetched, nothing is judged."""

    def __init__(self, relay_url: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = f"{relay_url.rstrip('/')}{JWKS_PATH}" if relay_url else ""
        self._monotonic = monotonic
        self._keys: tuple[Ed25519PublicKey, ...] = ()
        self._fetched_at: float | None = None
        self._fetching = threading.Lock()

    def check(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> SignatureCheck:
        """`none` when there is no `v1a`, `wrong` when no published key made it, or not within the last five minutes."""
        signatures = [token.removeprefix(V1A) for token in headers.get("webhook-signature", "").split(" ") if token.startswith(V1A)]
        if not signatures:
            return "none"
        webhook_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        signed = f"{webhook_id}.{timestamp}.".encode() + body
        if self._verifies(signatures, signed):
            return "verified" if _is_recent(timestamp, now) else "wrong"
        return "wrong" if self._keys else "unchecked"

    def _verifies(self, signatures: Iterable[str], signed: bytes) -> bool:
        decoded = [signature for each in signatures if (signature := _decoded(each))]
        tried = self._keys
        return _made_by_one(tried, decoded, signed) or (self._fetch(tried) and _made_by_one(self._keys, decoded, signed))

    def _fetch(self, tried: tuple[Ed25519PublicKey, ...]) -> bool:
        """Whether there are other keys than those that were tried; those from before stay while the relay does not answer."""
        with self._fetching:
            if self._keys is not tried:  # another thread has fetched while this one waited
                return True
            is_early = self._fetched_at is not None and self._monotonic() - self._fetched_at < _REFETCH_SECONDS
            if not self._url or is_early:
                return False
            self._fetched_at = self._monotonic()
            try:
                with httpx.Client(trust_env=False, timeout=_TIMEOUT_SECONDS) as client:
                    answer = client.get(self._url).raise_for_status()
                found = tuple(_public_keys(answer.content))
            except (httpx.HTTPError, ValueError):
                return False
            self._keys = found or self._keys
            return bool(found)


def _public_keys(jwks: bytes) -> Iterable[Ed25519PublicKey]:
    """Raises: ValueError when it is no JSON, or a key is none."""
    document = json.loads(jwks)
    keys = document.get("keys") if isinstance(document, dict) else None
    for key in keys if isinstance(keys, list) else []:
        if isinstance(key, dict) and key.get("crv") == "Ed25519" and isinstance(key.get("x"), str):
            yield Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4)))


def _made_by_one(keys: Iterable[Ed25519PublicKey], signatures: Iterable[bytes], signed: bytes) -> bool:
    """One good signature of one known key is enough: during a rotation each live key makes one."""
    return any(_verifies(key, signature, signed) for key in keys for signature in signatures)


def _verifies(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _decoded(signature: str) -> bytes:
    try:
        return b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _is_recent(timestamp: str, now: datetime) -> bool:
    return timestamp.isascii() and timestamp.isdigit() and abs(now.timestamp() - int(timestamp[:12])) <= TOLERANCE.total_seconds()
