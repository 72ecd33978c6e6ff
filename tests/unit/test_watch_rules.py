from datetime import datetime, timedelta
from typing import Any

import pytest

from relay.domain.claim import Verdict
from relay.domain.endings import Trouble
from relay.domain.keys import TaskKey
from relay.domain.push_config import Cursor
from relay.domain.strategy import Strategy
from relay.domain.task import Ending
from relay.domain.wakeup import WatchWakeup
from relay.domain.watch import (
    LOOK_EVERY,
    OVERDUE,
    SLOWEST_LOOK,
    TOLD_WITHIN,
    Pace,
    Told,
    Watch,
    WatchCall,
    has_ended,
    is_late,
    is_over,
    looks,
    next_look,
    reduce_calls,
    refused,
    to_wake,
    told_by_list,
)
from tests.support.samples import INSTANT, NOW, SECOND, TASK, cursor, head, snapshot, view

OTHER = TaskKey("owner", "agent", "", "task-2")
HINT = WatchWakeup(TASK, asked_at=NOW)
START = WatchWakeup(TASK, asked_at=NOW, starts=True)


def call(*wakeups: WatchWakeup) -> WatchCall:
    return WatchCall(TASK, tuple((f"message-{place}", wakeup) for place, wakeup in enumerate(wakeups)))


def timer(name: str) -> WatchWakeup:
    return WatchWakeup(TASK, timer=name)


def watch(**more: Any) -> Watch:
    return Watch(TASK, deadline=NOW + timedelta(hours=1), interval=SECOND, **more)


# --- a batch is reduced to one call per task


def test_wakeups_of_one_task_become_one_call() -> None:
    first, second = reduce_calls([("a", timer("t1")), ("b", WatchWakeup(OTHER, timer="t")), ("c", timer("t2")), ("d", timer("t1"))])
    assert (first.task, first.message_ids, first.timers) == (TASK, ("a", "c", "d"), ("t1", "t2"))
    assert (second.task, second.message_ids, second.timers) == (OTHER, ("b",), ("t",))


def test_call_with_a_plain_wakeup_is_a_hint() -> None:
    assert not call(timer("t")).is_hint
    assert call(timer("t"), HINT).is_hint


def test_call_starts_when_one_of_its_wakeups_does() -> None:
    assert not call(timer("t"), HINT).starts
    assert call(HINT, START).starts


def test_hint_is_as_young_as_its_youngest_wakeup() -> None:
    assert call(HINT, WatchWakeup(TASK, asked_at=NOW + SECOND), timer("t")).asked_at == NOW + SECOND


@pytest.mark.parametrize("wakeups", [(timer("t"),), (HINT, WatchWakeup(TASK)), (HINT, START)], ids=["no hint", "an ageless one", "a start"])
def test_no_earlier_poll_has_answered(wakeups: tuple[WatchWakeup, ...]) -> None:
    assert call(*wakeups).asked_at is None


# --- what a refused claim means


def test_wakeup_of_a_watch_that_has_ended_is_done() -> None:
    assert refused(None, call(timer("t")), NOW) is Verdict.ACKNOWLEDGE
    assert refused(None, call(HINT), NOW) is Verdict.ACKNOWLEDGE


def test_wakeup_is_done_when_the_watch_waits_for_another_timer() -> None:
    assert refused(watch(waits_for="t1", due=NOW), call(timer("t0")), NOW) is Verdict.ACKNOWLEDGE


def test_the_very_timer_a_watch_waits_for_is_never_done_by_a_refusal() -> None:
    assert refused(watch(waits_for="t1", due=NOW), call(timer("t0"), timer("t1")), NOW) is Verdict.RETURN


def test_timer_returns_while_the_watch_is_claimed() -> None:
    assert refused(watch(claim_token="another", claim_until=NOW + SECOND), call(timer("t0")), NOW) is Verdict.RETURN


def test_timer_returns_when_the_one_waited_for_is_overdue() -> None:
    assert refused(watch(waits_for="t1", due=NOW - OVERDUE), call(timer("t0")), NOW) is Verdict.ACKNOWLEDGE
    assert refused(watch(waits_for="t1", due=NOW - OVERDUE - INSTANT), call(timer("t0")), NOW) is Verdict.RETURN
    assert refused(watch(waits_for="t1"), call(timer("t0")), NOW) is Verdict.ACKNOWLEDGE
    assert timedelta(minutes=2) == OVERDUE


