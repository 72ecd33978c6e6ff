"""A file for each `relay dev` that runs in this folder: other `relay` commands find it there, with the environment to speak to it."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RUNNING = Path(".relay")  # below the current folder


def running(port: int | None = None) -> list[Path]:
    """The files of the relays that run in this folder, or of the one on this port; not the file that a killed one has left."""
    return [path for path in sorted(RUNNING.glob(f"dev-{port or '*'}.json")) if _is_running(path)]


@contextmanager
def announced(port: int, description: Mapping[str, Any]) -> Iterator[Path]:
    """The file exists as long as the relay runs; those of relays that were killed are taken away."""
    RUNNING.mkdir(exist_ok=True)
    for left in RUNNING.glob("dev-*.json"):
        if not _is_running(left):
            left.unlink(missing_ok=True)
    path = RUNNING.resolve() / f"dev-{port}.json"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123 for its mode
        json.dump({"pid": os.getpid(), **description}, file, indent=2)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)  # the folder stays: another relay may be about to put its own file there


def _is_running(path: Path) -> bool:
    try:
        os.kill(int(json.loads(path.read_text())["pid"]), 0)
    except PermissionError:
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True
