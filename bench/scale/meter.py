"""What a run is counted by: requests, capacity, invocations, and the CPU that is the relay's own.

CPU of this process, less what those take that stand in for AWS, the agent and the receivers. Work is done one after the other, but for
the threads within an invocation, so what is spent belongs to the function that is at work.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

BENCH = "the bench"  # what is done by none of the functions
Change = tuple[str, int]  # of which task's partition, and its revision


@dataclass(frozen=True)
class Spent:
    """CPU seconds: the relay's own, and of what stood in."""

    own: float = 0.0
    stand_ins: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.own + other.own, self.stand_ins + other.stand_ins)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.own - other.own, self.stand_ins - other.stand_ins)


@dataclass
class Ran:
    """One function: invocations, records in them, CPU."""

    invocations: int = 0
    records: int = 0
    spent: Spent = Spent()


@dataclass
class Counted:
    """`calls` and `upstream` are by function and operation; `units` by kind: DynamoDB's, and bytes that were logged."""

    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    upstream: Counter[tuple[str, str]] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    ran: defaultdict[str, Ran] = field(default_factory=lambda: defaultdict(Ran))


class Meter:
    def __init__(self) -> None:
        self.counted = Counted()
        self.function = BENCH
        self.put: dict[Change, Spent] = {}  # from the beginning of the work that has learnt of a change to its put
        self.fanned: dict[Change, Spent] = {}  # the fan-out's whole invocation
        self.last = Spent()  # of the work that has ended last
        self._began = Spent()
        self._stand_ins = 0.0
        self._lock = threading.Lock()

    def call(self, operation: str) -> None:
        with self._lock:
            self.counted.calls[self.function, operation] += 1

    def asked(self, method: str) -> None:
        with self._lock:
            self.counted.upstream[self.function, method] += 1

    def spend_units(self, kind: str, count: float) -> None:
        with self._lock:
            self.counted.units[kind] += count  # type: ignore[assignment]  # halves, of the index

    @contextmanager
    def stands_in(self) -> Iterator[None]:
        """What the thread does inside is not the relay's."""
        began = time.thread_time()
        try:
            yield
        finally:
            with self._lock:
                self._stand_ins += time.thread_time() - began

    @contextmanager
    def at_work(self, function: str, *, records: int = 0, invocations: int = 0) -> Iterator[None]:
        """Inside, all is that function's. Work within work is not counted twice."""
        outer, before = self.function, self._now()
        outer_began, self._began, self.function = self._began, before, function
        try:
            yield
        finally:
            self.last, ran = self.so_far(), self.counted.ran[function]
            self.function, self._began = outer, outer_began + self.last
            ran.invocations += invocations
            ran.records += records
            ran.spent += self.last

    def so_far(self) -> Spent:
        """Since the work began that is under way."""
        return self._now() - self._began

    def learnt(self, change: Change) -> None:
        """Its revision is put now."""
        self.put[change] = self.so_far()

    def _now(self) -> Spent:
        with self._lock:
            return Spent(time.process_time() - self._stand_ins, self._stand_ins)