def test_hint_returns_unless_a_poll_began_after_it() -> None:
    assert refused(watch(polled_at=NOW + INSTANT), call(HINT), NOW) is Verdict.ACKNOWLEDGE
    assert refused(watch(polled_at=NOW), call(HINT), NOW) is Verdict.RETURN
    assert refused(watch(), call(HINT), NOW) is Verdict.RETURN
    assert refused(watch(polled_at=NOW + SECOND), call(HINT, START), NOW) is Verdict.RETURN


# --- when a watch looks at its task's configs


def test_watch_looks_after_every_hint_and_when_the_task_has_ended() -> None:
    just_looked = watch(looked_at=NOW)
    assert not looks(just_looked, call(timer("t")), ended=False, now=NOW)
    assert looks(just_looked, call(HINT), ended=False, now=NOW)
    assert looks(just_looked, call(timer("t")), ended=True, now=NOW)


def test_watch_looks_every_half_minute() -> None:
    assert looks(watch(), call(timer("t")), ended=False, now=NOW)
    assert looks(watch(looked_at=NOW - LOOK_EVERY), call(timer("t")), ended=False, now=NOW)
    assert not looks(watch(looked_at=NOW - LOOK_EVERY + INSTANT), call(timer("t")), ended=False, now=NOW)
    assert timedelta(seconds=30) == LOOK_EVERY


def test_after_the_end_it_looks_ever_more_slowly() -> None:
    seconds = [1, 15, 16, 400, 450, 900]
    assert [next_look(timedelta(seconds=each)).total_seconds() for each in seconds] == [30, 30, 32, 800, 900, 900]
    assert timedelta(minutes=15) == SLOWEST_LOOK


# --- which configs it wakes

SETTLED = head(3, at=NOW - LOOK_EVERY)
YOUNG = head(3, at=NOW - LOOK_EVERY + INSTANT)


def test_config_that_is_behind_a_settled_change_is_woken() -> None:
    assert to_wake([cursor(2), cursor(3)], SETTLED, NOW) == [cursor(2)]


def test_young_change_is_still_on_the_fast_path() -> None:
    assert to_wake([cursor(2)], YOUNG, NOW) == []


def test_redrive_is_woken_at_once() -> None:
    assert to_wake([cursor(3, resend=(1,))], YOUNG, NOW) == [cursor(3, resend=(1,))]


@pytest.mark.parametrize("state", [{"waits_for": "t"}, {"claim_until": NOW + SECOND}], ids=["waits", "is claimed"])
def test_config_that_somebody_takes_care_of_is_left_alone(state: dict[str, Any]) -> None:
    assert to_wake([cursor(2, **state), cursor(2, resend=(1,), **state)], SETTLED, NOW) == []


def test_claim_that_has_run_out_counts_for_nothing() -> None:
    left: Cursor = cursor(2, claim_token="dead", claim_until=NOW)
    assert to_wake([left], SETTLED, NOW) == [left]


def test_without_a_revision_nobody_is_woken() -> None:
    assert to_wake([cursor(0, resend=(1,))], None, NOW) == []


# --- when it is over


@pytest.mark.parametrize("ended", [False, True])
def test_watch_ends_with_its_last_config(ended: bool) -> None:
    assert is_over([], None, ended=ended)
    assert is_over([], head(1, "working"), ended=ended)


def test_watch_ends_when_the_agent_is_asked_no_more_and_every_config_has_passed_the_last_revision() -> None:
    assert is_over([cursor(3), cursor(4)], head(3, "completed"), ended=True)
    assert is_over([cursor(0)], None, ended=True)
    assert not is_over([cursor(3), cursor(2)], head(3, "completed"), ended=True)
    assert not is_over([cursor(3, resend=(1,))], head(3, "completed"), ended=True)
    assert not is_over([cursor(3)], head(3, "working"), ended=False)


def test_agent_is_asked_no_more_after_the_task_has_ended_or_at_the_deadline() -> None:
    assert not has_ended(watch(), None, NOW)
    assert not has_ended(watch(), head(3, "input-required"), NOW)
    assert has_ended(watch(), head(3, "failed"), NOW)
    assert has_ended(watch(), head(3, "working"), watch().deadline)


