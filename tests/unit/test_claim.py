from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.claim import CLAIM, MAX_RUN, OVERDUE, RETURN_DELAY_SECONDS, Verdict, is_overdue, refused
from relay.domain.push_config import Cursor
from tests.support.samples import INSTANT, NOW, SECOND, cursor

CLAIMED = {"claim_token": "another", "claim_until": NOW + SECOND}
WAITING = {"waits_for": "timer-1", "due": NOW}


def verdict(of: Cursor | None, *, revision: int | None = None, timers: tuple[str, ...] = ()) -> Verdict:
    return refused(of, revision=revision, timers=timers, now=NOW)


def test_wakeup_of_a_deleted_config_is_done() -> None:
    assert verdict(None, revision=1) is Verdict.ACKNOWLEDGE
    assert verdict(None, timers=("timer-1",)) is Verdict.ACKNOWLEDGE


@pytest.mark.parametrize("position", [3, 4])
def test_wakeup_is_done_when_the_cursor_has_passed_its_revision(position: int) -> None:
    assert verdict(cursor(position, **CLAIMED), revision=3) is Verdict.ACKNOWLEDGE


def test_wakeup_returns_when_its_revision_is_still_to_come_and_the_claim_is_taken() -> None:
    assert verdict(cursor(2, **CLAIMED), revision=3) is Verdict.RETURN


def test_wakeup_that_looks_for_itself_returns_whatever_the_position() -> None:
    assert verdict(cursor(99, **CLAIMED)) is Verdict.RETURN


def test_timer_returns_though_the_cursor_has_passed_the_revision_that_came_with_it() -> None:
    assert verdict(cursor(3, **CLAIMED), revision=3, timers=("timer-1",)) is Verdict.RETURN


def test_wakeup_is_done_when_the_config_waits_for_another_timer() -> None:
    assert verdict(cursor(2, **WAITING), revision=3) is Verdict.ACKNOWLEDGE
    assert verdict(cursor(2, **WAITING)) is Verdict.ACKNOWLEDGE
    assert verdict(cursor(2, **WAITING), timers=("timer-0",)) is Verdict.ACKNOWLEDGE


def test_the_very_timer_a_config_waits_for_is_never_done_by_a_refusal() -> None:
    assert verdict(cursor(2, **WAITING), timers=("timer-0", "timer-1")) is Verdict.RETURN


def test_wakeup_returns_when_the_timer_waited_for_is_overdue() -> None:
    assert verdict(cursor(2, waits_for="timer-1", due=NOW - OVERDUE), revision=3) is Verdict.ACKNOWLEDGE
    assert verdict(cursor(2, waits_for="timer-1", due=NOW - OVERDUE - INSTANT), revision=3) is Verdict.RETURN


@given(st.integers(0, 5), st.booleans(), st.booleans(), st.none() | st.integers(1, 5), st.sets(st.sampled_from(["timer-1", "timer-2"])))
def test_nothing_is_done_that_still_has_to_be_told(
    position: int, is_waiting: bool, is_claimed: bool, revision: int | None, timers: set[str]
) -> None:
    """Who acknowledges leaves it to somebody else: the cursor has passed, or a timer that is not this wake-up is on its way."""
    found = cursor(position, **(WAITING if is_waiting else {}), **(CLAIMED if is_claimed else {}))
    if refused(found, revision=revision, timers=timers, now=NOW) is Verdict.ACKNOWLEDGE:
        has_passed = revision is not None and position >= revision and not timers
        another_is_on_its_way = is_waiting and "timer-1" not in timers
        assert has_passed or another_is_on_its_way


def test_config_that_waits_for_nothing_is_not_overdue() -> None:
    assert not is_overdue(cursor(), NOW)


def test_a_claim_outlasts_a_post_and_ends_before_its_message_comes_back() -> None:
    """The numbers of design §2 rule 5."""
    assert timedelta(seconds=20) == CLAIM
    assert timedelta(seconds=20) == MAX_RUN
    assert timedelta(minutes=2) == OVERDUE
    assert RETURN_DELAY_SECONDS == (1, 5)
