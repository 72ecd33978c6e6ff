"""Which URLs may be registered as a webhook, decided from the text alone: nothing is resolved or called here.

The parser knows only the plain form of a URL and refuses everything odd (userinfo, backslashes, percent-encoding in the host, addresses
spelled unlike 192.0.2.1), so that no two parsers, this one and libcurl's, can disagree about the host. Where the name leads is checked
again at every connect (`adapters/webhook`).

Sources: RFC 3986 §3; WHATWG URL, "Host parsing" (a host that ends in a number is an IPv4 address); RFC 6761 and 6762 (special names).
"""

import re
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple

from relay.domain.addresses import is_public
from relay.domain.errors import InvalidParamsError, WebhookHostError

EXEMPTS = "AllowedWebhookHosts"  # the parameter of template.yaml for hosts that are exempt from the rules
MAX_URL_LENGTH = 2048  # characters
_MAX_HOST_LENGTH = 253  # characters of a DNS name
_MAX_PORT = 65535
_DEFAULT_PORTS = {"http": 80, "https": 443}

_PLAIN = re.compile(r"[!-\[\]-~]+", re.ASCII)  # printable ASCII but the backslash, which parsers take for a slash or not
_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/?#]*)(?:[/?#].*)?", re.ASCII | re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?P<port>:[0-9]*)?", re.ASCII)
_PORT = re.compile(r":([1-9][0-9]{0,4})", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)

_PRIVATE_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa")


class _Target(NamedTuple):
    """Where a URL leads: `host` is a lower-case name or an address in its usual form, without brackets."""

    scheme: str
    host: str
    port: int
    is_address: bool


def check_webhook_url(url: object, allowed_hosts: Iterable[str], *, field: str) -> None:
    """Refuses a URL that cannot be a webhook: it must be https and lead to a public address or name.

    `allowed_hosts` (a name, an address, `[v6]`; each may have `:port`) are excepted: for them http and private addresses are accepted too.
    A name that resolves to a private address passes here, and is refused when it is dialled.

    Raises: InvalidParamsError that names `field` and says what is wrong, without the URL; WebhookHostError of a host that could be exempt.
    """
    try:
        target = _parse(url)
    except ValueError as error:
        raise InvalidParamsError(f"The webhook URL {error}.", field=field) from None
    if (problem := _not_public(target)) and not _is_allowed(target, allowed_hosts):
        raise WebhookHostError(f"The webhook URL {problem}.", field=field, parameter=EXEMPTS)


def is_allowed_host(url: str, allowed_hosts: Iterable[str]) -> bool:
    """Whether the operator excepts the URL's host and port from the rules; False for a URL that is none."""
    try:
        return _is_allowed(_parse(url), allowed_hosts)
    except ValueError:
        return False


def origin(url: str) -> str:
    """`scheme://host[:port]` in lower case, the default port left out. Raises: ValueError for an odd URL."""
    target = _parse(url)
    host = f"[{target.host}]" if ":" in target.host else target.host
    port = "" if target.port == _DEFAULT_PORTS[target.scheme] else f":{target.port}"
    return f"{target.scheme}://{host}{port}"


def host_and_port(url: str) -> tuple[str, int]:
    """The host, a lower-case name or an address without brackets, and the port that is meant. Raises: ValueError for an odd URL."""
    target = _parse(url)
    return target.host, target.port


def _parse(url: object) -> _Target:
    """Raises: ValueError that completes the sentence "The webhook URL …"."""
    match = _URL.fullmatch(_plain(url))
    if match is None:
        raise ValueError("must have the form https://host/path")
    scheme = match["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
        raise ValueError("must begin with https://")
    host, is_address, port = parse_authority(match["authority"].lower())
    return _Target(scheme, host, port or _DEFAULT_PORTS[scheme], is_address)


def _plain(url: object) -> str:
    if not isinstance(url, str) or not url:
        raise ValueError("must be a string that is not empty")
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(f"must not be longer than {MAX_URL_LENGTH} characters")
    if not url.isascii():
        raise ValueError("must be ASCII: write the host in punycode (xn--…) and percent-encode the rest")
    if not _PLAIN.fullmatch(url):
        raise ValueError("must not contain spaces, control characters or backslashes")
    return url


def parse_authority(authority: str) -> tuple[str, bool, int | None]:
    """The host, whether it is an address, and the port if there is one."""
    if not authority:
        raise ValueError("has no host")
    if "@" in authority:
        raise ValueError("must not contain a user name or password")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise ValueError("has a host that is neither a name nor an address")
    port = _parse_port(match["port"])
    if match["v6"] is not None:
        return _parse_v6(match["v6"]), True, port
    host, is_address = _parse_host(match["name"])
    return host, is_address, port


def _parse_port(text: str | None) -> int | None:
    if text is None:
        return None
    match = _PORT.fullmatch(text)
    if match is None or int(match[1]) > _MAX_PORT:
        raise ValueError(f"has a port that is not a number from 1 to {_MAX_PORT}")
    return int(match[1])


def _parse_v6(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        raise ValueError("has a host in brackets that is not an IPv6 address") from None


def _parse_host(text: str) -> tuple[str, bool]:
    labels = text.split(".")
    if labels[-1] == "":
        raise ValueError("must not have a host that ends in a dot")
    if _NUMBER.fullmatch(labels[-1]):  # inet_aton takes 127.1, 0x7f.1, 017700000001 and 2130706433 for 127.0.0.1
        return _parse_v4(text), True
    if len(text) > _MAX_HOST_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("has a host that is not a DNS name")
    return text, False


def _parse_v4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except AddressValueError:
        raise ValueError("must have an IPv4 address written as four decimal numbers, as 192.0.2.1") from None


def _not_public(target: _Target) -> str:
    """What completes the sentence "The webhook URL …"; empty for a public host by https."""
    if target.scheme != "https":
        return "must begin with https://"
    if target.is_address:
        return "" if is_public(target.host) else "must not lead to a private or reserved address"
    if "." not in target.host or any(f".{target.host}".endswith(f".{name}") for name in _PRIVATE_NAMES):
        return "must not lead to a name of the local host or a private network"
    return ""


def _is_allowed(target: _Target, allowed_hosts: Iterable[str]) -> bool:
    return any(_admits(entry, target) for entry in allowed_hosts)


def _admits(entry: str, target: _Target) -> bool:
    """An entry that cannot be read admits nothing; one without a port admits every port."""
    text = entry.strip().lower()
    try:
        host, _, port = parse_authority(f"[{text}]" if text.count(":") > 1 and "[" not in text else text)
    except ValueError:
        return False
    return host == target.host and port in (None, target.port)
