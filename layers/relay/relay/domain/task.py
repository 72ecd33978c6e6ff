"""A task as the relay sees it: snapshots, views, revisions, and what counts as a change.

Snapshots keep the agent's own JSON untouched; only what decisions need is read from it. Compared are state, status message and artifacts;
history alone is no change (design §2).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

Json = Mapping[str, Any]

TIMESTAMP_PRECISION = timedelta(milliseconds=1)  # of what the table remembers of an agent's; agents stamp microseconds
ARTIFACT_PACE = timedelta(seconds=1)  # design §2 rule 11: changes of artifacts alone append at most one revision per second


class ProtocolVersion(StrEnum):
    """A2A's wire versions, `Major.Minor`."""

    V03 = "0.3"
    V10 = "1.0"


class TaskState(StrEnum):
    """A2A's task states, spelled as in 0.3; 1.0's `TASK_STATE_*` and the odd spellings of agents map onto them."""

    SUBMITTED = "submitted"
    WORKING = "working"
    INPUT_REQUIRED = "input-required"
    AUTH_REQUIRED = "auth-required"
    COMPLETED = "completed"
    CANCELED = "canceled"
    FAILED = "failed"
    REJECTED = "rejected"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL

    @property
    def is_interrupted(self) -> bool:
        return self in _INTERRUPTED

    @classmethod
    def parse(cls, text: object) -> "TaskState":
        """Any spelling an agent uses; what is not known is UNKNOWN, never an error."""
        if not isinstance(text, str):
            return cls.UNKNOWN
        name = text.removeprefix("TASK_STATE_").replace("_", "-").lower()
        name = "canceled" if name == "cancelled" else name
        return cls(name) if name in cls._value2member_map_ else cls.UNKNOWN


_TERMINAL = frozenset({TaskState.COMPLETED, TaskState.CANCELED, TaskState.FAILED, TaskState.REJECTED})
_INTERRUPTED = frozenset({TaskState.INPUT_REQUIRED, TaskState.AUTH_REQUIRED})


@dataclass(frozen=True)
class Snapshot:
    """A whole task in the wire form of `version`: 0.3's bare Task, or 1.0's Task (not the `{"task": …}` around it)."""

    version: ProtocolVersion
    document: Json
    is_cut: bool = False  # too large: the contents of artifacts were left out

    @property
    def task_id(self) -> str:
        return str(self.document.get("id", ""))

    @property
    def context_id(self) -> str:
        return str(self.document.get("contextId") or "")

    @cached_property
    def state(self) -> TaskState:
        return TaskState.parse(self._status.get("state"))

    @property
    def status_timestamp(self) -> datetime | None:
        return parse_timestamp(self._status.get("timestamp"))

    @cached_property
    def digest(self) -> str:
        """Equal for two snapshots exactly when state, status message and artifacts are equal."""
        return _digest([self.status_digest, self.document.get("artifacts") or []])

    @property
    def says_status_message(self) -> bool:
        return bool(self._status.get("message") or self._status.get("update"))

    @cached_property
    def status_digest(self) -> str:
        """Equal for two snapshots exactly when state and status message are equal."""
        return _digest([self.state.value, self._status.get("message") or self._status.get("update")])

    @property
    def _status(self) -> Json:
        status = self.document.get("status")
        return status if isinstance(status, Mapping) else {}


class Ending(StrEnum):
    """Why nothing more may come of a task that has not ended."""

    UNREACHABLE = "unreachable"  # the agent, or an answer of it that can be used
    UNAUTHORIZED = "unauthorized"  # the agent refuses the credential
    VANISHED = "vanished"  # the agent knows no such task any more
    DEADLINE = "deadline"  # it is followed no longer


@dataclass(frozen=True)
class View:
    """A full, fresh view: a snapshot, when it was asked for, when it arrived, and how it was learnt (`poll`, `send`, `register`).

    With an `ending` it is none of the agent's: the relay itself says that nothing more may come.
    """

    snapshot: Snapshot
    asked_at: datetime
    arrived_at: datetime
    learnt_by: str
    ending: Ending | None = None


@dataclass(frozen=True)
class RevisionHead:
    """What the next view is compared with: the newest revision without its task."""

    number: int
    state: TaskState
    digest: str
    status_digest: str
    arrived_at: datetime
    status_timestamp: datetime | None = None
    ending: Ending | None = None

    def seen_again(self, view: View) -> "RevisionHead":
        """After a view that changes nothing: the agent may have stamped the status anew."""
        stamped = view.snapshot.status_timestamp
        is_news = stamped is not None and (self.status_timestamp is None or stamped > self.status_timestamp)
        return replace(self, status_timestamp=stamped) if is_news else self


@dataclass(frozen=True)
class Revision:
    """One observed snapshot of a task, numbered from 1."""

    number: int
    view: View

    @property
    def snapshot(self) -> Snapshot:
        return self.view.snapshot

    @property
    def head(self) -> RevisionHead:
        snapshot = self.view.snapshot
        return RevisionHead(
            number=self.number,
            state=snapshot.state,
            digest=snapshot.digest,
            status_digest=snapshot.status_digest,
            arrived_at=self.view.arrived_at,
            status_timestamp=snapshot.status_timestamp,
            ending=self.view.ending,
        )


class Change(StrEnum):
    """What a view means beside the newest revision."""

    NEW = "new"  # append it
    SAME = "same"  # nothing changed
    FINAL = "final"  # the task was seen in a terminal state: nothing may follow
    STALE = "stale"  # asked for before the newest view arrived: drop it and ask again
    SOON = "soon"  # artifacts alone changed within a second of the newest revision: ask again after it


def change(newest: RevisionHead | None, view: View) -> Change:
    """A slow answer that says `submitted` never becomes newer than `working`."""
    if newest is None:
        return Change.NEW
    if newest.digest == view.snapshot.digest:
        return Change.SAME
    if newest.state.is_terminal:
        return Change.FINAL
    if view.asked_at < newest.arrived_at and not _is_later(view.snapshot.status_timestamp, newest.status_timestamp):
        return Change.STALE
    if newest.status_digest == view.snapshot.status_digest and view.arrived_at - newest.arrived_at < ARTIFACT_PACE:
        return Change.SOON
    return Change.NEW


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _is_later(timestamp: datetime | None, than: datetime | None) -> bool:
    return timestamp is not None and than is not None and timestamp - than >= TIMESTAMP_PRECISION


def parse_timestamp(text: object) -> datetime | None:
    """A task's ISO 8601 timestamp as aware UTC; None when it is missing or unreadable. No zone means UTC."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # the latter: a zone that leads out of the years 1 to 9999
        return None
