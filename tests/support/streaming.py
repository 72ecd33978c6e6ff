"""The stream function of a world, beside its other functions: on threads of its own, for it runs as long as streams are open."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from functions.stream import handler
from relay_dev.invoker import Outcome
from tests.support.wire import Died, Life
from tests.support.world import World

DEADLINE = 60  # seconds a test waits for a condition before it fails
LONG, SOON_OVER, OVER = 900_000, 55_000, 0  # milliseconds that an invocation has left


class Streaming:
    """`left` is how long invocations may still run; those that begin while `works` is False come to nothing, as if they had died.

    The messages of an invocation that died or failed are in the queue again soon.
    """

    def __init__(self, world: World) -> None:
        self.works = True
        self._world = world
        self._invocations: list[Invocation] = []

    def invoke(self, event: Mapping[str, Any]) -> "Invocation":
        invocation = Invocation(self._world, event)
        self._invocations.append(invocation)
        invocation.start()
        return invocation

    def step(self) -> bool:
        """Whether anything was due."""
        for invocation in self._invocations:
            invocation.give_back()
        return self._world.runner.step()

    def die(self) -> None:
        """The one that has run for longest."""
        for invocation in self.live[:1]:
            self._world.wire.die(invocation.life)

    @property
    def live(self) -> "list[Invocation]":
        return [each for each in self._invocations if each.thread.is_alive() and not each.life.is_dead]

    def eventually(self, holds: Callable[[], bool]) -> None:
        """Does what is due until it holds."""
        until = time.monotonic() + DEADLINE
        while not holds():
            assert time.monotonic() < until, "it did not come to that"
            if not self.step():
                time.sleep(0.01)

    def alone_until(self, holds: Callable[[], bool]) -> None:
        """Waits until it holds, while the other functions do nothing."""
        until = time.monotonic() + DEADLINE
        while not holds():
            assert time.monotonic() < until, "it did not come to that"
            time.sleep(0.01)

    @property
    def running(self) -> int:
        return sum(each.thread.is_alive() for each in self._invocations)

    def end(self) -> None:
        for each in self._invocations:
            each.left = OVER
            each.thread.join(DEADLINE)
            assert not each.thread.is_alive()


class Invocation:
    """A life of its own, and the context that its handler gets."""

    aws_request_id = "stream"

    def __init__(self, world: World, event: Mapping[str, Any]) -> None:
        self.left = LONG
        self.life = Life("stream")
        self.thread = threading.Thread(target=self._run, daemon=True)
        self._world = world
        self._event = event
        self._failed: list[str] = []

    def start(self) -> None:
        self.thread.start()

    def get_remaining_time_in_millis(self) -> int:
        if self.life.is_dead:
            raise Died
        return self.left

    def give_back(self) -> None:
        while self._failed:
            self._world.put("StreamQueue", self._failed.pop())

    def _run(self) -> None:
        bodies = {record["messageId"]: record["body"] for record in self._event["Records"]}
        try:
            with self._world.wire.apart(self.life):
                answer = handler(dict(self._event), self)
            self._failed = [bodies[failed["itemIdentifier"]] for failed in answer["batchItemFailures"]]
        except (Died, ClientError):
            self._failed = list(bodies.values())


def _quietly(hook: Callable[[Any], object]) -> Callable[[Any], object]:
    """A dead process's threads end as they may."""
    return lambda given: None if given.exc_type is Died else hook(given)


@contextmanager
def streaming(world: World) -> Iterator[Streaming]:
    """From now on the world's stream function runs aside."""
    beside, inner, hook = Streaming(world), world.runner.invoke, threading.excepthook

    def invoke(function: str, event: Mapping[str, Any]) -> Outcome:
        if function != "StreamFunction":
            return inner(function, event)
        if beside.works:
            beside.invoke(event)
        return Outcome("stream", answer={"batchItemFailures": []})

    world.runner.invoke, threading.excepthook = invoke, _quietly(hook)
    try:
        yield beside
    finally:
        beside.end()
        world.runner.invoke, threading.excepthook = inner, hook
