"""What every test begins with."""

import signal
from collections.abc import Iterator

import pytest

from relay import observability


def pytest_configure() -> None:
    # Started in the background, a shell has taught us to ignore it, and so our children: some tests interrupt them.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_logger_of_another_test() -> Iterator[None]:
    """The logger takes its level from the environment once per process; tests set that differently."""
    observability.forget()
    yield
    observability.forget()
