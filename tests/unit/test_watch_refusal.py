"""What becomes of a batch for one watch that could not be claimed."""

from datetime import UTC, datetime, timedelta

from relay.domain.claim import Verdict
from relay.domain.keys import TaskKey
from relay.domain.wakeup import WatchWakeup
from relay.domain.watch import Watch, reduce_calls, refused

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
TASK = TaskKey("owner", "agent", "", "task-1")
POLLED = Watch(TASK, deadline=NOW + timedelta(hours=1), interval=timedelta(seconds=1), waits_for="timer-1", due=NOW, polled_at=NOW)
ANSWERED_HINT = ("message-1", WatchWakeup(TASK, asked_at=NOW - timedelta(seconds=5)))


def test_hint_that_a_poll_has_answered_is_acknowledged() -> None:
    (call,) = reduce_calls([ANSWERED_HINT])
    assert refused(POLLED, call, NOW) is Verdict.ACKNOWLEDGE


def test_answered_hint_does_not_take_the_watchs_own_timer_with_it() -> None:
    (call,) = reduce_calls([ANSWERED_HINT, ("message-2", WatchWakeup(TASK, timer="timer-1"))])
    assert refused(POLLED, call, NOW) is Verdict.RETURN


def test_answered_hint_with_a_timer_that_is_past_is_acknowledged() -> None:
    (call,) = reduce_calls([ANSWERED_HINT, ("message-2", WatchWakeup(TASK, timer="timer-0"))])
    assert refused(POLLED, call, NOW) is Verdict.ACKNOWLEDGE


def test_start_whose_watch_was_ended_before_the_claim_begins_again() -> None:
    (call,) = reduce_calls([("message-1", WatchWakeup(TASK, asked_at=NOW, starts=True))])
    assert refused(None, call, NOW) is Verdict.RETURN


def test_hint_for_a_task_that_nobody_follows_is_acknowledged() -> None:
    (call,) = reduce_calls([ANSWERED_HINT])
    assert refused(None, call, NOW) is Verdict.ACKNOWLEDGE
