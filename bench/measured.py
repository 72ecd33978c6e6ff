"""Numbers and how they are shown."""

import math
from collections.abc import Sequence
from statistics import median


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest value that so many hundredths of all do not exceed; nan without values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * part / 100) - 1)] if ordered else math.nan


def milliseconds(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "-" if math.isnan(seconds) else "never"
    return f"{seconds * 1000:,.0f} ms" if seconds >= 0.1 else f"{seconds * 1000:.1f} ms"


def middle(values: Sequence[float]) -> str:
    """The median of several runs, and their range."""
    return f"{median(values):,.2f} ({min(values):,.2f} to {max(values):,.2f})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As Markdown, so that it can go into the README as it is."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
