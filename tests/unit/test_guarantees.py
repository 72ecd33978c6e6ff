"""What docs/guarantees.md names: every test is there."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs" / "guarantees.md"
_NAMED = sorted(set(re.findall(r"tests/[\w/]+(?:\.py(?:::\w+)?)?", _PAGE.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("named", _NAMED)
def test_every_test_that_a_guarantee_names_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    assert (_ROOT / path).exists(), named
    assert not name or f"def {name}(" in (_ROOT / path).read_text(encoding="utf-8"), named


def test_each_promise_names_its_tests_and_the_command_that_shows_it() -> None:
    promises = re.split(r"^## \d\. ", _PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(promises) == 8
    assert [promise.partition("\n")[0] for promise in promises if "**Shown by:**" not in promise or "-m pytest tests/" not in promise] == []
