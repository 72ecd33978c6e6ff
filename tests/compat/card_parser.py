# mypy: ignore-errors
"""Parses cards with whatever a2a-sdk its environment has: a line of JSON per card, `{"card": …, "card_10": …}`; prints what fails.

The last line is `parsed N`.
"""

import json
import logging
import sys

from a2a.types import AgentCard

logging.disable()


def parsers():
    """By the member that they parse."""
    try:
        from a2a.client.card_resolver import parse_agent_card
    except ImportError:  # 0.3
        return [("card", AgentCard.model_validate)]
    from a2a.compat.v0_3 import types
    from google.protobuf.json_format import ParseDict

    return [
        ("card", types.AgentCard.model_validate),
        ("card_10", lambda card: ParseDict(card, AgentCard())),
        ("card", parse_agent_card),  # takes the card apart
    ]


def main():
    lines, found = sys.stdin.readlines(), parsers()
    for line in lines:
        cards = json.loads(line)
        for member, parse in found:
            try:
                parse(cards[member])
            except Exception as error:  # noqa: BLE001  (whatever a parser raises is what this looks for)
                print(f"{type(error).__name__}: {str(error)[:300]}: {line[:2000]}", flush=True)
    print(f"parsed {len(lines)}")


if __name__ == "__main__":
    main()
