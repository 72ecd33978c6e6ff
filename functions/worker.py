"""The worker function: wake-ups of the worker queue; each may lead to one call of an agent that can only block, for up to 15 minutes."""

from typing import Any

from relay import observability
from relay.domain.wakeup import WorkWakeup
from relay.sqs_event import Batch, failures, remaining, wakeups
from relay.wiring import wiring


def handler(event: dict[str, Any], context: object) -> Batch:
    with observability.unit_of_work("worker", context):
        known, failed = wakeups(event, WorkWakeup.load)
        for message_id, wakeup in known:
            try:
                wiring().work(wakeup, remaining=remaining(context))
            except Exception as error:
                observability.fault("work failed", task=wakeup.task, error=error)
                failed.append(message_id)
        return failures(failed)
