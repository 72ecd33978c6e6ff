"""Time that passes only while all threads of this process wait: what they compute takes no time, however busy the machine is.

Threads wait here by `sleep` and `Wake`; whoever waits for another thread (a lock, a future) waits for what that one waits for. When no
thread is at work any more, as the kernel says, the clock goes on to the next moment somebody waits for.
"""

import heapq
import itertools
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

_START = datetime(2026, 1, 1, tzinfo=UTC)
_LOOK_SECONDS = 0.0002  # the machine's; gives all others their turn


class Wake:
    """What one thread waits for, once; made by that thread."""

    def __init__(self, of: "SimulatedTime") -> None:
        self._of = of
        self._event = threading.Event()
        self._thread = threading.get_native_id()

    def wait(self, seconds: float | None = None) -> None:
        """Until `set` is called, or so much time has passed."""
        if seconds is not None:
            self._of.call_later(seconds, self.set, is_wanted=lambda: not self._event.is_set())
        with self._of.lock:
            if self._event.is_set():
                return
            self._of.waiting.add(self._thread)
        self._event.wait()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        with self._of.lock:
            self._of.waiting.discard(self._thread)
            self._event.set()


class SimulatedTime:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: set[int] = set()  # threads that nobody but the clock, or a `Wake`, sets going
        self._seconds = 0.0
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None], Callable[[], bool]]] = []

    def now(self) -> datetime:
        return _START + timedelta(seconds=self._seconds)

    def seconds(self) -> float:
        """Since the start."""
        return self._seconds

    def call_later(self, seconds: float, call: Callable[[], None], *, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """What is not wanted any more when its time comes does not move the clock."""
        with self.lock:
            heapq.heappush(self._due, (self._seconds + seconds, next(self._numbers), call, is_wanted))

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            Wake(self).wait(seconds)

    def run_until(self, is_over: Callable[[], bool]) -> None:
        """Moves the clock, from a thread that is no part of what is simulated. Raises: RuntimeError when all wait for ever."""
        while True:
            self._wait_for_all()
            if is_over():
                return
            if not self._go_on():
                raise RuntimeError("all threads wait, and for no moment")

    def _go_on(self) -> bool:
        """To the next moment that somebody waits for, and all that is due then."""
        with self.lock:
            while self._due and not self._due[0][3]():
                heapq.heappop(self._due)
            if not self._due:
                return False
            self._seconds = self._due[0][0]
            calls = []
            while self._due and self._due[0][0] <= self._seconds:
                calls.append(heapq.heappop(self._due)[2])
        for call in calls:
            call()
        return True

    def _wait_for_all(self) -> None:
        """Until no thread has been at work between two looks."""
        before = None
        while True:
            time.sleep(_LOOK_SECONDS)
            seen = self._at_rest()
            if seen is not None and seen == before:
                return
            before = seen

    def _at_rest(self) -> dict[str, bytes] | None:
        """None: a thread is at work, or could be. Else how long each has worked so far."""
        with self.lock:
            waiting = {str(thread) for thread in self.waiting}
        worked = {}
        for thread in os.listdir("/proc/self/task"):  # noqa: PTH208 -- names are enough
            if thread in waiting or int(thread) == threading.get_native_id():
                continue
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
                place = Path("/proc/self/task", thread)
                if place.joinpath("stat").read_bytes().rpartition(b") ")[2][:1] != b"S":
                    return None
                worked[thread] = place.joinpath("schedstat").read_bytes()
        return worked