# --- the pace

PACE = Pace(SECOND, 60 * SECOND, timedelta(hours=1))


@pytest.mark.parametrize("moved", [True, False])
def test_watch_that_is_told_of_changes_only_looks_after_who_tells(moved: bool) -> None:
    assert PACE.next_poll(SECOND, moved=moved, asks_again=False, interrupted=False, told=Told(Strategy.STREAM)) == PACE.maximum


def test_view_that_could_not_be_used_is_asked_for_again_at_once_whoever_tells() -> None:
    assert PACE.next_poll(20 * SECOND, moved=False, asks_again=True, interrupted=False, told=Told(Strategy.STREAM)) == PACE.minimum


@pytest.mark.parametrize(("interval", "pause"), [(1, 1.5), (3, 4.5), (4, 60), (60, 60)])
def test_polls_that_come_sooner_than_what_tells_go_on(interval: float, pause: float) -> None:
    told = Told(Strategy.LIST, lag=5 * SECOND)
    found = PACE.next_poll(interval * SECOND, moved=False, asks_again=False, interrupted=False, told=told)
    assert found.total_seconds() == pause


MINUTE = 60 * SECOND


@pytest.mark.parametrize(
    ("trouble", "lasts", "rest"),
    [
        (None, 30, 15),  # minutes
        (None, 8, 8),  # no longer than the list is sure to go on
        (None, 0, 1),
        (Trouble(Ending.VANISHED, NOW), 30, 1),
    ],
)
def test_task_that_a_list_tells_rests_until_the_sweep(trouble: Trouble | None, lasts: int, rest: int) -> None:
    told = told_by_list(watch(trouble=trouble), until=NOW + lasts * MINUTE, now=NOW, sweep=15 * MINUTE)
    assert PACE.next_poll(MINUTE, moved=False, asks_again=False, interrupted=False, told=told) == rest * MINUTE


def test_task_that_a_list_tells_rests_no_longer_than_to_its_deadline() -> None:
    given = watch()
    told = told_by_list(given, until=NOW + timedelta(days=1), now=given.deadline - 5 * MINUTE, sweep=15 * MINUTE)
    assert PACE.next_poll(MINUTE, moved=False, asks_again=False, interrupted=False, told=told) == 5 * MINUTE


def test_watch_that_nobody_tells_is_quick_after_a_change() -> None:
    assert PACE.next_poll(20 * SECOND, moved=True, asks_again=False, interrupted=False, told=Told()) == PACE.minimum


@pytest.mark.parametrize(("interrupted", "pause"), [(False, 30), (True, 60)])
def test_watch_that_nobody_tells_is_ever_slower_and_slow_at_once_where_the_task_waits_for_somebody(interrupted: bool, pause: float) -> None:
    found = PACE.next_poll(20 * SECOND, moved=False, asks_again=False, interrupted=interrupted, told=Told())
    assert found.total_seconds() == pause


# --- when the agent is asked no more, or seldom


@pytest.mark.parametrize(
    ("lent", "trouble", "is_paused"),
    [
        ("", None, False),
        ("digest", None, False),
        ("digest", Trouble(Ending.UNREACHABLE, NOW), False),
        ("digest", Trouble(Ending.UNAUTHORIZED, NOW, refused="another"), False),
        ("digest", Trouble(Ending.UNAUTHORIZED, NOW, refused="digest"), True),
        ("", Trouble(Ending.UNAUTHORIZED, NOW), False),
    ],
)
def test_watch_pauses_while_the_agent_refuses_the_credential_that_was_lent(lent: str, trouble: Trouble | None, is_paused: bool) -> None:
    assert watch(lent=lent, trouble=trouble).is_paused is is_paused


@pytest.mark.parametrize(
    ("happened", "late"),
    [(None, True), (NOW - TOLD_WITHIN, True), (NOW - TOLD_WITHIN + INSTANT, False), (NOW + SECOND, False)],
)
def test_what_the_agent_stamped_just_now_it_may_be_telling_of(happened: datetime | None, *, late: bool) -> None:
    assert is_late(view(snapshot(timestamp=happened), asked_at=NOW)) is late
