"""The time as every use case sees it: `wiring` hands `now` to them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_clocks: list[Callable[[], datetime]] = [lambda: datetime.now(UTC)]


def now() -> datetime:
    """Aware UTC."""
    return _clocks[-1]()


@contextmanager
def clock(given: Callable[[], datetime]) -> Iterator[None]:
    """Within it, `now` is the given one: for `relay dev`, whose tests move time."""
    _clocks.append(given)
    try:
        yield
    finally:
        _clocks.remove(given)
