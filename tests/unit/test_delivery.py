from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.claim import MAX_POSTS
from relay.domain.delivery import Call, Plan, Step, filtered, passed_over, plan_known, plan_looked, reads_up_to, reduce_calls
from relay.domain.keys import ConfigKey
from relay.domain.packing import PackedRevision
from relay.domain.push_config import Updates
from relay.domain.task import RevisionHead, TaskState
from relay.domain.wakeup import DeliveryWakeup
from tests.support.samples import KEY, NOW, TASK, cursor, packed

OTHER = ConfigKey(TASK, "config-2")


def call(*wakeups: DeliveryWakeup) -> Call:
    return Call(KEY, tuple((f"message-{place}", wakeup) for place, wakeup in enumerate(wakeups)))


def plain(number: int | None, key: ConfigKey = KEY) -> DeliveryWakeup:
    return DeliveryWakeup(key, revision=number)


def timer(name: str) -> DeliveryWakeup:
    return DeliveryWakeup(KEY, timer=name)


def revisions(*numbers: int) -> dict[int, PackedRevision]:
    return {number: packed(number) for number in numbers}


def numbers(plan: Plan) -> list[int]:
    return [step.number for step in plan.steps]


# --- a batch is reduced to one call per config


def test_wakeups_of_one_config_become_one_call() -> None:
    messages = [("a", plain(1)), ("b", plain(4, OTHER)), ("c", plain(3)), ("d", timer("t"))]
    first, second = reduce_calls(messages)
    assert (first.key, first.message_ids, first.timers) == (KEY, ("a", "c", "d"), ("t",))
    assert (second.key, second.message_ids, second.revision) == (OTHER, ("b",), 4)


def test_call_is_for_the_newest_of_its_revisions() -> None:
    assert call(plain(2), plain(5), plain(3)).revision == 5


def test_call_looks_for_the_newest_when_one_of_its_wakeups_does() -> None:
    assert call(plain(2), plain(None), plain(3)).revision is None


def test_call_names_each_timer_once_and_no_plain_wakeup() -> None:
    assert call(timer("t2"), plain(1), timer("t1"), timer("t2")).timers == ("t2", "t1")


# --- how far a run reads


def test_plain_wakeup_reads_to_its_own_revision() -> None:
    assert reads_up_to(cursor(1), call(plain(3))) == 3


@pytest.mark.parametrize(
    ("state", "given"),
    [
        ({}, call(plain(None))),
        ({}, call(plain(3), timer("t"))),
        ({}, call(DeliveryWakeup(KEY, revision=3, timer="t"))),
        ({"behind_since": NOW}, call(plain(3))),
        ({"resend": (1,)}, call(plain(3))),
    ],
    ids=["a wake-up that looks", "a timer", "a timer of a revision", "a config that has waited", "a redrive"],
)
def test_run_looks_for_the_newest_after(state: dict[str, Any], given: Call) -> None:
    assert reads_up_to(cursor(1, **state), given) is None


# --- the plan


def test_known_plan_tells_what_is_past_the_cursor_up_to_the_wakeups_revision() -> None:
    plan = plan_known(cursor(2), 4, revisions(1, 2, 3, 4, 5))
    assert plan is not None
    assert numbers(plan) == [3, 4]
    assert not plan.is_partial
    assert [step.revision and step.revision.number for step in plan.steps] == [3, 4]


@pytest.mark.parametrize("found", [(1, 3), (1, 2), ()])
def test_known_plan_with_a_revision_missing_is_none_so_that_a_look_decides(found: tuple[int, ...]) -> None:
    assert plan_known(cursor(0), 3, revisions(*found)) is None


def test_known_plan_of_ten_is_whole_and_of_eleven_partial() -> None:
    at_most = plan_known(cursor(5), 5 + MAX_POSTS, revisions(*range(1, 99)))
    assert at_most is not None
    assert (numbers(at_most), at_most.is_partial) == (list(range(6, 6 + MAX_POSTS)), False)
    more = plan_known(cursor(5), 6 + MAX_POSTS, revisions(*range(1, 99)))
    assert more is not None
    assert (numbers(more), more.is_partial) == (list(range(6, 6 + MAX_POSTS)), True)


def test_known_plan_of_a_cursor_that_has_passed_is_empty() -> None:
    assert plan_known(cursor(3), 3, {}) == Plan()


def test_looked_plan_of_nothing_is_empty() -> None:
    assert plan_looked(cursor(3), [], {}) == Plan()


def test_looked_plan_fills_the_gaps() -> None:
    plan = plan_looked(cursor(1), [packed(3), packed(5)], {})
    assert [(step.number, step.revision is None, step.is_resent) for step in plan.steps] == [
        (2, True, False),
        (3, False, False),
        (4, True, False),
        (5, False, False),
    ]


def test_looked_plan_tells_what_a_redrive_asked_for_first_and_marks_it() -> None:
    plan = plan_looked(cursor(4, resend=(2, 3)), [packed(5)], revisions(2))
    assert [(step.number, step.revision is None, step.is_resent) for step in plan.steps] == [
        (2, False, True),
        (3, True, True),
        (5, False, False),
    ]


