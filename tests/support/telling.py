"""Tells stories again and again (tests/support/story.py), and says which promises were broken at which point."""

import random
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from tests.support.mortal import Moment
from tests.support.story import Disturbance, Stage, Story
from tests.support.wire import Effect

S = TypeVar("S", bound=Story)
Teller = Callable[[Stage, Disturbance], Story]


def teller(kind: Callable[[Stage, Disturbance], S], tell: Callable[[S], None]) -> Teller:
    """Begins such a story, and tells it."""

    def begin_and_tell(stage: Stage, disturbance: Disturbance) -> Story:
        story = kind(stage, disturbance)
        tell(story)
        return story

    return begin_and_tell


def told(stage: Stage, tell: Teller, disturbance: Disturbance) -> tuple[int, int]:
    """How many requests and POSTs it took; fails when a promise is broken, or the point was not reached."""
    random.seed(0)  # polls come sooner by chance: by the same in each telling, or the points would not be the same
    with stage.disturbed(disturbance) as counter:
        story = tell(stage, disturbance)
        requests, posts = counter.requests, counter.posts
        story.recovers()
        faults = list(story.faults())
        is_missed = counter.is_missed or stage.world.wire.deaths != disturbance.is_death
        if is_missed and (stage.reaches_every_point or not counter.is_missed):
            faults.append("the point was not reached")
        assert not faults, f"{disturbance}, {counter.what_was_disturbed}: {'; '.join(faults)}"
    return requests, posts


def told_again(stage: Stage, tell: Teller, disturbances: Iterable[Disturbance]) -> None:
    """All are told, even if some break a promise."""
    broken = []
    for disturbance in disturbances:
        try:
            told(stage, tell, disturbance)
        except AssertionError as error:
            broken.append(str(error))
    assert not broken, "\n".join(broken)


def each_request(stage: Stage, tell: Teller, effect: Effect, *, first: int = 1, step: int = 1) -> list[Disturbance]:
    """One for each request, from the first on, or for some of them."""
    requests, _ = told(stage, tell, Disturbance())
    return [Disturbance(effect=effect, point=point) for point in range(first, requests + 1, step)]


def each_post(stage: Stage, tell: Teller, moment: Moment) -> list[Disturbance]:
    _, posts = told(stage, tell, Disturbance())
    return [Disturbance(moment=moment, point=point) for point in range(1, posts + 1)]


class Tellable(Protocol):
    def tell(self) -> list[str]:
        """The promises that were broken."""


def tell(stories: Iterable[Tellable]) -> None:
    """All are told, even if some break a promise."""
    broken = [f"{story}: {'; '.join(faults)}" for story in stories if (faults := story.tell())]
    assert not broken, "\n".join(broken)
