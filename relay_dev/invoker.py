"""Invokes a function as Lambda would: plain JSON in and out, a context, a timeout, and an end that may be sudden."""

import importlib
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from relay_dev.definition import Function

_log = logging.getLogger(__name__)


class FunctionTimeoutError(Exception):
    """The function took longer than its timeout; what it answered counts for nothing."""


@dataclass(frozen=True)
class Outcome:
    """What an invocation came to. `error` is what the function raised, died of or was too late with."""

    request_id: str
    answer: Any = None
    error: BaseException | None = None


class Invoke(Protocol):
    """How event sources and the front door reach a function; a test may put its own in front."""

    def __call__(self, function: str, event: Mapping[str, Any]) -> Outcome: ...


class Context:
    """The second argument of a handler.

    Source: Lambda Developer Guide, "Using the Lambda context object to retrieve Python function information".
    """

    function_version = "$LATEST"
    identity = None
    client_context = None
    log_stream_name = "local"

    def __init__(self, function: Function, request_id: str, *, is_stopping: Callable[[], bool]) -> None:
        self.function_name = function.name
        self.invoked_function_arn = function.arn
        self.memory_limit_in_mb = function.memory_mb
        self.aws_request_id = request_id
        self.log_group_name = f"/aws/lambda/{function.name}"
        self._is_stopping = is_stopping
        self._ends_at = time.monotonic() + function.timeout.total_seconds()

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._ends_at

    def get_remaining_time_in_millis(self) -> int:
        """None when the relay is being stopped: a function that runs for long ends then as it does when its time is over."""
        return 0 if self._is_stopping() else max(0, int((self._ends_at - time.monotonic()) * 1000))


class Invoker:
    """Handlers are imported at their first invocation. Threads may invoke at the same time: then they share one environment."""

    def __init__(self, functions: Mapping[str, Function], *, forget: Callable[[], None] = lambda: None) -> None:
        self._functions = functions
        self._stopping = threading.Event()
        self._forget = forget

    def stop(self) -> None:
        """Functions that run are told that their time is over."""
        self._stopping.set()

    def __call__(self, function: str, event: Mapping[str, Any]) -> Outcome:
        """Never raises, but for Ctrl-C. A BaseException is the death of the function: the next invocation starts cold."""
        defined = self._functions[function]
        context = Context(defined, str(uuid.uuid4()), is_stopping=self._stopping.is_set)
        try:
            answer = _run(defined, event, context)
        except KeyboardInterrupt:
            raise
        except Exception as error:  # noqa: BLE001 whatever a function raises is an outcome
            _log.error("%s failed: %s: %s", function, type(error).__name__, error, exc_info=error)
            return Outcome(context.aws_request_id, error=error)
        except BaseException as death:  # noqa: BLE001 a process that ended, or was ended by a test
            _log.warning("%s died: %s: %s", function, type(death).__name__, death)
            self._forget()
            return Outcome(context.aws_request_id, error=death)
        return Outcome(context.aws_request_id, answer=answer)


def _run(function: Function, event: Mapping[str, Any], context: Context) -> Any:
    """A thread cannot be ended from outside, so a timeout is only found when the handler is back."""
    handler = getattr(importlib.import_module(function.module), function.attribute)
    answer = handler(_plain(event), context)
    if context.is_over:
        raise FunctionTimeoutError(f"{function.name} took longer than {function.timeout.total_seconds():g} s")
    return _plain(answer)


def _plain(value: Any) -> Any:
    """As it is on the other side of Lambda's JSON. Raises: TypeError."""
    return json.loads(json.dumps(value))
