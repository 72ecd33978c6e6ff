"""PUSH# items: what was registered; PENDING# and TEMPLATE# items: what waits for its task, or is for each. Cold; secrets are sealed."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from relay.adapters.table import items
from relay.adapters.table.connection import Connection
from relay.adapters.table.items import Item
from relay.domain.keys import PENDING_PREFIX, PUSH_PREFIX, TEMPLATE_PREFIX, AgentKey, ConfigKey, TaskKey, config_id_of
from relay.domain.push_config import Authentication, Dialect, PushConfig, RetryPolicy, Updates
from relay.domain.secret_overlap import RetiredSecret

Seal = Callable[[bytes, Mapping[str, str]], bytes]


class Configs:
    """`seal` and `open_sealed` encrypt and decrypt under the stack's key, bound to a context."""

    def __init__(self, connection: Connection, *, seal: Seal, open_sealed: Seal) -> None:
        self._connection = connection
        self._seal = seal
        self._open = open_sealed

    def put(self, config: PushConfig, *, expires: datetime) -> None:
        """The commit of a registration: its stream record wakes the config and starts the watch."""
        self._connection.put(self._item(config, config.key.push, expires))

    def put_unless_newer(self, config: PushConfig, *, expires: datetime) -> None:
        """As `put`, but leaves one alone that was registered later, or just then."""
        self._connection.put(
            self._item(config, config.key.push, expires),
            condition="attribute_not_exists(sk) OR registered_at < :registered",
            values={":registered": items.moment(config.registered_at)} if config.registered_at else {},
        )

    def hold(self, config: PushConfig, *, expires: datetime) -> None:
        """Keeps a config for a task that is still to come: no stream record of it wakes anything."""
        self._connection.put(self._item(config, config.key.pending, expires))

    def held(self, task: TaskKey, *, now: datetime) -> list[PushConfig]:
        """The configs that wait for the task, by config id."""
        return self._found(task, PENDING_PREFIX, now)

    def let_go(self, config: PushConfig) -> None:
        """Ends the wait of a config, unless it was registered anew meanwhile."""
        self._delete_as_registered(config, config.key.pending)

    def delete_unless_newer(self, config: PushConfig) -> None:
        """As `delete`, but leaves one alone that was registered anew meanwhile."""
        self._delete_as_registered(config, config.key.push)

    def delete_held(self, key: ConfigKey) -> None:
        self._connection.delete(key.task.partition, key.pending)

    def put_template(self, config: PushConfig) -> bool:
        """A config of the whole agent; it has no end. False: there is one of another life under its id."""
        refused = self._connection.put(
            self._item(config, config.key.template, None),
            condition="attribute_not_exists(sk) OR template = :life",
            values={":life": items.text(config.template)},
        )
        return refused is None

    def template(self, key: ConfigKey) -> PushConfig | None:
        item = self._connection.get(key.task.partition, key.template)
        return self.from_item(key.task, item) if item else None

    def templates(self, agent: AgentKey, *, now: datetime) -> list[PushConfig]:
        """By config id."""
        return self._found(agent.no_task, TEMPLATE_PREFIX, now)

    def delete_template(self, key: ConfigKey) -> None:
        self._connection.delete(key.task.partition, key.template)

    def each(self, keys: Sequence[ConfigKey], *, now: datetime) -> dict[ConfigKey, PushConfig]:
        """Those of the configs that exist; one that only waits for its task counts."""
        places = [(key.task.partition, sort_key) for key in keys for sort_key in (key.pending, key.push)]
        found = self._connection.batch_get(places)
        told = {}
        for key in keys:
            for sort_key in (key.pending, key.push):
                item = found.get((key.task.partition, sort_key))
                if item and not items.is_expired(item, now):
                    told[key] = self.from_item(key.task, item)
        return told

    def _item(self, config: PushConfig, sort_key: str, expires: datetime | None) -> Item:
        secrets: dict[str, Any] = {"token": config.token, "url": config.url}
        if config.authentication:
            secrets |= {"scheme": config.authentication.scheme, "credentials": config.authentication.credentials}
        others = (("secret", config.secret), ("caller", config.caller), ("headers", config.headers))
        secrets |= {name: value for name, value in others if value}
        if config.retired:
            secrets["retired"] = [(each.text, each.until.isoformat()) for each in config.retired]
        sealed = self._seal(json.dumps(secrets).encode(), seal_context(config.key))
        return {
            "pk": items.text(config.key.task.partition),
            "sk": items.text(sort_key),
            "v": items.version(),
            "sealed": items.binary(sealed),
            "dialect": items.text(config.dialect.value),
            **({"ttl": items.seconds(expires)} if expires else {}),
            **({"template": items.text(config.template)} if config.template else {}),
            **({"events": items.text(",".join(config.events))} if config.events else {}),
            **({"challenged": items.flag(value=True)} if config.is_challenged else {}),
            **({"updates": items.text(config.updates.value)} if config.updates else {}),
            **({"retry_policy": items.text(json.dumps(asdict(config.retry_policy)))} if config.retry_policy else {}),
            **({"registered_at": items.moment(config.registered_at)} if config.registered_at else {}),
        }

    def get(self, key: ConfigKey, *, now: datetime) -> PushConfig | None:
        item = self._connection.get(key.task.partition, key.push)
        return self.from_item(key.task, item) if item and not items.is_expired(item, now) else None

    def events(self, key: ConfigKey) -> tuple[str, ...]:
        """The config's filter, without opening its secrets; empty when it wants all, or is gone."""
        return _events(self._connection.get(key.task.partition, key.push) or {})

    def of_task(self, task: TaskKey, *, now: datetime) -> list[PushConfig]:
        """All push configs of the task, by config id."""
        return self._found(task, PUSH_PREFIX, now)

    def ids(self, task: TaskKey) -> list[str]:
        """Of all push configs of the task, those that have expired too; no secret is opened."""
        return [config_id_of(items.read_text(item, "sk")) for item in self._connection.query(task.partition, prefix=PUSH_PREFIX)]

    def delete(self, key: ConfigKey) -> Dialect | None:
        """The dialect of the config that was there."""
        item = self._connection.delete(key.task.partition, key.push)
        return Dialect(items.read_text(item, "dialect")) if item else None

    def _delete_as_registered(self, config: PushConfig, sort_key: str) -> None:
        moment = items.moment(config.registered_at) if config.registered_at else items.number(0)
        self._connection.delete_if(config.key.task.partition, sort_key, condition="registered_at = :seen", values={":seen": moment})

    def _found(self, task: TaskKey, prefix: str, now: datetime) -> list[PushConfig]:
        found = self._connection.query(task.partition, prefix=prefix)
        configs = [self.from_item(task, item) for item in found if not items.is_expired(item, now)]
        return sorted(configs, key=lambda config: config.key.config_id)

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
            caller=secrets.get("caller", ""),
            template=items.read_text(item, "template"),
            headers=tuple((name, value) for name, value in secrets.get("headers", ())),
            retired=tuple(RetiredSecret(text, datetime.fromisoformat(until)) for text, until in secrets.get("retired", ())),
            events=_events(item),
            registered_at=items.read_moment(item, "registered_at"),
            retry_policy=RetryPolicy(**json.loads(items.read_text(item, "retry_policy"))) if "retry_policy" in item else None,
            updates=Updates(items.read_text(item, "updates")) if "updates" in item else None,
            is_challenged=items.read_flag(item, "challenged"),
        )


def _events(item: Item) -> tuple[str, ...]:
    return tuple(items.read_text(item, "events").split(",")) if "events" in item else ()


def seal_context(key: ConfigKey) -> dict[str, str]:
    """A ciphertext opens only for the config it was made for."""
    return {**key.task._asdict(), "config": key.config_id}
