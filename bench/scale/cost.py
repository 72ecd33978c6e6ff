"""What a run's counts come to on AWS, for a task and an hour: function-seconds and dollars. Reckoned, not measured: no run was on AWS.

A function's time is its own CPU time, stretched as its memory stretches it, and what it waits for: so long for each request to AWS, each
answer of the agent, each of a receiver. The wake-ups of one batch wait together, but use one CPU. A held stream is time, too.
Source: AWS price lists, us-east-1, November 2026, as in docs/scale.md; Lambda Developer Guide, "Configure Lambda function memory".
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.scale.aws import AWS_KINDS
from bench.scale.relay import STREAM

AWS_SECONDS, AGENT_SECONDS, RECEIVER_SECONDS = 0.005, 0.05, 0.05
_FULL_CPU_MB = 1769
_MEMORY_MB: Mapping[str, int] = {"ApiFunction": 1024, "DeliverFunction": 1024}
_OTHER_MB = 512
_TOGETHER = ("WatchFunction", "DeliverFunction")  # what is in a batch goes on at the same time

_WRITE, _READ, _SQS, _INVOCATION, _GB_SECOND = 0.625e-6, 0.125e-6, 0.40e-6, 0.20e-6, 0.0000133334  # dollars
_API, _LOG_BYTE, _KEY = 1.00e-6, 0.50e-9, 5.00e-6

Result = Mapping[str, Any]


@dataclass(frozen=True)
class PerHour:
    """For one task and hour."""

    upstream: float
    reads: float
    writes: float
    queue: float
    write_units: float
    index_units: float
    read_units: float
    invocations: float
    function_seconds: float
    dollars: float


def per_task_hour(result: Result) -> PerHour:
    share = 3600 / result["seconds"] / result["tasks"]
    units, kinds, ran = result["units"], _kinds(result), result["functions"]
    seconds = {name: function_seconds(result, name) for name in ran}
    invocations = sum(each["invocations"] for each in ran.values())
    write_units, index_units, read_units = (units.get(name, 0) for name in ("write", "index write", "read"))
    dollars = (
        (write_units + index_units) * _WRITE
        + read_units * _READ
        + kinds["queue"] * _SQS
        + kinds["keys and secrets"] * _KEY
        + invocations * _INVOCATION
        + sum(taken * memory_mb(name) / 1024 for name, taken in seconds.items()) * _GB_SECOND
        + ran.get("ApiFunction", {}).get("invocations", 0) * _API
        + units.get("logged bytes", 0) * _LOG_BYTE
    )
    return PerHour(
        upstream=sum(result["upstream"].values()) * share,
        reads=kinds["reads"] * share,
        writes=kinds["writes"] * share,
        queue=kinds["queue"] * share,
        write_units=write_units * share,
        index_units=index_units * share,
        read_units=read_units * share,
        invocations=invocations * share,
        function_seconds=sum(seconds.values()) * share,
        dollars=dollars * share,
    )


def function_seconds(result: Result, name: str) -> float:
    """How long it would have run on Lambda in all."""
    if name == STREAM:
        return float(result["stream_seconds"])
    ran = result["functions"][name]
    together = ran["invocations"] / ran["records"] if name in _TOGETHER and ran["records"] else 1.0
    return _waits(result, name) * together + _computes(result, name)


def ten_at_once(result: Result, name: str) -> float:
    """How long one invocation with ten records would take."""
    records: int = result["functions"][name]["records"]
    waits, computes = _waits(result, name) / records, _computes(result, name) / records
    return (waits if name in _TOGETHER else 10 * waits) + 10 * computes


def _waits(result: Result, name: str) -> float:
    """Seconds, one after the other."""
    posts = result["functions"][name]["records"] if name == "DeliverFunction" else 0
    return _of(result["calls"], name) * AWS_SECONDS + _of(result["upstream"], name) * AGENT_SECONDS + posts * RECEIVER_SECONDS


def _computes(result: Result, name: str) -> float:
    own: float = result["functions"][name]["own_cpu_seconds"]
    return own * _FULL_CPU_MB / memory_mb(name)


def memory_mb(name: str) -> int:
    return _MEMORY_MB.get(name, _OTHER_MB)


def _of(counts: Mapping[str, int], function: str) -> int:
    return sum(count for name, count in counts.items() if name.startswith(f"{function} "))


def _kinds(result: Result) -> Counter[str]:
    """Requests by kind. What Lambda's pollers ask is the queue's, too, but for looks in vain: as many for one task as for a million."""
    found: Counter[str] = Counter()
    for name, count in result["calls"].items():
        found[AWS_KINDS.get(name.rpartition(" ")[2], "keys and secrets")] += count
    return found
