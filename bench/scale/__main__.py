"""Runs the cases, and keeps what they counted.

    python -m bench.scale [--tasks 1 100 10000] [--only poll stream …]
    python -m bench.scale --draw

The results go into `bench/scale/results.json`, each case in the place of its last run; `--draw` makes the tables and the drawing of them.
"""

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from bench.scale.cases import NAMES, cases
from bench.scale.drawing import drawing
from bench.scale.run import Run
from bench.scale.tables import tables

_RESULTS = Path(__file__).with_name("results.json")
_DRAWING = Path(__file__).parents[2] / "docs" / "scale.svg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, nargs="*", default=[1, 100, 10_000])
    parser.add_argument("--only", nargs="*", default=NAMES, choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--results", type=Path, default=_RESULTS)
    parser.add_argument("--draw", action="store_true", help="run nothing: print the tables, and write docs/scale.svg")
    given = parser.parse_args()
    if given.draw:
        _draw(json.loads(given.results.read_text()))
        return
    began = time.monotonic()
    for case in cases(given.tasks, given.only):
        kind = f"a change every {case.period:,.0f} s" if case.period else "quiet"
        say = partial(_say, f"{case.name}, {case.tasks:,} tasks, {kind}", began)
        result = Run(case, say=say)()
        say(f"took {result['took_seconds']:,.0f} s")
        _keep(given.results, result)


def _draw(results: list[dict[str, Any]]) -> None:
    print("\n\n".join(tables(results)))
    _DRAWING.write_text(drawing(results))


def _say(case: str, began: float, what: str) -> None:
    print(f"{time.monotonic() - began:7.1f} s  {case}: {what}", file=sys.stderr)  # what goes to stdout is the functions' log


def _keep(path: Path, result: dict[str, Any]) -> None:
    kept = json.loads(path.read_text()) if path.exists() else []
    key = ("name", "tasks", "period")
    kept = [each for each in kept if any(each[name] != result[name] for name in key)]
    kept.append(result)
    kept.sort(key=lambda each: (each["tasks"], each["name"], each["period"] or 0))
    path.write_text("[\n" + ",\n".join(json.dumps(each) for each in kept) + "\n]\n")


if __name__ == "__main__":
    main()
