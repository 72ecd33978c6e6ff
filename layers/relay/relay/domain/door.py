"""Who may come in: a caller shows a relay key, or is signed by AWS IAM before it gets here; and what it may reach then.

Header names are compared without case, as HTTP has them. Keys are compared by their SHA-256: the time taken says nothing about how near a
guess was.
"""

import hmac
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from relay.domain.errors import AgentNotFoundError, ForbiddenError, UnauthenticatedError
from relay.domain.keys import DEFAULT_OWNER, AgentKey, fits_key
from relay.domain.relay_key import RelayKey, digest_of


class ClientAuthentication(StrEnum):
    """How callers prove themselves: a relay key; to API Gateway, by AWS IAM or a JWT; or (only `relay dev`) not at all."""

    RELAY_KEY = "relay-key"
    IAM = "iam"
    JWT = "jwt"
    NONE = "none"


@dataclass(frozen=True)
class Caller:
    """Who was let in: for which owner, and for which of its agents; empty means all. `key_id` is for the log."""

    owner: str
    agents: frozenset[str] = frozenset()
    key_id: str = ""

    def agent_key(self, agent: str) -> AgentKey:
        """The owner's agent of this name. Another owner's cannot be named at all.

        Raises: AgentNotFoundError when the caller may not use it, as if it did not exist.
        """
        if not fits_key(agent) or (self.agents and agent not in self.agents):
            raise AgentNotFoundError(agent)
        return AgentKey(self.owner, agent)


DEFAULT_CALLER = Caller(DEFAULT_OWNER)  # the first key, IAM, a JWT, and `relay dev` without keys

_GATEWAY_CHECKS = {
    ClientAuthentication.IAM: "requests signed with AWS Signature Version 4",
    ClientAuthentication.JWT: "requests with a token of its issuer",
}


def admit_without_key(authentication: ClientAuthentication, request_context: Mapping[str, Any]) -> Caller:
    """For a relay that asks for no relay key. `request_context` is API Gateway's, payload format 2.0. Raises: UnauthenticatedError."""
    if authentication is ClientAuthentication.NONE:
        return DEFAULT_CALLER
    if authentication in _GATEWAY_CHECKS and _was_checked(request_context, authentication):
        return DEFAULT_CALLER
    raise UnauthenticatedError(f"This relay takes {_GATEWAY_CHECKS.get(authentication, 'no such requests')} only.")


def admit_key(found: RelayKey | None, *, now: datetime) -> Caller:
    """Unknown, revoked (which is unknown) and expired are refused alike. Raises: UnauthenticatedError."""
    if found is None or found.is_expired(now):
        raise UnauthenticatedError("Show this relay's key as `Authorization: Bearer KEY` or `X-API-Key`.")
    return Caller(found.owner, found.agents, found.id)


def admit_reporter(found: Iterable[RelayKey | None], agent: str, *, now: datetime) -> AgentKey:
    """`found` are the report tokens that were shown. One opens its own agent's address only; the answer at any other tells nothing of it.

    Raises: UnauthenticatedError, ForbiddenError.
    """
    tokens = [token for token in found if token is not None and not token.is_expired(now)]
    if not tokens:
        raise UnauthenticatedError("Show this agent's report token: X-A2A-Notification-Token, or Authorization: Bearer TOKEN.")
    owner = next((token.owner for token in tokens if agent in token.agents), None)
    if owner is None:
        raise ForbiddenError("This report token is for another agent's address.")
    return AgentKey(owner, agent)


def presented_tokens(headers: Mapping[str, str]) -> tuple[str, ...]:
    """What may be a report token, in the headers that A2A's SDKs send: Python, JS and Java the first, Go and Rust the second, JS either."""
    _, _, credentials = (_header(headers, "Authorization") or "").partition(" ")
    given = (_header(headers, "X-A2A-Notification-Token"), _header(headers, "A2A-Notification-Token"), credentials.strip())
    return tuple(dict.fromkeys(token for token in given if token))


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The relay key in `Authorization: Bearer …`, or else in `X-API-Key`; None when neither holds one."""
    scheme, _, credentials = (_header(headers, "Authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return _header(headers, "X-API-Key")


def is_expected(presented: str, expected: Collection[str]) -> bool:
    """Whether the key is one of the expected; an empty one never is. Every expected key is looked at, whichever matches."""
    if not presented:
        return False
    shown = digest_of(presented)
    return any([hmac.compare_digest(shown, digest_of(key)) for key in expected if key])  # noqa: C419 - a generator would stop at the match


def keys_of(secret: str) -> tuple[str, ...]:
    """The relay keys that a secret holds, separated by white space: two of them while one replaces the other."""
    return tuple(secret.split())


def _was_checked(request_context: Mapping[str, Any], by: ClientAuthentication) -> bool:
    """Whether API Gateway says that its authorizer of this kind let the request in: a route that lost its authorizer is closed."""
    authorizer = request_context.get("authorizer")
    return isinstance(authorizer, Mapping) and bool(authorizer.get(by.value))


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """The header's value without white space around it; None when it is missing or empty."""
    wanted = name.lower()
    return next((value.strip() for given, value in headers.items() if given.lower() == wanted), None) or None
