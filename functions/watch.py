"""The watch function: wake-ups of the watch queue; each follows one task by one poll, or lists what has changed at one agent."""

from typing import Any

from relay import observability
from relay.domain.wakeup import load_watching
from relay.sqs_event import Batch, failures, remaining, wakeups
from relay.wiring import wiring


def handler(event: dict[str, Any], context: object) -> Batch:
    with observability.unit_of_work("watch", context):
        known, unknown = wakeups(event, load_watching)
        return failures(unknown + wiring().take_turns(known, remaining=remaining(context)))
