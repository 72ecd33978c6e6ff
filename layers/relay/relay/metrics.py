"""Metrics of a unit of work, written as one line of CloudWatch's embedded metric format; and what all lines of that unit share.

Threads share everything here. What correlates a unit of work lives in a context variable, its metrics in a set of its own: powertools'
`Metrics` shares one between all, its provider (`EphemeralMetrics`) does not.

Source: CloudWatch, "Embedded metric format"; AWS Lambda, "Log-level filtering"; Powertools for AWS Lambda (Python), Metrics.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from threading import RLock

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.metrics.functions import is_metrics_disabled

SERVICE = "a2a-push-relay"  # unless POWERTOOLS_SERVICE_NAME says otherwise
NAMESPACE = "A2APushRelay"  # likewise POWERTOOLS_METRICS_NAMESPACE

_MAX_VALUES = 99  # EMF: at most 100 values in a line; at the 100th powertools writes by itself, line and line end apart


class Metric(StrEnum):
    """The unit is in the name; without one it is a count."""

    REVISION_APPENDED = "RevisionAppended"
    NOTIFICATION_DELIVERED = "NotificationDelivered"
    ATTEMPT_FAILED = "AttemptFailed"
    DEAD_LETTERED = "DeadLettered"
    POLL_FAILED = "PollFailed"
    WATCH_PAUSED = "WatchPaused"
    UPSTREAM_CALL_FAILED = "UpstreamCallFailed"
    STRATEGY_BEGUN = "StrategyBegun"
    FELL_BACK = "FellBackToPolling"
    REPORT_MISSED = "ReportMissedChange"
    STREAM_BROKE = "StreamBroke"
    ENDING_TOLD = "EndingTold"
    WAKEUP_RETURNED = "WakeupReturned"
    BREAKER_OPENED = "BreakerOpened"
    OVERDUE_WOKEN = "OverdueWoken"
    OWNER_CAP_REACHED = "OwnerCapReached"
    OWN_FAULT = "OwnFault"
    DELIVERY_LATENCY_MILLISECONDS = "DeliveryLatencyMilliseconds"
    OLDEST_UNDELIVERED_CHANGE_SECONDS = "OldestUndeliveredChangeSeconds"

    @property
    def unit(self) -> MetricUnit:
        if self.value.endswith("Milliseconds"):
            return MetricUnit.Milliseconds
        return MetricUnit.Seconds if self.value.endswith("Seconds") else MetricUnit.Count


def measure(metric: Metric, value: float = 1) -> None:
    """Adds a value, written with the unit of work it belongs to; outside of one it is written at once."""
    with _lock:
        unit = _current()
        of = unit or _Unit({})
        of.add(metric, value)
        if unit is None:
            of.flush()


@contextmanager
def unit(fields: Mapping[str, str]) -> Iterator[None]:
    """Around a unit of work: what is measured within is written at its end, come what may. Without metrics there is no line of them."""
    unit = _Unit(fields)
    token = _own.set(unit)
    with _lock:
        _active.append(unit)
    try:
        yield
    finally:
        _own.reset(token)
        with _lock:
            _active.remove(unit)
            unit.flush()


def shared_fields() -> Mapping[str, str]:
    """What each line of the unit of work that is under way says."""
    with _lock:
        unit = _current()
    return unit.fields if unit else {}


def service() -> str:
    """The logger's name, and the metrics' one dimension."""
    return os.environ.get("POWERTOOLS_SERVICE_NAME") or SERVICE


def _new_metrics() -> EphemeralMetrics:
    return EphemeralMetrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or NAMESPACE, service=service())


@dataclass(eq=False)
class _Unit:
    """What the lines of one invocation share, and what it has measured since it last wrote. To be used under the lock."""

    fields: Mapping[str, str]
    metrics: EphemeralMetrics = field(default_factory=_new_metrics)
    values: int = 0

    def add(self, metric: Metric, value: float) -> None:
        if self.values == _MAX_VALUES:
            self.flush()
        self.metrics.add_metric(name=metric.value, unit=metric.unit, value=value)
        self.values += 1

    def flush(self) -> None:
        if self.values and not is_metrics_disabled():
            measured = self.metrics.serialize_metric_set()
            line = {**measured, **self.fields, **_passing(measured["_aws"]["Timestamp"])}
            sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
            sys.stdout.flush()
        self.metrics.clear_metrics()
        self.values = 0


def _passing(milliseconds: int) -> dict[str, str]:
    """Lambda takes a line that names no level, or no time, for INFO, and drops it at a `LogLevel` above: metrics must pass at each."""
    written_at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return {"level": os.environ.get("AWS_LAMBDA_LOG_LEVEL") or "INFO", "timestamp": written_at.isoformat(timespec="milliseconds")}


_own: ContextVar[_Unit | None] = ContextVar("unit_of_work", default=None)
_active: list[_Unit] = []
_lock = RLock()


def _current() -> _Unit | None:
    """A thread that a unit of work starts has no context of its own: then it is the only unit at work, as always on Lambda."""
    return _own.get() or (_active[0] if len(_active) == 1 else None)
