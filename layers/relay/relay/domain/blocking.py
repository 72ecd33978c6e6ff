"""Agents that can only block: which sends to them the relay takes over, and how such an agent is found out without repeating a send.

Source: A2A 1.0 §3.2.2 (`returnImmediately`): an agent that does not heed it holds the request open until its task ends, or answers with a
Message and has no task at all. Evo AI does the first, `praisonai serve a2a` the second.
"""

from datetime import timedelta
from enum import StrEnum

from relay.domain.sends import Send
from relay.domain.task import Snapshot

HELD_OPEN = timedelta(seconds=5)  # an answer to a non-blocking send that comes later, with all done, was waited for


class Blocks(StrEnum):
    """What the operator says of an agent."""

    AUTO = "auto"  # it is found out
    ALWAYS = "true"
    NEVER = "false"


class Habit(StrEnum):
    """What an agent was found to do with a send that asked not to wait."""

    NONE = "none"
    ANSWERS_WITH_MESSAGES = "answers-with-messages"  # and has not been seen with a task
    ANSWERS_WITH_TASKS = "answers-with-tasks"  # it may answer with a Message now and then
    HOLDS_SENDS_OPEN = "holds-sends-open"


def takes_all(blocks: Blocks, habit: Habit) -> bool:
    """Whether every send becomes a task of the relay's own."""
    return blocks is Blocks.ALWAYS or (blocks is Blocks.AUTO and habit is Habit.HOLDS_SENDS_OPEN)


def takes_over(blocks: Blocks, habit: Habit, send: Send) -> bool:
    """Whether this send does. Of an agent that only answers with Messages, one that needs a task: it does not wait, or has a webhook."""
    needs_task = bool(send.inline) or not send.waits
    return takes_all(blocks, habit) or (blocks is Blocks.AUTO and habit is Habit.ANSWERS_WITH_MESSAGES and needs_task)


def habit_shown(answered: Snapshot | None, *, took: timedelta) -> Habit:
    """What the answer to one non-blocking send shows; None is a Message."""
    if took >= HELD_OPEN and (answered is None or answered.state.is_terminal):
        return Habit.HOLDS_SENDS_OPEN
    return Habit.ANSWERS_WITH_MESSAGES if answered is None else Habit.ANSWERS_WITH_TASKS


def says_more(shown: Habit, known: Habit) -> bool:
    """Whether what was shown replaces what is known: a task says more than Messages do, and a send held open more than either."""
    return _WEIGHT[shown] > _WEIGHT[known]


_WEIGHT = {habit: weight for weight, habit in enumerate(Habit)}  # they stand in that order
