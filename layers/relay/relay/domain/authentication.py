"""How the relay shall prove itself to a receiver, as callers say it and as they are told it.

Source: A2A 1.0 `AuthenticationInfo` (`scheme`), A2A 0.3 `PushNotificationAuthenticationInfo` (`schemes`); both forms are taken in both
versions, since a2akit mixes them. Scheme HMAC-SHA256 is the relay's own: its credentials sign (design §7) and are never sent or given back.
"""

from relay.domain.fields import Fields
from relay.domain.push_config import Authentication
from relay.domain.signing_secret import signing_key
from relay.domain.task import Json, ProtocolVersion

MAX_SCHEME_LENGTH = 64
MAX_CREDENTIALS_LENGTH = 8192
MIN_SECRET_BYTES = 24  # Standard Webhooks: a secret has 24 to 64 bytes


def read_authentication(given: Fields | None, version: ProtocolVersion) -> Authentication | None:
    """None when nothing is said, or an object with nothing in it. Raises: InvalidParamsError naming the field, never quoting it."""
    if given is None or not any(given.document.values()):
        return None
    scheme = _scheme(given)
    if not scheme:
        raise given.error("scheme" if version is ProtocolVersion.V10 else "schemes", "is required")
    if Authentication(scheme).is_signing_secret:
        return Authentication(scheme, _signing_secret(given))
    return Authentication(scheme, given.header_value("credentials", max_length=MAX_CREDENTIALS_LENGTH))


def authentication_result(authentication: Authentication | None, version: ProtocolVersion) -> Json | None:
    """The form of the version that asks; credentials are given back, but for a signing secret."""
    if authentication is None:
        return None
    scheme = {"scheme": authentication.scheme} if version is ProtocolVersion.V10 else {"schemes": [authentication.scheme]}
    if authentication.is_signing_secret or not authentication.credentials:
        return scheme
    return {**scheme, "credentials": authentication.credentials}


def _scheme(given: Fields) -> str:
    """Of several schemes the first counts: the credentials are one string, and can fit only one."""
    scheme = given.header_value("scheme", max_length=MAX_SCHEME_LENGTH)
    schemes = given.array("schemes")
    if scheme or not schemes:
        return scheme
    name = given.path_of("schemes").rpartition(".")[2]
    return Fields({f"{name}[0]": schemes[0]}, given.path).header_value(f"{name}[0]", max_length=MAX_SCHEME_LENGTH)


def read_secret(given: Fields, name: str) -> str:
    """A secret that signs; empty when absent. It need not fit a header: it is never sent. Raises: InvalidParamsError."""
    secret = given.text(name, max_length=MAX_CREDENTIALS_LENGTH)
    try:
        if secret:
            signing_key(secret)
    except ValueError:
        raise given.error(name, "begins with whsec_, but what follows is no base64") from None
    return secret


def _signing_secret(given: Fields) -> str:
    secret = read_secret(given, "credentials")
    if len(signing_key(secret) if secret else b"") < MIN_SECRET_BYTES:
        raise given.error("credentials", f"must be a secret of at least {MIN_SECRET_BYTES} bytes for scheme HMAC-SHA256")
    return secret
