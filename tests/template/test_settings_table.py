"""docs/settings.md says of every parameter what template.yaml says, and README.md repeats nothing else."""

import pytest

from tests.template.stack import ROOT, STACK

_README, _ALL = ROOT / "README.md", ROOT / "docs" / "settings.md"


def _row(name: str) -> str:
    parameter = STACK.parameters[name]
    default = f"`{parameter['Default']}`" if str(parameter["Default"]) else "none"
    return f"| `{name}` | {default} | {parameter['Description']} |"


@pytest.mark.parametrize("name", STACK.parameters)
def test_parameter_has_its_row(name: str) -> None:
    assert _row(name) in _ALL.read_text().splitlines()


def test_no_other_parameter_has_a_row() -> None:
    rows = [line for text in (_README, _ALL) for line in text.read_text().splitlines() if line.startswith("| `") and line.count(" | ") == 2]
    named = {row.split("`")[1] for row in rows}
    told = {name for name in named if name.isalnum() and name[0].isupper()}
    assert told - set(STACK.parameters) == set()
    assert [row for row in rows if row.split("`")[1] in STACK.parameters and row != _row(row.split("`")[1])] == []
