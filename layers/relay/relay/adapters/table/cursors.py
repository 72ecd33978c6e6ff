"""CURSOR# items: where a push config stands. Hot and small (under 1 KB); every step of the protocol is one conditional update.

The steps' names are the model's: claim, advance, wait, release, give up (design §2; tests/model).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zlib import crc32

from relay.adapters.table import items
from relay.adapters.table.connection import ConditionFailed, Connection
from relay.adapters.table.items import Item
from relay.domain.claim import OVERDUE
from relay.domain.keys import CURSOR_PREFIX, ConfigKey, TaskKey, config_id_of
from relay.domain.push_config import Cursor

MAX_RESEND = 100  # revisions that wait for a redrive, per config: keeps the item small
_HEALED = "attempts, attempted, is_failing, gone_checked, last_outcome"  # what a success removes


@dataclass(frozen=True)
class Wait:
    """What a failed attempt leaves behind: the timer it has sent, when that is due, and how often it failed."""

    timer: str
    due: datetime
    attempts: int
    behind_since: datetime
    outcome: str
    gone_checked: bool = False
    attempted: int = 0  # the revision it failed with


class Cursors:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, key: ConfigKey, position: int, *, group: str, now: datetime, expires: datetime) -> bool:
        """False when it exists already: a second registration never moves a cursor. An expired one counts as gone."""
        refused = self._connection.put(
            {
                "pk": items.text(key.task.partition),
                "sk": items.text(key.cursor),
                "v": items.version(),
                "position": items.number(position),
                "start": items.number(position),
                "group": items.text(group),
                "ttl": items.seconds(expires),
            },
            condition="attribute_not_exists(sk) OR #ttl <= :now",
            values={":now": items.seconds(now)},
            names={"#ttl": "ttl"},
        )
        return refused is None

    def renew(self, key: ConfigKey, *, group: str, expires: datetime) -> bool:
        """A second registration: a new receiver, a later end; cursor, claim and wait stay. False: there is none."""
        renewed = self._connection.update(
            key.task.partition,
            key.cursor,
            expression="SET #group = :group, #ttl = :ttl REMOVE gone_checked",  # it may be another receiver now
            condition="attribute_exists(sk)",
            values={":group": items.text(group), ":ttl": items.seconds(expires)},
            names={"#group": "group", "#ttl": "ttl"},
        )
        return not isinstance(renewed, ConditionFailed)

    def get(self, key: ConfigKey, *, now: datetime) -> Cursor | None:
        item = self._connection.get(key.task.partition, key.cursor)
        return _cursor(key, item) if item and not items.is_expired(item, now) else None

    def of_task(self, task: TaskKey, *, now: datetime) -> list[Cursor]:
        found = self._connection.query(task.partition, prefix=CURSOR_PREFIX)
        return [cursor_of(task, item) for item in found if not items.is_expired(item, now)]

    def all(self, *, now: datetime) -> Iterator[Cursor]:
        """Of all tasks, by a scan: an operator's command, never on a hot path."""
        for item in self._connection.scan_prefix(CURSOR_PREFIX):
            if not items.is_expired(item, now):
                yield cursor_of(TaskKey.from_partition(items.read_text(item, "pk")), item)

    def delete(self, key: ConfigKey) -> None:
        self._connection.delete(key.task.partition, key.cursor)

    def delete_gone(self, key: ConfigKey, token: str) -> bool:
        """Ends a config whose receiver is gone, under its claim. False: the claim was lost, or the config registered anew since it ran."""
        refused = self._connection.delete_if(
            key.task.partition,
            key.cursor,
            condition="claim = :token AND attribute_exists(claim_until) AND gone_checked = :true",
            values={":token": items.text(token), ":true": items.flag(value=True)},
        )
        return refused is None or refused.old is None

    def claim(
        self, key: ConfigKey, token: str, *, now: datetime, until: datetime, timers: Collection[str], revision: int | None
    ) -> tuple[bool, Cursor | None]:
        """(True, the claimed cursor), or (False, what stood in the way; None when the config is deleted or expired)."""
        values: dict[str, Any] = {
            ":token": items.text(token),
            ":until": items.moment(until),
            ":now": items.moment(now),
            ":now_ttl": items.seconds(now),
            ":overdue": items.moment(now - OVERDUE),
            ":known": items.version(),
        }
        own = {f":timer{n}": items.text(timer) for n, timer in enumerate(timers)}
        waits = " OR ".join(["attribute_not_exists(waits_for)", "due < :overdue", *(f"waits_for = {name}" for name in own)])
        condition = f"v <= :known AND #ttl > :now_ttl AND (attribute_not_exists(claim_until) OR claim_until <= :now) AND ({waits})"
        if revision is not None and not timers:
            condition += " AND #position < :revision"
            values[":revision"] = items.number(revision)
        result = self._connection.update(
            key.task.partition,
            key.cursor,
            expression="SET claim = :token, claim_until = :until REMOVE waits_for, due, due_shard, due_at",
            condition=condition,
            values=values | own,
            names={"#position": "position", "#ttl": "ttl"} if ":revision" in values else {"#ttl": "ttl"},
        )
        if not isinstance(result, ConditionFailed):
            return True, _cursor(key, result)
        if result.old is None or items.is_expired(result.old, now):
            return False, None
        old = _cursor(key, result.old)
        return old.claim_token == token, old

    def renew_claim(self, key: ConfigKey, token: str, until: datetime) -> bool:
        """Holds the claim for longer. False: it was lost, or the config deleted."""
        return self._end(key, token, "SET claim_until = :until", {":until": items.moment(until)}, done=lambda old: old.claim_until == until)

    def advance(
        self, key: ConfigKey, token: str, position: int, *, until: datetime | None, caught_up: bool = False, resent: int | None = None
    ) -> bool:
        """Moves the cursor after a success; renews the claim to `until`, or ends it. False: the claim was lost, or the config deleted.

        `caught_up`: nothing was left when the newest revision was read. `resent`: the revision was one that a redrive had asked for.
        """
        expression, values = "SET #position = :position", {":position": items.number(position)}
        if until:
            expression, values = f"{expression}, claim_until = :until REMOVE {_HEALED}", values | {":until": items.moment(until)}
        else:
            expression += f" REMOVE claim_until, {_HEALED}" + (", behind_since" if caught_up else "")
        resends = () if resent is None else (resent,)
        return self._end(key, token, expression, values, done=lambda old: old.position >= position, done_with=resends)

    def wait(self, key: ConfigKey, token: str, wait: Wait) -> bool:
        """Marks the config as waiting for a timer that has been sent, and ends the claim."""
        expression = (
            "SET waits_for = :timer, due = :due, due_shard = :shard, due_at = :due, attempts = :attempts, "
            "behind_since = :behind, last_outcome = :outcome, gone_checked = :gone, attempted = :attempted REMOVE claim_until"
        )
        values = {
            ":timer": items.text(wait.timer),
            ":due": items.moment(wait.due),
            ":shard": items.text(due_shard("CONFIG", key.task.partition)),
            ":attempts": items.number(wait.attempts),
            ":behind": items.moment(wait.behind_since),
            ":outcome": items.text(wait.outcome),
            ":gone": items.flag(value=wait.gone_checked),
            ":attempted": items.number(wait.attempted),
        }
        return self._end(key, token, expression, values, done=lambda old: old.waits_for == wait.timer)

    def give_up(self, key: ConfigKey, token: str, position: int, *, outcome: str, resend: Collection[int]) -> bool:
        """After the dead letter: the cursor moves past what was given up, the config is failing, the claim ends.

        `resend`: what the letter covers of a redrive; what another redrive has added since stays.
        """
        expression = "SET #position = :position, is_failing = :true, last_outcome = :outcome "
        expression += "REMOVE claim_until, attempts, attempted, behind_since, gone_checked"
        values = {":position": items.number(position), ":true": items.flag(value=True), ":outcome": items.text(outcome)}
        return self._end(key, token, expression, values, done=lambda old: old.position >= position, done_with=resend)

    def pass_over(self, key: ConfigKey, token: str, position: int, *, ends: bool, resent: int | None) -> bool:
        """Moves the cursor past a revision that is not sent; the claim stays, or `ends` with it, as nothing is left. Heals nothing."""
        expression = "SET #position = :position" + (" REMOVE claim_until, behind_since, attempts, attempted" if ends else "")
        values = {":position": items.number(position)}
        resends = () if resent is None else (resent,)
        return self._end(key, token, expression, values, done=lambda old: old.position >= position, done_with=resends)

    def release(self, key: ConfigKey, token: str, *, caught_up: bool) -> bool:
        """Ends the claim without a POST."""
        forgotten = ", behind_since" if caught_up else ""
        return self._end(key, token, f"REMOVE claim_until{forgotten}", {}, done=lambda old: old.claim_until is None)

    def add_resend(self, key: ConfigKey, revisions: Collection[int], *, now: datetime) -> bool:
        """A redrive or replay: these revisions are to be sent again. Idempotent. False: the config is gone, or has too many waiting.

        The config enters the sparse index, so that the sweep finds it should its wake-up be lost.
        """
        result = self._connection.update(
            key.task.partition,
            key.cursor,
            expression="SET due_shard = if_not_exists(due_shard, :shard), due_at = if_not_exists(due_at, :now) ADD resend :revisions",
            condition="#ttl > :now_ttl AND (attribute_not_exists(resend) OR size(resend) <= :room)",
            values={
                ":revisions": items.numbers(revisions),
                ":room": items.number(MAX_RESEND - len(revisions)),
                ":now_ttl": items.seconds(now),
                ":shard": items.text(due_shard("CONFIG", key.task.partition)),
                ":now": items.moment(now),
            },
            names={"#ttl": "ttl"},
        )
        if not isinstance(result, ConditionFailed):
            return True
        if result.old is None or items.is_expired(result.old, now):
            return False
        return set(revisions) <= set(_cursor(key, result.old).resend)

    def waiting(self, shard: int) -> Iterator[tuple[ConfigKey, datetime, datetime | None]]:
        """From the sparse index: each config that waits, when its timer is due, and since when it is behind."""
        for item in self._connection.query_due(f"CONFIG#{shard}", until=None):
            task = TaskKey.from_partition(items.read_text(item, "pk"))
            due = items.read_moment(item, "due_at")
            if due is not None:
                yield ConfigKey(task, config_id_of(items.read_text(item, "sk"))), due, items.read_moment(item, "behind_since")

    def _end(
        self, key: ConfigKey, token: str, expression: str, values: dict[str, Any], *, done: Any, done_with: Collection[int] = ()
    ) -> bool:
        """One update under the claim. A refusal that already shows this write is success: the SDK repeated what took effect.

        `done_with`: revisions that need no more resending.
        """
        if done_with:
            expression += " DELETE resend :done_with"
            values = values | {":done_with": items.numbers(done_with)}
        result = self._connection.update(
            key.task.partition,
            key.cursor,
            expression=expression,
            condition="claim = :token AND attribute_exists(claim_until)",
            values=values | {":token": items.text(token)},
            names={"#position": "position"} if "#position" in expression else None,
        )
        if not isinstance(result, ConditionFailed):
            return True
        old = _cursor(key, result.old) if result.old else None
        return old is not None and old.claim_token == token and bool(done(old))


