"""A queue as event source: batches of messages invoke a function, and what it is done with is deleted.

Source: Lambda Developer Guide, "Using Lambda with Amazon SQS". A message that is not deleted comes back after the queue's visibility
timeout; SQS itself moves it to the dead-letter queue after maxReceiveCount receipts.
"""

import base64
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from relay_dev.answers import failed_identifiers
from relay_dev.definition import Queue, QueueMapping
from relay_dev.invoker import Invoke, Outcome

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_log = logging.getLogger(__name__)
_MOST_PER_REQUEST = 10  # SQS: ReceiveMessage and DeleteMessageBatch
MOST_AT_ONCE = 8  # batches in flight per queue on one machine, whatever the template's MaximumConcurrency


class QueueSource:
    """`take` and what it returns may run on different threads; `take` itself on one at a time."""

    def __init__(
        self, mapping: QueueMapping, queue: Queue, *, region: str, sqs: "SQSClient", invoke: Invoke, due: Callable[[], bool]
    ) -> None:
        self.name = f"{queue.name} -> {mapping.function}"
        self.workers = min(mapping.max_concurrency or MOST_AT_ONCE, MOST_AT_ONCE) if mapping.enabled else 0
        self._mapping = mapping
        self._queue = queue
        self._region = region
        self._sqs = sqs
        self._invoke = invoke
        self._due = due

    def take(self) -> Callable[[], None] | None:
        """Receives a batch; returns the work with it, or nothing."""
        if not self._mapping.enabled or not self._due():
            return None
        batch = self._receive()
        return (lambda: self._process(batch)) if batch else None

    def _receive(self) -> list[dict[str, Any]]:
        batch: list[dict[str, Any]] = []
        while (wanted := min(self._mapping.batch_size - len(batch), _MOST_PER_REQUEST)) > 0:
            messages = self._sqs.receive_message(
                QueueUrl=self._queue.url,
                MaxNumberOfMessages=wanted,
                WaitTimeSeconds=0,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            batch += [dict(message) for message in messages]
            if len(messages) < wanted:
                break
        return batch

    def _process(self, batch: list[dict[str, Any]]) -> None:
        event = {"Records": [message_record(message, arn=self._queue.arn, region=self._region) for message in batch]}
        failed = self._failed(self._invoke(self._mapping.function, event), {message["MessageId"] for message in batch})
        done = [message for message in batch if message["MessageId"] not in failed]
        for start in range(0, len(done), _MOST_PER_REQUEST):
            self._delete(done[start : start + _MOST_PER_REQUEST])

    def _failed(self, outcome: Outcome, message_ids: set[str]) -> frozenset[str]:
        if outcome.error is not None:
            return frozenset(message_ids)
        return failed_identifiers(outcome.answer, message_ids) if self._mapping.partial_failures else frozenset()

    def _delete(self, messages: list[dict[str, Any]]) -> None:
        answer = self._sqs.delete_message_batch(
            QueueUrl=self._queue.url,
            Entries=[{"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(messages)],
        )
        for failure in answer.get("Failed", []):
            # As on AWS, the message then comes again: receivers of wake-ups must bear it.
            _log.warning("%s: a message was not deleted: %s", self.name, failure.get("Message", failure["Code"]))


def message_record(message: Mapping[str, Any], *, arn: str, region: str) -> dict[str, Any]:
    """A message as it stands in the event."""
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    attribute: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return attribute
