"""AWS as a process of its own: the relay's table, its queues, keys and secrets in memory, each request answered after a set delay.

    python -m bench.aws --delay-ms 5

Prints its port. Beside AWS's operations (the JSON protocols, told apart by `X-Amz-Target`) it answers `GET /spent`: requests by operation,
and the CPU seconds of this process.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bench.http_server import Answer, Request, serve
from bench.queues import Message, Queue
from bench.table import ConditionFailedError, Table

VISIBILITY_SECONDS = 360.0  # template.yaml
_SECRET = "x" * 64  # the signing secret's one text


class Aws:
    def __init__(self, *, delay_seconds: float, is_fair: bool) -> None:
        self._delay = delay_seconds
        self._is_fair = is_fair
        self._table = Table()
        self._queues: dict[str, Queue] = {}
        self._spent: Counter[str] = Counter()
        self._polls: deque[asyncio.Future[None]] = deque()  # long polls that wait for a message

    async def __call__(self, request: Request) -> Answer:
        if request.path == "/spent":
            return 200, json.dumps({"requests": self._spent, "cpu_seconds": time.process_time()}).encode()
        operation = request.headers["x-amz-target"].rpartition(".")[2]
        self._spent[operation] += 1
        if self._delay and operation != "ReceiveMessage":
            await asyncio.sleep(self._delay)
        try:
            answer = await self._answer(operation, json.loads(request.body))
        except ConditionFailedError as error:
            name = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
            return 400, json.dumps({"__type": name, "message": str(error), **({"Item": error.old} if error.old else {})}).encode()
        return 200, json.dumps(answer).encode()

    async def _answer(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        if "QueueUrl" in asked:
            return await self._of_queue(operation, asked)
        return of_keys(operation, asked) or self._table.answer(operation, asked)

    async def _of_queue(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        queue = self._queues.setdefault(asked["QueueUrl"], Queue(is_fair=self._is_fair, visibility_seconds=VISIBILITY_SECONDS))
        if operation == "ReceiveMessage":
            return await self._receive(queue, asked)
        for delay in delays(operation, asked):
            asyncio.get_running_loop().call_later(delay, self._tell_one)
        return of_queue(queue, operation, asked)

    async def _receive(self, queue: Queue, asked: Mapping[str, Any]) -> dict[str, Any]:
        until = time.monotonic() + asked.get("WaitTimeSeconds", 0)
        while not (answer := of_queue(queue, "ReceiveMessage", asked)) and (left := until - time.monotonic()) > 0:
            await self._told_of_a_message(left)
        return answer

    def _tell_one(self) -> None:
        """One long poll looks; the longest under way, as long as it has not looked."""
        while self._polls:
            if not (poll := self._polls.popleft()).done():
                poll.set_result(None)
                return

    async def _told_of_a_message(self, seconds: float) -> None:
        """Until a message is due that was sent meanwhile, or the time is over."""
        poll = asyncio.get_running_loop().create_future()
        self._polls.append(poll)
        with suppress(TimeoutError):
            await asyncio.wait_for(poll, seconds)


def of_keys(operation: str, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """As KMS and Secrets Manager answer; None: they have no such operation."""
    if operation == "GenerateDataKey":
        key = base64.b64encode(os.urandom(32)).decode()
        return {"KeyId": asked["KeyId"], "Plaintext": key, "CiphertextBlob": key}
    if operation == "Decrypt":
        return {"KeyId": asked["KeyId"], "Plaintext": asked["CiphertextBlob"]}
    if operation == "GetSecretValue":
        return {"ARN": asked["SecretId"], "Name": "signing", "SecretString": _SECRET, "VersionId": "1" * 32}
    return None


def of_queue(queue: Queue, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """As SQS answers, but for `ReceiveMessage` at once."""
    if operation == "ReceiveMessage":
        found = queue.receive(asked["MaxNumberOfMessages"], hidden_for=asked.get("VisibilityTimeout"))
        return {"Messages": [_received(message) for message in found]} if found else {}
    if operation == "DeleteMessageBatch":
        for entry in asked["Entries"]:
            queue.delete(int(entry["ReceiptHandle"]))
        return {"Successful": [{"Id": entry["Id"]} for entry in asked["Entries"]], "Failed": []}
    if operation == "DeleteMessage":
        queue.delete(int(asked["ReceiptHandle"]))
        return {}
    if operation == "SendMessage":
        return _sent(_send(queue, asked))
    if operation == "WhereIs":  # the bench's own
        return {"Place": queue.where_is(asked["Text"])}
    return {"Successful": [{"Id": entry["Id"], **_sent(_send(queue, entry))} for entry in asked["Entries"]], "Failed": []}


def delays(operation: str, asked: Mapping[str, Any]) -> list[float]:
    """After how many seconds each message of a request is due that sends some."""
    entries = {"SendMessage": [asked], "SendMessageBatch": asked.get("Entries", [])}.get(operation, [])
    return [entry.get("DelaySeconds", 0) for entry in entries]


def _send(queue: Queue, entry: Mapping[str, Any]) -> int:
    return queue.send(entry["MessageBody"], group=entry.get("MessageGroupId", ""), delay_seconds=entry.get("DelaySeconds", 0))


def _received(message: Message) -> dict[str, Any]:
    digest = hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest()  # boto3 compares it
    return {"MessageId": str(message.number), "ReceiptHandle": str(message.number), "Body": message.body, "MD5OfBody": digest}


def _sent(number: int) -> dict[str, Any]:
    return {"MessageId": str(number), "MD5OfMessageBody": ""}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--unfair", action="store_true", help="first come, first served")
    given = parser.parse_args()
    ports = await serve(Aws(delay_seconds=given.delay_ms / 1000, is_fair=not given.unfair), ports=1, clock=time.time)
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
