"""The time of the embedded AWS: the machine's, which a test may move forward."""

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """`now` is aware UTC. It only ever moves forward."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta) -> None:
        """Makes what is due within `by` due now."""
        with self._lock:
            self._ahead += by
