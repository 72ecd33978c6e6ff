"""What the queue functions share: Lambda's SQS events as wake-ups, and partial batch failures as the answer.

Source: AWS Lambda, "Using Lambda with Amazon SQS", "Reporting batch item failures".
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from relay import observability
from relay.domain.wakeup import UnknownMessageError, Wakeup

Batch = dict[str, list[dict[str, str]]]
W = TypeVar("W", bound=Wakeup)


def wakeups(event: Mapping[str, Any], load: Callable[[str], W]) -> tuple[list[tuple[str, W]], list[str]]:
    """The messages as (id, wake-up), and the ids of those this code does not know: they go back to the queue, never dropped."""
    known: list[tuple[str, W]] = []
    unknown: list[str] = []
    for record in event["Records"]:
        try:
            known.append((record["messageId"], load(record["body"])))
        except UnknownMessageError as error:
            observability.fault("message not understood", error=error)
            unknown.append(record["messageId"])
    return known, unknown


def failures(item_ids: Iterable[str]) -> Batch:
    """These come back; to leave the others out is to acknowledge them."""
    return {"batchItemFailures": [{"itemIdentifier": item_id} for item_id in item_ids]}


def remaining(context: Any) -> Callable[[], timedelta]:
    """How long this function may still run."""
    return lambda: timedelta(milliseconds=context.get_remaining_time_in_millis())
