"""A pytest plugin for the runs that judge the delivery's mutants: it orders the tests, and tells whom only the time has killed.

mutmut asks for a mutant's tests by name, the shortest first, so from file to file and back; each change of the file ends the world that its
tests share, and to make one takes longer than most of them.
"""

import os
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

TIMED_OUT = 36  # mutmut's own exit code for it
KILLERS = "killers.txt"  # in the workspace: each mutant, and the test that has noticed it

_failed: list[pytest.TestReport] = []


def pytest_sessionstart() -> None:
    """mutmut forks after runs of its own: what failed there is not this mutant's."""
    _failed.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of a shared world, file by file, before those that make a world of their own; where most are first. Else the order stays."""
    count = Counter(item.path for item in items)
    items.sort(key=lambda item: (not _shares_a_world(item), -count[item.path], item.path))


def _shares_a_world(item: pytest.Item) -> bool:
    return "kept_worlds" in getattr(item, "fixturenames", ())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        _failed.append(report)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    mutant = os.environ.get("MUTANT_UNDER_TEST", "")
    if not _failed or "__mutmut_" not in mutant:
        return
    if "from pytest-timeout" in _failed[0].longreprtext:
        session.exitstatus = TIMED_OUT
    with Path("..", KILLERS).open("a", encoding="utf-8") as killers:
        killers.write(f"{mutant} {_failed[0].nodeid}\n")
