import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.outcome import Outcome, OutcomeKind
from relay.domain.schedule import GONE_RECHECK, LATE, RetryRules, comes_before, next_poll, retry_delay, sooner

SCHEDULE = (5, 30, 120, 600, 1800, 7200, 18000, 36000)

entries = st.floats(0, 36_000)
schedules = st.lists(entries, min_size=1, max_size=10)
jitters = st.floats(0, 1, exclude_max=True)
waits = st.timedeltas(timedelta(seconds=1), timedelta(hours=24))
intervals = st.timedeltas(timedelta(0), timedelta(seconds=900))


def refused(retry_after: timedelta | None = None, *, status: int = 503) -> Outcome:
    return Outcome(OutcomeKind.REFUSED, status=status, retry_after=retry_after)


def delay(attempts_failed: int, *, is_failing: bool = False, retry_after: float | None = None, jitter: float = 0.0) -> float | None:
    asked = timedelta(seconds=retry_after) if retry_after is not None else None
    found = retry_delay(attempts_failed, RetryRules(SCHEDULE), is_failing=is_failing, outcome=refused(asked), jitter=jitter)
    return found.total_seconds() if found is not None else None


def test_delays_follow_the_schedule_from_its_first_entry() -> None:
    assert [delay(failed, jitter=0.5) for failed in range(1, 9)] == [entry * 0.5 for entry in SCHEDULE]


def test_after_the_last_entry_it_gives_up() -> None:
    assert delay(9) is None


def test_a_failing_config_gets_the_first_two_entries_only() -> None:
    assert [delay(failed, is_failing=True) for failed in (1, 2, 3)] == [1, 1, None]


def test_an_empty_schedule_gives_up_at_once() -> None:
    assert retry_delay(1, RetryRules(()), is_failing=False, outcome=refused(timedelta(seconds=9)), jitter=0) is None


def test_before_the_first_attempt_there_is_no_retry() -> None:
    with pytest.raises(ValueError, match=r"^a retry follows at least one failed attempt$"):
        delay(0)


@given(schedules, jitters)
def test_delay_lies_below_its_entry_and_not_under_a_second(schedule: list[float], jitter: float) -> None:
    for failed, entry in enumerate(schedule, start=1):
        found = retry_delay(failed, RetryRules(tuple(schedule)), is_failing=False, outcome=refused(), jitter=jitter)
        assert found is not None
        lowest = min(1.0, entry)
        assert timedelta(seconds=lowest) <= found <= timedelta(seconds=entry)


@given(st.integers(1, 12), schedules, st.booleans(), st.none() | waits, jitters)
def test_whether_it_gives_up_depends_on_nothing_but_the_count(
    failed: int, schedule: list[float], is_failing: bool, retry_after: timedelta | None, jitter: float
) -> None:
    found = retry_delay(failed, RetryRules(tuple(schedule)), is_failing=is_failing, outcome=refused(retry_after), jitter=jitter)
    allowed = min(len(schedule), 2) if is_failing else len(schedule)
    assert (found is None) == (failed > allowed)


@given(entries, waits, jitters)
def test_retry_after_is_never_undercut_and_exceeded_by_a_tenth_at_most(entry: float, retry_after: timedelta, jitter: float) -> None:
    found = retry_delay(1, RetryRules((entry,)), is_failing=False, outcome=refused(retry_after), jitter=jitter)
    assert found is not None
    assert found >= retry_after
    assert found <= max(timedelta(seconds=entry), retry_after * 1.1)


def test_a_retry_after_shorter_than_the_schedule_changes_nothing() -> None:
    assert delay(3, retry_after=2, jitter=0.5) == delay(3, jitter=0.5)


def stated_as_final() -> set[int]:
    """README, "What a receiver gets": the row of what is given up at once."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| ([0-9, ]+) \| final, ", readme, re.MULTILINE)
    return {int(status) for status in row.split(", ")}


def test_what_is_final_is_what_the_readme_says() -> None:
    assert stated_as_final() == {400, 405, 406, 411, 413, 414, 415, 422, 431}


@pytest.mark.parametrize("status", [*range(300, 410), *range(411, 600)])
def test_a_status_is_final_only_if_it_is_stated(status: int) -> None:
    found = retry_delay(1, RetryRules(SCHEDULE), is_failing=False, outcome=refused(status=status), jitter=0)
    assert found == (None if status in stated_as_final() else timedelta(seconds=1))


def test_the_horizon_is_the_whole_schedule() -> None:
    assert RetryRules((5, 30)).horizon == timedelta(seconds=35)
    assert RetryRules((5, 30)).longest == timedelta(seconds=30)


def test_a_receiver_that_is_gone_is_asked_again_an_hour_later() -> None:
    assert timedelta(hours=1) == GONE_RECHECK


def poll(interval: float, *, changed: bool = False, interrupted: bool = False) -> float:
    found = next_poll(
        timedelta(seconds=interval),
        changed=changed,
        minimum=timedelta(seconds=1),
        maximum=timedelta(seconds=60),
        interrupted=interrupted,
    )
    return found.total_seconds()


def test_polls_slow_down_by_half_in_silence_up_to_the_maximum() -> None:
    assert [poll(1), poll(4), poll(50), poll(60)] == [1.5, 6, 60, 60]


def test_a_change_makes_polls_quick_again() -> None:
    assert poll(60, changed=True) == 1


def test_an_interrupted_task_is_polled_at_the_maximum() -> None:
    assert poll(1, interrupted=True) == 60
    assert poll(1, interrupted=True, changed=True) == 60


@given(intervals, st.booleans(), st.booleans(), st.tuples(intervals, intervals).map(sorted))
def test_polls_stay_between_minimum_and_maximum(interval: timedelta, changed: bool, interrupted: bool, bounds: list[timedelta]) -> None:
    minimum, maximum = bounds
    found = next_poll(interval, changed=changed, minimum=minimum, maximum=maximum, interrupted=interrupted)
    assert minimum <= found <= maximum


def test_a_maximum_below_the_minimum_wins() -> None:
    low, high = timedelta(seconds=1), timedelta(seconds=5)
    assert next_poll(high, changed=True, minimum=high, maximum=low, interrupted=False) == low


@pytest.mark.parametrize(("jitter", "seconds"), [(0, 60), (0.5, 57), (0.999, 54.006)])
def test_polls_come_up_to_a_tenth_sooner_and_never_later(jitter: float, seconds: float) -> None:
    assert sooner(timedelta(seconds=60), jitter).total_seconds() == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("left", "comes"), [(LATE, False), (timedelta(seconds=-1), False), (LATE + timedelta(milliseconds=1), True), (None, True)]
)
def test_wake_up_may_be_late_and_must_still_come_before_the_end(left: timedelta | None, comes: bool) -> None:
    now, delay = datetime(2026, 11, 27, 12, tzinfo=UTC), timedelta(seconds=30)
    end = None if left is None else now + delay + left
    assert comes_before(end, delay, now) is comes
