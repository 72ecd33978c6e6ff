from typing import Any

import pytest

from relay.domain.agent import Agent
from relay.domain.keys import AgentKey
from relay.domain.strategy import Strategy, choice, next_best, parse_strategy

CARD = {"supportedInterfaces": [{"url": "/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}]}


def test_agent_whose_card_says_streaming_is_followed_by_stream() -> None:
    assert choice({"capabilities": {"streaming": True}}) is Strategy.STREAM


@pytest.mark.parametrize("capabilities", [{"streaming": False}, {"streaming": "yes"}, {}, None, []])
def test_agent_that_does_not_stream_is_polled(capabilities: Any) -> None:
    assert choice({"capabilities": capabilities}) is Strategy.POLL


def test_operator_has_the_last_word() -> None:
    agent = Agent(AgentKey("default", "a"), "https://agent.example", card=CARD, card_url="https://agent.example/card")
    assert agent.strategy is Strategy.POLL
    assert Agent(agent.key, agent.url, card=CARD, card_url=agent.card_url, follow=Strategy.REPORT).strategy is Strategy.REPORT


@pytest.mark.parametrize("text", ["", "auto"])
def test_automatic_is_no_strategy_of_its_own(text: str) -> None:
    assert parse_strategy(text) is None


def test_unknown_strategy_is_an_error() -> None:
    with pytest.raises(ValueError, match="telepathy"):
        parse_strategy("telepathy")


def test_what_does_not_work_gives_way_to_polls() -> None:
    assert next_best(Strategy.STREAM, given_up=set()) is Strategy.STREAM
    assert next_best(Strategy.STREAM, given_up={Strategy.STREAM}) is Strategy.POLL
    assert next_best(Strategy.REPORT, given_up={Strategy.STREAM}) is Strategy.REPORT
    assert next_best(Strategy.LIST, given_up={Strategy.LIST}) is Strategy.POLL
