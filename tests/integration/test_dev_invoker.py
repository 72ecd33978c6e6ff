"""Functions are invoked as Lambda invokes them."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from relay_dev.definition import Function
from relay_dev.invoker import FunctionTimeoutError, Invoker


def _function(timeout: float = 30) -> Function:
    return Function(
        name="Worker",
        arn="arn:aws:lambda:us-east-1:123456789012:function:Worker",
        module="tests.integration.dev_handlers",
        attribute="handler",
        timeout=timedelta(seconds=timeout),
        memory_mb=512,
        environment={},
    )


def _invoke(event: Mapping[str, Any], timeout: float = 30) -> Any:
    return Invoker({"Worker": _function(timeout)})("Worker", event)


def test_the_context_says_what_lambdas_says() -> None:
    outcome = _invoke({})
    assert outcome.error is None
    assert outcome.answer["name"] == "Worker"
    assert outcome.answer["arn"].endswith(":function:Worker")
    assert outcome.answer["memory"] == 512
    assert outcome.answer["request_id"] == outcome.request_id
    assert 0 < outcome.answer["remaining"] <= 30_000


@pytest.mark.parametrize(("event", "kind"), [({"raise": "no"}, ValueError), ({"unserializable": 1}, TypeError)])
def test_what_a_function_raises_is_an_outcome(event: dict[str, Any], kind: type[BaseException]) -> None:
    assert isinstance(_invoke(event).error, kind)


def test_a_function_over_its_timeout_has_failed_whatever_it_answered() -> None:
    assert isinstance(_invoke({"sleep": 0.02}, timeout=0.01).error, FunctionTimeoutError)


def test_a_handler_that_is_not_there_is_a_failed_invocation() -> None:
    function = Function("F", "arn", "tests.integration.nowhere", "handler", timedelta(seconds=1), 128, {})
    assert isinstance(Invoker({"F": function})("F", {}).error, ModuleNotFoundError)


def test_a_function_that_dies_starts_cold_the_next_time() -> None:
    forgotten: list[bool] = []
    outcome = Invoker({"Worker": _function()}, forget=lambda: forgotten.append(True))("Worker", {"exit": 1})
    assert isinstance(outcome.error, SystemExit)
    assert forgotten == [True]


def test_an_event_that_is_no_json_does_not_get_in() -> None:
    assert isinstance(_invoke({"lock": threading.Lock()}).error, TypeError)
