"""No end of a task is lost, and the lister goes on, whatever the watch function dies at while it lists (docs/decisions/0011).

Three tasks are followed by one list, change and end. The story is told undisturbed, to count what the lister asks of AWS; then once for
each of these requests with the function killed before or after it, or the request failing for good (`make test-thorough`; else one of
them). The queue's and the sweep's repeats do the rest; at the end another task is followed by the list again. What a watch's own turn
asks is disturbed in `test_crash.py`.
"""

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest

from relay.adapters.table.listers import Listers
from relay.domain.keys import AgentKey, ListKey
from tests.support.telling import tell
from tests.support.wire import AwsRequest, Effect, undisturbed
from tests.support.world import FAULTS, SWEEP, VISIBILITY, World

EVERY, SLOW = 5, 60  # seconds: ListSeconds, WatchMaxSeconds
STEP = EVERY + 0.5
LISTED = ListKey(AgentKey("default", "default"), "")
TOUCHES = ("FOLLOWING", '\\"kind\\":\\"list\\"')  # the lister's item, its wake-ups
_serial = itertools.count(1)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World(FollowStrategy="list", WatchMinSeconds="1", WatchMaxSeconds=str(SLOW), ListSeconds=str(EVERY)) as world:
        yield world


@dataclass
class Story:
    """What is disturbed: the `point`-th request of the lister, of those `named` so."""

    world: World
    effect: Effect = Effect.NONE
    point: int = 0
    named: str = ""
    requests: int = 0
    disturbed: str = ""
    number: int = field(default_factory=lambda: next(_serial))

    def tell(self) -> list[str]:
        """Every promise that was broken, in a sentence."""
        world = self.world
        world.reset()
        world.wire.decide = self._decide
        names = [f"{self.number}-{name}" for name in "abc"]
        self._follow(*names)
        self._passes(2)
        world.agent.task(names[0]).becomes("working")
        self._passes(1)
        for name in names[:2]:
            world.agent.task(name).becomes("completed", artifacts=["the answer"])
        self._passes(1)
        world.agent.task(names[2]).becomes("failed")
        self._passes(1)
        self._recover(names)
        world.wire.decide = undisturbed
        return [*self._faults(names), *self._faults_after()]

    def __str__(self) -> str:
        return f"{self.effect} at {self.point} ({self.disturbed})"

    def _decide(self, request: AwsRequest) -> Effect:
        if request.function != "watch" or not is_of_the_lister(request) or self.named not in ("", request.name):
            return Effect.NONE
        self.requests += 1
        if self.requests != self.point:
            return Effect.NONE
        self.disturbed = f"{request.name} {request.body.get('UpdateExpression', '')}"
        return self.effect

    def _follow(self, *names: str) -> None:
        for name in names:
            self.world.agent.task(name)
            self.world.register(name, id=name)
        self.world.settle()

    def _passes(self, rounds: int) -> None:
        for _ in range(rounds):
            self.world.advance(STEP)

    def _recover(self, names: Iterable[str]) -> None:
        """Ends when all tasks' watches have."""
        for seconds in (STEP, SLOW, VISIBILITY, SWEEP, SLOW, VISIBILITY, SWEEP):
            if all(self.world.watch(name) is None for name in names):
                return
            self.world.advance(seconds)

    def _faults(self, names: Iterable[str]) -> Iterator[str]:
        world = self.world
        yield from (f"{queue} holds messages" for queue in FAULTS if world.length(queue))
        for name in names:
            told, newest = world.told(name), world.newest(name)
            if told != list(range(2, newest + 1)) or not told:
                yield f"{name} was told {told} of {newest}"
            elif world.posts(name)[-1].state not in ("completed", "failed"):
                yield f"{name} has no end: {world.posts(name)[-1].state}"

    def _faults_after(self) -> Iterator[str]:
        """The lister is there for whoever comes next."""
        name = f"{self.number}-next"
        self._follow(name)
        for _ in range(12):
            if (lister := Listers(self.world.connection).get(LISTED)) and lister.is_good(self.world.runner.clock.now()):
                break
            self.world.advance(SLOW)
        self._passes(2)
        self.world.agent.task(name).becomes("completed")
        self._passes(2)
        if self.world.told(name) != [2]:
            yield f"the next task was told {self.world.told(name)}"


def is_of_the_lister(request: AwsRequest) -> bool:
    text = json.dumps(request.body)
    return request.name in ("BatchGetItem", "SendMessageBatch") or any(touch in text for touch in TOUCHES)


def count(world: World) -> int:
    story = Story(world)
    tell([story])
    return story.requests


@pytest.mark.thorough
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("effect", [Effect.DIES_BEFORE, Effect.DIES_AFTER, Effect.FAILS])
def test_no_end_is_lost_when_the_function_dies_at_any_request_of_the_lister(world: World, effect: Effect) -> None:
    stories = [Story(world, effect=effect, point=point) for point in range(1, count(world) + 1)]
    tell(stories)
    assert sum(bool(story.disturbed) for story in stories) > 0.8 * len(stories), "what is read now and then is counted too"


@pytest.mark.timeout(300)
def test_no_end_is_lost_when_the_function_dies_between_timer_and_mark(world: World) -> None:
    story = Story(world, effect=Effect.DIES_AFTER, point=4, named="SendMessage")
    tell([story])
    assert story.disturbed
