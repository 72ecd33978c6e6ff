"""The one Logger and the one set of metrics, both powertools'; names of metrics; one structured line per unit of work.

No secret gets in, by what can be said and not by what is filtered: a line is constant words and `log_fields.Fields`, each rendered by its
own rule. Units of work that have a line and a metric have one function here, so that all who do the work tell it alike.

Threads share everything here. What correlates a unit of work lives in a context variable, its metrics in a set of its own: powertools'
`Metrics` shares one between all, its provider (`EphemeralMetrics`) does not. No Tracer: it costs a third of a second of every cold start.
Nothing is made at import.

Source: CloudWatch, "Embedded metric format"; Powertools for AWS Lambda (Python), Logger and Metrics.
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from threading import RLock
from typing import LiteralString, TextIO, Unpack

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.metrics.functions import is_metrics_disabled

from relay.domain.dead_letter import DeadLetter
from relay.domain.keys import AgentKey, ConfigKey, TaskKey
from relay.domain.outcome import Outcome
from relay.domain.push_config import PushConfig
from relay.domain.task import Revision, RevisionHead
from relay.log_fields import Fields, render

SERVICE = "a2a-push-relay"  # the logger's name, and the metrics' one dimension, unless POWERTOOLS_SERVICE_NAME says otherwise
NAMESPACE = "A2APushRelay"  # likewise POWERTOOLS_METRICS_NAMESPACE

# Below WARNING these log requests and answers whole: at LogLevel DEBUG every secret that is read or sent.
_TALKATIVE = ("botocore", "boto3", "urllib3", "httpx", "httpcore")

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
    FELL_BACK = "FellBackToPolling"
    STREAM_BROKE = "StreamBroke"
    ENDING_TOLD = "EndingTold"
    WAKEUP_RETURNED = "WakeupReturned"
    BREAKER_OPENED = "BreakerOpened"
    OVERDUE_WOKEN = "OverdueWoken"
    OWN_FAULT = "OwnFault"
    DELIVERY_LATENCY_MILLISECONDS = "DeliveryLatencyMilliseconds"
    OLDEST_UNDELIVERED_CHANGE_SECONDS = "OldestUndeliveredChangeSeconds"

    @property
    def unit(self) -> MetricUnit:
        if self.value.endswith("Milliseconds"):
            return MetricUnit.Milliseconds
        return MetricUnit.Seconds if self.value.endswith("Seconds") else MetricUnit.Count


def log(words: LiteralString, **fields: Unpack[Fields]) -> None:
    """One line: a unit of work is done. `words` is constant, so that lines can be found and counted by it."""
    _write(_logger().info, words, fields)


def warn(words: LiteralString, **fields: Unpack[Fields]) -> None:
    """One line: somebody else did wrong, and the relay goes on."""
    _write(_logger().warning, words, fields)


def fault(words: LiteralString, **fields: Unpack[Fields]) -> None:
    """One line, and one OwnFault counted: the relay itself did not do what it is there for."""
    _write(_logger().error, words, fields)
    measure(Metric.OWN_FAULT)


def revision_appended(task: TaskKey, revision: Revision) -> None:
    log("revision appended", task=task, revision=revision.number, state=revision.snapshot.state, learnt_by=revision.view.learnt_by)
    measure(Metric.REVISION_APPENDED)


def attempt_ended(config: PushConfig, revision: RevisionHead, *, webhook_id: str, number: int, outcome: Outcome, now: datetime) -> None:
    """The latency is that of the notification: from the moment the change was learnt to the receiver's answer."""
    age = now - revision.arrived_at
    said = Fields(
        config=config.key,
        webhook_id=webhook_id,
        revision=revision.number,
        state=revision.state,
        attempt=number,
        outcome=outcome.kind,
        http_status=outcome.status,
        url=config.url,
        took=timedelta(milliseconds=outcome.phases.total_ms),
        age=age,
    )
    if not outcome.is_delivered:
        warn("attempt failed", **said)
        measure(Metric.ATTEMPT_FAILED)
        return
    log("notification delivered", **said)
    measure(Metric.NOTIFICATION_DELIVERED)
    measure(Metric.DELIVERY_LATENCY_MILLISECONDS, age / timedelta(milliseconds=1))


def breaker_opened(config: PushConfig) -> None:
    """From now on the receiver gets one probe at a time, whichever config it is for."""
    warn("receiver unavailable: its breaker opened", config=config.key, url=config.url)
    measure(Metric.BREAKER_OPENED)


def dead_lettered(letter: DeadLetter) -> None:
    warn(
        "dead-lettered",
        config=letter.key,
        webhook_id=letter.webhook_id,
        first=letter.first,
        last=letter.last,
        reason=letter.reason,
        url=letter.receiver,
    )
    measure(Metric.DEAD_LETTERED)


def wakeup_returned(config: ConfigKey) -> None:
    log("wake-up returned", config=config)
    measure(Metric.WAKEUP_RETURNED)


def delivery_failed(config: ConfigKey, error: BaseException) -> None:
    """We failed, not the receiver."""
    fault("delivery failed", config=config, error=error)


