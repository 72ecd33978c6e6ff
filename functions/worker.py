"""The worker function: wake-ups of the worker queue; each may lead to one call of an agent that can only block, for up to 15 minutes."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from relay import observability
from relay.domain.wakeup import WorkWakeup
from relay.sqs_event import Batch, failures, remaining, wakeups
from relay.wiring import wiring

_PAUSES = (1, 2, 4, 8)  # seconds; an outcome that took the agent minutes is worth them


def handler(event: dict[str, Any], context: object) -> Batch:
    with observability.unit_of_work("worker", context):
        known, failed = wakeups(event, WorkWakeup.load)
        for message_id, wakeup in known:
            try:
                _work(wakeup, remaining(context))
            except Exception as error:
                observability.fault("work failed", task=wakeup.task, error=error)
                failed.append(message_id)
        return failures(failed)


def _work(wakeup: WorkWakeup, time_left: Callable[[], timedelta]) -> None:
    conclude = wiring().work(wakeup, remaining=time_left)
    if conclude is None:
        return
    for pause in _PAUSES:
        try:
            conclude()
        except Exception as error:
            observability.fault("outcome not told yet", task=wakeup.task, error=error)
            time.sleep(pause)
        else:
            return
    conclude()
