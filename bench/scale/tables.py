"""The results as Markdown, for docs/scale.md."""

from collections.abc import Iterator, Sequence

from bench.measured import table
from bench.scale.cost import AGENT_SECONDS, AWS_SECONDS, PerHour, Result, memory_mb, per_task_hour

_HEAD = ("strategy", "tasks", "agent", "reads", "writes", "queue", "write units, with the index", "read units", "function-s", "dollars")
_LATENCY = ("strategy", "tasks", "changes", "waits p50", "p99", "functions p50", "p99", "stand-ins p50", "p99")
_P50, _P99 = 0, 2
_MILLION = 1_000_000


def tables(results: Sequence[Result]) -> Iterator[str]:
    """Title and table, in turn."""
    changing = [each for each in results if each["period"]]
    quiet = [each for each in results if not each["period"]]
    yield f"A task for an hour, that changes every {changing[0]['period']:.0f} s"
    yield table(_HEAD, [_costs(each) for each in changing])
    yield "A quiet task for an hour"
    yield table(_HEAD, [_costs(each) for each in quiet])
    yield "From the change to the POST"
    yield table(_LATENCY, [_latency(each) for each in changing])
    most = max(each["tasks"] for each in changing)
    yield f"A million tasks, from {most:,}"
    yield table(
        (
            "strategy",
            "requests to agents/s",
            "write units/s",
            "in the index/s",
            "read units/s",
            "SQS requests/s",
            "environments",
            "dollars/h",
        ),
        [_million(each) for each in changing if each["tasks"] == most],
    )
    yield "One turn of a watch"
    yield table(
        ("strategy", "tasks", "turns in a batch", "own CPU each", "AWS requests each", "ten turns, reckoned", "turns/s of 20 environments"),
        [_turn(each) for each in changing],
    )


def _costs(result: Result) -> list[str]:
    cost = per_task_hour(result)
    units = f"{cost.write_units + cost.index_units:,.0f}"
    numbers = (cost.upstream, cost.reads, cost.writes, cost.queue)
    return [*_named(result), *map(_number, numbers), units, _number(cost.read_units), _number(cost.function_seconds), f"{cost.dollars:.6f}"]


def _latency(result: Result) -> list[str]:
    waits, functions, stand_ins = (result[name] for name in ("wait_seconds", "function_ms", "stand_ins_ms"))
    told = f"{result['changes']:,}" + (f", {result['not_told']} not told" if result["not_told"] else "")
    return [
        *_named(result),
        told,
        *(f"{waits[part]:.1f} s" for part in (_P50, _P99)),
        *(f"{functions[part]:.0f} ms" for part in (_P50, _P99)),
        *(f"{stand_ins[part]:.1f} ms" for part in (_P50, _P99)),
    ]


def _million(result: Result) -> list[str]:
    cost: PerHour = per_task_hour(result)
    a_second = _MILLION / 3600
    rates = (cost.upstream, cost.write_units + cost.index_units, cost.index_units, cost.read_units, cost.queue, cost.function_seconds)
    return [result["name"], *(f"{each * a_second:,.0f}" for each in rates), f"{cost.dollars * _MILLION:,.0f}"]


def _turn(result: Result) -> list[str]:
    ran = result["functions"]["WatchFunction"]
    turns = ran["records"]
    cpu = ran["own_cpu_seconds"] / turns
    calls = sum(count for name, count in result["calls"].items() if name.startswith("WatchFunction ")) / turns
    ten = 10 * cpu * 1769 / memory_mb("WatchFunction") + calls * AWS_SECONDS + AGENT_SECONDS
    return [
        *_named(result),
        f"{turns / ran['invocations']:.1f}",
        f"{cpu * 1000:.1f} ms",
        f"{calls:.1f}",
        f"{ten:.2f} s",
        f"{200 / ten:,.0f}",
    ]


def _named(result: Result) -> list[str]:
    return [result["name"], f"{result['tasks']:,}"]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
