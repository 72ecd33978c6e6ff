"""Which addresses the relay may dial: public ones only.

`ipaddress.is_global` has changed between Python versions, so own lists stand on top of it: for IPv4 what is refused, for IPv6 what is
allowed (2000::/3 alone is assigned as global unicast) less what is refused within. An IPv4 address wrapped in an IPv6 one is unwrapped
where public receivers use that (mapped, NAT64's 64:ff9b::/96) and refused where none does (6to4, Teredo, ...), whatever it wraps.

Sources: IANA's special-purpose address registries for IPv4 and IPv6 (RFC 6890); AWS, link-local endpoints of Lambda and EC2.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback; on Lambda the Runtime API
        "168.63.129.16/32",  # Azure's platform address, public in form only
        "169.254.0.0/16",  # link-local: metadata of EC2 and ECS, X-Ray daemon
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

# Outside of it: loopback, unspecified, unique local, link-local, site-local, multicast, discard (100::/64), SRv6 (5f00::/16),
# NAT64 for local use (64:ff9b:1::/48) and IPv4-compatible addresses.
_ALLOWED_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3ffe::/16",  # 6bone, given back
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")

_NUMBER = re.compile(r"0x(?P<hex>[0-9a-f]*)|0(?P<octal>[0-7]+)|(?P<decimal>[0-9]+)", re.ASCII | re.IGNORECASE)
_BASES = {"hex": 16, "octal": 8, "decimal": 10}


def is_public(address: str) -> bool:
    """Whether a literal address is a public unicast one; False for what is not an address in its usual form, or has a zone id."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if "%" in address:
        return False
    meant = unwrapped(parsed)
    if isinstance(meant, IPv6Address):
        return _is_public_v6(meant)
    return meant.is_global and not any(meant in network for network in _REFUSED_V4)


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a resolver takes a URL's host for, without brackets, in any of inet_aton's spellings; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        parts = host.split(".")
    numbers = [_number(part) for part in parts]
    *first, last = (-1 if number is None else number for number in numbers)
    room = 256 ** (4 - len(first))  # the last number fills what is left: 127.1 is 127.0.0.1
    if len(first) > 3 or not 0 <= last < room or not all(0 <= number < 256 for number in first):
        return None
    return IPv4Address(sum(number << 8 * (3 - place) for place, number in enumerate(first)) + last)


def _number(text: str) -> int | None:
    match = _NUMBER.fullmatch(text) if len(text) <= 40 else None
    if match is None or match.lastgroup is None:
        return None
    digits = match[match.lastgroup]
    if match.lastgroup == "decimal" and len(digits) > 1 and digits.startswith("0"):
        return None  # 08 is no octal number
    return int(digits or "0", _BASES[match.lastgroup])


def unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that a mapped one, or one of NAT64's, stands for; any other address as it is."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def _is_public_v6(address: IPv6Address) -> bool:
    return address in _ALLOWED_V6 and address.is_global and not any(address in network for network in _REFUSED_V6)
