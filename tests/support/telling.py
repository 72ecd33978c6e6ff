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


class NotReachedError(AssertionError):
    """The story ended before the point at which it was to be disturbed; no promise was broken."""


def told(stage: Stage, tell: Teller, disturbance: Disturbance) -> tuple[int, int]:
    """How many requests and POSTs it took; fails when a promise is broken, or the point was not reached."""
    random.seed(0)  # polls come sooner by chance: by the same in each telling, or the points would not be the same
    with stage.disturbed(disturbance) as counter:
        story = tell(stage, disturbance)
        requests, posts = counter.requests, counter.posts
        story.recovers()
        faults = list(story.faults())
        if not counter.is_missed and stage.world.wire.deaths != disturbance.is_death:
            faults.append("nobody died" if disturbance.is_death else "somebody died")
        assert not faults, f"{disturbance}, {counter.what_was_disturbed}: {'; '.join(faults)}"
        if counter.is_missed and stage.reaches_every_point:
            raise NotReachedError(f"{disturbance}: the point was not reached")
    return requests, posts


def told_again(stage: Stage, tell: Teller, disturbances: Iterable[Disturbance], *, spared: int = 0) -> None:
    """All are told, even if some break a promise. `spared`: how many points need not be reached, as a process that remembers asks less."""
    broken, missed = [], []
    for disturbance in disturbances:
        try:
            told(stage, tell, disturbance)
        except NotReachedError as error:
            missed.append(str(error))
        except AssertionError as error:
            broken.append(str(error))
    broken += missed if len(missed) > spared else []
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
