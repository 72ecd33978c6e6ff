"""The watch function: wake-ups of the watch queue; each follows one task by one poll."""

from typing import Any

from relay import observability
from relay.domain.wakeup import WatchWakeup
from relay.sqs_event import Batch, failures, remaining, wakeups
from relay.wiring import wiring


def handler(event: dict[str, Any], context: object) -> Batch:
    with observability.unit_of_work("watch", context):
        known, unknown = wakeups(event, WatchWakeup.load)
        return failures(unknown + wiring().follow_tasks(known, remaining=remaining(context)))
