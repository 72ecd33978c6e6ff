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
