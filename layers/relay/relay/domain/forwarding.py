"""Which headers of a call go on to the agent, and whose credential with them (design §7)."""

import hashlib
import re
from collections.abc import Iterable, Mapping

from relay.domain.errors import InvalidRequestError
from relay.domain.task import ProtocolVersion

VERSION_HEADER = "a2a-version"
UPSTREAM_AUTHORIZATION = "x-upstream-authorization"

Headers = tuple[tuple[str, str], ...]

EXTENSIONS_HEADER = "a2a-extensions"
_EXTENSIONS = {ProtocolVersion.V10: EXTENSIONS_HEADER, ProtocolVersion.V03: "x-a2a-extensions"}
CREDENTIAL_LENGTH = 16  # characters from which on a text is looked for as a credential: a shorter one may be a word of anybody's

_PASSED_ON = (*_EXTENSIONS.values(), "traceparent")
_VALUE = re.compile(r"[!-~](?:[ -~\t]*[!-~])?")  # RFC 9110 §5.5, without the obsolete bytes above ASCII


def caller_credential(incoming: Mapping[str, str]) -> Headers:
    """The caller's own credential for the agent, from `X-Upstream-Authorization`; empty when it brought none.

    Raises: InvalidRequestError when no header could carry it.
    """
    credential = _lowered(incoming).get(UPSTREAM_AUTHORIZATION, "").strip()
    if credential and not _VALUE.fullmatch(credential):
        raise InvalidRequestError("X-Upstream-Authorization must be printable ASCII.")
    return (("authorization", credential),) if credential else ()


def fingerprint(credential: Headers) -> str:
    """Tells callers apart that bring a credential of their own for the agent; empty for those who come with the operator's."""
    return hashlib.sha256(repr(credential).encode()).hexdigest() if credential else ""


def credential_for(incoming: Mapping[str, str], operators: Headers) -> Headers:
    """The caller's credential if it brought one, else the operator's; never both. Raises: InvalidRequestError."""
    return caller_credential(incoming) or operators


def passed_on(incoming: Mapping[str, str]) -> dict[str, str]:
    """The headers of a call that may go on to an agent, whatever its version: for a call that is made later."""
    given = _lowered(incoming)
    return {name: given[name] for name in _PASSED_ON if name in given}


def forwarded_headers(
    incoming: Mapping[str, str], credential_headers: Iterable[tuple[str, str]], version: ProtocolVersion
) -> dict[str, str]:
    """Exactly what the agent gets of a call's headers, named in lower case: its own version, the extensions, `traceparent`, a credential.

    The caller's `Authorization` is a relay key and never goes on. Extensions that a caller names
    in the other version's header are there under the agent's name for it, too.
    """
    given = _lowered(incoming)
    if extensions := next((given[name] for name in _EXTENSIONS.values() if name in given), None):
        given.setdefault(_EXTENSIONS[version], extensions)
    passed_on = {name: given[name] for name in _PASSED_ON if name in given and _VALUE.fullmatch(given[name])}
    return {VERSION_HEADER: version.value, **passed_on, **{name.lower(): value for name, value in credential_headers}}


def credential_texts(credential_headers: Headers) -> frozenset[str]:
    """What an agent's answer is told on without: each credential of the operator's whole, and what follows its scheme.

    Not the caller's own: with one that it makes up, a caller could blot out any part of a task.
    """
    texts = {text for _, value in credential_headers for text in (value, value.partition(" ")[2])}
    return frozenset(text for text in texts if len(text) >= CREDENTIAL_LENGTH)


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
