"""One task and what belongs to it, for tests of decisions: everything has a value, a test names what matters to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.packing import PackedRevision, pack
from relay.domain.push_config import Cursor
from relay.domain.task import ProtocolVersion, Revision, RevisionHead, Snapshot, View

NOW = datetime(2026, 11, 21, 8, 30, 15, 250_000, tzinfo=UTC)
SECOND = timedelta(seconds=1)
INSTANT = timedelta(microseconds=1)
TASK = TaskKey("owner", "agent", "", "task-1")
KEY = ConfigKey(TASK, "config-1")


def snapshot(state: str = "working", *, timestamp: datetime | None = None, **more: Any) -> Snapshot:
    status: dict[str, Any] = {"state": f"TASK_STATE_{state.upper().replace('-', '_')}"}
    if timestamp:
        status["timestamp"] = timestamp.isoformat()
    return Snapshot(ProtocolVersion.V10, {"id": "task-1", "contextId": "context-1", "status": status, **more})


def view(of: Snapshot, *, asked_at: datetime = NOW, took: timedelta = timedelta(0)) -> View:
    return View(of, asked_at=asked_at, arrived_at=asked_at + took, learnt_by="poll")


def revision(number: int, state: str = "working", *, at: datetime = NOW) -> Revision:
    return Revision(number, view(snapshot(state, artifacts=[{"artifactId": f"of {number}"}]), asked_at=at))


def packed(number: int, state: str = "working") -> PackedRevision:
    whole = revision(number, state)
    return PackedRevision(whole.head, whole.snapshot.version, NOW, "poll", data=pack(whole.snapshot.document).data)


def head(number: int = 1, state: str = "working", *, at: datetime = NOW) -> RevisionHead:
    return revision(number, state, at=at).head


def cursor(position: int = 0, **more: Any) -> Cursor:
    return Cursor(KEY, position, **more)
