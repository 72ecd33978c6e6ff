"""Nothing is lost of what a stream tells: whatever function dies, at whatever request of the stream function, and between any two events.

As in test_crash. One task is told by a stream: its changes, pieces of an artifact, a claim that is renewed, a function whose time ends and
that hands over, the end. Disturbed is what the stream function asks of AWS, and what the watch asks for it; and the stream function dies
before each event. Real threads and connections are at work, so a story takes seconds: `make test` tells few, `make test-thorough` all.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from itertools import chain, repeat
from typing import Any, Self

import pytest

from relay.adapters.table.stream_claims import StreamClaims
from relay.domain.stream import RENEW_EVERY, StreamClaim
from tests.support.story import POLL, Disturbance, Stage, Story
from tests.support.streaming import DEADLINE, SOON_OVER, Streaming, streaming
from tests.support.telling import each_request, teller, told, told_again
from tests.support.wire import AwsRequest, Effect
from tests.support.world import VISIBILITY, task_key

STREAMS = "StreamQueue"
SAMPLE = 11  # `make test` disturbs each eleventh request
_PATIENCE = 25  # looks at functions that do nothing, until time is moved for them
_PIECES = ("one ", "two ")


def counted(request: AwsRequest) -> bool:
    """To receive is a matter of real time: how often it is done differs."""
    if request.function == "stream":
        return request.name != "ReceiveMessage"
    return request.function == "watch" and ("STREAM" in str(request.body) or STREAMS in str(request.body))


class StreamStage(Stage):
    reaches_every_point = False  # two threads ask AWS: whose request is the last differs

    def __init__(self) -> None:
        super().__init__(counted=counted, FollowStrategy="auto")
        self.beside: Streaming
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        super().__enter__()
        self.beside = self._ends.enter_context(streaming(self.world))
        return self

    def __exit__(self, *given: object) -> None:
        self._ends.close()
        super().__exit__(*given)


class Streamed(Story):
    def __init__(self, stage: Stage, disturbance: Disturbance, *, dies_at: int = 0) -> None:
        """`dies_at`: the event, from 1 on, before which its function dies."""
        assert isinstance(stage, StreamStage)
        super().__init__(stage, disturbance)
        self.beside, self.events = stage.beside, 0
        self._dies_at = dies_at
        self.world.agent.streams, self.world.agent.before_event = True, self._before_event

    def _before_event(self, _event: dict[str, Any]) -> None:
        self.events += 1
        if self.events == self._dies_at:
            self.stage.counter.what_was_disturbed = "an event"
            self.beside.die()
            raise ConnectionError("who listened is dead")

    @property
    def claim(self) -> StreamClaim | None:
        return StreamClaims(self.world.connection).get(task_key(self.task_id))

    @property
    def newest(self) -> int:
        return self.world.newest(self.task_id)

    def comes_to(self, holds: Any) -> None:
        """Unless it is disturbed first: then what follows is told on, and what is missing is for the recovery."""
        self.beside.eventually(lambda: holds() or bool(self.stage.counter.what_was_disturbed))

    def tells_a_piece(self, number: int) -> None:
        piece = {"artifactId": "text", "parts": [{"text": _PIECES[number]}]}
        pieces = [{"text": text} for text in _PIECES[: number + 1]]
        self.task.document["artifacts"] = [{"artifactId": "text", "parts": pieces}]
        self.task.tells({"artifactUpdate": {"taskId": self.task_id, "artifact": piece, "append": number > 0}})

    def recovers(self) -> None:
        until, idle, moves = time.monotonic() + DEADLINE, 0, chain([POLL, POLL], repeat(VISIBILITY))
        while not self.is_quiet:
            assert time.monotonic() < until, f"still not quiet: {self.world.watch(self.task_id)} {self.claim} {self.beside.running}"
            if self.beside.step():
                idle = 0
            elif self.beside.running and idle < _PATIENCE:
                idle += 1
                time.sleep(0.02)
            else:
                idle = 0
                self.world.runner.advance(timedelta(seconds=next(moves)))

    @property
    def is_quiet(self) -> bool:
        return super().is_quiet and not self.world.length(STREAMS) and self.beside.running == 0

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        last = self.posts("a")[-1:]
        if [post.state for post in last] != ["completed"] or [len(post.payload["task"]["artifacts"]) for post in last if post.payload] != [
            1
        ]:
            yield f"told last: {last}"


def streamed(story: Streamed) -> None:
    world = story.world
    story.register("a", story.stage.steady)
    story.comes_to(lambda: story.task.streams)
    story.task.becomes("working")
    story.comes_to(lambda: story.newest == 2)
    for number in range(len(_PIECES)):
        story.tells_a_piece(number)
    world.advance(2)
    story.comes_to(lambda: story.newest > 2)
    before = story.claim
    world.advance(RENEW_EVERY.total_seconds() + 1)
    story.comes_to(lambda: (now := story.claim) is not None and before is not None and now.until > before.until)
    hand_over(story)
    story.task.becomes("working", message="almost")
    story.comes_to(lambda: len(story.posts("a")) >= 3)
    story.task.becomes("completed", artifacts=["all of it"])
    story.comes_to(lambda: [post.state for post in story.posts("a")][-1:] == ["completed"])


def hand_over(story: Streamed) -> None:
    before = story.claim
    for each in story.beside.live:
        each.left = SOON_OVER
    story.comes_to(lambda: (now := story.claim) is not None and before is not None and now.token != before.token)
    story.comes_to(lambda: len(story.beside.live) == 1)


@pytest.fixture(scope="module")
def stage() -> Iterator[StreamStage]:
    with StreamStage() as stage:
        yield stage


TELL = teller(Streamed, streamed)


@pytest.mark.timeout(300)
def test_promises_hold_when_the_stream_function_dies_after_some_requests(stage: StreamStage) -> None:
    told_again(stage, TELL, each_request(stage, TELL, Effect.DIES_AFTER, first=2, step=SAMPLE))


@pytest.mark.thorough
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("effect", [Effect.DIES_BEFORE, Effect.DIES_AFTER, Effect.FAILS])
def test_promises_hold_when_the_stream_function_dies_at_any_request(stage: StreamStage, effect: Effect) -> None:
    told_again(stage, TELL, each_request(stage, TELL, effect))


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("event", range(1, 9))
def test_promises_hold_when_the_stream_function_dies_between_two_events(stage: StreamStage, event: int) -> None:
    told(stage, teller(lambda stage, given: Streamed(stage, given, dies_at=event), streamed), Disturbance(effect=Effect.DIES_BEFORE))
