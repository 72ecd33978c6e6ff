"""A machine's time for tests: it stands still, so that what is due does not depend on how fast the tests run."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count


def ticks() -> Callable[[], datetime]:
    """Each look takes a millisecond: no two moments are the same, as on a real machine; the table keeps times to the millisecond."""
    start, looks = datetime.now(UTC), count(1)
    return lambda: start + next(looks) * timedelta(milliseconds=1)
