"""What `relay agents add` remarks on `--follow` once it has the agent's card."""

from typing import Any

import pytest

from relay.domain.agent import Agent
from relay.domain.keys import AgentKey
from relay.domain.strategy import Strategy
from relay_dev import follow_remarks
from tests.support.cards import CARD_10

CARD_03 = {"name": "Old", "url": "https://agent.example.com/", "protocolVersion": "0.3", "capabilities": {"streaming": True}}
PUSHES = {**CARD_10, "capabilities": {"streaming": False, "pushNotifications": True}}
GRPC = {**CARD_10, "supportedInterfaces": [{"url": "https://agent.example.com/", "protocolBinding": "GRPC", "protocolVersion": "1.0"}]}
CAN_NOTHING = {**CARD_10, "capabilities": {}}


def remark(follow: Strategy | None, card: dict[str, Any]) -> str:
    return follow_remarks.on_card(Agent(AgentKey("default", "writer"), "https://agent.example.com", card=card, follow=follow))


@pytest.mark.parametrize(
    ("follow", "card"),
    [
        (Strategy.STREAM, CARD_10),
        (Strategy.PUSH, PUSHES),
        (Strategy.LIST, CAN_NOTHING),
        (Strategy.REPORT, CAN_NOTHING),
        (Strategy.POLL, CAN_NOTHING),
        (None, CAN_NOTHING),
        (Strategy.LIST, GRPC),  # it speaks nothing at all, which is said already
    ],
)
def test_nothing_is_remarked_where_the_card_has_what_it_takes(follow: Strategy | None, card: dict[str, Any]) -> None:
    assert remark(follow, card) == ""


@pytest.mark.parametrize(
    ("follow", "card", "said"),
    [
        (Strategy.STREAM, PUSHES, "does not say streaming: where --follow stream does not work its tasks are polled"),
        (Strategy.PUSH, CARD_10, "does not say pushNotifications: where --follow push does not work its tasks are polled"),
        (Strategy.PUSH, {**CARD_10, "capabilities": {"pushNotifications": "true"}}, "does not say pushNotifications"),
        (Strategy.LIST, CARD_03, "A2A 0.3 lists no tasks"),
    ],
)
def test_what_comes_to_polls_is_remarked(follow: Strategy, card: dict[str, Any], said: str) -> None:
    assert said in remark(follow, card)
