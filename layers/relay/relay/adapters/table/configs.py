"""PUSH# items: what was registered. Cold; secrets are sealed before they come here and opened after."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from relay.adapters.table import items
from relay.adapters.table.connection import Connection
from relay.adapters.table.items import Item
from relay.domain.keys import PUSH_PREFIX, ConfigKey, TaskKey, config_id_of
from relay.domain.push_config import Authentication, Dialect, PushConfig, RetryPolicy, Updates

Seal = Callable[[bytes, Mapping[str, str]], bytes]


class Configs:
    """`seal` and `open_sealed` encrypt and decrypt under the stack's key, bound to a context."""

    def __init__(self, connection: Connection, *, seal: Seal, open_sealed: Seal) -> None:
        self._connection = connection
        self._seal = seal
        self._open = open_sealed

    def put(self, config: PushConfig, *, expires: datetime) -> None:
        """The commit of a registration: its stream record wakes the config and starts the watch."""
        secrets = {"token": config.token, "url": config.url}
        if config.authentication:
            secrets |= {"scheme": config.authentication.scheme, "credentials": config.authentication.credentials}
        if config.secret:
            secrets["secret"] = config.secret
        sealed = self._seal(json.dumps(secrets).encode(), seal_context(config.key))
        self._connection.put(
            {
                "pk": items.text(config.key.task.partition),
                "sk": items.text(config.key.push),
                "v": items.version(),
                "sealed": items.binary(sealed),
                "dialect": items.text(config.dialect.value),
                "ttl": items.seconds(expires),
                **({"challenged": items.flag(value=True)} if config.is_challenged else {}),
                **({"updates": items.text(config.updates.value)} if config.updates else {}),
                **({"retry_policy": items.text(json.dumps(asdict(config.retry_policy)))} if config.retry_policy else {}),
                **({"registered_at": items.moment(config.registered_at)} if config.registered_at else {}),
            }
        )

    def get(self, key: ConfigKey, *, now: datetime) -> PushConfig | None:
        item = self._connection.get(key.task.partition, key.push)
        return self.from_item(key.task, item) if item and not items.is_expired(item, now) else None

    def of_task(self, task: TaskKey, *, now: datetime) -> list[PushConfig]:
        """All push configs of the task, by config id."""
        found = self._connection.query(task.partition, prefix=PUSH_PREFIX)
        configs = [self.from_item(task, item) for item in found if not items.is_expired(item, now)]
        return sorted(configs, key=lambda config: config.key.config_id)

    def delete(self, key: ConfigKey) -> None:
        self._connection.delete(key.task.partition, key.push)

    def from_item(self, task: TaskKey, item: Item) -> PushConfig:
        """A config out of a batch that was read together with other items."""
        items.checked(item)
        key = ConfigKey(task, config_id_of(items.read_text(item, "sk")))
        secrets: dict[str, Any] = json.loads(self._open(items.read_binary(item, "sealed"), seal_context(key)))
        authentication = Authentication(secrets["scheme"], secrets.get("credentials", "")) if "scheme" in secrets else None
        return PushConfig(
            key=key,
            url=secrets["url"],
            dialect=Dialect(items.read_text(item, "dialect")),
            token=secrets.get("token", ""),
            authentication=authentication,
            secret=secrets.get("secret", ""),
            registered_at=items.read_moment(item, "registered_at"),
            retry_policy=RetryPolicy(**json.loads(items.read_text(item, "retry_policy"))) if "retry_policy" in item else None,
            updates=Updates(items.read_text(item, "updates")) if "updates" in item else None,
            is_challenged=items.read_flag(item, "challenged"),
        )


def seal_context(key: ConfigKey) -> dict[str, str]:
    """A ciphertext opens only for the config it was made for."""
    return {**key.task._asdict(), "config": key.config_id}
