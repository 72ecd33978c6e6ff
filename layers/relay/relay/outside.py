"""What is outside of a process, each thing behind its adapter; the only place that makes AWS clients. Each on first use, kept for good.

A function makes only the clients it needs: a client costs tens of milliseconds of a cold start.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config

from relay.adapters.blobs import Blobs
from relay.adapters.queues import DeadLetterQueue, Queue, SourceQueue
from relay.adapters.secrets import SecretsManager
from relay.adapters.signing_keys import SigningKeys
from relay.adapters.table.agents import AgentRecords
from relay.adapters.table.callbacks import Callbacks
from relay.adapters.table.configs import Configs
from relay.adapters.table.connection import Connection
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.dead_letters import Attempts
from relay.adapters.table.directory import Directory
from relay.adapters.table.forms import Forms
from relay.adapters.table.listers import Listers
from relay.adapters.table.relay_tasks import RelayTasks
from relay.adapters.table.revisions import Revisions
from relay.adapters.table.strategies import StrategyRecords
from relay.adapters.table.stream_claims import StreamClaims
from relay.adapters.table.watches import Watches
from relay.adapters.vault import Vault
from relay.clock import now
from relay.domain.batches import MAX_CONFIGS
from relay.domain.stream import MAX_STREAMS
from relay.settings import Settings

# Design §2 rule 5: short enough that a worker's claim outlasts its calls. Connections: one for each config that deliver may have in work.
AWS_CLIENT = Config(
    connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 3, "mode": "standard"}, max_pool_connections=MAX_CONFIGS
)


@dataclass(frozen=True)
class Outside:
    """The adapters that the use cases of one process share, by the settings it was started with."""

    settings: Settings

    @cached_property
    def connection(self) -> Connection:
        return Connection(_client("dynamodb"), self.settings.table_name)

    @cached_property
    def vault(self) -> Vault:
        return Vault(_client("kms"), self.settings.kms_key_id)

    @cached_property
    def secrets(self) -> SecretsManager:
        return SecretsManager(_client("secretsmanager"), now)

    @cached_property
    def _signing_keys(self) -> SigningKeys:
        return SigningKeys(lambda: self._secret(self.settings.signing_secret_arn))

    @cached_property
    def delivery_queue(self) -> SourceQueue:
        return SourceQueue(_client("sqs"), self.settings.delivery_queue_url)

    @cached_property
    def watch_queue(self) -> Queue:
        return Queue(_client("sqs"), self.settings.watch_queue_url)

    @cached_property
    def worker_queue(self) -> Queue:
        return Queue(_client("sqs"), self.settings.worker_queue_url)

    @cached_property
    def stream_queue(self) -> SourceQueue:
        return SourceQueue(_client("sqs"), self.settings.stream_queue_url)

    @cached_property
    def dead_letter_queue(self) -> DeadLetterQueue:
        return DeadLetterQueue(_client("sqs"), self.settings.webhook_dead_letter_queue_url)

    @cached_property
    def revisions(self) -> Revisions:
        return Revisions(self.connection, store=lambda name, data: self._blobs.put(name, data), fetch=lambda name: self._blobs.get(name))

    @cached_property
    def configs(self) -> Configs:
        return Configs(
            self.connection,
            seal=lambda plain, context: self.vault.seal(plain, context),
            open_sealed=lambda sealed, context: self.vault.open(sealed, context),
        )

    @cached_property
    def directory(self) -> Directory:
        return Directory(self.connection)

    @cached_property
    def forms(self) -> Forms:
        return Forms(self.connection, now=now)

    @cached_property
    def agent_records(self) -> AgentRecords:
        return AgentRecords(
            self.connection,
            seal=lambda plain, context: self.vault.seal(plain, context),
            open_sealed=lambda sealed, context: self.vault.open(sealed, context),
        )

    @cached_property
    def attempts(self) -> Attempts:
        return Attempts(
            self.connection,
            seal=lambda plain, context: self.vault.seal(plain, context),
            open_sealed=lambda sealed, context: self.vault.open(sealed, context),
        )

    @cached_property
    def cursors(self) -> Cursors:
        return Cursors(self.connection)

    @cached_property
    def callbacks(self) -> Callbacks:
        return Callbacks(self.connection, now=now)

    @cached_property
    def watches(self) -> Watches:
        return Watches(
            self.connection,
            seal=lambda plain, context: self.vault.seal(plain, context),
            open_sealed=lambda sealed, context: self.vault.open(sealed, context),
        )

    @cached_property
    def relay_tasks(self) -> RelayTasks:
        return RelayTasks(
            self.connection,
            seal=lambda plain, context: self.vault.seal(plain, context),
            open_sealed=lambda sealed, context: self.vault.open(sealed, context),
            store=lambda name, data: self._blobs.put(name, data),
            fetch=lambda name: self._blobs.get(name),
        )

    @cached_property
    def listers(self) -> Listers:
        return Listers(self.connection)

    @cached_property
    def stream_claims(self) -> StreamClaims:
        return StreamClaims(self.connection)

    @cached_property
    def strategy_records(self) -> StrategyRecords:
        return StrategyRecords(self.connection, now=now)

    @cached_property
    def streams(self) -> Any:
        from relay.adapters.upstream import Streams, upstream_client

        return Streams(upstream_client(max_connections=MAX_STREAMS), now=now)

    @cached_property
    def _blobs(self) -> Blobs:
        return Blobs(_client("s3"), self.settings.bucket_name)

    @cached_property
    def _upstream(self) -> Any:
        from relay.adapters.upstream import Upstream, upstream_client

        return Upstream(upstream_client(), now=now)

    @cached_property
    def _lists(self) -> Any:
        from relay.adapters.upstream import Lists

        return Lists(self._upstream)

    def _secret(self, arn: str) -> str:
        return self.secrets.get(arn) if arn else ""


_making = Lock()  # boto3's session does not make two clients at the same time


@cache
def _client(service: str) -> Any:
    with _making:
        return boto3.client(service, config=AWS_CLIENT)  # type: ignore[call-overload]
