"""A whole relay, an agent without push and receivers, for tests that read as stories.

Nothing happens by itself: `settle` does what is due, `advance` moves the clock of AWS and of the functions and does what is due then.
By itself the clock stands still, so that no story depends on the machine's speed.
"""

import json
import random
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, ClassVar, Self

from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import sqs_backends

from relay.adapters.blobs import Blobs
from relay.adapters.table.connection import Connection
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.dead_letters import Attempts, DeadLetters
from relay.adapters.table.revisions import Revisions
from relay.adapters.table.watches import Watches
from relay.adapters.vault import Vault
from relay.domain.dead_letter import DeadLetter
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.push_config import Cursor
from relay.domain.watch import Watch
from relay_dev import execution_environment
from relay_dev.clock import Clock
from relay_dev.received import Notification
from relay_dev.receiver import Receiver
from relay_dev.runner import Runner
from tests.support.agent import FakeAgent
from tests.support.ticks import ticks
from tests.support.wire import Wire, undisturbed

TABLE = "RelayTable"
DELIVERY, WATCHING, GIVEN_UP = "DeliveryQueue", "WatchQueue", "WebhookDeadLetterQueue"
FAULTS = ("DeliveryFaultQueue", "WatchFaultQueue", "StreamFailureQueue")
VISIBILITY = 361  # seconds until a message that was not acknowledged is back
SWEEP = 301  # seconds until the next sweep
_STREAM_RETRY = 11  # seconds that the runner waits at most before it reads a failed batch again

