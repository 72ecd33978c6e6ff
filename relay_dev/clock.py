"""The time of the embedded AWS: the machine's, which a test may move forward."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """`now` is aware UTC. It only ever moves forward, as does `machine`, the time it is ahead of."""

    def __init__(self, machine: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._machine = machine
        self._ahead = timedelta(0)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self._machine() + self._ahead

    def advance(self, by: timedelta) -> None:
        """Makes what is due within `by` due now."""
        with self._lock:
            self._ahead += by
