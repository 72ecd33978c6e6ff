"""How the relay learns of the changes of an agent's tasks (docs/decisions/0015 says why in this order).

Under every strategy the watch stays the truth (design §2 rule 12): it asks for each task now and then, and until the task's end. `stream`,
`list`, `report` and `push` only bring changes sooner, so that it may ask seldom.

Source: A2A 1.0 §3.1.6 (SubscribeToTask) and §3.1.4 (ListTasks), A2A 0.3 §7.9 (tasks/resubscribe).
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import StrEnum

from relay.domain.lenient import mapping
from relay.domain.task import Json


class Strategy(StrEnum):
    """The operator may name one for an agent; else it is the first of `offered` that works."""

    STREAM = "stream"  # the agent tells over a connection that is kept open for each task
    LIST = "list"  # one question for all tasks of the agent, again and again; needs A2A 1.0
    POLL = "poll"  # a question for each task
    REPORT = "report"  # the agent, or code beside it, tells by a POST of its own: only the operator knows
    PUSH = "push"  # the agent's own push notifications, which the relay registers for; the agent must reach the relay's address


CAPABILITIES = {Strategy.STREAM: "streaming", Strategy.PUSH: "pushNotifications"}  # what a card says who has them, the best first

GIVEN_UP_FOR = timedelta(minutes=10)  # a strategy that an agent turned out not to have

MAX_MISSED = 3  # changes that an agent did not tell, within GIVEN_UP_FOR; then it is polled

AUTOMATIC = "auto"  # what an operator says who leaves the choice to the relay


def parse_strategy(text: str) -> Strategy | None:
    """None: the relay chooses. Raises: ValueError."""
    return None if text in ("", AUTOMATIC) else Strategy(text)


def offered(card: Json) -> tuple[Strategy, ...]:
    """By the agent's card, the best first; polls are the last. That they also work only shows when they are used."""
    capabilities = mapping(card.get("capabilities"))
    return (*(strategy for strategy, name in CAPABILITIES.items() if capabilities.get(name) is True), Strategy.POLL)


def first_that_works(strategies: Sequence[Strategy], *, works: Callable[[Strategy], bool]) -> Strategy:
    """Of what is not polls, in order, the first that does; else polls."""
    return next((strategy for strategy in strategies if strategy is Strategy.POLL or works(strategy)), Strategy.POLL)
