"""Which host a card may lead the relay to: the one the operator has named, or one below it; the credential goes where the call goes."""

from ipaddress import IPv4Address, IPv4Network, ip_address
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.addresses import literal
from relay.domain.endpoint import endpoints, rpc_endpoint
from relay.domain.errors import InvalidAgentResponseError

CARD_URL = "https://a.example/.well-known/agent-card.json"
PRIVATE = [
    IPv4Network(network) for network in ("127.0.0.0/8", "10.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "100.64.0.0/10", "0.0.0.0/8")
]

PRIVATE_HOSTS = [
    "127.1",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "017700000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "10.0.0.5",
    "0xa.5",
    "192.168.1.1",
    "169.254.169.254",
    "2852039166",
    "100.100.100.200",
    "0",
    "[::1]",
    "[::]",
    "[::ffff:10.0.0.5]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "LOCALHOST.",
    "a.localhost",
]
OTHER_HOSTS = [
    "attacker.example",
    "1.1.1.1",
    "16843009",
    "[2606:4700:4700::1111]",
    "ba.example",
    "a.example.attacker.example",
    "example",
    "metadata.google.internal",
    "agent",
    "attacker.example\\.a.example",
    "attacker.example%2f.a.example",
    "1.2.3.4.5",
    "09.1",
    "127.0.0.256",
]


def called(url: str, card_url: str = CARD_URL) -> str | None:
    return next((endpoint.url for endpoint in endpoints({"name": "A", "url": url, "capabilities": {}}, card_url).values()), None)


@pytest.mark.parametrize(
    "host",
    PRIVATE_HOSTS,
)
def test_an_address_of_a_private_network_moves_to_the_operators_host_however_it_is_spelled(host: str) -> None:
    assert called(f"https://{host}:8080/admin") == "https://a.example/admin"
    assert called(f"http://{host}:8080/admin", "http://a.example:9000/.well-known/agent.json") == "http://a.example:9000/admin"


@pytest.mark.parametrize(
    "host",
    OTHER_HOSTS,
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_card_leads_to_no_other_host(host: str, scheme: str) -> None:
    url = f"{scheme}://{host}/steal"
    for card_url in (CARD_URL, CARD_URL.replace("https", "http")):
        assert called(url, card_url) is None
        with pytest.raises(InvalidAgentResponseError, match="register the agent with the URL"):
            rpc_endpoint({"name": "A", "url": url}, card_url)


def test_another_interface_takes_the_place_of_the_one_on_another_host() -> None:
    away, at_home = ({"url": f"https://{host}/rpc", "protocolBinding": "JSONRPC"} for host in ("attacker.example", "a.example"))
    assert rpc_endpoint({"supportedInterfaces": [away, at_home]}, CARD_URL).url == "https://a.example/rpc"


@pytest.mark.parametrize(
    ("url", "card_url", "expected"),
    [
        ("https://A.example:8443/x", CARD_URL, "https://a.example:8443/x"),
        ("https://a.example./x", CARD_URL, "https://a.example/x"),
        ("https://rpc.a.example:8443/x", CARD_URL, "https://rpc.a.example:8443/x"),
        ("https://user:pass@rpc.a.example/x", CARD_URL, "https://rpc.a.example/x"),
        ("http://rpc.a.example/x", CARD_URL, None),
        ("//a.example/x", CARD_URL, "https://a.example/x"),
        ("//attacker.example/x", CARD_URL, None),
        ("https://attacker.example@a.example/x", CARD_URL, "https://a.example/x"),
        ("https://a.example@attacker.example/x", CARD_URL, None),
        ("http://10.0.0.5:8080/rpc", "http://10.0.0.5/.well-known/agent.json", "http://10.0.0.5:8080/rpc"),
        ("http://0xa.5:8080/rpc", "http://10.0.0.5/.well-known/agent.json", "http://10.0.0.5:8080/rpc"),
        ("http://10.0.0.6:8080/rpc", "http://10.0.0.5/.well-known/agent.json", "http://10.0.0.5/rpc"),
        ("http://[fd00:0::1]:8080/rpc", "http://[fd00::1]/.well-known/agent.json", "http://[fd00::1]:8080/rpc"),
        ("http://x.10.0.0.5/rpc", "http://10.0.0.5/.well-known/agent.json", None),
        ("https://bücher.example/x", "https://bücher.example/.well-known/agent.json", "https://bücher.example/x"),
    ],
)
def test_ports_and_paths_of_the_operators_host_and_hosts_below_it_are_the_agents_choice(
    url: str, card_url: str, expected: str | None
) -> None:
    assert called(url, card_url) == expected


def spelled(address: IPv4Address, parts: int, bases: tuple[str, ...]) -> str:
    """As inet_aton takes it: `parts` numbers, the last one of all that is left, each in its own base."""
    value, left = int(address), 4 - parts
    numbers = [value >> 8 * (3 - place) & 255 for place in range(parts - 1)] + [value & (1 << 8 * (left + 1)) - 1]
    return ".".join(
        {"x": f"0x{number:x}", "X": f"0X{number:X}", "o": f"0{number:o}", "d": str(number)}[base]
        for number, base in zip(numbers, bases, strict=False)
    )


addresses = (
    st.sampled_from(PRIVATE).flatmap(lambda network: st.ip_addresses(network=network)).map(lambda address: IPv4Address(int(address)))
)
in_bases = st.tuples(*[st.sampled_from("xXod")] * 4)


@given(addresses, st.integers(1, 4), in_bases)
def test_no_spelling_of_a_private_address_is_called(address: IPv4Address, parts: int, bases: tuple[str, ...]) -> None:
    host = spelled(address, parts, bases)
    assert literal(host) == address
    assert called(f"http://{host}:8080/x", "http://a.example/.well-known/agent.json") == "http://a.example/x"


@given(st.text(alphabet="aé./\\@:%[]?#0x1 \t", max_size=30), st.sampled_from(["http://", "https://", "//", ""]))
def test_whatever_a_card_says_the_call_goes_to_the_operators_host_or_below_it(said: str, scheme: str) -> None:
    url = called(scheme + said)
    host = urlsplit(url).hostname if url else None
    assert host is None or host == "a.example" or host.endswith(".a.example")


@given(st.ip_addresses())
def test_an_address_in_its_usual_form_is_read_as_it_is(address: object) -> None:
    assert literal(str(address)) == ip_address(str(address))
