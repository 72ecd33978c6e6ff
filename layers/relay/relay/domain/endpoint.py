"""Where an agent's card is found, and where, in which version and over which binding it is called.

Source: A2A 1.0 §8 (`supportedInterfaces`, in order of preference), A2A 0.3 §5.5 (`url`, `preferredTransport`, `additionalInterfaces`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from relay.domain.addresses import is_public, literal, unwrapped
from relay.domain.errors import InvalidAgentResponseError
from relay.domain.lenient import mappings, text
from relay.domain.task import Json, ProtocolVersion
from relay.domain.webhook_url import parse_authority

# 0.2's path is still PraisonAI's only one.
WELL_KNOWN_PATHS = ("/.well-known/agent-card.json", "/.well-known/agent.json")

_VERSION = re.compile(r"\s*v?(\d{1,3})(?:\.\d|\s*$)", re.ASCII)
_PREFERENCE = (ProtocolVersion.V10, ProtocolVersion.V03)


class Binding(StrEnum):
    """The bindings that the relay speaks to agents, as cards name them, the preferred one first."""

    JSON_RPC = "JSONRPC"
    HTTP_JSON = "HTTP+JSON"


@dataclass(frozen=True)
class Endpoint:
    """One interface of an agent. `tenant` belongs to it: 1.0 asks that every request sent there carries it."""

    url: str
    version: ProtocolVersion
    tenant: str = ""
    binding: Binding = Binding.JSON_RPC


def card_urls(base_url: str) -> tuple[str, ...]:
    """Where to look for a card, in order; a URL that already is a card's is the only one. The base's path is kept."""
    base = urlsplit(base_url)
    path = base.path.rstrip("/")
    if path.endswith(WELL_KNOWN_PATHS):
        return (base_url,)
    return tuple(urlunsplit(base._replace(path=path + well_known, fragment="")) for well_known in WELL_KNOWN_PATHS)


def endpoints(agent_card: Json, card_url: str = "") -> Mapping[ProtocolVersion, Endpoint]:
    """The endpoint for each version the card offers, the preferred version first; HTTP+JSON only where no JSON-RPC can be called at all.

    Without `card_url` the addresses stay as the card has them. With it, each one leads to the host that the operator has named, for it is
    called with the operator's credential, and a card is only the agent's word: a relative or missing one is resolved against it; one on the
    agent's own machine or network (`localhost`, `0.0.0.0`, 10.0.0.5: what many agents believe their address to be) moves to the host the
    card came from; one on any other host, but for those below that one, is passed over; and none leads from https down to http.
    """
    return next((found for binding in Binding if (found := _endpoints(agent_card, card_url, binding))), {})


def rpc_endpoint(agent_card: Json, card_url: str) -> Endpoint:
    """Where the relay calls the agent. Raises: InvalidAgentResponseError when the card offers nothing that the relay speaks."""
    for endpoint in endpoints(agent_card, card_url).values():
        return endpoint
    if endpoints(agent_card):
        raise InvalidAgentResponseError(
            "The agent's card names no address that can be called on the host that the agent is registered with, and the relay "
            "follows it to no other host: register the agent with the URL that its card names."
        )
    raise InvalidAgentResponseError("The agent's card offers neither JSON-RPC nor HTTP+JSON of A2A 1.0 or 0.3 that can be called.")


def _endpoints(agent_card: Json, card_url: str, binding: Binding) -> Mapping[ProtocolVersion, Endpoint]:
    found: dict[ProtocolVersion, Endpoint] = {}
    for interface in _interfaces(agent_card, binding):
        url = _address(interface.url, card_url) if card_url else interface.url
        if url is not None:
            found.setdefault(interface.version, replace(interface, url=url))
    return {version: found[version] for version in _PREFERENCE if version in found}


def _interfaces(card: Json, binding: Binding) -> Iterator[Endpoint]:
    supported = mappings(card.get("supportedInterfaces"))
    for interface in supported:
        version = _version(text(interface.get("protocolVersion")) or "1.0")
        if version and _is(binding, interface.get("protocolBinding")):
            yield Endpoint(text(interface.get("url")), version, text(interface.get("tenant")), binding)
    if supported and not card.get("protocolVersion"):
        return  # a 1.0 card: what else it may say in 0.3's members is no offer
    version = _version(text(card.get("protocolVersion")) or "0.3")
    if version is None:
        return
    if _is(binding, card.get("preferredTransport") or "JSONRPC"):
        yield Endpoint(text(card.get("url")), version, binding=binding)
    for interface in mappings(card.get("additionalInterfaces")):
        if _is(binding, interface.get("transport")):
            yield Endpoint(text(interface.get("url")), version, binding=binding)


def _is(binding: Binding, said: object) -> bool:
    return text(said).upper() == binding


def _version(version: str) -> ProtocolVersion | None:
    match = _VERSION.match(version)
    return {0: ProtocolVersion.V03, 1: ProtocolVersion.V10}.get(int(match[1])) if match else None


def _address(url: str, card_url: str) -> str | None:
    """The address to call, or None when it should not be called. Credentials in a card's own URL are not taken from it."""
    base_url = _base_url(card_url)
    if not url:
        return base_url
    try:
        card, address = urlsplit(card_url), urlsplit(urljoin(base_url + "/", url))
        named = urlsplit(url)
        host, port = address.hostname or "", address.port
    except ValueError:
        return None
    if address.scheme not in ("http", "https") or not host:
        return None
    if not named.netloc:
        return urlunsplit(address._replace(fragment=""))
    card_host = card.hostname or ""
    is_same_host = _is_same_host(host, card_host)
    if _is_local(host) or (_is_private(host) and not is_same_host):
        return urlunsplit(card._replace(path=_under(urlsplit(base_url).path, address.path), query=address.query, fragment=""))
    if not is_same_host and not _is_below(host, card_host):
        return None
    if card.scheme == "https" and address.scheme == "http":
        return urlunsplit(address._replace(scheme=card.scheme, netloc=card.netloc, fragment="")) if is_same_host else None
    return urlunsplit(address._replace(netloc=_netloc(card_host if is_same_host else host, port), fragment=""))


def _base_url(card_url: str) -> str:
    card: SplitResult = urlsplit(card_url)
    path = card.path
    for well_known in WELL_KNOWN_PATHS:
        path = path.removesuffix(well_known)
    return urlunsplit(card._replace(path=path.rstrip("/"), fragment=""))


def _under(prefix: str, path: str) -> str:
    """A proxy that adds a prefix to the agent's paths is invisible to the agent."""
    is_under = not prefix or path == prefix or path.startswith(prefix + "/")
    return path if is_under else prefix + path


def _is_local(host: str) -> bool:
    """Whether a card's host names the machine that reads it, or its own network segment."""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = literal(name)
    if address is None:
        return False
    address = unwrapped(address)
    return address.is_loopback or address.is_unspecified or address.is_link_local


def _is_private(host: str) -> bool:
    address = literal(host.rstrip("."))
    return address is not None and not is_public(str(address))


def _is_same_host(host: str, other: str) -> bool:
    one, two = host.rstrip("."), other.rstrip(".")
    return one == two or (literal(one) is not None and literal(one) == literal(two))


def _is_below(host: str, other: str) -> bool:
    """Only a plain name, which every parser reads alike."""
    try:
        name, is_address, _ = parse_authority(host)
    except ValueError:
        return False
    return not is_address and name.endswith("." + other.rstrip("."))


def _netloc(host: str, port: int | None) -> str:
    return (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")
