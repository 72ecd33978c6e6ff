"""docs/compatibility.md lists every promise of the four systems beside the tests that hold it: all are there, and so are the tests."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMISES = 62
OF_A_CLIENTS_OWN = range(43, 50)  # what its screen or its machine does: a sentence says enough
ROWS = re.findall(r"^\| (\d+) \| (.+) \| (.*) \|$", (ROOT / "docs" / "compatibility.md").read_text(), re.MULTILINE)
NAMED = sorted({name for _, _, tests in ROWS for name in re.findall(r"`([a-z0-9_]+/[a-z0-9_]+)::([a-z0-9_]+)`", tests)})


def test_each_promise_has_one_row() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, PROMISES + 1))


def test_a_promise_names_its_test_or_says_that_it_is_not_kept_yet() -> None:
    silent = {int(number): tests for number, _, tests in ROWS if "::" not in tests}
    assert {tests for number, tests in silent.items() if number not in OF_A_CLIENTS_OWN} <= {"not yet"}


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_exists(file: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / "tests" / f"{file}.py").read_text()