_PARAMETERS = {
    "WatchMinSeconds": "10",
    "WatchMaxSeconds": "10",
    "FollowStrategy": "poll",
    "RetrySchedule": "5,30,120",
    "AllowedWebhookHosts": "127.0.0.1",
}
_ENVIRONMENT = {"CLIENT_AUTHENTICATION": "none", "POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}


class World:
    """A context manager. Keyword arguments are parameters of template.yaml; the watch polls every 10 s unless they say otherwise."""

    _kept: ClassVar["World | None"] = None

    def __init__(self, **parameters: str) -> None:
        self._parameters = parameters
        self._ends = ExitStack()
        self.wire = Wire()
        self.headers: dict[str, str] = {}  # of every call a client makes from now on
        self.agent: FakeAgent
        self.receiver: Receiver
        self.runner: Runner

    def __enter__(self) -> Self:
        World.end_kept()
        with ExitStack() as ends:
            self.agent = ends.enter_context(FakeAgent(now=lambda: self.runner.clock.now()))
            self.receiver = ends.enter_context(Receiver())
            ends.enter_context(self.wire.attached())
            self.runner = Runner(
                overrides={**_PARAMETERS, "UpstreamAgentUrl": self.agent.url, **self._parameters},
                environment=_ENVIRONMENT,
                on_call=self.wire.on_call,
                around_invoke=self.wire.around_invoke,
                clock=Clock(ticks()),
            )
            ends.enter_context(self.runner)
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        World._kept = None
        self._ends.close()

    @classmethod
    def kept(cls) -> "World":
        """One world for many tests, as good as new: to make one takes half a second. Any other world that is entered ends it."""
        if cls._kept is None:
            cls._kept = cls().__enter__()
        else:
            cls._kept.reset()
        return cls._kept

    @classmethod
    def end_kept(cls) -> None:
        if cls._kept is not None:
            cls._kept.__exit__()

    def reset(self) -> None:
        """Nothing is in the table, in a queue or under way, a sweep is just done, the process is new. Only the clock is ahead."""
        self.wire.decide, self.headers = undisturbed, {}
        self.agent.reset()
        self._forget_all()
        self.advance(_STREAM_RETRY)  # what is left of the stream becomes messages
        self._forget_all()
        self.advance(SWEEP)
        self._forget_all()
        self.receiver.clear()
        self.receiver.heal()
        execution_environment.forget()
        self.wire.requests.clear()

    def clear(self) -> None:
        """As `reset`, but time stands still: what was cached stays, and a sweep may be due. A fraction of the time."""
        self.wire.decide, self.headers = undisturbed, {}
        self.agent.reset()
        self._forget_all()
        self.settle()  # what is left of the stream becomes messages
        self._forget_all()
        self.receiver.clear()
        self.receiver.heal()
        self.wire.requests.clear()

    # --- what a client does

    def call(self, method: str, params: Mapping[str, Any], *, version: str = "1.0") -> dict[str, Any]:
        """The JSON-RPC response. A function that died answers HTTP 502, which is raised as ConnectionError."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self.runner.request("POST", "/", body=body, headers={"a2a-version": version, **self.headers})
        if answer.status != 200:
            raise ConnectionError(f"HTTP {answer.status}: {answer.body!r}")
        found: dict[str, Any] = json.loads(answer.body)
        return found

    def result(self, method: str, params: Mapping[str, Any], *, version: str = "1.0") -> Any:
        response = self.call(method, params, version=version)
        assert "error" not in response, response
        return response["result"]

    def register(self, task_id: str, url: str = "", **more: Any) -> str:
        """Registers a webhook for a task, the receiver's own unless a URL is given; the config's id."""
        params = {"taskId": task_id, "url": url or f"{self.receiver.url}/{more.get('id', 'hook')}", **more}
        return str(self.result("CreateTaskPushNotificationConfig", params)["id"])

    def follow(self, *task_ids: str) -> None:
        """New tasks, each with a webhook of the same name, followed and told of."""
        for task_id in task_ids:
            self.agent.task(task_id)
            self.register(task_id, id=task_id)
        self.settle()

    def delete(self, task_id: str, config_id: str) -> None:
        self.result("DeleteTaskPushNotificationConfig", {"taskId": task_id, "id": config_id})

    def send(self, text: str = "hello", *, task_id: str = "", webhook: Mapping[str, Any] | None = None) -> str:
        """A message that does not wait for its result; the task's id."""
        message = {"messageId": text, "role": "ROLE_USER", "parts": [{"text": text}], **({"taskId": task_id} if task_id else {})}
        inline = {"taskPushNotificationConfig": webhook} if webhook else {}
        result = self.result("SendMessage", {"message": message, "configuration": {"returnImmediately": True, **inline}})
        return str(result["task"]["id"])

    # --- time

    def settle(self) -> None:
        """Does what is due, and what follows from it."""
        self.runner.settle()

    def advance(self, seconds: float) -> None:
        """Moves time, and does what is due then."""
        self.runner.advance(timedelta(seconds=seconds))
        self.settle()

    # --- what the receiver got

    def told(self, config_id: str = "", receiver: Receiver | None = None) -> list[int]:
        """The revisions that the receiver accepted, in the order they came; of one config if its id is given."""
        return [int(each.revision) for each in self.posts(config_id, receiver) if each.is_accepted]

    def posts(self, config_id: str = "", receiver: Receiver | None = None) -> list[Notification]:
        notifications = (receiver or self.receiver).notifications
        return [each for each in notifications if not config_id or each.path == f"/{config_id}"]

    # --- the table and the queues, past the functions

    @property
    def connection(self) -> Connection:
        return Connection(self.runner.aws.client("dynamodb"), TABLE)

    @property
    def revisions(self) -> Revisions:
        blobs = Blobs(self.runner.aws.client("s3"), self.setting("BUCKET_NAME"))
        return Revisions(self.connection, store=blobs.put, fetch=blobs.get)

    @property
    def cursors(self) -> Cursors:
        return Cursors(self.connection)

    @property
    def attempts(self) -> Attempts:
        return Attempts(self.connection, seal=self.vault.seal, open_sealed=self.vault.open)

    def newest(self, task_id: str) -> int:
        head = self.revisions.newest(task_key(task_id))
        return head.number if head else 0

    def cursor(self, task_id: str, config_id: str) -> Cursor:
        found = self.cursors.get(config_key(task_id, config_id), now=self.runner.clock.now())
        assert found is not None, f"{config_id} has no cursor"
        return found

    def watch(self, task_id: str) -> Watch | None:
        return self.watches.get(task_key(task_id))

    @property
    def watches(self) -> Watches:
        return Watches(self.connection, seal=self.vault.seal, open_sealed=self.vault.open)

    @property
    def vault(self) -> Vault:
        return Vault(self.runner.aws.client("kms"), self.setting("KMS_KEY_ID"))

    def dead_letters(self) -> list[DeadLetter]:
        return list(DeadLetters(self.connection).all(now=self.runner.clock.now()))

    def items(self, prefix: str = "") -> list[Mapping[str, Any]]:
        return list(self.connection.scan_prefix(prefix))

    def empty_the_table(self) -> None:
        """Past the stream, in moto itself: for worlds that live longer than a test."""
        place = self.runner.aws.place
        dynamodb_backends[place.account][place.region].tables[TABLE].items.clear()

    def length(self, queue: str) -> int:
        """All messages of a queue: visible, delayed, in flight."""
        return len(self._queues[queue]._messages)

    def take(self, queue: str) -> list[str]:
        """Takes the visible messages out of a queue."""
        url, bodies = self.queue_url(queue), []
        while messages := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                bodies.append(message["Body"])
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def put(self, queue: str, body: str, delay_seconds: int = 0) -> None:
        self._sqs.send_message(QueueUrl=self.queue_url(queue), MessageBody=body, DelaySeconds=delay_seconds)

    def purge(self, queue: str) -> None:
        """All of its messages are lost. In moto itself, which like SQS purges only once a minute."""
        self._queues[queue]._messages, self._queues[queue]._pending_messages = [], set()

    def shuffle(self, queue: str, order: random.Random) -> None:
        """SQS keeps no order."""
        order.shuffle(self._queues[queue]._messages)

    def queue_url(self, name: str) -> str:
        return next(queue.url for queue in self.runner.definition.queues if queue.name == name)

    def setting(self, name: str) -> str:
        return str(self.runner.definition.environment[name])

    def _forget_all(self) -> None:
        self.empty_the_table()
        for queue in self._queues:
            self.purge(queue)

    @property
    def _queues(self) -> Mapping[str, Any]:
        """Moto's own: to ask for a queue's length is slow."""
        place = self.runner.aws.place
        queues: Mapping[str, Any] = sqs_backends[place.account][place.region].queues
        return queues

    @property
    def _sqs(self) -> Any:
        return self.runner.aws.client("sqs")


def task_key(task_id: str) -> TaskKey:
    return TaskKey("default", "default", "", task_id)


def config_key(task_id: str, config_id: str) -> ConfigKey:
    return ConfigKey(task_key(task_id), config_id)
