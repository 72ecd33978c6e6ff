"""The relay's card of agents whose cards lack anything, or have anything in the wrong place, before every package's own parser."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from relay.domain.card import card_10, relay_card
from relay.domain.errors import ParseError
from relay.domain.json_body import parse_json
from relay.domain.task import ProtocolVersion
from relay.http_event import json_answer
from tests.compat.remote import DRIVERS, python
from tests.e2e.clients import PYTHON_03
from tests.support.cards import FULL_CARD, PRAISONAI_CARD
from tests.support.crippled import each_crippled

pytestmark = pytest.mark.compat

PARSERS = {
    "a2a-sdk 0.3.26": str(PYTHON_03),
    **{name: python(name) for name in ("sdk-1.0.3", "sdk-1.1.5", "sdk-1.2.3", "handler-0.4.0", "handler-0.1.16", "a2akit")},
}


def lines() -> Iterator[str]:
    """As they are served; what is no JSON is no card to begin with."""
    for whole in (FULL_CARD, PRAISONAI_CARD):
        for card in each_crippled(whole):
            try:
                fetched = parse_json(json.dumps(card).encode())
            except ParseError:
                continue
            ours = relay_card(fetched, "https://relay.example", requires_key=True, versions=set(ProtocolVersion))
            yield json.dumps({"card": served(ours), "card_10": served(card_10(ours))})


def served(card: Any) -> Any:
    return json.loads(json_answer(200, card)["body"])


@pytest.fixture(scope="module")
def given() -> str:
    return "\n".join(lines()) + "\n"


@pytest.mark.parametrize("parser", PARSERS)
def test_every_crippled_card_is_parsed_as_the_relay_serves_it(given: str, parser: str) -> None:
    command = [PARSERS[parser], str(DRIVERS / "card_parser.py")]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == f"parsed {given.count(chr(10))}\n"
