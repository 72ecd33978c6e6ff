"""What every test begins with."""

import gc
import signal
from collections.abc import Iterator
from functools import cache

import botocore.loaders
import pytest

from relay import observability


def pytest_configure() -> None:
    # Started in the background, a shell has taught us to ignore it, and so our children: some tests interrupt them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Each new session looks for AWS's descriptions of its services anew, and reads megabytes of JSON; a process of tests makes hundreds.
    read = cache(botocore.loaders.JSONFileLoader().load_file)
    botocore.loaders.JSONFileLoader.load_file = lambda _self, path: read(path)  # type: ignore[method-assign, assignment]
    available = cache(botocore.loaders.Loader().list_available_services)
    botocore.loaders.Loader.list_available_services = lambda _self, type_name: available(type_name)  # type: ignore[method-assign, assignment]


def pytest_collection_finish() -> None:
    # What the modules hold stays to the end; to look through it for garbage again and again takes time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True)
def _no_logger_of_another_test() -> Iterator[None]:
    """The logger takes its level from the environment once per process; tests set that differently."""
    observability.forget()
    yield
    observability.forget()
