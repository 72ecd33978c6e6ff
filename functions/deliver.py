"""The deliver function: wake-ups of the delivery queue; each may lead to POSTs for one push config."""

from typing import Any

from relay import observability
from relay.domain.wakeup import DeliveryWakeup
from relay.sqs_event import Batch, failures, remaining, wakeups
from relay.wiring import wiring


def handler(event: dict[str, Any], context: object) -> Batch:
    with observability.unit_of_work("deliver", context):
        known, unknown = wakeups(event, DeliveryWakeup.load)
        with wiring().deliver() as deliver:
            return failures(unknown + deliver(known, remaining=remaining(context)))