def due_shard(kind: str, partition: str) -> str:
    """Which partition of the sparse index an item is in; `kind` is CONFIG or WATCH."""
    return f"{kind}#{crc32(partition.encode()) % items.DUE_SHARDS}"


def cursor_of(task: TaskKey, item: Item) -> Cursor:
    return _cursor(ConfigKey(task, config_id_of(items.read_text(item, "sk"))), item)


def _cursor(key: ConfigKey, item: Item) -> Cursor:
    items.checked(item)
    return Cursor(
        key=key,
        position=items.read_int(item, "position"),
        claim_token=items.read_text(item, "claim"),
        claim_until=items.read_moment(item, "claim_until"),
        waits_for=items.read_text(item, "waits_for"),
        due=items.read_moment(item, "due"),
        attempts=items.read_int(item, "attempts"),
        behind_since=items.read_moment(item, "behind_since"),
        is_failing=items.read_flag(item, "is_failing"),
        last_outcome=items.read_text(item, "last_outcome"),
        group=items.read_text(item, "group"),
        resend=items.read_numbers(item, "resend"),
        gone_checked=items.read_flag(item, "gone_checked"),
        expires=items.read_moment(item, "ttl"),
        attempted=items.read_int(item, "attempted"),
        start=items.read_int(item, "start"),
    )
