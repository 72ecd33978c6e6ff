"""WATCH items: one per followed task. A watch moves exactly as a waiting config does (design §2 rule 12)."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from relay.adapters.table import items
from relay.adapters.table.configs import Seal
from relay.adapters.table.connection import ConditionFailed, Connection
from relay.adapters.table.cursors import due_shard
from relay.adapters.table.items import Item
from relay.adapters.table.revisions import read_head, write_head
from relay.domain.endings import Trouble
from relay.domain.forwarding import Headers
from relay.domain.keys import WATCH, ListKey, TaskKey
from relay.domain.strategy import Strategy
from relay.domain.task import Ending
from relay.domain.watch import OVERDUE, Rest, Told, Watch, WatchCall

_HEAD = ("newest", "state", "digest", "status_digest", "arrived_at", "status_at", "ending")
_TOLD = ("told_by", "asked_at", "callback_at")
_TROUBLE = ("trouble", "trouble_since", "trouble_times", "refused")
_LENT = ("lent", "sealed")
_OF_TURNS = ("claim", "claim_until", "waits_for", "polled_at", "looked_at", "failures", *_HEAD, *_TOLD, *_TROUBLE)  # of the turns so far


@dataclass(frozen=True)
class Lent:
    """A caller's own credential for the agent, sealed for one task's watch. Equal ones have names of their own."""

    name: str
    sealed: bytes = field(repr=False)


class Watches:
    """`seal` and `open_sealed` encrypt and decrypt under the stack's key, bound to a context."""

    def __init__(self, connection: Connection, *, seal: Seal, open_sealed: Seal) -> None:
        self._connection = connection
        self._seal = seal
        self._open = open_sealed

    def get(self, task: TaskKey) -> Watch | None:
        item = self._connection.get(task.partition, WATCH)
        return _watch(task, item) if item else None

    def of_tasks(self, tasks: Iterable[TaskKey]) -> dict[TaskKey, Watch]:
        """Those that are followed, by one batch per hundred. Raises: TableBusyError."""
        keys = {(task.partition, WATCH): task for task in tasks}
        return {keys[key]: _watch(keys[key], item) for key, item in self._connection.batch_get(list(keys)).items()}

    def start(self, task: TaskKey, *, deadline: datetime, interval: timedelta, due: datetime) -> None:
        """Creates the watch unless there is one. It has no TTL: it ends itself, and the sweep finds it while it is there."""
        started = _started(task, deadline=deadline, interval=interval, due=due)
        self._connection.put({"pk": items.text(task.partition), "sk": items.text(WATCH), **started}, condition="attribute_not_exists(sk)")

    def start_anew(self, task: TaskKey, *, deadline: datetime, interval: timedelta, due: datetime, lent: Lent | None = None) -> bool:
        """Creates the watch unless there is one that rests: one that is claimed may be about to end, as nobody was left to be told.

        A credential that was lent before stays until there is another one.
        """
        started = _started(task, deadline=deadline, interval=interval, due=due) | (_lent(lent) if lent else {})
        names = {f"#s{n}": name for n, name in enumerate(started)} | {f"#g{n}": name for n, name in enumerate(_OF_TURNS)}
        sets = ", ".join(f"{alias} = :{alias[1:]}" for alias in names if alias.startswith("#s"))
        removed = ", ".join(alias for alias in names if alias.startswith("#g"))
        result = self._connection.update(
            task.partition,
            WATCH,
            expression=f"SET {sets} REMOVE {removed}",
            condition="attribute_not_exists(sk) OR attribute_exists(claim_until)",
            values={f":s{n}": value for n, value in enumerate(started.values())},
            names=names,
        )
        return not isinstance(result, ConditionFailed)

    def seal(self, task: TaskKey, credential: Headers) -> Lent | None:
        """To be lent to the task's watch; None for no credential."""
        if not credential:
            return None
        return Lent(uuid4().hex, self._seal(json.dumps(credential).encode(), _seal_context(task)))

    def lend(self, task: TaskKey, lent: Lent) -> bool:
        """The agent is asked with it from the next poll on. False: there is no watch."""
        values = {f":{name}": value for name, value in _lent(lent).items()}
        result = self._connection.update(
            task.partition, WATCH, expression="SET lent = :lent, sealed = :sealed", condition="attribute_exists(sk)", values=values
        )
        return not isinstance(result, ConditionFailed)

    def credential(self, watch: Watch) -> Headers:
        """The one that was lent, or none."""
        if not watch.sealed:
            return ()
        return tuple((name, value) for name, value in json.loads(self._open(watch.sealed, _seal_context(watch.task))))

    def claim(self, call: WatchCall, token: str, *, now: datetime, until: datetime) -> tuple[bool, Watch | None]:
        """(True, the claimed watch), or (False, what stood in the way; None when there is no watch)."""
        reasons, values = _reasons(call, now)
        condition = "v <= :known AND (attribute_not_exists(claim_until) OR claim_until <= :now)"
        if reasons:
            condition += f" AND ({' OR '.join(reasons)})"
        values |= {":token": items.text(token), ":until": items.moment(until), ":now": items.moment(now), ":known": items.version()}
        result = self._connection.update(
            call.task.partition,
            WATCH,
            # The watch stays in the sparse index while it is claimed: the sweep must find it if its worker dies.
            expression="SET claim = :token, claim_until = :until, due_at = :until REMOVE waits_for",
            condition=condition,
            values=values,
        )
        if not isinstance(result, ConditionFailed):
            return True, _watch(call.task, result)
        old = _watch(call.task, result.old) if result.old else None
        return old is not None and old.claim_token == token, old

    def rest(self, task: TaskKey, token: str, rest: Rest) -> bool:
        """Marks the watch as waiting for a timer that has been sent, and ends the claim. False: the claim was lost."""
        remembered: dict[str, Any] = {
            "waits_for": items.text(rest.timer),
            "due_at": items.moment(rest.due),
            "interval": items.number(rest.interval.total_seconds()),
            "deadline": items.moment(rest.deadline),
            "failures": items.number(rest.failures),
        }
        remembered |= {"told_by": items.text(rest.told.by)} if rest.told.by else {}
        moments = {"polled_at": rest.polled_at, "looked_at": rest.looked_at}
        moments |= {"asked_at": rest.told.asked_at, "callback_at": rest.told.callback_at}
        remembered |= {name: items.moment(moment) for name, moment in moments.items() if moment}
        if rest.head is not None:
            remembered |= {"newest": items.number(rest.head.number), **write_head(rest.head)}
        if rest.trouble is not None:
            remembered |= _write_trouble(rest.trouble)
        no_longer = _LENT if rest.head is not None and rest.head.state.is_terminal else ()  # the agent is asked no more
        gone = ["claim_until", *(name for name in (*_HEAD, *_TOLD, *_TROUBLE, *no_longer) if name not in remembered)]
        expression, names, values = items.replacing(remembered, gone)
        result = self._connection.update(
            task.partition,
            WATCH,
            expression=expression,
            condition="claim = :token AND attribute_exists(claim_until)",
            values=values | {":token": items.text(token)},
            names=names,
        )
        return not isinstance(result, ConditionFailed) or (
            result.old is not None and items.read_text(result.old, "waits_for") == rest.timer
        )

    def given_callback(self, task: TaskKey, at: datetime) -> None:
        """The agent has the relay's callback for it. Should a turn at this moment forget that again, the agent is given another one."""
        values = {":at": items.moment(at)}
        self._connection.update(task.partition, WATCH, expression="SET callback_at = :at", condition="attribute_exists(sk)", values=values)

    def await_end(self, task: TaskKey, told_at: datetime) -> bool:
        """The agent has told of the task's end; what it told is kept. False: nobody watches the task."""
        result = self._connection.update(
            task.partition,
            WATCH,
            expression="SET last_words_at = :told_at",
            condition="attribute_exists(sk)",
            values={":told_at": items.moment(told_at)},
        )
        return not isinstance(result, ConditionFailed)

    def end(self, task: TaskKey, token: str) -> None:
        """Deletes the watch under its claim. A claim that was lost leaves it to who took it."""
        self._connection.delete_if(task.partition, WATCH, condition="claim = :token", values={":token": items.text(token)})

    def overdue(self, shard: int, *, before: datetime) -> Iterator[TaskKey]:
        """From the sparse index: the watches whose turn should have come before then."""
        for item in self._connection.query_due(f"{WATCH}#{shard}", until=before.timestamp()):
            yield TaskKey.from_partition(items.read_text(item, "pk"))

    def resting(self, key: ListKey, shard: int, *, after: datetime) -> Iterator[TaskKey]:
        """From the sparse index: an agent's watches whose turn comes after then. One that has just come to rest may not be among them."""
        for item in self._connection.query_due(f"{WATCH}#{shard}", after=after.timestamp()):
            task = TaskKey.from_partition(items.read_text(item, "pk"))
            if task.list_key == key:
                yield task


