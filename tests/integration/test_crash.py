"""Nothing is lost, duplicates are bounded, order is kept, delete means delete: whatever happens, at whatever point it happens (design §6).

Each story is told once undisturbed, to count what the functions ask of AWS and how often they POST; then once for each of these points
with the running function killed there (before a request, after it took effect; before, during and after a POST), and once for each request
with AWS failing it for good. Then the clock moves, AWS's own retries do their work, and the promises are checked. That requests are
throttled, lose their answers or take effect twice must not be seen by a receiver at all: that is told once with all of them disturbed.

One class runs on one worker: the classes divide the work. `make test` disturbs each request in one of the three ways, `make test-thorough`
in all of them.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.mortal import Moment
from tests.support.story import POLL, Disturbance, Stage, Story
from tests.support.telling import each_post, each_request, teller, told, told_again
from tests.support.wire import Effect
from tests.support.world import SWEEP

REPEATED = (Effect.THROTTLED, Effect.TIMES_OUT, Effect.TWICE)
MOMENTS = (Moment.BEFORE, Moment.DURING, Moment.AFTER)
WAYS = 3  # in which a single request is disturbed: so each way has a third of the requests, and the rest when there is time


def thirds(own: int) -> list[Any]:
    return [pytest.param(third, marks=[] if third == own else [pytest.mark.thorough]) for third in range(WAYS)]


@pytest.fixture(scope="class")
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage


def several_changes(story: Story) -> None:
    """Two configs, one with a receiver that fails twice; a late registration; a delete; the end of the task."""
    steady, failing = story.stage.steady, story.stage.failing
    story.register("steady", steady)
    story.register("failing", failing)
    story.world.settle()
    failing.fail_next(503, 2)
    story.becomes("working")
    story.becomes("working", "half")
    story.register("late", steady)
    story.delete("steady")
    story.becomes("completed")


def given_up(story: Story) -> None:
    """A receiver fails until its config is given up; an operator redrives; then both queues lose all that is in them."""
    failing = story.stage.failing
    story.register("failing", failing)
    story.world.settle()
    failing.fail_next(503, 3)
    story.becomes("working")
    story.world.advance(POLL)
    story.world.advance(POLL)
    story.redrive()
    story.purge()
    story.task.becomes("completed")
    story.world.advance(SWEEP)


STORIES = {"several changes": teller(Story, several_changes), "given up": teller(Story, given_up)}


def each_third(stage: Stage, name: str, effect: Effect, third: int) -> list[Disturbance]:
    return each_request(stage, STORIES[name], effect, first=1 + third, step=WAYS)


@pytest.mark.timeout(600)
class TestDeathBeforeARequest:
    @pytest.mark.parametrize("third", thirds(0))
    @pytest.mark.parametrize("name", STORIES)
    def test_promises_hold_when_a_function_dies_before_any_request(self, stage: Stage, name: str, third: int) -> None:
        told_again(stage, STORIES[name], each_third(stage, name, Effect.DIES_BEFORE, third))


@pytest.mark.timeout(600)
class TestDeathAfterARequest:
    @pytest.mark.parametrize("third", thirds(1))
    @pytest.mark.parametrize("name", STORIES)
    def test_promises_hold_when_a_function_dies_after_any_request(self, stage: Stage, name: str, third: int) -> None:
        told_again(stage, STORIES[name], each_third(stage, name, Effect.DIES_AFTER, third))


@pytest.mark.timeout(600)
class TestDeathAtAPost:
    @pytest.mark.parametrize("moment", MOMENTS)
    @pytest.mark.parametrize("name", STORIES)
    def test_promises_hold_when_a_function_dies_at_any_post(self, stage: Stage, name: str, moment: Moment) -> None:
        told_again(stage, STORIES[name], each_post(stage, STORIES[name], moment))


@pytest.mark.timeout(600)
class TestFailedRequests:
    @pytest.mark.parametrize("third", thirds(2))
    def test_promises_hold_when_any_request_fails_for_good(self, stage: Stage, third: int) -> None:
        told_again(stage, STORIES["several changes"], each_third(stage, "several changes", Effect.FAILS, third))


@pytest.mark.timeout(600)
class TestRepeatedRequests:
    @pytest.mark.parametrize("effect", REPEATED)
    @pytest.mark.parametrize("name", STORIES)
    def test_no_receiver_sees_that_every_request_was_repeated(self, stage: Stage, name: str, effect: Effect) -> None:
        told(stage, STORIES[name], Disturbance(effect=effect, is_everywhere=True))
