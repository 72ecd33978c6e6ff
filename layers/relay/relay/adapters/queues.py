"""The queues: wake-ups on their way, with delays; dead letters announced.

Source: SQS API reference: DelaySeconds is 0 to 900; a batch holds at most 10 entries and answers 200 with `Failed` ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from relay.domain.wakeup import MAX_DELAY, Wakeup

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH = 10


@dataclass(frozen=True)
class Sending:
    """A wake-up and how long the queue shall hold it."""

    wakeup: Wakeup
    delay: timedelta = timedelta(0)


class NotSentError(Exception):
    """SQS took only a part of what was sent."""


class Queue:
    """A queue of wake-ups. Each carries its receiver, or its agent, as message group: SQS then serves the quiet ones first.

    Source: SQS Developer Guide, "How Amazon SQS fair queues work".
    """

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, wakeup: Wakeup, delay: timedelta = timedelta(0)) -> None:
        self._client.send_message(QueueUrl=self._url, MessageBody=wakeup.dump(), DelaySeconds=_seconds(delay), **_group(wakeup))

    def send_all(self, sendings: Sequence[Sending]) -> list[int]:
        """Positions of the sendings that SQS did not take."""
        return [failed for start in range(0, len(sendings), _BATCH) for failed in self._send_batch(sendings, start)]

    def _send_batch(self, sendings: Sequence[Sending], start: int) -> list[int]:
        entries: list[Any] = [
            {
                "Id": str(start + offset),
                "MessageBody": sending.wakeup.dump(),
                "DelaySeconds": _seconds(sending.delay),
                **_group(sending.wakeup),
            }
            for offset, sending in enumerate(sendings[start : start + _BATCH])
        ]
        answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        return [int(failed["Id"]) for failed in answer.get("Failed", [])]


@dataclass(frozen=True)
class Received:
    """A message that was taken; it comes back after a while unless it is deleted."""

    body: str
    receipt: str


class SourceQueue(Queue):
    """A queue from which its function takes messages by itself, too."""

    def receive(self, most: int, *, wait: timedelta = timedelta(0), hidden_for: timedelta | None = None) -> list[Received]:
        """What is there now, or the first that comes within `wait`, at most ten; an empty answer does not say that there is nothing.

        `hidden_for`: after that it comes back unless it is deleted; the queue's own visibility timeout if it is not given.
        """
        hidden: Any = {} if hidden_for is None else {"VisibilityTimeout": int(hidden_for.total_seconds())}
        waits = int(wait.total_seconds())
        answer = self._client.receive_message(QueueUrl=self._url, MaxNumberOfMessages=min(most, _BATCH), WaitTimeSeconds=waits, **hidden)
        return [Received(message["Body"], message["ReceiptHandle"]) for message in answer.get("Messages", [])]

    def delete(self, received: Received) -> None:
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=received.receipt)

    def delete_all(self, receipts: Sequence[str]) -> None:
        """At most ten. What SQS does not delete comes again: who takes wake-ups must bear it."""
        if receipts:
            entries: list[Any] = [{"Id": str(place), "ReceiptHandle": receipt} for place, receipt in enumerate(receipts)]
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)


class DeadLetterQueue:
    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def announce(self, announcement: str) -> None:
        self._client.send_message(QueueUrl=self._url, MessageBody=announcement)


def _seconds(delay: timedelta) -> int:
    """Whole seconds, never early."""
    return min(math.ceil(delay.total_seconds()), int(MAX_DELAY.total_seconds()))


def _group(wakeup: Wakeup) -> dict[str, Any]:
    return {"MessageGroupId": wakeup.group} if wakeup.group else {}
