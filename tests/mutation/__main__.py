"""Mutation testing by mutmut: each line of the rules is broken in turn, and a test has to notice. `make mutate [MODULE=…]`.

    make mutate                            what has not been judged yet: hours, can be stopped and taken up again
    make mutate MODULE=domain/schedule.py  one module, or several, judged anew
    make mutate ARGS=--survivors           what survived, judged anew: after a test was written
    make mutate ARGS=--report              the figures, and the names of what survived
    make mutate ARGS='--show NAME'         what a survivor changes

mutmut wants a folder `src` and one set of tests. So each suite has a workspace below `build/mutation`, made of links to this repository;
mutmut copies what it links to (`mutants/`), keeps its verdicts there and judges a function again when it has changed.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

_ROOT = Path(__file__).parents[2]
_PACKAGE = _ROOT / "layers" / "relay" / "relay"
_MUTMUT = _ROOT / ".venv-mutate" / "bin" / "mutmut"
_BUILD = _ROOT / "build" / "mutation"
_LINKED = ("tests", "functions", "relay_dev", "layers", "docs", "events", "pyproject.toml", "template.yaml", "README.md")
_KILLED = {1, 3}  # mutmut's exit codes: a test failed, or pytest broke off
_OUT_OF_TIME = {-24, 24, 152, 36, 255}  # no verdict: it may be a loop without end, or a busy machine
_UNTESTED = {5, 33}


class Suite(NamedTuple):
    """What is broken, and the tests that have to notice; `*` as in a shell."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    options: tuple[str, ...] = ()


_SUITES = {
    "domain": Suite(modules=("domain/*.py",), tests=("tests/unit",)),
    "deliver": Suite(
        modules=tuple(f"use_cases/{name}.py" for name in ("deliver", "tell", "attempt", "give_up", "compose", "receiver_gate")),
        tests=tuple(
            f"tests/integration/test_{name}.py"
            for name in ("deliver", "delivery_details", "delivery_runs", "gate_alone", "attempts", "promises_order", "versions")
        ),
        options=("-p", "tests.mutation.quickly", "--timeout", "60"),
    ),
}
# They read the pages and files of the repository, not the rules.
_LEFT_OUT = ("test_compatibility_page", "test_guarantees", "test_observability", "test_openapi")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make mutate")
    parser.add_argument("modules", nargs="*", help="below layers/relay/relay, as domain/schedule.py")
    parser.add_argument("--survivors", action="store_true")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--show", metavar="NAME")
    chosen = parser.parse_args(arguments)
    if chosen.show:
        workspace = _BUILD / ("domain" if ".domain." in chosen.show else "deliver")
        return subprocess.run([_MUTMUT, "show", chosen.show], cwd=workspace, check=False).returncode
    if chosen.report:
        return 0 if _report() else 1
    for name, suite in _SUITES.items():
        modules = [module for module in chosen.modules if any(Path(module).match(pattern) for pattern in suite.modules)]
        names = [f"relay.{module.removesuffix('.py').replace('/', '.')}.*" for module in modules]
        if chosen.survivors:
            (_BUILD / name / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)  # else it asks no test that was there before
            names += [mutant for verdicts in _verdicts(name).values() for mutant, code in verdicts.items() if _verdict(code) == "survived"]
        is_asked_for = names or not (chosen.modules or chosen.survivors)
        if is_asked_for and (failed := _judge(name, suite, names)):
            return failed
    return 0 if _report() else 1


def _judge(name: str, suite: Suite, names: list[str]) -> int:
    """Without names, all that have no verdict yet. One worker: the tests wait for nobody, and a laptop stays usable."""
    workspace = _workspace(name, suite)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([_MUTMUT, "run", "--max-children", "1", *names], cwd=workspace, env=environment, check=False).returncode


def _workspace(name: str, suite: Suite) -> Path:
    workspace = _BUILD / name
    workspace.mkdir(parents=True, exist_ok=True)
    for link, target in [("src", _ROOT / "layers" / "relay"), *((part, _ROOT / part) for part in _LINKED)]:
        if not (workspace / link).is_symlink():
            (workspace / link).symlink_to(target)
    lines = {
        "source_paths": ["src"],
        "only_mutate": [f"src/relay/{pattern}" for pattern in suite.modules],
        "also_copy": [part for part in _LINKED if part not in ("tests", "pyproject.toml")],
        "pytest_add_cli_args": [
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            *suite.options,
            *(f"--ignore-glob=*/{left}.py" for left in _LEFT_OUT),
        ],
        "pytest_add_cli_args_test_selection": list(suite.tests),
        "timeout_constant": ["10"],  # times 15, of CPU time and of the clock's: a busy machine kills no mutant
        "use_git_change_detection": ["false"],
    }
    written = "\n".join(f"{key} =\n" + "".join(f"    {line}\n" for line in value) for key, value in lines.items() if len(value) > 1)
    single = "".join(f"{key} = {value[0]}\n" for key, value in lines.items() if len(value) == 1)
    (workspace / "setup.cfg").write_text(f"[mutmut]\n{single}{written}", encoding="utf-8")
    return workspace


def _report() -> bool:
    """The figures per module. Returns whether at least 90 % were killed of what was judged."""
    total: Counter[str] = Counter()
    survivors: list[str] = []
    print(f"{'module':34} {'mutants':>8} {'killed':>8} {'survived':>8} {'untested':>8} {'too long':>8} {'unjudged':>8}      %")
    for module, verdicts in (found for suite in _SUITES for found in _verdicts(suite).items()):
        count = Counter(map(_verdict, verdicts.values()))
        total += count
        survivors += [name for name, code in verdicts.items() if _verdict(code) in ("survived", "untested")]
        print(_row(module, count))
    print(_row("all", total))
    print(*survivors, sep="\n")
    return _share(total) >= 90


def _verdicts(suite: str) -> dict[str, dict[str, int | None]]:
    """mutmut's exit code for each mutant, by module; None: not judged yet."""
    source = _BUILD / suite / "mutants" / "src" / "relay"
    found = {
        str(meta.relative_to(source).with_suffix("")): dict(json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"])
        for meta in sorted(source.glob("**/*.meta"))
    }
    return {module: verdicts for module, verdicts in found.items() if verdicts}


def _verdict(code: int | None) -> str:
    if code is None:
        return "unjudged"
    if code in _OUT_OF_TIME:
        return "too long"
    return "killed" if code in _KILLED else "untested" if code in _UNTESTED else "survived"


def _share(count: Counter[str]) -> float:
    judged = count["killed"] + count["survived"] + count["untested"]
    return 100 * count["killed"] / judged if judged else 0


def _row(name: str, count: Counter[str]) -> str:
    figures = (count.total(), *(count[verdict] for verdict in ("killed", "survived", "untested", "too long", "unjudged")))
    return f"{name:34} " + " ".join(f"{figure:8}" for figure in figures) + f" {_share(count):6.1f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
