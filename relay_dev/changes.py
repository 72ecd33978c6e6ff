"""Tells the pollers that something may have changed, so that they need not ask all the time."""

import threading


class Changes:
    """A count that only grows. Whoever waits says which count it has seen, so no change is missed between looking and waiting."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def tell(self) -> None:
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, timeout_seconds: float) -> None:
        """Returns at the first change after `seen`, or after the timeout."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, timeout_seconds)
