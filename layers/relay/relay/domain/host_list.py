"""Hosts as an operator lists them: names, names with all below them, addresses, networks.

An address is compared as a number, whatever its spelling, and an IPv4 one also where IPv6 wraps it (`::ffff:192.0.2.1`,
`64:ff9b::192.0.2.1`): the list that denies 192.0.2.1 denies each way to dial it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from relay.domain.addresses import unwrapped
from relay.domain.webhook_url import parse_authority

_V4_BITS, _V6_BITS = 32, 128


@dataclass(frozen=True)
class _Entry:
    """Either a name, or addresses; without a port it means every port."""

    name: str = ""
    with_subdomains: bool = False
    network: IPv4Network | IPv6Network | None = None
    port: int | None = None

    def has_name(self, name: str) -> bool:
        return bool(self.name) and (name == self.name or (self.with_subdomains and name.endswith(f".{self.name}")))

    def has_address(self, address: IPv4Address | IPv6Address) -> bool:
        return self.network is not None and (address in self.network or unwrapped(address) in self.network)


@dataclass(frozen=True)
class HostList:
    """Empty, it has no host. `parse` makes one from what an operator wrote."""

    entries: tuple[_Entry, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "HostList":
        """`example.com`; `.example.com` or `*.example.com` for it and all names below it; `192.0.2.1`, `[2001:db8::1]`; each may have
        `:port`; `192.0.2.0/24`, `2001:db8::/32`.

        Raises: ValueError naming an entry that is none of these: a list that denies must not lose one in silence.
        """
        return cls(tuple(_entry(text.strip().lower()) for text in texts))

    def __bool__(self) -> bool:
        return bool(self.entries)

    def has(self, host: str, port: int) -> bool:
        """Whether a host is listed: a name in lower case, or an address without brackets."""
        try:
            address = ip_address(host.partition("%")[0])  # a zone id says by which interface, not which address
        except ValueError:
            return any(entry.has_name(host) for entry in self.entries if entry.port in (None, port))
        return any(entry.has_address(address) for entry in self.entries if entry.port in (None, port))


NO_HOSTS = HostList()


def _entry(text: str) -> _Entry:
    try:
        return _Entry(network=_network(text)) if "/" in text else _host(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no host: a name, .name, an address or a network such as 192.0.2.0/24") from error


def _host(text: str) -> _Entry:
    name = text.removeprefix("*").removeprefix(".") if text.startswith((".", "*.")) else text
    host, is_address, port = parse_authority(f"[{name}]" if name.count(":") > 1 and "[" not in name else name)
    if not is_address:
        return _Entry(name=host, with_subdomains=name != text, port=port)
    if name != text:
        raise ValueError("nothing is below an address")
    return _Entry(network=_network(host), port=port)


def _network(text: str) -> IPv4Network | IPv6Network:
    """Of an address, the network of it alone. One of wrapped IPv4 addresses is a network of those."""
    network = ip_network(text, strict=False)
    inner = unwrapped(network.network_address)
    wrapping_bits = _V6_BITS - _V4_BITS
    if isinstance(network, IPv6Network) and isinstance(inner, IPv4Address) and network.prefixlen >= wrapping_bits:
        return IPv4Network((inner, network.prefixlen - wrapping_bits))
    return network
