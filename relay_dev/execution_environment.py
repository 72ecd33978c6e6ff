"""The functions' execution environment in this process: variables, what is kept between invocations, the clock."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import ModuleType


@contextmanager
def restored() -> Iterator[None]:
    """Puts the process's environment variables back as they were."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def set_variables(variables: Mapping[str, str | None]) -> None:
    """None takes a variable away."""
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def forget() -> None:
    """What a new environment does not have: the settings, clients and use cases that were made before. A cold start without the imports."""
    for module in _loaded():
        for value in vars(module).values():
            if callable(clear := getattr(value, "cache_clear", None)):
                clear()


@contextmanager
def on_clock(now: Callable[[], datetime]) -> Iterator[None]:
    """The functions' `now` is this one's: a test moves it together with that of the embedded AWS."""
    import relay.clock

    with relay.clock.clock(now):
        yield


def _loaded() -> list[ModuleType]:
    """Of the deployed code, what keeps something between invocations."""
    keeping = {"relay.settings", "relay.outside", "relay.wiring"}
    return [module for name, module in sys.modules.items() if name in keeping or name.startswith("functions.")]