def _reasons(call: WatchCall, now: datetime) -> tuple[list[str], dict[str, Any]]:
    """Why the call may claim, and the values of its conditions: a batch may bring a hint and the watch's own timer; either is enough.

    Nothing for a hint that no poll can have answered: it claims whatever the watch waits for.
    """
    reasons: list[str] = []
    values: dict[str, Any] = {}
    if call.is_hint and call.asked_at is None:
        return reasons, values
    if call.asked_at is not None:
        reasons += ["attribute_not_exists(polled_at)", "polled_at <= :asked"]
        values[":asked"] = items.moment(call.asked_at)
    if call.timers:
        timers = {f":timer{n}": items.text(timer) for n, timer in enumerate(call.timers)}
        reasons += ["attribute_not_exists(waits_for)", "due_at < :overdue", *(f"waits_for = {name}" for name in timers)]
        values |= {":overdue": items.moment(now - OVERDUE), **timers}
    return reasons, values


def _watch(task: TaskKey, item: Item) -> Watch:
    items.checked(item)
    return Watch(
        task=task,
        deadline=items.read_given_moment(item, "deadline"),
        interval=timedelta(seconds=float(item["interval"]["N"])),
        claim_token=items.read_text(item, "claim"),
        claim_until=items.read_moment(item, "claim_until"),
        waits_for=items.read_text(item, "waits_for"),
        due=items.read_moment(item, "due_at"),
        polled_at=items.read_moment(item, "polled_at"),
        looked_at=items.read_moment(item, "looked_at"),
        head=read_head(item, items.read_int(item, "newest")) if "newest" in item else None,
        failures=items.read_int(item, "failures"),
        trouble=_read_trouble(item),
        lent=items.read_text(item, "lent"),
        sealed=items.read_binary(item, "sealed"),
        last_words_at=items.read_moment(item, "last_words_at"),
        told=Told(
            Strategy(by) if (by := items.read_text(item, "told_by")) else None,
            items.read_moment(item, "asked_at"),
            items.read_moment(item, "callback_at"),
        ),
    )


def _started(task: TaskKey, *, deadline: datetime, interval: timedelta, due: datetime) -> dict[str, Any]:
    return {
        "v": items.version(),
        "deadline": items.moment(deadline),
        "interval": items.number(interval.total_seconds()),
        "due_shard": items.text(due_shard(WATCH, task.partition)),
        "due_at": items.moment(due),
    }


def _lent(lent: Lent) -> dict[str, Any]:
    return {"lent": items.text(lent.name), "sealed": items.binary(lent.sealed)}


def _seal_context(task: TaskKey) -> dict[str, str]:
    return {**task._asdict(), "item": "watch"}


def _write_trouble(trouble: Trouble) -> dict[str, Any]:
    return {
        "trouble": items.text(trouble.kind.value),
        "trouble_since": items.moment(trouble.since),
        "trouble_times": items.number(trouble.times),
        **({"refused": items.text(trouble.refused)} if trouble.refused else {}),
    }


def _read_trouble(item: Item) -> Trouble | None:
    since = items.read_moment(item, "trouble_since")
    if since is None:
        return None
    kind = Ending(items.read_text(item, "trouble"))
    return Trouble(kind, since, items.read_int(item, "trouble_times"), items.read_text(item, "refused"))