def poll_failed(task: TaskKey, error: BaseException) -> None:
    warn("poll failed", task=task, error=error)
    measure(Metric.POLL_FAILED)


def list_failed(agent: AgentKey, error: BaseException) -> None:
    warn("list failed", agent_key=agent, error=error)
    measure(Metric.POLL_FAILED)


def watch_paused(task: TaskKey) -> None:
    """Nobody asks for the task until a caller shows a credential that the agent takes."""
    warn("watch paused: the agent refused the caller's credential", task=task)
    measure(Metric.WATCH_PAUSED)


def upstream_call_failed(task: TaskKey, error: BaseException) -> None:
    """The agent's doing: the task says so."""
    warn("upstream call failed", task=task, error=error)
    measure(Metric.UPSTREAM_CALL_FAILED)


def following_changed(task: TaskKey, *, told_by: str) -> None:
    """Nobody brings the task's changes any more: from now on it is polled often again."""
    warn("following fell back to polling", task=task, strategy=told_by)
    measure(Metric.FELL_BACK)


def strategy_given_up(agent: AgentKey, strategy: str, *, reason: str) -> None:
    """For some time nothing is tried by it."""
    warn("strategy given up for now", agent_key=agent, strategy=strategy, reason=reason)
    measure(Metric.FELL_BACK)


def stream_broke(task: TaskKey, error: BaseException) -> None:
    warn("stream broke", task=task, error=error)
    measure(Metric.STREAM_BROKE)


def stream_ended(task: TaskKey, ending: str) -> None:
    log("stream ended", task=task, outcome=ending)


def stream_failed(task: TaskKey, error: BaseException) -> None:
    """We failed, not the agent."""
    fault("stream failed", task=task, error=error)


def ending_told(task: TaskKey, revision: Revision) -> None:
    """The task has not ended, and yet nothing more may come of it."""
    warn("ending told: nothing more may come", task=task, revision=revision.number, reason=revision.view.ending)
    measure(Metric.ENDING_TOLD)


def swept(*, woken: int, oldest: timedelta) -> None:
    """`oldest`: the age of the oldest change that some push config has not got; zero when all have caught up."""
    log("swept", count=woken, age=oldest)
    measure(Metric.OVERDUE_WOKEN, woken)
    measure(Metric.OLDEST_UNDELIVERED_CHANGE_SECONDS, oldest.total_seconds())


def measure(metric: Metric, value: float = 1) -> None:
    """Adds a value, written with the unit of work it belongs to; outside of one it is written at once."""
    with _lock:
        unit = _current()
        of = unit or _Unit({})
        of.add(metric, value)
        if unit is None:
            of.flush()


@contextmanager
def unit_of_work(function_name: str, context: object) -> Iterator[None]:
    """Around one invocation: each line within names the function and the request, and the metrics are written at its end, come what may.

    `context` is Lambda's: `with unit_of_work("deliver", context): …`. Without metrics there is no line of them.
    """
    _logger()
    unit = _Unit({"function": function_name, "request_id": str(getattr(context, "aws_request_id", "") or "")})
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


def send_lines_to(handler: logging.Handler) -> None:
    """From now on this handler gets the lines, instead of stdout as JSON (`relay dev`); a record has the rendered fields as attributes."""
    _logger()
    logging.getLogger(_service()).handlers[:] = [handler]


def forget() -> None:
    """As in a process that has logged nothing yet: the next line makes the logger anew, from the environment as it is then."""
    with _lock:
        for made in _made:
            logging.Logger.manager.loggerDict.pop(made.service, None)
        _made.clear()


def _service() -> str:
    return os.environ.get("POWERTOOLS_SERVICE_NAME") or SERVICE


def _new_metrics() -> EphemeralMetrics:
    return EphemeralMetrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or NAMESPACE, service=_service())


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
            line = json.dumps({**self.metrics.serialize_metric_set(), **self.fields}, separators=(",", ":"))
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        self.metrics.clear_metrics()
        self.values = 0


_own: ContextVar[_Unit | None] = ContextVar("unit_of_work", default=None)
_active: list[_Unit] = []
_lock = RLock()
_made: list[Logger] = []


def _current() -> _Unit | None:
    """A thread that a unit of work starts has no context of its own: then it is the only unit at work, as always on Lambda."""
    return _own.get() or (_active[0] if len(_active) == 1 else None)


class _StdoutHandler(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stdout` is now, not to what it was when the logger was made."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout


def _logger() -> Logger:
    with _lock:
        if not _made:
            for name in _TALKATIVE:
                logging.getLogger(name).setLevel(logging.WARNING)
            _made.append(
                Logger(
                    service=_service(),
                    logger_handler=_StdoutHandler(),
                    json_serializer=partial(json.dumps, separators=(",", ":")),  # one line, with POWERTOOLS_DEV too
                    location=None,  # it would always be here: the constant words say where a line comes from
                    utc=True,
                    use_rfc3339=True,
                )
            )
        return _made[0]


def _write(write: Callable[..., None], words: str, fields: Fields) -> None:
    with _lock:
        unit = _current()
    write(words, extra={**(unit.fields if unit else {}), **render(fields)})
