"""Time that jumps from one moment at which something is due to the next. What functions compute takes none of it.

One thread runs it and does all in turn. The threads of a function that runs for long wait here, too: when some of them are woken, the
timeline stands until all of them wait again.
"""

import heapq
import itertools
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

STEP = 1 / 16  # second: what is due within one is due at its end, and so is taken together. Exact as a float, as its sums are
_START = datetime(2026, 1, 1, tzinfo=UTC)


class OverError(SystemExit):
    """The run is over: whoever waits ends."""


class Timeline:
    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.at_work = 0  # threads of long functions that do not wait
        self.asleep: set[Bell] = set()
        self.is_over = False
        self._step = 0
        self._numbers = itertools.count()
        self._due: list[tuple[int, int, Callable[[], None]]] = []

    def now(self) -> datetime:
        return _START + timedelta(seconds=self.seconds())

    def seconds(self) -> float:
        """Since the start."""
        return self._step * STEP

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        """Never early, and later by less than a step."""
        with self.lock:
            heapq.heappush(self._due, (self._step + ceil(seconds / STEP - 1e-6), next(self._numbers), call))

    def run_until(self, seconds: float, *, between: Callable[[], None], around: Callable[[], AbstractContextManager[None]]) -> None:
        """`between` is called at each moment, after what was due then; that is done inside of `around`."""
        last = round(seconds / STEP)
        while self._due and self._due[0][0] <= last:
            self._step = max(self._step, self._due[0][0])
            with around():
                while self._due and self._due[0][0] <= self._step:
                    heapq.heappop(self._due)[2]()
                self.wait_for_all()
            between()
        self._step = last

    def wait_for_all(self) -> None:
        with self.lock:
            self.lock.wait_for(lambda: not self.at_work)

    def end(self) -> None:
        """Ends all threads that wait."""
        self.is_over = True
        for bell in list(self.asleep):
            bell.ring()
        self.wait_for_all()

    def sleep(self, seconds: float) -> None:
        """For the threads of long functions."""
        Bell(self).wait(seconds)


class Bell:
    """What one thread waits for, again and again."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._event = threading.Event()
        self._turn = 0

    def wait(self, seconds: float) -> None:
        """Until it rings, or so much time has passed. Raises: OverError."""
        timeline = self._timeline
        self._turn += 1
        timeline.call_later(seconds, lambda turn=self._turn: self._ring_for(turn))  # type: ignore[misc]
        with timeline.lock:
            timeline.asleep.add(self)
            timeline.at_work -= 1
            timeline.lock.notify_all()
        self._event.wait()
        self._event.clear()
        if timeline.is_over:
            raise OverError

    def ring(self) -> None:
        """Nothing, unless somebody waits."""
        timeline = self._timeline
        with timeline.lock:
            if self in timeline.asleep:
                timeline.asleep.remove(self)
                timeline.at_work += 1
                self._event.set()

    def _ring_for(self, turn: int) -> None:
        if turn == self._turn:
            self.ring()


class CountedThread(threading.Thread):
    """In place of a long function's `threading.Thread`."""

    def __init__(self, timeline: Timeline, **given: Any) -> None:
        super().__init__(**given)
        self._timeline = timeline

    def start(self) -> None:
        with self._timeline.lock:
            self._timeline.at_work += 1
        super().start()

    def run(self) -> None:
        try:
            with suppress(OverError):
                super().run()
        finally:
            with self._timeline.lock:
                self._timeline.at_work -= 1
                self._timeline.lock.notify_all()
