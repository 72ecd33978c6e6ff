"""Lambda's part between the delivery queue and the deliver function: so many environments, each taking one batch at a time.

They are threads of one process and share its interpreter and boto3's connections. What Lambda gives each of its own, they have of their
own too: the webhook connections, the breaker's memory, the slots per receiver. Lambda's pollers start with five and add 300 a minute; here
all are there from the beginning.
"""

import threading
import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, Self

from bench.stage import Stage

_FUNCTION = "DeliverFunction"
_LONGEST_END_SECONDS = 30.0


class Environments:
    """A context manager. `taken` are the sizes of the batches, `busy` how many environments work just now."""

    def __init__(self, stage: Stage, *, count: int) -> None:
        mapping = next(each for each in stage.definition.queue_mappings if each.function == _FUNCTION)
        self._stage = stage
        self._queue_url = stage.definition.queue(mapping.queue_arn).url
        self._batch_size = mapping.batch_size
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        self._lock = threading.Lock()
        self.taken: list[int] = []
        self.busy = 0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Batches in flight get a while to end; what does not is left behind: the threads are daemons."""
        self._stopping.set()
        until = time.monotonic() + _LONGEST_END_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def where_is(self, text: str) -> str:
        """What has become of the queue's messages with that text in them."""
        return str(self._stage.ask_queue("WhereIs", QueueUrl=self._queue_url, Text=text)["Place"])

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                wanted = {"MaxNumberOfMessages": self._batch_size, "WaitTimeSeconds": 1}
                messages = self._stage.ask_queue("ReceiveMessage", QueueUrl=self._queue_url, **wanted).get("Messages")
                if messages:
                    self._count(len(messages), 1)
                    self._invoke(messages)
                    self._count(0, -1)
            except (OSError, HTTPException):
                return  # the stage is being taken down

    def _invoke(self, messages: list[Mapping[str, Any]]) -> None:
        event = {"Records": [{"messageId": message["MessageId"], "body": message["Body"]} for message in messages]}
        outcome = self._stage.invoke(_FUNCTION, event)
        failed = {each["itemIdentifier"] for each in outcome.answer["batchItemFailures"]} if outcome.error is None else set()
        done = [] if outcome.error else [message for message in messages if message["MessageId"] not in failed]
        entries = [{"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]} for message in done]
        self._stage.ask_queue("DeleteMessageBatch", QueueUrl=self._queue_url, Entries=entries)

    def _count(self, taken: int, busy: int) -> None:
        with self._lock:
            self.busy += busy
            if taken:
                self.taken.append(taken)
