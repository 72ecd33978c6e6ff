"""The embedded AWS: moto in this process, one call at a time, on the relay's clock; the same state over HTTP for other processes.

What moto does otherwise than AWS and is mended here: threads may interleave inside one call (a conditional put must be atomic), a long poll
holds everything up, iterators of a stream are kept for ever, and it takes what AWS refuses (`aws_refusals`).
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import boto3
import moto.core.utils
import moto.dynamodb.models.table
import moto.secretsmanager.models
from botocore.config import Config
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodbstreams.models import dynamodbstreams_backends
from moto.sqs.models import SQSBackend, sqs_backends

from relay_dev import aws_refusals, quick_moto
from relay_dev.changes import Changes
from relay_dev.clock import Clock
from relay_dev.place import Place

REGION = "us-east-1"
OWN_CALLS = "relay-dev"  # in the user agent of the runner's own calls, so that they are told from the functions'

# Before botocore and moto: moto knows no account-id endpoints; nothing of the user's own AWS may be used by accident.
ENVIRONMENT: Mapping[str, str | None] = {
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_SESSION_TOKEN": None,
    "AWS_PROFILE": None,
    "AWS_ENDPOINT_URL": None,
}

_READS = ("Get", "BatchGet", "Query", "Scan", "Describe", "List", "Receive", "DeleteMessage")
_KEPT_ITERATORS = 200


@dataclass(frozen=True)
class Call:
    """One AWS request of a function, such as `DynamoDB_20120810.PutItem`, `AmazonSQS.SendMessage`, `S3.PUT`."""

    operation: str
    body: bytes


# Called before and after each AWS request of a function, with "before" or "after"; what it raises, the function sees.
OnCall = Callable[[str, Call], None]


class EmbeddedAws:
    """One at a time in a process: moto's backends are the process's own."""

    endpoint_url: str | None = None

    def __init__(self, *, clock: Clock, on_call: OnCall | None = None) -> None:
        self.place = Place(account=DEFAULT_ACCOUNT_ID, region=REGION, queue_base=f"https://sqs.{REGION}.amazonaws.com")
        self.changes = Changes()
        self.lock = threading.RLock()
        self._clock = clock
        self._on_call = on_call
        self._session: boto3.session.Session | None = None  # made after the environment is set
        self._clients: dict[str, Any] = {}
        self._undo: list[Callable[[], None]] = []
        self._mock = mock_aws()

    def start(self) -> None:
        self._replace(BotocoreStubber, "process_request", self._around(BotocoreStubber.process_request))
        self._replace(SQSBackend, "receive_message", _without_waiting(SQSBackend.receive_message))
        self._replace(moto.core.utils, "utcnow", self._naive_now)
        self._replace(moto.dynamodb.models.table, "utcnow", self._naive_now)
        self._replace(moto.secretsmanager.models, "time", SimpleNamespace(time=lambda: self._clock.now().timestamp()))
        for owner, name, replacement in quick_moto.replacements():
            self._replace(owner, name, replacement)
        self._mock.start()

    def stop(self) -> None:
        self._mock.stop()
        while self._undo:
            self._undo.pop()()

    def client(self, service: str) -> Any:
        """A boto3 client for the runner's own calls; threads may share it."""
        if service not in self._clients:
            self._session = self._session or boto3.session.Session()
            self._clients[service] = self._session.client(service, config=Config(user_agent_extra=OWN_CALLS))  # type: ignore[call-overload]
        return self._clients[service]

    def has_records(self, table: str, after: int) -> bool:
        """Whether the table's stream holds more than so many records: cheaper than to ask for them."""
        shard = dynamodb_backends[self.place.account][REGION].tables[table].stream_shard
        return shard is not None and len(shard.items) > after

    def has_messages(self, queue: str) -> bool:
        """Whether a message of the queue is due: cheaper than to receive."""
        with self.lock:
            return bool(sqs_backends[self.place.account][REGION].queues[queue].messages)

    @contextmanager
    def one_call(self, operation: str) -> Iterator[None]:
        """Runs moto's handling of one request alone, and tells the pollers if it may have changed something."""
        with self.lock:
            yield
            self._forget_iterators()
        if not operation.rpartition(".")[2].startswith(_READS):
            self.changes.tell()

    def _around(self, handle: Any) -> Any:
        def process_request(stubber: BotocoreStubber, request: Any) -> Any:
            call = Call(operation=operation_of(request.headers, request.method), body=_bytes(request.body))
            on_call = None if self._on_call is None or OWN_CALLS in _text(request.headers.get("User-Agent", "")) else self._on_call
            if on_call:
                on_call("before", call)
            with self.one_call(call.operation):
                answer = self._refusal(call) or handle(stubber, request)
            if on_call:
                on_call("after", call)
            return answer

        return process_request

    def _refusal(self, call: Call) -> tuple[int, dict[str, str], str] | None:
        try:
            aws_refusals.check(call.operation, call.body, self._keys_of)
        except aws_refusals.RefusedError as error:
            return 400, {}, error.body
        return None

    def _keys_of(self, table: str) -> aws_refusals.Keys:
        found = dynamodb_backends[self.place.account][REGION].tables.get(table)
        if found is None:
            return {}  # moto itself says that there is no such table
        types = {each["AttributeName"]: each["AttributeType"] for each in found.attr}
        return aws_refusals.keys_of(found.schema, types, [index.schema for index in found.global_indexes])

    def _replace(self, owner: Any, name: str, replacement: Any) -> None:
        original = getattr(owner, name)
        setattr(owner, name, replacement)
        self._undo.append(lambda: setattr(owner, name, original))

    def _naive_now(self) -> datetime:
        return self._clock.now().replace(tzinfo=None)

    def _forget_iterators(self) -> None:
        iterators = dynamodbstreams_backends[self.place.account][REGION].shard_iterators
        while len(iterators) > _KEPT_ITERATORS:
            del iterators[next(iter(iterators))]


def operation_of(headers: Mapping[str, Any], method: str | None) -> str:
    """The operation a request asks for, as its `X-Amz-Target` names it; S3 has none, so its method stands for it."""
    return _text(headers.get("X-Amz-Target", "")) or f"S3.{method}"


def _without_waiting(receive: Any) -> Any:
    """A long poll would hold moto's only lock; an empty answer before the wait is over is one that clients know."""

    def receive_message(backend: SQSBackend, queue_name: str, count: int, wait_seconds_timeout: int, *more: Any, **named: Any) -> Any:
        del wait_seconds_timeout
        return receive(backend, queue_name, count, 0, *more, **named)

    return receive_message


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _bytes(body: Any) -> bytes:
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b""
