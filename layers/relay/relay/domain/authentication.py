"""How the relay shall prove itself to a receiver, as callers say it and as they are told it.

Source: A2A 1.0 `AuthenticationInfo` (`scheme`), A2A 0.3 `PushNotificationAuthenticationInfo` (`schemes`), Evo AI (`type`, and the secret by
a name of its own); all forms are taken in all dialects, since clients mix them. Scheme HMAC-SHA256 is the relay's own: its credentials sign
(design §7) and are never sent or given back. Scheme ApiKey with `{in, name, value}` as its credentials, in JSON as Evo AI has them, or with
`headerName` beside them, is a header of that name.
"""

import json
from typing import Any

from relay.domain.custom_headers import MAX_NAME_LENGTH, is_allowed
from relay.domain.fields import Fields
from relay.domain.push_config import API_KEY, Authentication
from relay.domain.signing_secret import signing_key
from relay.domain.task import Json, ProtocolVersion

MAX_SCHEME_LENGTH = 64
MAX_CREDENTIALS_LENGTH = 8192
_CREDENTIALS = ("credentials", "token", "apiKey", "key")  # A2A's name for them, then Evo AI's
_USUAL_HEADER = "X-API-Key"
MIN_SECRET_BYTES = 24  # Standard Webhooks: a secret has 24 to 64 bytes


def read_authentication(given: Fields | None, version: ProtocolVersion) -> Authentication | None:
    """None when nothing is said, or an object with nothing in it. Raises: InvalidParamsError naming the field, never quoting it."""
    if given is None or not any(given.document.values()):
        return None
    scheme = _scheme(given)
    if scheme.lower() == "none":  # Evo AI's
        return None
    if not scheme:
        raise given.error("scheme" if version is ProtocolVersion.V10 else "schemes", "is required")
    if Authentication(scheme).is_signing_secret:
        return Authentication(scheme, _signing_secret(given))
    name = next((name for name in _CREDENTIALS if given.value(name)), "credentials")
    credentials = given.header_value(name, max_length=MAX_CREDENTIALS_LENGTH)
    if given.value("headerName") and credentials:
        return _own_header(given, "headerName", given.value("headerName"), credentials)
    return _api_key(given, name, Authentication(scheme, credentials))


def authentication_result(authentication: Authentication | None, version: ProtocolVersion) -> Json | None:
    """The form of the version that asks; credentials are given back, but for a signing secret."""
    if authentication is None:
        return None
    scheme = {"scheme": authentication.scheme} if version is ProtocolVersion.V10 else {"schemes": [authentication.scheme]}
    if authentication.is_signing_secret or not authentication.credentials:
        return scheme
    return {**scheme, "credentials": authentication.credentials}


def evo_ai_result(authentication: Authentication | None) -> Json | None:
    """As `authentication_result`, in Evo AI's form."""
    if authentication is None:
        return None
    if authentication.header:
        name, value = authentication.header
        return {"type": "apiKey", "headerName": name, "apiKey": value}
    secret = {} if authentication.is_signing_secret or not authentication.credentials else {"token": authentication.credentials}
    return {"type": authentication.scheme.lower(), **secret}


def _scheme(given: Fields) -> str:
    """Of several schemes the first counts: the credentials are one string, and can fit only one."""
    scheme = given.header_value("scheme", max_length=MAX_SCHEME_LENGTH)
    schemes = given.array("schemes")
    if not scheme and not schemes:
        return _type(given)
    if scheme:
        return scheme
    name = given.path_of("schemes").rpartition(".")[2]
    return Fields({f"{name}[0]": schemes[0]}, given.path).header_value(f"{name}[0]", max_length=MAX_SCHEME_LENGTH)


def _type(given: Fields) -> str:
    """Evo AI's word for a scheme, as the scheme is written in a header; a header's name alone means its API key."""
    said = given.header_value("type", max_length=MAX_SCHEME_LENGTH) or (API_KEY if given.value("headerName") else "")
    return {"bearer": "Bearer", "basic": "Basic", "apikey": API_KEY, "api_key": API_KEY}.get(said.lower(), said)


def _api_key(given: Fields, name: str, said: Authentication) -> Authentication:
    """Scheme ApiKey: Evo AI's clients say the header in the credentials, or under `apiKey` alone, which goes under the usual name."""
    if not said.is_api_key:
        return said
    if name in ("apiKey", "key"):
        return _own_header(given, name, _USUAL_HEADER, said.credentials)
    document = said.credentials_object
    if document is None:
        return said
    if document.get("in", "header") != "header":
        raise given.error(name, "must say `in`: `header`: a receiver is shown a key in a header only")
    return _own_header(given, name, document.get("name"), document.get("value"))


def _own_header(given: Fields, field: str, name: Any, value: Any) -> Authentication:
    if not isinstance(name, str) or not is_allowed(name):
        raise given.error(field, f"must name a header of at most {MAX_NAME_LENGTH} characters that the relay does not set itself")
    checked = Fields({field: value}, given.path).header_value(field, max_length=MAX_CREDENTIALS_LENGTH)
    if not checked:
        raise given.error(field, "must have a value for its header")
    return Authentication(API_KEY, json.dumps({"in": "header", "name": name, "value": checked}))


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
