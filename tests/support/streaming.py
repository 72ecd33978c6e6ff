"""The stream function of a world, beside its other functions: on threads of its own, for it runs as long as streams are open."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from functions.stream import handler
from relay_dev.invoker import Outcome
from tests.support.world import World

DEADLINE = 60  # seconds a test waits for a condition before it fails
LONG, SOON_OVER, OVER = 900_000, 55_000, 0  # milliseconds that an invocation has left


class Streaming:
    """`left` is how long invocations may still run; those that begin while `works` is False come to nothing, as if they had died."""

    def __init__(self, world: World) -> None:
        self.works = True
        self._world = world
        self._threads: list[tuple[threading.Thread, _Context]] = []

    def invoke(self, event: Mapping[str, Any]) -> "_Context":
        context = _Context()
        thread = threading.Thread(target=handler, args=(dict(event), context), daemon=True)
        self._threads.append((thread, context))
        thread.start()
        return context

    def eventually(self, holds: Callable[[], bool]) -> None:
        """Does what is due until it holds."""
        until = time.monotonic() + DEADLINE
        while not holds():
            assert time.monotonic() < until, "it did not come to that"
            if not self._world.runner.step():
                time.sleep(0.01)

    def alone_until(self, holds: Callable[[], bool]) -> None:
        """Waits until it holds, while the other functions do nothing."""
        until = time.monotonic() + DEADLINE
        while not holds():
            assert time.monotonic() < until, "it did not come to that"
            time.sleep(0.01)

    @property
    def running(self) -> int:
        return sum(thread.is_alive() for thread, _ in self._threads)

    def end(self) -> None:
        for thread, context in self._threads:
            context.left = OVER
            thread.join(DEADLINE)
            assert not thread.is_alive()


class _Context:
    aws_request_id = "stream"

    def __init__(self) -> None:
        self.left = LONG

    def get_remaining_time_in_millis(self) -> int:
        return self.left


@contextmanager
def streaming(world: World) -> Iterator[Streaming]:
    """From now on the world's stream function runs aside."""
    beside, inner = Streaming(world), world.runner.invoke

    def invoke(function: str, event: Mapping[str, Any]) -> Outcome:
        if function != "StreamFunction":
            return inner(function, event)
        if beside.works:
            beside.invoke(event)
        return Outcome("stream", answer={"batchItemFailures": []})

    world.runner.invoke = invoke
    try:
        yield beside
    finally:
        beside.end()
        world.runner.invoke = inner
