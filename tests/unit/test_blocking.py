from datetime import timedelta

import pytest

from relay.domain.blocking import Blocks, Habit, habit_shown, says_more, takes_all, takes_over
from relay.domain.sends import Send, parse_send
from relay.domain.task import ProtocolVersion, Snapshot

MESSAGE = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
LONG, SHORT = timedelta(seconds=6), timedelta(seconds=1)


def sending(**configuration: object) -> Send:
    return parse_send({"message": MESSAGE, "configuration": configuration}, ProtocolVersion.V10)


WAITS = sending()
LEAVES = sending(returnImmediately=True)
HAS_WEBHOOK = sending(taskPushNotificationConfig={"url": "https://receiver.example/hook"})


def answered(state: str) -> Snapshot:
    return Snapshot(ProtocolVersion.V10, {"id": "t", "status": {"state": state}})


@pytest.mark.parametrize("send", [WAITS, LEAVES, HAS_WEBHOOK])
def test_every_send_to_an_agent_that_blocks_is_taken_over(send: Send) -> None:
    assert takes_over(Blocks.ALWAYS, Habit.NONE, send)
    assert takes_over(Blocks.AUTO, Habit.HOLDS_SENDS_OPEN, send)


@pytest.mark.parametrize("habit", list(Habit))
def test_no_send_to_an_agent_said_not_to_block_is_taken_over(habit: Habit) -> None:
    assert not takes_over(Blocks.NEVER, habit, LEAVES)
    assert not takes_all(Blocks.NEVER, habit)


@pytest.mark.parametrize("send", [WAITS, LEAVES, HAS_WEBHOOK])
def test_agent_of_which_nothing_is_known_is_let_be(send: Send) -> None:
    assert not takes_over(Blocks.AUTO, Habit.NONE, send)


@pytest.mark.parametrize(("send", "is_taken"), [(WAITS, False), (LEAVES, True), (HAS_WEBHOOK, True)])
def test_of_an_agent_that_answers_with_messages_only_sends_that_need_a_task_are_taken(send: Send, *, is_taken: bool) -> None:
    assert takes_over(Blocks.AUTO, Habit.ANSWERS_WITH_MESSAGES, send) is is_taken
    assert not takes_all(Blocks.AUTO, Habit.ANSWERS_WITH_MESSAGES)


@pytest.mark.parametrize(
    ("told", "took", "shown"),
    [
        (None, SHORT, Habit.ANSWERS_WITH_MESSAGES),
        (None, LONG, Habit.HOLDS_SENDS_OPEN),
        (answered("TASK_STATE_COMPLETED"), LONG, Habit.HOLDS_SENDS_OPEN),
        (answered("TASK_STATE_COMPLETED"), SHORT, Habit.ANSWERS_WITH_TASKS),
        (answered("TASK_STATE_SUBMITTED"), LONG, Habit.ANSWERS_WITH_TASKS),  # slow, but it does not block
    ],
)
def test_what_an_answer_shows(told: Snapshot | None, took: timedelta, shown: Habit) -> None:
    assert habit_shown(told, took=took) is shown


@pytest.mark.parametrize("send", [WAITS, LEAVES, HAS_WEBHOOK])
def test_agent_that_has_tasks_is_let_be_though_it_also_answers_with_messages(send: Send) -> None:
    assert not takes_over(Blocks.AUTO, Habit.ANSWERS_WITH_TASKS, send)


def test_a_task_says_more_than_messages_and_a_send_held_open_says_most() -> None:
    found = [Habit.NONE, Habit.ANSWERS_WITH_MESSAGES, Habit.ANSWERS_WITH_TASKS, Habit.HOLDS_SENDS_OPEN]
    assert [[says_more(shown, known) for known in found] for shown in found] == [
        [place > other for other in range(4)] for place in range(4)
    ]
