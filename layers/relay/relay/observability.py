"""The one Logger, powertools'; one structured line per unit of work, and its metric (`relay.metrics`).

No secret gets in, by what can be said and not by what is filtered: a line is constant words and `log_fields.Fields`, each rendered by its
own rule. Units of work that have a line and a metric have one function here, so that all who do the work tell it alike.

No Tracer: it costs a third of a second of every cold start. Nothing is made at import.

Source: Powertools for AWS Lambda (Python), Logger.
"""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from threading import RLock
from typing import LiteralString, TextIO, Unpack

from aws_lambda_powertools import Logger

from relay import metrics
from relay.domain.dead_letter import DeadLetter
from relay.domain.door import Caller
from relay.domain.errors import OwnerCapError, RelayError, WebhookHostError
from relay.domain.keys import AgentKey, ConfigKey, TaskKey
from relay.domain.outcome import Outcome
from relay.domain.push_config import PushConfig
from relay.domain.task import Revision, RevisionHead
from relay.log_fields import Fields, render
from relay.metrics import Metric, measure, service

# Below WARNING these log requests and answers whole: at LogLevel DEBUG every secret that is read or sent.
_TALKATIVE = ("botocore", "boto3", "urllib3", "httpx", "httpcore")


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


def report_missed(task: TaskKey, *, told_by: str) -> None:
    """The agent should have told of a change, by a report or a push, and a poll has found it."""
    warn("report missed a change", task=task, strategy=told_by)
    measure(Metric.REPORT_MISSED)


def strategy_begun(agent: AgentKey, strategy: str) -> None:
    """From now on it brings the changes of the agent's tasks."""
    log("strategy begun", agent_key=agent, strategy=strategy)
    measure(Metric.STRATEGY_BEGUN)


def strategy_given_up(agent: AgentKey, strategy: str, *, reason: str) -> None:
    """For some time nothing is tried by it."""
    warn("strategy given up for now", agent_key=agent, strategy=strategy, reason=reason)
    measure(Metric.FELL_BACK)


def stream_broke(task: TaskKey, error: BaseException) -> None:
    warn("stream broke", task=task, error=error)
    measure(Metric.STREAM_BROKE)


def stream_ended(task: TaskKey, ending: str) -> None:
    log("stream ended", task=task, outcome=ending)


def stream_failed(task: TaskKey | None, error: BaseException) -> None:
    """We failed, not the agent."""
    fault("stream failed", task=task, error=error)


def ending_told(task: TaskKey, revision: Revision) -> None:
    """The task has not ended, and yet nothing more may come of it."""
    warn("ending told: nothing more may come", task=task, revision=revision.number, reason=revision.view.ending)
    measure(Metric.ENDING_TOLD)


def call_refused(caller: Caller, error: RelayError, *, agent: str, method: str) -> None:
    """With the operator's own parameter where that is what refused a webhook: the caller is not told of it."""
    parameter = error.parameter if isinstance(error, WebhookHostError) else None
    log("call refused", caller=caller, agent=agent, method=method, code=error.code, reason=error.reason, parameter=parameter)


def owner_cap_reached(agent: AgentKey, error: OwnerCapError, *, url: str | None) -> None:
    """A registration was refused: its owner has registered as much as it may today. `url` when it is the receiver that is too many."""
    warn("registration refused: its owner has reached a cap", agent_key=agent, reason=error.metadata["cap"], url=url)
    measure(Metric.OWNER_CAP_REACHED)


def swept(*, woken: int, oldest: timedelta) -> None:
    """`oldest`: the age of the oldest change that some push config has not got; zero when all have caught up."""
    log("swept", count=woken, age=oldest)
    measure(Metric.OVERDUE_WOKEN, woken)
    measure(Metric.OLDEST_UNDELIVERED_CHANGE_SECONDS, oldest.total_seconds())


@contextmanager
def unit_of_work(function_name: str, context: object) -> Iterator[None]:
    """Around one invocation: each line within names the function and the request, and the metrics are written at its end, come what may.

    `context` is Lambda's: `with unit_of_work("deliver", context): …`. Without metrics there is no line of them.
    """
    _logger()
    with metrics.unit({"function": function_name, "request_id": str(getattr(context, "aws_request_id", "") or "")}):
        yield


def send_lines_to(handler: logging.Handler) -> None:
    """From now on this handler gets the lines, instead of stdout as JSON (`relay dev`); a record has the rendered fields as attributes."""
    _logger()
    logging.getLogger(service()).handlers[:] = [handler]


def forget() -> None:
    """As in a process that has logged nothing yet: the next line makes the logger anew, from the environment as it is then."""
    with _lock:
        for made in _made:
            logging.Logger.manager.loggerDict.pop(made.service, None)
        _made.clear()


_lock = RLock()
_made: list[Logger] = []


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
                    service=service(),
                    logger_handler=_StdoutHandler(),
                    json_serializer=partial(json.dumps, separators=(",", ":")),  # one line, with POWERTOOLS_DEV too
                    location=None,  # it would always be here: the constant words say where a line comes from
                    utc=True,
                    use_rfc3339=True,
                )
            )
        return _made[0]


def _write(write: Callable[..., None], words: str, fields: Fields) -> None:
    write(words, extra={**metrics.shared_fields(), **render(fields)})
