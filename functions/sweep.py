"""The sweep function: every five minutes; wakes what is overdue and measures the oldest change that is not delivered."""

from typing import Any

from relay import observability
from relay.sqs_event import remaining
from relay.wiring import wiring


def handler(event: dict[str, Any], context: object) -> dict[str, float]:
    """The event itself says nothing. Answers what was woken, for whoever invokes it by hand."""
    del event
    with observability.unit_of_work("sweep", context):
        swept = wiring().sweep(remaining=remaining(context))
        observability.swept(woken=swept.woken, oldest=swept.oldest_undelivered)
        return {
            "configsWoken": swept.configs_woken,
            "watchesWoken": swept.watches_woken,
            "listersWoken": swept.listers_woken,
            "relayTasksWoken": swept.relay_tasks_woken,
            "configsWaiting": swept.configs_waiting,
            "oldestUndeliveredSeconds": swept.oldest_undelivered.total_seconds(),
        }
