from typing import Any

import pytest

from relay.domain.agent import Agent
from relay.domain.keys import AgentKey
from relay.domain.strategy import Strategy, first_that_works, offered, parse_strategy

CARD = {"supportedInterfaces": [{"url": "/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}]}


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"streaming": True}, [Strategy.STREAM, Strategy.POLL]),
        ({"pushNotifications": True}, [Strategy.PUSH, Strategy.POLL]),
        ({"pushNotifications": True, "streaming": True}, [Strategy.STREAM, Strategy.PUSH, Strategy.POLL]),
        ({"streaming": "yes", "pushNotifications": 1}, [Strategy.POLL]),
        ({"streaming": False}, [Strategy.POLL]),
        ({}, [Strategy.POLL]),
        (None, [Strategy.POLL]),
        ([], [Strategy.POLL]),
    ],
)
def test_card_offers_streams_before_push_and_both_before_polls(capabilities: Any, expected: list[Strategy]) -> None:
    assert list(offered({"capabilities": capabilities})) == expected


def test_operator_has_the_last_word() -> None:
    card = {**CARD, "capabilities": {"streaming": True}}
    agent = Agent(AgentKey("default", "a"), "https://agent.example", card=card, card_url="https://agent.example/card")
    assert agent.strategies == (Strategy.STREAM, Strategy.POLL)
    for follow in (Strategy.REPORT, Strategy.POLL):
        chosen = Agent(agent.key, agent.url, card=card, card_url=agent.card_url, follow=follow)
        assert (chosen.strategies[0], chosen.could_be_listed) == (follow, False)


@pytest.mark.parametrize(("version", "expected"), [("1.0", True), ("0.3", False)])
def test_agents_of_1_0_could_be_listed(version: str, expected: bool) -> None:
    card = {"supportedInterfaces": [{"url": "/rpc", "protocolBinding": "JSONRPC", "protocolVersion": version}]}
    agent = Agent(AgentKey("default", "a"), "https://agent.example", card=card, card_url="https://agent.example/card")
    assert agent.could_be_listed is expected


@pytest.mark.parametrize("text", ["", "auto"])
def test_automatic_is_no_strategy_of_its_own(text: str) -> None:
    assert parse_strategy(text) is None


def test_unknown_strategy_is_an_error() -> None:
    with pytest.raises(ValueError, match="telepathy"):
        parse_strategy("telepathy")


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (set(), Strategy.STREAM),
        ({Strategy.STREAM}, Strategy.PUSH),
        ({Strategy.STREAM, Strategy.PUSH, Strategy.POLL}, Strategy.POLL),
    ],
)
def test_what_does_not_work_gives_way_to_the_next_and_at_last_to_polls(broken: set[Strategy], expected: Strategy) -> None:
    both = (Strategy.STREAM, Strategy.PUSH, Strategy.POLL)
    assert first_that_works(both, works=lambda strategy: strategy not in broken) is expected
    assert first_that_works((), works=lambda _: True) is Strategy.POLL
