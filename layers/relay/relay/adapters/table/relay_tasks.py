"""RELAY_TASK items: tasks of the relay's own, each with the mark under which its agent is called; SENDING items: what is sent.

The put of the first, or its update for a further message, commits that the message will be sent. SENDING is put before and deleted after:
it holds the caller's message and, sealed, its credential. LISTED items name an agent's tasks, newest first; an ALIAS
is at the key of the agent's own task.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from relay.adapters.table import items
from relay.adapters.table.agents import Seal
from relay.adapters.table.connection import ConditionFailed, Connection
from relay.adapters.table.cursors import due_shard
from relay.adapters.table.items import Item
from relay.domain.keys import ALIAS, LISTED_PREFIX, RELAY_TASK, SENDING_PREFIX, TaskKey, encode_part
from relay.domain.packing import MAX_ITEM_BYTES, pack, unpack
from relay.domain.relay_task import Entrusted, RelayTask

_LATEST_MILLISECONDS = 10**14  # past the year 5000


class RelayTasks:
    """`seal` and `open_sealed` encrypt and decrypt under the stack's key; `store` and `fetch` keep what is too large for an item."""

    def __init__(
        self,
        connection: Connection,
        *,
        seal: Seal,
        open_sealed: Seal,
        store: Callable[[str, bytes], None],
        fetch: Callable[[str], bytes],
    ) -> None:
        self._connection = connection
        self._seal = seal
        self._open = open_sealed
        self._store = store
        self._fetch = fetch

    def get(self, key: TaskKey, *, now: datetime) -> RelayTask | None:
        item = self._connection.get(key.partition, RELAY_TASK)
        return _relay_task(key, item) if item and not items.is_expired(item, now) else None

    def list(self, key: TaskKey, *, reader: str, limit: int) -> list[TaskKey]:
        """The tasks of the key's agent and tenant, the newest first; of the key itself only that counts."""
        found = self._connection.query(key.list_partition(reader), prefix=LISTED_PREFIX, limit=limit, newest_first=False)
        ids = dict.fromkeys(unquote(items.read_text(item, "sk").rsplit("#", 1)[1]) for item in found)
        return [key._replace(task_id=task_id) for task_id in ids]

    def begin(self, task: RelayTask, entrusted: Entrusted, *, reader: str, expires: datetime, sent_until: datetime) -> RelayTask:
        """Commits a new task with its first message, unless it is there: the one that is."""
        self._put_sending(task, entrusted, expires=sent_until)
        self._list(task, reader, expires=expires)
        item = {
            "pk": items.text(task.key.partition),
            "sk": items.text(RELAY_TASK),
            "v": items.version(),
            "context": items.text(task.context_id),
            "sending": items.text(task.sending),
            "sent_at": items.moment(task.sent_at),
            "seen": {"SS": sorted(task.seen)},
            "due_shard": items.text(due_shard(RELAY_TASK, task.key.partition)),
            "due_at": items.moment(task.sent_at),
            "ttl": items.seconds(expires),
        }
        refused = self._connection.put(item, condition="attribute_not_exists(sk) OR #ttl <= :now", **_at(task.sent_at))
        return task if refused is None or refused.old is None else _relay_task(task.key, refused.old)

    def go_on(self, task: RelayTask, entrusted: Entrusted, *, expires: datetime, sent_until: datetime) -> RelayTask | None:
        """Commits a further message of a task whose last one is done with; None when another message is on its way."""
        self._put_sending(task, entrusted, expires=sent_until)
        result = self._connection.update(
            task.key.partition,
            RELAY_TASK,
            expression=(
                "SET sending = :sending, sent_at = :at, due_at = :at, due_shard = :shard, #ttl = :ttl "
                "REMOVE called_at, call_token, call_until, canceled_at ADD seen :names"
            ),
            condition="attribute_exists(sk) AND attribute_not_exists(due_at) AND NOT contains(seen, :sending)",
            values={
                ":sending": items.text(task.sending),
                ":at": items.moment(task.sent_at),
                ":shard": items.text(due_shard(RELAY_TASK, task.key.partition)),
                ":ttl": items.seconds(expires),
                ":names": {"SS": [task.sending]},
            },
            names={"#ttl": "ttl"},
        )
        if not isinstance(result, ConditionFailed):
            return _relay_task(task.key, result)
        old = _relay_task(task.key, result.old) if result.old else None
        return old if old is not None and task.sending in old.seen else None

    def entrusted(self, task: RelayTask) -> Entrusted | None:
        """What is to be sent; None when it is gone."""
        item = self._connection.get(task.key.partition, SENDING_PREFIX + task.sending)
        if item is None:
            return None
        items.checked(item)
        packed = self._fetch(items.read_text(item, "stored_at")) if "stored_at" in item else items.read_binary(item, "packed")
        credential = json.loads(self._open(items.read_binary(item, "sealed"), _context(task))) if "sealed" in item else []
        return Entrusted(credential=tuple((name, value) for name, value in credential), **unpack(packed))

    def call(self, task: RelayTask, token: str, *, now: datetime, until: datetime) -> bool:
        """The mark: whether this token may make the upstream call, once. Another message's, a canceled or a marked one may not."""
        result = self._connection.update(
            task.key.partition,
            RELAY_TASK,
            expression="SET called_at = :now, call_token = :token, call_until = :until, due_at = :until",
            condition=(
                "sending = :sending AND attribute_exists(due_at) AND attribute_not_exists(called_at) AND attribute_not_exists(canceled_at)"
            ),
            values={
                ":sending": items.text(task.sending),
                ":token": items.text(token),
                ":now": items.moment(now),
                ":until": items.moment(until),
            },
        )
        return not isinstance(result, ConditionFailed) or items.read_text(result.old or {}, "call_token") == token

    def cancel(self, task: RelayTask, *, now: datetime) -> bool:
        """Whether the message will not be sent: it was on its way, and its call had not begun."""
        result = self._connection.update(
            task.key.partition,
            RELAY_TASK,
            expression="SET canceled_at = :now",
            condition="sending = :sending AND attribute_exists(due_at) AND attribute_not_exists(called_at)",
            values={":sending": items.text(task.sending), ":now": items.moment(now)},
        )
        return not isinstance(result, ConditionFailed)

    def take_back(self, task: RelayTask, token: str) -> bool:
        """The mark is gone, for the agent has got nothing. False: it was not ours any more."""
        result = self._connection.update(
            task.key.partition,
            RELAY_TASK,
            expression="SET due_at = :sent_at REMOVE called_at, call_until",
            condition="call_token = :token AND attribute_exists(due_at)",
            values={":token": items.text(token), ":sent_at": items.moment(task.sent_at)},
        )
        return not isinstance(result, ConditionFailed)

    def answered(self, task: RelayTask, token: str, *, agent_task_id: str, agent_context_id: str, follows: bool) -> None:
        """Keeps how the agent calls the task: before its outcome is told, for nobody could learn it later."""
        given = {"agent_task": agent_task_id, "agent_context": agent_context_id}
        known = {name: value for name, value in given.items() if value}
        sets = ["follows = :follows", *(f"{name} = :{name}" for name in known)]
        self._connection.update(
            task.key.partition,
            RELAY_TASK,
            expression=f"SET {', '.join(sets)}",
            condition="call_token = :token",
            values={
                ":token": items.text(token),
                ":follows": items.flag(value=follows),
                **{f":{name}": items.text(value) for name, value in known.items()},
            },
        )

    def name(self, task: RelayTask, agent_task_id: str, *, expires: datetime) -> None:
        """Which of the relay's tasks the agent means when it tells of its own."""
        alias = task.key._replace(task_id=agent_task_id)
        own = {"task": items.text(task.key.task_id), "ttl": items.seconds(expires)}
        self._connection.put({"pk": items.text(alias.partition), "sk": items.text(ALIAS), "v": items.version(), **own})

    def named(self, agents: TaskKey, *, now: datetime) -> TaskKey | None:
        """The task of the relay's own that the agent calls by that id."""
        item = self._connection.get(agents.partition, ALIAS)
        return agents._replace(task_id=items.read_text(item, "task")) if item and not items.is_expired(items.checked(item), now) else None

    def end(self, task: RelayTask) -> None:
        """The message is done with: its outcome was told. What was sent is deleted first: until that is sure, somebody comes back."""
        self._connection.delete(task.key.partition, SENDING_PREFIX + task.sending)
        self._connection.update(
            task.key.partition,
            RELAY_TASK,
            expression="REMOVE due_at, due_shard",
            condition="sending = :sending",
            values={":sending": items.text(task.sending)},
        )

    def overdue(self, shard: int, *, before: datetime) -> Iterator[TaskKey]:
        """From the sparse index: the tasks that somebody should have seen to before then."""
        for item in self._connection.query_due(f"{RELAY_TASK}#{shard}", until=before.timestamp()):
            yield TaskKey.from_partition(items.read_text(item, "pk"))

    def _put_sending(self, task: RelayTask, entrusted: Entrusted, *, expires: datetime) -> None:
        """A message that is sent again at the same moment puts the same."""
        packed = pack({"method": entrusted.method, "params": entrusted.params, "incoming": entrusted.incoming}).data
        item: dict[str, Any] = {
            "pk": items.text(task.key.partition),
            "sk": items.text(SENDING_PREFIX + task.sending),
            "v": items.version(),
            "ttl": items.seconds(expires),
        }
        if len(packed) <= MAX_ITEM_BYTES:
            item["packed"] = items.binary(packed)
        else:
            name = f"sendings/{task.key.task_id}/{task.sending}"
            self._store(name, packed)
            item["stored_at"] = items.text(name)
        if entrusted.credential:
            item["sealed"] = items.binary(self._seal(json.dumps(entrusted.credential).encode(), _context(task)))
        self._connection.put(item)

    def _list(self, task: RelayTask, reader: str, *, expires: datetime) -> None:
        place = _LATEST_MILLISECONDS - int(task.sent_at.timestamp() * 1000)
        self._connection.put(
            {
                "pk": items.text(task.key.list_partition(reader)),
                "sk": items.text(f"{LISTED_PREFIX}{place:014d}#{encode_part(task.key.task_id)}"),
                "v": items.version(),
                "ttl": items.seconds(expires),
            }
        )


def _at(now: datetime) -> dict[str, Any]:
    return {"values": {":now": items.seconds(now)}, "names": {"#ttl": "ttl"}}


def _context(task: RelayTask) -> Mapping[str, str]:
    return {**task.key._asdict(), "sending": task.sending}


def _relay_task(key: TaskKey, item: Item) -> RelayTask:
    items.checked(item)
    return RelayTask(
        key=key,
        context_id=items.read_text(item, "context"),
        sending=items.read_text(item, "sending"),
        sent_at=items.read_given_moment(item, "sent_at"),
        seen=frozenset(item["seen"]["SS"]),
        due=items.read_moment(item, "due_at"),
        called_at=items.read_moment(item, "called_at"),
        call_token=items.read_text(item, "call_token"),
        call_until=items.read_moment(item, "call_until"),
        is_canceled="canceled_at" in item,
        agent_task_id=items.read_text(item, "agent_task"),
        agent_context_id=items.read_text(item, "agent_context"),
        follows=items.read_flag(item, "follows"),
    )
