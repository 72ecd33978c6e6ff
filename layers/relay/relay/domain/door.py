"""Who may come in: a caller shows a relay key, or is signed by AWS IAM before it gets here; and what it brings for the agent.

Header names are compared without case, as HTTP has them. Keys are compared by their SHA-256 in constant time: the time taken says
nothing about how near a guess was.
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from relay.domain.errors import UnauthenticatedError

UPSTREAM_AUTHORIZATION = "X-Upstream-Authorization"


class ClientAuthentication(StrEnum):
    """How callers prove themselves: a relay key, AWS IAM in front of the function, or (only `relay dev`) not at all."""

    RELAY_KEY = "relay-key"
    IAM = "iam"
    NONE = "none"


def admit(
    authentication: ClientAuthentication,
    headers: Mapping[str, str],
    *,
    expected_keys: Collection[str],
    request_context: Mapping[str, Any],
) -> None:
    """Returns when the caller may come in. `request_context` is API Gateway's, payload format 2.0.

    Raises: UnauthenticatedError; also when no key is expected at all: a relay without a key is closed, not open.
    """
    if authentication is ClientAuthentication.NONE:
        return
    if authentication is ClientAuthentication.IAM:
        if not _is_signed_by_iam(request_context):
            raise UnauthenticatedError("This relay takes requests signed with AWS Signature Version 4 only.")
        return
    if not is_expected(presented_key(headers), expected_keys):
        raise UnauthenticatedError("Show this relay's key as `Authorization: Bearer …` or `X-API-Key`.")


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The relay key in `Authorization: Bearer …`, or else in `X-API-Key`; None when neither holds one."""
    scheme, _, credentials = (_header(headers, "Authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return _header(headers, "X-API-Key")


def is_expected(presented: str | None, expected: Collection[str]) -> bool:
    """Whether the key is one of the expected; an empty one never is. Every expected key is looked at, whichever matches."""
    if not presented:
        return False
    shown = _digest(presented)
    return any([hmac.compare_digest(shown, _digest(key)) for key in expected if key])  # noqa: C419 - a generator would stop at the match


def keys_of(secret: str) -> tuple[str, ...]:
    """The relay keys that a secret holds, separated by white space: two of them while one replaces the other."""
    return tuple(secret.split())


def upstream_authorization(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """The caller's own credential for the agent, as the header the agent gets; None when the caller brings none."""
    credential = _header(headers, UPSTREAM_AUTHORIZATION)
    return ("Authorization", credential) if credential else None


def _is_signed_by_iam(request_context: Mapping[str, Any]) -> bool:
    authorizer = request_context.get("authorizer")
    return isinstance(authorizer, Mapping) and bool(authorizer.get("iam"))


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """The header's value without white space around it; None when it is missing or empty."""
    wanted = name.lower()
    return next((value.strip() for given, value in headers.items() if given.lower() == wanted), None) or None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
