"""Where an agent's card is looked for; the endpoints in it are tested with the card."""

import pytest

from relay.domain.endpoint import Endpoint, card_urls, endpoints
from relay.domain.task import ProtocolVersion


@pytest.mark.parametrize("base", ["https://agent.example", "https://agent.example/"])
def test_card_is_looked_for_at_both_well_known_paths(base: str) -> None:
    assert card_urls(base) == ("https://agent.example/.well-known/agent-card.json", "https://agent.example/.well-known/agent.json")


def test_path_and_query_of_the_base_are_kept_and_its_fragment_is_not() -> None:
    assert card_urls("https://agent.example/a/b/?k=v#part") == (
        "https://agent.example/a/b/.well-known/agent-card.json?k=v",
        "https://agent.example/a/b/.well-known/agent.json?k=v",
    )


@pytest.mark.parametrize("url", ["https://agent.example/.well-known/agent.json", "https://agent.example/x/.well-known/agent-card.json/"])
def test_url_of_a_card_is_looked_for_nowhere_else(url: str) -> None:
    assert card_urls(url) == (url,)


@pytest.mark.parametrize("version", ["7.0", "new", "2"])
def test_card_of_a_version_that_is_not_known_offers_nothing(version: str) -> None:
    assert endpoints({"protocolVersion": version, "url": "https://agent.example"}) == {}


def test_an_interface_of_another_transport_is_passed_over() -> None:
    grpc = {"transport": "GRPC", "url": "https://grpc.example"}
    rpc = {"transport": "JSONRPC", "url": "https://rpc.example"}
    card = {"protocolVersion": "0.3.0", "url": "https://grpc.example", "preferredTransport": "GRPC", "additionalInterfaces": [grpc, rpc]}
    assert endpoints(card) == {ProtocolVersion.V03: Endpoint("https://rpc.example", ProtocolVersion.V03)}


CARD = "https://agent.example/a/.well-known/agent-card.json"


def called(url: str, card_url: str = CARD) -> str | None:
    found = endpoints({"protocolVersion": "0.3.0", "url": url}, card_url)
    return found[ProtocolVersion.V03].url if found else None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", "https://agent.example/a"),
        ("rpc?k=v#part", "https://agent.example/a/rpc?k=v"),
        ("https://agent.example/rpc?k=v#part", "https://agent.example/rpc?k=v"),
        ("http://localhost:8000/rpc?k=v#part", "https://agent.example/a/rpc?k=v"),
        ("http://127.0.0.1:8000/a/rpc", "https://agent.example/a/rpc"),
        ("http://0.0.0.0/a", "https://agent.example/a"),
        ("http://169.254.1.1/b", "https://agent.example/a/b"),
        ("http://localhost./b", "https://agent.example/a/b"),
        ("http://10.0.0.1./b", "https://agent.example/a/b"),
        ("http://agent.example./b#part", "https://agent.example/b"),
        ("https://agent.example.:8443/b", "https://agent.example:8443/b"),
        ("https://sub.agent.example/b", "https://sub.agent.example/b"),
        ("http://sub.agent.example/b", None),
        ("https://elsewhere.example/b", None),
        ("https://user:secret@agent.example/b", "https://agent.example/b"),
    ],
)
def test_an_address_of_a_card_is_called_where_its_host_is_the_agents(said: str, expected: str | None) -> None:
    assert called(said) == expected


def test_a_dot_at_the_end_of_the_agents_own_host_changes_nothing() -> None:
    card = "https://agent.example./.well-known/agent-card.json"
    assert called("https://sub.agent.example/b", card) == "https://sub.agent.example/b"
    assert called("https://agent.example/b", card) == "https://agent.example./b"


def test_a_card_at_the_root_has_no_prefix() -> None:
    assert called("http://localhost/b", "https://agent.example/.well-known/agent-card.json") == "https://agent.example/b"
    assert called("", "https://agent.example//.well-known/agent-card.json#part") == "https://agent.example"


def test_a_1_0_card_offers_nothing_by_what_it_says_in_0_3s_members() -> None:
    rpc = {"url": "https://agent.example/new", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
    card = {"supportedInterfaces": [rpc], "url": "https://agent.example/old", "preferredTransport": "JSONRPC"}
    assert list(endpoints(card)) == [ProtocolVersion.V10]
    assert set(endpoints({**card, "protocolVersion": "0.3.0"})) == {ProtocolVersion.V10, ProtocolVersion.V03}


def test_slashes_at_the_end_of_an_agents_url_are_idle() -> None:
    assert card_urls("https://agent.example/X//")[0] == "https://agent.example/X/.well-known/agent-card.json"
