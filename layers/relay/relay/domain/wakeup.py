"""The messages of the queues: small, versioned, without secrets. Each has a `group`, between which SQS is fair: its receiver, or its agent.

A wake-up says "this config (or watch) may be behind"; a timer is a delayed one with a number of its own. A reader raises on a version it
does not know, so that the message goes back to the queue: old and new functions run side by side during a deployment.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from relay.domain.keys import AgentKey, ConfigKey, ListKey, TaskKey
from relay.domain.task import parse_timestamp

VERSION = 1
MAX_DELAY = timedelta(seconds=900)  # SQS: DelaySeconds is at most 900


class UnknownMessageError(ValueError):
    """A message of a version, or a shape, that this code does not know: it must go back, never be dropped."""


@dataclass(frozen=True)
class DeliveryWakeup:
    """Wakes one push config. Without `revision` the reader looks for the newest itself. `timer` is empty for a plain wake-up."""

    key: ConfigKey
    revision: int | None = None
    timer: str = ""
    not_before: datetime | None = None
    group: str = ""

    def dump(self) -> str:
        return _dump(
            {"kind": "deliver", "task": list(self.key.task), "config": self.key.config_id},
            {"revision": self.revision, "timer": self.timer, "not_before": self.not_before, "group": self.group},
        )

    @classmethod
    def load(cls, body: str) -> "DeliveryWakeup":
        """Raises: UnknownMessageError."""
        found = _load(body, "deliver")
        try:
            return cls(
                key=ConfigKey(TaskKey(*found["task"]), found["config"]),
                revision=found.get("revision"),
                timer=found.get("timer", ""),
                not_before=parse_timestamp(found.get("not_before")),
                group=found.get("group", ""),
            )
        except (KeyError, TypeError) as error:
            raise UnknownMessageError(f"a delivery wake-up without its parts: {error}") from error


@dataclass(frozen=True)
class WatchWakeup:
    """Wakes one task's watch. A plain one (no `timer`) is a hint: the next poll is due at once, unless one began after `asked_at`."""

    task: TaskKey
    asked_at: datetime | None = None
    timer: str = ""
    not_before: datetime | None = None
    starts: bool = False

    @property
    def group(self) -> str:
        return self.task.agent_key.group

    def dump(self) -> str:
        return _dump(
            {"kind": "watch", "task": list(self.task)},
            {"asked_at": self.asked_at, "timer": self.timer, "not_before": self.not_before, "starts": self.starts},
        )

    @classmethod
    def load(cls, body: str) -> "WatchWakeup":
        """Raises: UnknownMessageError."""
        found = _load(body, "watch")
        try:
            return cls(
                task=TaskKey(*found["task"]),
                asked_at=parse_timestamp(found.get("asked_at")),
                timer=found.get("timer", ""),
                not_before=parse_timestamp(found.get("not_before")),
                starts=bool(found.get("starts", False)),
            )
        except (KeyError, TypeError) as error:
            raise UnknownMessageError(f"a watch wake-up without its parts: {error}") from error


@dataclass(frozen=True)
class ListWakeup:
    """Wakes one agent's lister. A plain one (no `timer`) begins it, or finds out whether it is still there."""

    key: ListKey
    timer: str = ""

    @property
    def group(self) -> str:
        return self.key.agent.group

    def dump(self) -> str:
        return _dump({"kind": "list", "agent": list(self.key.agent), "tenant": self.key.tenant}, {"timer": self.timer})

    @classmethod
    def load(cls, body: str) -> "ListWakeup":
        """Raises: UnknownMessageError."""
        found = _load(body, "list")
        try:
            return cls(ListKey(AgentKey(*found["agent"]), found["tenant"]), timer=str(found.get("timer", "")))
        except (KeyError, TypeError) as error:
            raise UnknownMessageError(f"a lister's wake-up without its parts: {error}") from error


def load_watching(body: str) -> WatchWakeup | ListWakeup:
    """What the watch queue holds. Raises: UnknownMessageError."""
    try:
        return ListWakeup.load(body)
    except UnknownMessageError:
        return WatchWakeup.load(body)


@dataclass(frozen=True)
class WorkWakeup:
    """Wakes the worker for one task of the relay's own: a message for its agent may be on its way."""

    task: TaskKey
    not_before: datetime | None = None

    @property
    def group(self) -> str:
        return self.task.agent_key.group

    def dump(self) -> str:
        return _dump({"kind": "work", "task": list(self.task)}, {"not_before": self.not_before})

    @classmethod
    def load(cls, body: str) -> "WorkWakeup":
        """Raises: UnknownMessageError."""
        found = _load(body, "work")
        try:
            return cls(task=TaskKey(*found["task"]), not_before=parse_timestamp(found.get("not_before")))
        except (KeyError, TypeError) as error:
            raise UnknownMessageError(f"a worker's wake-up without its parts: {error}") from error


@dataclass(frozen=True)
class StreamWakeup:
    """Asks for one task's stream to be held. With `instead_of`, the token of the claim that its holder hands over."""

    task: TaskKey
    instead_of: str = ""

    @property
    def group(self) -> str:
        return self.task.agent_key.group

    def dump(self) -> str:
        return _dump({"kind": "stream", "task": list(self.task)}, {"instead_of": self.instead_of})

    @classmethod
    def load(cls, body: str) -> "StreamWakeup":
        """Raises: UnknownMessageError."""
        found = _load(body, "stream")
        try:
            return cls(task=TaskKey(*found["task"]), instead_of=str(found.get("instead_of", "")))
        except (KeyError, TypeError) as error:
            raise UnknownMessageError(f"a stream wake-up without its parts: {error}") from error


T = TypeVar("T")
S = TypeVar("S")


def by_subject(messages: Iterable[tuple[str, T]], subject: Callable[[T], S]) -> dict[S, tuple[tuple[str, T], ...]]:
    """A batch's messages (id, wake-up), grouped by what each is about; in the order in which they came."""
    found: dict[S, list[tuple[str, T]]] = {}
    for message_id, wakeup in messages:
        found.setdefault(subject(wakeup), []).append((message_id, wakeup))
    return {key: tuple(group) for key, group in found.items()}


def timers_of(messages: Iterable[tuple[str, DeliveryWakeup | WatchWakeup | ListWakeup]]) -> tuple[str, ...]:
    """The timers among them, each once."""
    return tuple(dict.fromkeys(wakeup.timer for _, wakeup in messages if wakeup.timer))


Wakeup = DeliveryWakeup | WatchWakeup | ListWakeup | WorkWakeup | StreamWakeup


def next_hop(wakeup: DeliveryWakeup | WatchWakeup | WorkWakeup, now: datetime) -> timedelta:
    """How long the queue shall hold it: what remains until `not_before`, at most 900 s; zero when it is due. A longer wait hops."""
    if wakeup.not_before is None or wakeup.not_before <= now:
        return timedelta(0)
    return min(wakeup.not_before - now, MAX_DELAY)


def _dump(always: dict[str, Any], given: dict[str, Any]) -> str:
    kept = {name: value for name, value in given.items() if value}
    if moment := kept.get("not_before"):
        kept["not_before"] = moment.isoformat()
    if moment := kept.get("asked_at"):
        kept["asked_at"] = moment.isoformat()
    return json.dumps({"v": VERSION, **always, **kept}, separators=(",", ":"))


def _load(body: str, kind: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise UnknownMessageError("not JSON") from error
    if not isinstance(found, dict) or found.get("v") != VERSION or found.get("kind") != kind:
        raise UnknownMessageError(f"not a version {VERSION} {kind} wake-up")
    return found