def test_looked_plan_of_ten_is_whole_and_of_eleven_partial() -> None:
    resend = (1, 2)
    at_most = plan_looked(cursor(2, resend=resend), [packed(number) for number in range(3, 11)], {})
    assert (numbers(at_most), at_most.is_partial) == (list(range(1, 11)), False)
    more = plan_looked(cursor(2, resend=resend), [packed(number) for number in range(3, 12)], {})
    assert (numbers(more), more.is_partial) == (list(range(1, 11)), True)


@given(st.integers(0, 30), st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40), max_size=4))
def test_looked_plan_is_in_order_without_gaps_and_bounded(position: int, existing: set[int], resend: set[int]) -> None:
    found = [packed(number) for number in sorted(existing) if number > position]
    plan = plan_looked(cursor(position, resend=tuple(sorted(resend))), found, {})
    fresh = [step.number for step in plan.steps if not step.is_resent]
    assert fresh == list(range(position + 1, position + 1 + len(fresh)))
    assert len(plan.steps) <= MAX_POSTS
    whole = len(resend) + max([0, *(each.number - position for each in found)])
    assert plan.is_partial == (whole > MAX_POSTS)
    assert len(plan.steps) == min(whole, MAX_POSTS)


# --- what is passed over, where that is wished

FAILED = cursor(0, attempts=1)


def plan_of(*states: str, is_partial: bool = False) -> Plan:
    return Plan(tuple(Step(number, packed(number, state)) for number, state in enumerate(states, start=1)), is_partial)


def test_after_a_failure_the_states_on_the_way_are_passed_over() -> None:
    plan, left_out = passed_over(plan_of("submitted", "working", "working", is_partial=True), FAILED, Updates.LATEST_STATE)
    assert (numbers(plan), [step.number for step in left_out]) == ([3], [1, 2])
    assert plan.is_partial


@pytest.mark.parametrize("state", ["input-required", "auth-required", "completed", "canceled", "failed", "rejected"])
def test_terminal_and_interrupted_states_are_never_passed_over(state: str) -> None:
    plan, left_out = passed_over(plan_of("working", state, "working"), FAILED, Updates.LATEST_STATE)
    assert (numbers(plan), [step.number for step in left_out]) == ([2, 3], [1])


def test_what_a_redrive_asked_for_is_never_passed_over() -> None:
    steps = (Step(1, packed(1), is_resent=True), Step(4, packed(4)), Step(5, packed(5)))
    plan, left_out = passed_over(Plan(steps), FAILED, Updates.LATEST_STATE)
    assert (numbers(plan), [step.number for step in left_out]) == ([1, 5], [4])


def test_a_missing_revision_is_never_passed_over() -> None:
    plan, left_out = passed_over(Plan((Step(1, None), Step(2, packed(2)))), FAILED, Updates.LATEST_STATE)
    assert (numbers(plan), left_out) == ([1, 2], ())


def test_without_a_failure_nothing_is_passed_over() -> None:
    plan = plan_of("submitted", "working")
    assert passed_over(plan, cursor(0), Updates.LATEST_STATE) == (plan, ())


def test_every_revision_is_told_unless_otherwise_wished() -> None:
    plan = plan_of("submitted", "working")
    assert passed_over(plan, FAILED, Updates.EVERY_REVISION) == (plan, ())


def test_passing_over_an_empty_plan_leaves_it_empty() -> None:
    assert passed_over(Plan(), FAILED, Updates.LATEST_STATE) == (Plan(), ())


def not_working(head: RevisionHead) -> bool:
    return head.state is not TaskState.WORKING


def marked(plan: Plan) -> list[tuple[int, bool]]:
    return [(step.number, step.is_unwanted) for step in plan.steps]


def test_what_is_not_wanted_goes_with_what_follows_it() -> None:
    assert marked(filtered(plan_of("working", "working", "completed"), not_working)) == [(3, False)]


def test_at_the_end_of_a_plan_the_cursor_goes_past_what_is_not_wanted() -> None:
    assert marked(filtered(plan_of("submitted", "working", "working"), not_working)) == [(1, False), (3, True)]
    assert marked(filtered(plan_of("working"), not_working)) == [(1, True)]


@pytest.mark.parametrize("is_partial", [True, False])
def test_a_plan_is_as_partial_without_what_is_not_wanted(is_partial: bool) -> None:
    assert filtered(plan_of("working", "completed", is_partial=is_partial), not_working).is_partial is is_partial


def test_a_plan_that_is_wanted_is_left_as_it_is() -> None:
    plan = plan_of("submitted", "completed", is_partial=True)
    assert filtered(plan, not_working) is plan


def test_each_redriven_revision_is_settled_though_it_be_unwanted_and_a_missing_one_is_told() -> None:
    plan = Plan((Step(1, packed(1, "working"), is_resent=True), Step(2, None), Step(3, packed(3, "working")), Step(4, None)))
    assert marked(filtered(plan, not_working)) == [(1, True), (2, False), (4, False)]


def test_latest_state_tells_the_newest_that_is_wanted() -> None:
    plan = filtered(plan_of("working", "working", "completed"), lambda head: head.state is TaskState.WORKING)
    told, left_out = passed_over(plan, cursor(attempts=1), Updates.LATEST_STATE)
    assert (marked(told), [step.number for step in left_out]) == ([(2, False), (3, True)], [1])
