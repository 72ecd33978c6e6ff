"""How much memory this process took at most, libcurl's included, which no Python tool sees."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_KIB = 1024
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_THE_PEAK = "5"  # Linux: proc(5)


@dataclass
class Growth:
    """`bytes` is how far the peak was above the beginning; known when the block is over."""

    bytes: int = 0


@contextmanager
def growth() -> Iterator[Growth]:
    """Of the resident memory, at its peak within the block. Where the peak cannot be reset, only what exceeds all that was before."""
    with suppress(OSError):
        _CLEAR.write_text(_RESET_THE_PEAK)
    before, found = _peak(), Growth()
    yield found
    found.bytes = _peak() - before


def _peak() -> int:
    if _STATUS.exists():
        [line] = [line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * _KIB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * _KIB
