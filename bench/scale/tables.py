"""The results as Markdown, for docs/scale.md."""

from collections.abc import Iterator, Sequence

from bench.measured import table
from bench.scale.cases import NAMES
from bench.scale.cost import PerHour, Result, per_task_hour, ten_at_once
from relay.adapters.table.items import DUE_SHARDS

_HEAD = ("strategy", "tasks", "agent", "reads", "writes", "queue", "write units, with the index", "read units", "function-s", "dollars")
_LATENCY = ("strategy", "tasks", "changes", "waits p50", "p99", "functions p50", "p99", "stand-ins p50", "p99")
_WORK = (
    "strategy",
    "function",
    "records in a batch",
    "own CPU each",
    "AWS requests each",
    "ten at once, reckoned",
    "a second and environment",
)
_LIMITS = ("strategy", "20 environments of the watch", "the index `due`", "40,000 write units/s", "1,000 environments")
_INDEX_WRITES = DUE_SHARDS * 1000  # a second; DynamoDB: 1,000 for a partition
_P50, _P99 = 0, 2
_MILLION = 1_000_000


def tables(results: Sequence[Result]) -> Iterator[str]:
    """Title and table, in turn."""
    results = sorted(results, key=lambda each: (NAMES.index(each["name"]), each["tasks"]))
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
    yield "How many tasks until a limit binds"
    yield table(_LIMITS, [_limits(each) for each in changing if each["tasks"] == most])
    yield f"What is done for one record, and for ten in one invocation, with {most:,} tasks"
    yield table(
        _WORK, [_work(each, name) for each in changing if each["tasks"] == most for name in each["functions"] if _is_shown(each, name)]
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


def _limits(result: Result) -> list[str]:
    """At two valid digits: the numbers are no better."""
    cost = per_task_hour(result)
    turns = result["functions"]["WatchFunction"]["records"] / result["seconds"] / result["tasks"]
    found = (
        20 * 10 / ten_at_once(result, "WatchFunction") / turns,
        _INDEX_WRITES / cost.index_units * 3600,
        40_000 / (cost.write_units + cost.index_units) * 3600,
        1000 / cost.function_seconds * 3600,
    )
    return [result["name"], *(f"{float(f'{each:.2g}'):,.0f}" for each in found)]


def _is_shown(result: Result, function: str) -> bool:
    """What all strategies do alike is shown of one."""
    return function == "WatchFunction" or (result["name"] == "report" and function in ("FanOutFunction", "DeliverFunction"))


def _work(result: Result, function: str) -> list[str]:
    ran = result["functions"][function]
    calls = sum(count for name, count in result["calls"].items() if name.startswith(f"{function} ")) / ran["records"]
    ten = ten_at_once(result, function)
    cpu = f"{ran['own_cpu_seconds'] / ran['records'] * 1000:.1f} ms"
    return [result["name"], function, f"{ran['records'] / ran['invocations']:.1f}", cpu, f"{calls:.1f}", f"{ten:.2f} s", f"{10 / ten:,.0f}"]


def _named(result: Result) -> list[str]:
    return [result["name"], f"{result['tasks']:,}"]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
