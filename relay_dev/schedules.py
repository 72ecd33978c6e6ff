"""A clock as event source: invokes a function at its rate.

Source: EventBridge User Guide, "Schedule types"; Lambda Developer Guide, "Asynchronous invocation" (retries, on-failure destination).
"""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from relay_dev.definition import Function, ScheduleMapping
from relay_dev.invoker import Invoke
from relay_dev.on_failure import invocation_failure
from relay_dev.place import Place

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_RETRY_AFTER = timedelta(minutes=1)  # Lambda: one minute after the first failure


class ScheduleSource:
    """First due one period after it was made. Periods missed while it ran, or while the clock jumped, are not made up for."""

    def __init__(
        self,
        mapping: ScheduleMapping,
        function: Function,
        *,
        place: Place,
        sqs: "SQSClient",
        on_failure_queue_url: str,
        invoke: Invoke,
        now: Callable[[], datetime],
    ) -> None:
        self.name = f"every {mapping.rate} -> {mapping.function}"
        self.workers = 1 if mapping.enabled else 0
        self._mapping = mapping
        self._function = function
        self._place = place
        self._sqs = sqs
        self._on_failure_queue_url = on_failure_queue_url
        self._invoke = invoke
        self._now = now
        self._due_at = now() + mapping.rate
        self._failures = 0

    def take(self) -> Callable[[], None] | None:
        if not self._mapping.enabled or self._now() < self._due_at:
            return None
        self._due_at = self._now() + self._mapping.rate
        return self._run

    def _run(self) -> None:
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": self._place.account,
            "time": self._now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._place.region,
            "resources": [self._place.arn("events", f"rule/{self._mapping.function}")],
            "detail": {},
        }
        outcome = self._invoke(self._mapping.function, event)
        if outcome.error is None:
            self._failures = 0
            return
        self._failures += 1
        if self._failures <= self._mapping.max_retries:
            self._due_at = self._now() + _RETRY_AFTER
        elif self._on_failure_queue_url:
            body = invocation_failure(event, outcome, function=self._function, invocations=self._failures, now=self._now())
            self._sqs.send_message(QueueUrl=self._on_failure_queue_url, MessageBody=body)
            self._failures = 0
