"""The bench's other processes."""

import json
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Arrival:
    """One POST at a receiver, on path `name`; `message_id` is that of the task's status, `at` epoch seconds, when its headers were in."""

    name: str
    revision: int
    attempt: int
    message_id: str
    at: float


def started(ends: ExitStack, *command: str) -> Any:
    """What the process of that module prints first: where it listens. It ends with the stack."""
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, cwd=_ROOT)
    ends.callback(process.wait)
    ends.callback(process.terminate)
    assert process.stdout is not None
    ends.callback(process.stdout.close)
    return json.loads(process.stdout.readline())


def arrivals(port: int) -> list[Arrival]:
    """All POSTs at all receivers, by when they came; `port` is any of theirs."""
    return [Arrival(path[1:], *more) for path, *more in asked(f"http://127.0.0.1:{port}/arrivals")]


def asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)
