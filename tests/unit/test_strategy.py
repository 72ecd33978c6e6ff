from typing import Any

import pytest

from relay.domain.agent import Agent
from relay.domain.keys import AgentKey
from relay.domain.strategy import Strategy, choice, next_best, parse_strategy
from relay.domain.task import ProtocolVersion

CARD = {"supportedInterfaces": [{"url": "/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}]}


@pytest.mark.parametrize("version", list(ProtocolVersion))
def test_agent_whose_card_says_streaming_is_followed_by_stream(version: ProtocolVersion) -> None:
    assert choice({"capabilities": {"streaming": True}}, version) is Strategy.STREAM


@pytest.mark.parametrize("capabilities", [{"streaming": False}, {"streaming": "yes"}, {}, None, []])
def test_agent_that_does_not_stream_is_listed_where_its_version_has_lists(capabilities: Any) -> None:
    assert choice({"capabilities": capabilities}, ProtocolVersion.V10) is Strategy.LIST
    assert choice({"capabilities": capabilities}, ProtocolVersion.V03) is Strategy.POLL


def test_operator_has_the_last_word() -> None:
    agent = Agent(AgentKey("default", "a"), "https://agent.example", card=CARD, card_url="https://agent.example/card")
    assert agent.strategy is Strategy.LIST
    assert Agent(agent.key, agent.url, card=CARD, card_url=agent.card_url, follow=Strategy.PUSH).strategy is Strategy.PUSH


@pytest.mark.parametrize("text", ["", "auto"])
def test_automatic_is_no_strategy_of_its_own(text: str) -> None:
    assert parse_strategy(text) is None


def test_unknown_strategy_is_an_error() -> None:
    with pytest.raises(ValueError, match="telepathy"):
        parse_strategy("telepathy")


@pytest.mark.parametrize(
    ("strategy", "given_up", "expected"),
    [
        (Strategy.STREAM, set(), Strategy.STREAM),
        (Strategy.STREAM, {Strategy.STREAM}, Strategy.LIST),
        (Strategy.STREAM, {Strategy.STREAM, Strategy.LIST}, Strategy.POLL),
        (Strategy.LIST, {Strategy.LIST}, Strategy.POLL),
        (Strategy.REPORT, {Strategy.STREAM}, Strategy.REPORT),
    ],
)
def test_what_does_not_work_gives_way_to_the_best_of_the_others(strategy: Strategy, given_up: set[Strategy], expected: Strategy) -> None:
    assert next_best(strategy, ProtocolVersion.V10, given_up=given_up) is expected


def test_agent_of_0_3_without_streams_is_polled() -> None:
    assert next_best(Strategy.STREAM, ProtocolVersion.V03, given_up={Strategy.STREAM}) is Strategy.POLL
