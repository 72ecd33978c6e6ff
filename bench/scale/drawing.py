"""The results as one SVG: five panels over the number of tasks, logarithmic both ways."""

from collections.abc import Callable, Iterator, Sequence
from math import ceil, floor, log10

from bench.scale.cost import Result, per_task_hour

_COLOURS = {"poll": "#d55e00", "list": "#e69f00", "list-auto": "#8a6d00", "report": "#009e73", "push": "#0072b2", "stream": "#cc79a7"}
_WIDTHS = {"list": 5.0, "report": 5.0}  # under `list-auto` and `push`, where these are like them
_WIDTH, _HEIGHT, _LEFT, _TOP, _COLUMNS = 340, 270, 62, 44, 3
_PLOT_WIDTH, _PLOT_HEIGHT = 250, 180
_P50, _P99 = 0, 2
Value = Callable[[Result], float]


def _told_after(result: Result, part: int) -> float:
    """Seconds from the change to the POST: the wait, and what the functions computed."""
    return float(result["wait_seconds"][part] + result["function_ms"][part] / 1000)


_PANELS: Sequence[tuple[str, Value]] = (
    ("requests to the agent, per task and hour", lambda each: per_task_hour(each).upstream),
    ("requests to AWS, per task and hour", lambda each: sum(each["kinds"].values()) * 3600 / each["seconds"] / each["tasks"]),
    ("function-seconds, per task and hour (reckoned)", lambda each: per_task_hour(each).function_seconds),
    ("dollars, per task and hour (reckoned)", lambda each: per_task_hour(each).dollars),
    ("seconds from change to POST: median, p99 dashed", lambda each: _told_after(each, _P50)),
)


def drawing(results: Sequence[Result]) -> str:
    """Of the runs whose tasks change."""
    changing = [each for each in results if each["period"]]
    width, height = _COLUMNS * _WIDTH, 2 * _HEIGHT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">']
    parts.append(f'<rect width="{width}" height="{height}" fill="white"/>')
    for place, (title, value) in enumerate(_PANELS):
        parts += _panel(changing, place, title, value)
    parts += _legend(changing)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(results: Sequence[Result], place: int, title: str, value: Value) -> Iterator[str]:
    left, top = place % _COLUMNS * _WIDTH + _LEFT, place // _COLUMNS * _HEIGHT + _TOP
    is_time = "p99" in title
    values = [value(each) for each in results] + ([_told_after(each, _P99) for each in results] if is_time else [])
    scale = _Scale(min(values), max(values), top)
    yield f'<text x="{left - 40}" y="{top - 14}" font-weight="bold">{title}</text>'
    for power in range(scale.low, scale.high + 1):
        y = scale.y(10.0**power)
        yield f'<path d="M{left} {y:.1f}h{_PLOT_WIDTH}" stroke="#ddd"/>'
        yield f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:,.{max(0, -power)}f}</text>'
    for tasks in sorted({each["tasks"] for each in results}):
        yield f'<text x="{left + _x(tasks):.1f}" y="{top + _PLOT_HEIGHT + 16}" text-anchor="middle">{tasks:,}</text>'
    yield f'<text x="{left + _PLOT_WIDTH / 2}" y="{top + _PLOT_HEIGHT + 32}" text-anchor="middle" fill="#555">tasks at once</text>'
    for name, colour in _COLOURS.items():
        runs = [each for each in results if each["name"] == name]
        yield from _line(runs, value, left, scale, f'stroke="{colour}" stroke-width="{_WIDTHS.get(name, 1.8)}"')
        yield from (f'<circle cx="{left + _x(each["tasks"]):.1f}" cy="{scale.y(value(each)):.1f}" r="3" fill="{colour}"/>' for each in runs)
        if is_time:
            yield from _line(
                runs, lambda each: _told_after(each, _P99), left, scale, f'stroke="{colour}" stroke-width="1.2" stroke-dasharray="4 3"'
            )


class _Scale:
    """From a power of ten to another."""

    def __init__(self, least: float, most: float, top: float) -> None:
        self.low, self.high = floor(log10(least)), ceil(log10(most))
        self._top = top

    def y(self, value: float) -> float:
        return self._top + _PLOT_HEIGHT * (self.high - log10(value)) / max(1, self.high - self.low)


def _line(runs: Sequence[Result], value: Value, left: float, scale: _Scale, style: str) -> Iterator[str]:
    points = " ".join(f"{left + _x(each['tasks']):.1f},{scale.y(value(each)):.1f}" for each in sorted(runs, key=lambda each: each["tasks"]))
    yield f'<polyline points="{points}" fill="none" {style}/>'


def _x(tasks: int) -> float:
    return 12 + (_PLOT_WIDTH - 24) * log10(tasks) / 4


def _legend(results: Sequence[Result]) -> Iterator[str]:
    left, top = (_COLUMNS - 1) * _WIDTH + _LEFT, _HEIGHT + _TOP
    yield f'<text x="{left - 40}" y="{top - 14}" font-weight="bold">a task changes every {results[0]["period"]:.0f} s</text>'
    for place, (name, colour) in enumerate(_COLOURS.items()):
        y = top + 14 + 22 * place
        yield f'<path d="M{left - 40} {y}h28" stroke="{colour}" stroke-width="3"/>'
        yield f'<text x="{left - 4}" y="{y + 4}">{_EXPLAINED[name]}</text>'
    for place, line in enumerate(_NOTE):
        yield f'<text x="{left - 40}" y="{top + 158 + 15 * place}" fill="#555">{line}</text>'


_EXPLAINED = {
    "poll": "poll: GetTask after 1 s to 60 s",
    "list": "list: ListTasks every 5 s, as the operator chose",
    "list-auto": "list-auto: the relay's choice, and polls at first",
    "report": "report: the agent POSTs its changes",
    "push": "push: the agent pushes to a callback",
    "stream": "stream: held open, 200 to an environment",
}
_NOTE = (
    "Simulated time: a change waits by its clock, and the",
    "CPU time of the functions is added. AWS's own time",
    "is not in it.",
)
