"""Numeric parameters: what a deployment lets through is what the functions, and AWS, take; else every function of the stack fails.

CloudFormation's Number takes fractions. So a whole number is a String with a pattern, any other a Number with both bounds.
"""

import re
from contextlib import suppress
from typing import Any

import pytest
from pydantic import ValidationError

from relay.settings import Settings
from relay_dev.parameters import Parameter
from tests.template.stack import STACK, find

WHOLE = "a whole number from "
NO_NUMBERS = ("", "x", " 5", "5 ", "5\n", "+5", "0x10", "nan", "inf", "-inf", "1e400", "٣", "1_0", "5,0")
SOME = (
    "-1",
    "0",
    "0.5",
    "1",
    "1.5",
    "2",
    "10",
    "010",
    "60.0",
    "99.9",
    "1e2",
    "720",
    "721",
    "1000",
    "1001",
    "20000",
    "20001",
    "999999999",
    "1e12",
)
OF_RESOURCES = {  # whole numbers that no function reads
    "MaximumConcurrency": ("WorkerConcurrency", "WatchConcurrency", "StreamConcurrency", "DeliveryConcurrency"),
    "ThrottlingBurstLimit": ("ThrottlingBurstLimit",),
}


def variables() -> dict[str, str]:
    """The environment variable of each parameter that is one as it stands."""
    given = STACK.shared["Environment"]["Variables"]
    return {value["Ref"]: name for name, value in given.items() if isinstance(value, dict) and value.get("Ref") in STACK.parameters}


def is_numeric(name: str) -> bool:
    declared = STACK.parameters[name]
    is_choice = "AllowedValues" in declared
    return not is_choice and bool(re.fullmatch(r"[0-9.]+", str(declared.get("Default", ""))))


def is_whole(name: str) -> bool:
    setting = variables().get(name, "").lower()
    return Settings.model_fields[setting].annotation is int if setting else name in sum(OF_RESOURCES.values(), ())


NUMERIC = sorted(name for name in STACK.parameters if is_numeric(name))
WHOLES = [name for name in NUMERIC if is_whole(name)]
OTHERS = [name for name in NUMERIC if name not in WHOLES]


def lets_through(name: str, value: str) -> bool:
    return not Parameter.read(name, STACK.parameters[name]).wrong(value)


def takes(name: str, value: str) -> bool:
    needed = {field.upper(): "x" for field, about in Settings.model_fields.items() if about.is_required()}
    with suppress(ValidationError, OverflowError):
        read = Settings.from_environment({**needed, variables()[name]: value})
        return len([getattr(read, each) for each in _DERIVED]) > 0
    return False


_DERIVED = tuple(name for name, each in vars(Settings).items() if isinstance(each, property))  # some overflow, where a number is too large


def bounds(name: str) -> tuple[float, float]:
    declared = STACK.parameters[name]
    if name in OTHERS:
        return float(declared["MinValue"]), float(declared["MaxValue"])
    lowest, highest = declared["ConstraintDescription"].removeprefix(WHOLE).split(" to ")
    return int(lowest), int(highest)


def test_every_number_is_one_of_both() -> None:
    assert {"MaxDailyConfigsPerOwner", "DeliveryConcurrency"} <= set(WHOLES)
    assert {"SecretOverlapHours", "AgentUnreachableMinutes"} <= set(OTHERS)
    typed = {name for name, declared in STACK.parameters.items() if declared["Type"] == "Number" and "AllowedValues" not in declared}
    assert typed == set(OTHERS)


@pytest.mark.parametrize("property_name", sorted(OF_RESOURCES))
def test_whole_numbers_of_resources_are_these(property_name: str) -> None:
    found = {value["Ref"] for path, value in find_values(property_name) if isinstance(value, dict) and "Ref" in value}
    assert found == set(OF_RESOURCES[property_name])


def find_values(name: str) -> list[tuple[Any, Any]]:
    return list(find(STACK.resources, name))


@pytest.mark.parametrize("name", WHOLES)
def test_whole_number_has_a_pattern_for_just_its_bounds(name: str) -> None:
    declared = STACK.parameters[name]
    lowest, highest = bounds(name)
    assert (declared["Type"], isinstance(declared["Default"], str)) == ("String", True)
    near = {int(bound) + more for bound in (lowest, highest) for more in (-1, 0, 1)} | {
        10**power + more for power in range(10) for more in (-1, 0, 1)
    }
    for number in near:
        assert lets_through(name, str(number)) is (lowest <= number <= highest), number
    for number in (lowest, highest):
        assert not lets_through(name, f"{number}.0")
        assert not lets_through(name, f"{number}.5")
        assert not lets_through(name, f"0{number}")


@pytest.mark.parametrize("name", OTHERS)
def test_other_number_has_both_bounds(name: str) -> None:
    lowest, highest = bounds(name)
    assert lowest <= float(STACK.parameters[name]["Default"]) <= highest
    assert not lets_through(name, str(lowest - 0.001))
    assert not lets_through(name, str(highest + 0.001))


@pytest.mark.parametrize("name", [name for name in NUMERIC if name in variables()])
def test_what_is_let_through_the_functions_take(name: str) -> None:
    lowest, highest = (f"{bound:.12g}" for bound in bounds(name))
    assert takes(name, lowest)
    assert takes(name, highest)
    for value in (*NO_NUMBERS, *SOME, str(STACK.parameters[name]["Default"])):
        assert takes(name, value) or not lets_through(name, value), value
