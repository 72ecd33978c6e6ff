"""The protocol's model, searched completely: as it is nothing goes wrong, and each wrong variant of it is found out."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from tests.model.protocol import explore
from tests.model.scenarios import SCENARIOS
from tests.model.wrong import WRONG

LONG_SCENARIOS, LONG_VARIANTS = {"watch ends slowly"}, {"start-done", "ends-anyway"}  # half a minute each: make test-thorough


def named(names: Iterable[str], long: set[str]) -> list[Any]:
    return [pytest.param(name, marks=[pytest.mark.thorough] if name in long else []) for name in names]


@pytest.mark.parametrize("name", named(SCENARIOS, LONG_SCENARIOS))
def test_nothing_goes_wrong_in_any_run_of_the_scenario(name: str) -> None:
    scenario = SCENARIOS[name]
    found = explore(scenario.start, scenario.rules)
    assert (found.wrong, found.run) == ("", ())


@pytest.mark.parametrize("name", named(WRONG, LONG_VARIANTS))
def test_a_protocol_with_a_wrong_step_is_found_out(name: str) -> None:
    scenario = SCENARIOS[WRONG[name][1]]
    assert explore(scenario.start, replace(scenario.rules, wrong=name)).wrong
