"""Headers of a client's own on the POSTs to its receiver: which ones may be named.

Not what describes the connection or the body, and not what the relay says itself: a receiver must be able to believe those.
Source: RFC 9110 §5.1 and §7.6.1.
"""

import re

from relay.domain.fields import Fields

MAX_HEADERS = 20
MAX_NAME_LENGTH = 128
MAX_VALUE_LENGTH = 4096
MAX_BYTES = 8192  # of all names and values together

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "via"})
_OURS = frozenset({"host", "user-agent", "date", "accept-encoding", "traceparent", "tracestate"})
RESERVED = _HOP_BY_HOP | _OURS
RESERVED_PREFIXES = ("content-", "proxy-", "webhook-", "x-webhook-", "a2a-", "x-a2a-")


def is_allowed(name: str) -> bool:
    """Whether a client may choose the value of the header of that name; in any case of letters."""
    lowered = name.lower()
    is_name = len(name) <= MAX_NAME_LENGTH and bool(_NAME.fullmatch(name))
    return is_name and lowered not in RESERVED and not lowered.startswith(RESERVED_PREFIXES)


def is_free(name: str) -> bool:
    """Whether an operator may have something of the relay's told under that name, which then means nothing else."""
    lowered = name.lower()
    is_theirs = lowered.startswith("x-webhook-") and lowered != "x-webhook-token" and bool(_NAME.fullmatch(name))
    return is_theirs or (is_allowed(name) and lowered not in ("authorization", "cookie"))


def read_headers(given: Fields | None) -> tuple[tuple[str, str], ...]:
    """The headers of an object of names and values. Raises: InvalidParamsError naming the header, never quoting its value."""
    if given is None:
        return ()
    names = list(given.document)
    if len(names) > MAX_HEADERS:
        raise given.error(names[MAX_HEADERS][:MAX_NAME_LENGTH], f"is one header too many: {MAX_HEADERS} are allowed")
    found = tuple((name, _value(given, name)) for name in names)
    if len({name.lower() for name in names}) < len(names):
        raise given.error(names[-1], "or another header is named twice")
    if sum(len(name) + len(value) for name, value in found) > MAX_BYTES:
        raise given.error(names[-1], f"and the other headers are more than {MAX_BYTES} bytes")
    return found


def _value(given: Fields, name: str) -> str:
    if not is_allowed(name):
        raise given.error(name[:MAX_NAME_LENGTH], "is no header that a client may set")
    if not given.document[name]:
        raise given.error(name, "must be a string that is not empty")
    return given.header_value(name, max_length=MAX_VALUE_LENGTH)
