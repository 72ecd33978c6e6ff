"""Unit tests: the domain alone, with sockets off; and what real clients sent, as parameters.

A test that takes `recorded_call`, `recorded_send`, `recorded_push_call` or `recorded_registration` runs once for each of them.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from pytest_socket import disable_socket

RECORDED_CALLS = Path(__file__).parents[1] / "fixtures" / "wire" / "jsonrpc-calls.jsonl"

# A deadline would assert on the wall clock of a machine that does other things too. A mutant is killed by the first example that fails: to
# find the shortest takes up to a minute.
_PHASES = [phase for phase in Phase if phase is not Phase.shrink or "MUTANT_UNDER_TEST" not in os.environ]
settings.register_profile("unit", deadline=None, phases=_PHASES)
settings.load_profile("unit")


def pytest_runtest_setup() -> None:
    disable_socket(allow_unix_socket=True)  # asyncio's own socketpair


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = {
        "recorded_call": _any,
        "recorded_send": _is_send,
        "recorded_push_call": _is_push_call,
        "recorded_registration": _is_registration,
    }
    for fixture, is_chosen in chosen.items():
        if fixture in metafunc.fixturenames:
            calls = [call for call in map(json.loads, RECORDED_CALLS.read_text().splitlines()) if is_chosen(call)]
            metafunc.parametrize(fixture, calls, ids=[call["recorded"] for call in calls])


def _method(call: dict[str, Any]) -> str:
    return str(json.loads(call["request"])["method"])


def _any(call: dict[str, Any]) -> bool:
    return bool(call)


def _is_send(call: dict[str, Any]) -> bool:
    return _method(call) in {"SendMessage", "message/send"}


def _is_push_call(call: dict[str, Any]) -> bool:
    return "PushNotificationConfig" in _method(call) or "pushNotificationConfig" in _method(call)


def _is_registration(call: dict[str, Any]) -> bool:
    """A config set in the form of the specification, and accepted."""
    sets = {"CreateTaskPushNotificationConfig", "tasks/pushNotificationConfig/set"}
    return _method(call) in sets and "result" in call["response"] and not call["recorded"].startswith("praisonai")
