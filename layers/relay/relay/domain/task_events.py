"""What an agent tells of a task by itself, on a stream or by a POST: read in any form, and applied to the newest revision's snapshot.

Source: A2A 1.0 §4.2 and `StreamResponse` in `a2a.proto`; A2A 0.3 §7.2 (`kind`). 0.3's senders POST the bare Task (a2a-sdk) or bare events
(JS), 1.0's a StreamResponse; on an SSE stream either is the result of a JSON-RPC response; PraisonAI leaves out `kind`. An event says what
has changed, a snapshot is the whole: which of the two may become a revision is decided here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from relay.domain.conversion import convert
from relay.domain.errors import InvalidAgentResponseError
from relay.domain.fields import snake_case
from relay.domain.keys import fits_key
from relay.domain.lenient import mapping, mappings, text
from relay.domain.task import TIMESTAMP_PRECISION, Json, ProtocolVersion, Revision, RevisionHead, Snapshot, parse_timestamp


@dataclass(frozen=True)
class WholeTask:
    """The task as its agent had it when it spoke."""

    snapshot: Snapshot

    @property
    def task_id(self) -> str:
        return self.snapshot.task_id

    @property
    def stamped_at(self) -> datetime | None:
        return self.snapshot.status_timestamp


@dataclass(frozen=True)
class StatusUpdate:
    """The task's new status; of the rest nothing is said."""

    task_id: str
    version: ProtocolVersion
    status: Json = field(repr=False)

    @property
    def stamped_at(self) -> datetime | None:
        return parse_timestamp(self.status.get("timestamp"))


@dataclass(frozen=True)
class ArtifactUpdate:
    """One artifact; with `append`, only what is new at its end."""

    task_id: str
    version: ProtocolVersion
    artifact: Json = field(repr=False)
    append: bool = False


TaskEvent = WholeTask | StatusUpdate | ArtifactUpdate


@dataclass(frozen=True)
class Applied:
    """What an event makes of the newest snapshot.

    `snapshot` is the new full view, in the log's version; None when there is nothing new, or nothing that could be relied on. `asks`: the
    agent is to be asked for the task at once. Both together only at a terminal state: GetTask has the last word, for nothing may follow
    it; the snapshot is for when the agent cannot be asked any more, or has forgotten the task.
    """

    snapshot: Snapshot | None = None
    asks: bool = False


NOTHING_NEW = Applied()
_ASK = Applied(asks=True)


def parse_event(told: object) -> TaskEvent | None:
    """One event, bare, in a StreamResponse or in a JSON-RPC response; None when it tells of no task (a Message).

    Raises: InvalidAgentResponseError when it is none, or its task has no id the relay could keep.
    """
    document = mapping(told)
    if "jsonrpc" in document:
        document = mapping(document.get("result"))
    for name, kind in (("task", "task"), ("statusUpdate", "status-update"), ("artifactUpdate", "artifact-update")):
        if inner := mapping(_member(document, name)):
            return _READERS[kind](inner)
    kind = text(document.get("kind")) or _kind_by_shape(document)
    if kind == "message":
        return None
    if kind not in _READERS:
        raise InvalidAgentResponseError("This is neither a task nor an event of one.")
    return _READERS[kind](document)


def may_be_a_replay(newest: Revision, event: TaskEvent) -> bool:
    """Whether the newest revision cannot tell if the event is older: it has a time, and the agent's newest status has none."""
    says_when = not isinstance(event, ArtifactUpdate) and event.stamped_at is not None
    return says_when and newest.view.ending is None and newest.snapshot.status_timestamp is None


def is_replay(stamped: RevisionHead, event: TaskEvent, version: ProtocolVersion) -> bool:
    """Whether the event says again, or is older than, what `stamped` says, the newest revision whose status has a time; the log is in
    `version`.
    """
    if isinstance(event, ArtifactUpdate) or event.stamped_at is None or stamped.status_timestamp is None:
        return False
    after = event.stamped_at - stamped.status_timestamp
    if abs(after) >= TIMESTAMP_PRECISION:
        return after < timedelta(0)
    if isinstance(event, WholeTask):
        return _in_version(event.snapshot, version).digest == stamped.digest
    return _in_version(_status_alone(event), version).status_digest == stamped.status_digest


def apply_event(newest: Snapshot | None, event: TaskEvent, *, version: ProtocolVersion, is_unbroken: bool = False) -> Applied:
    """`newest` is the newest revision's, whose version the log goes on in; None when there is none, then the log begins in `version`.

    `is_unbroken` says that the event came on a stream that began with a full task, which is part of `newest`, and that each event since is
    part of it: only then the end of an artifact can be added to what is there.
    """
    if newest is not None and newest.state.is_terminal:
        return NOTHING_NEW
    if newest is not None and newest.is_cut:  # what was left out of it cannot be told again
        return _ASK
    if isinstance(event, WholeTask):
        return _applied(newest, _in_version(event.snapshot, newest.version if newest else version))
    if newest is None:
        return _ASK
    if isinstance(event, StatusUpdate):
        return _with_status(newest, event)
    return _with_artifact(newest, event, is_unbroken=is_unbroken)


def told_by_agent(newest: Revision | None) -> Snapshot | None:
    """What events are applied to. The relay's own word on a task, that nothing more may come, has no time that an agent's could be older
    than.
    """
    if newest is None or newest.view.ending is None:
        return newest.snapshot if newest else None
    document = newest.snapshot.document
    status = {name: value for name, value in mapping(document.get("status")).items() if name != "timestamp"}
    return replace(newest.snapshot, document={**document, "status": status})


def end_as_told(newest: Snapshot | None, told: Snapshot) -> Snapshot | None:
    """The end of a task as its agent has told it, on top of all that was learnt of the task since; None when that goes against it."""
    applied = apply_event(newest, WholeTask(told), version=told.version)
    if applied.snapshot is None and applied.asks:
        applied = apply_event(newest, StatusUpdate(told.task_id, told.version, mapping(told.document.get("status"))), version=told.version)
    return applied.snapshot


def _with_status(newest: Snapshot, event: StatusUpdate) -> Applied:
    told = _in_version(_status_alone(event), newest.version)
    return _applied(newest, replace(newest, document={**newest.document, "status": told.document["status"]}))


def _status_alone(event: StatusUpdate) -> Snapshot:
    return Snapshot(event.version, {"id": event.task_id, "status": event.status})


def _with_artifact(newest: Snapshot, event: ArtifactUpdate, *, is_unbroken: bool) -> Applied:
    if (event.append and not is_unbroken) or not text(event.artifact.get("artifactId")):
        return _ASK
    told = _in_version(Snapshot(event.version, {"id": event.task_id, "status": {}, "artifacts": [event.artifact]}), newest.version)
    (artifact,) = mappings(told.document.get("artifacts"))
    artifacts = mappings(newest.document.get("artifacts"))
    places = [place for place, known in enumerate(artifacts) if known.get("artifactId") == artifact.get("artifactId")]
    is_grown = False
    if event.append:
        if not places:  # its beginning was never told
            return _ASK
        before = artifacts[places[0]]
        is_grown = bool(mappings(artifact.get("parts")))
        artifact = {**before, **artifact, "parts": [*mappings(before.get("parts")), *mappings(artifact.get("parts"))]}
    if places:
        artifacts[places[0]] = artifact
    else:
        artifacts.append(artifact)
    snapshot = replace(newest, document={**newest.document, "artifacts": artifacts})
    # What grows is news. To compare the whole task for each piece would take longer, the longer the artifact gets.
    return Applied(snapshot) if is_grown else _applied(newest, snapshot)


def _applied(newest: Snapshot | None, snapshot: Snapshot) -> Applied:
    """What was said before, an older status, or a task that lacks an artifact is never told as new."""
    if newest is not None:
        if _is_older(snapshot, newest) or _say_the_same(snapshot, newest):
            return NOTHING_NEW
        if _artifact_ids(newest) - _artifact_ids(snapshot):  # a Task on its way for longer than an artifact, or one that is not whole
            return _ASK
    return Applied(snapshot, asks=snapshot.state.is_terminal)


def _in_version(snapshot: Snapshot, version: ProtocolVersion) -> Snapshot:
    """In the agent's own words where they are in that version."""
    return snapshot if snapshot.version is version else convert(snapshot, version)


def _is_older(snapshot: Snapshot, newest: Snapshot) -> bool:
    told, known = snapshot.status_timestamp, newest.status_timestamp
    return told is not None and known is not None and told < known


def _say_the_same(one: Snapshot, other: Snapshot) -> bool:
    """Whatever words they were told in: what a sender leaves out, another writes as null or empty."""
    return one.digest == other.digest or convert(one, ProtocolVersion.V10).digest == convert(other, ProtocolVersion.V10).digest


def _artifact_ids(snapshot: Snapshot) -> frozenset[str]:
    return frozenset(text(artifact.get("artifactId")) for artifact in mappings(snapshot.document.get("artifacts")))


def _task(document: Json) -> WholeTask:
    if not isinstance(document.get("status"), dict):
        raise InvalidAgentResponseError("The task has no status.")
    version = _version(document, document["status"])
    task_id = _checked_id(document.get("id"))
    return WholeTask(Snapshot(version, {**document, "id": task_id}))


def _status_update(document: Json) -> StatusUpdate:
    status = mapping(document.get("status"))
    if not status:
        raise InvalidAgentResponseError("The status event has no status.")
    return StatusUpdate(_task_id(document), _version(document, status), status)


def _artifact_update(document: Json) -> ArtifactUpdate:
    artifact = mapping(document.get("artifact"))
    if not artifact:
        raise InvalidAgentResponseError("The artifact event has no artifact.")
    is_03 = "kind" in document or any("kind" in part or "type" in part for part in mappings(artifact.get("parts")))
    version = ProtocolVersion.V03 if is_03 else ProtocolVersion.V10
    return ArtifactUpdate(_task_id(document), version, artifact, append=document.get("append") is True)


_READERS: dict[str, Callable[[Json], TaskEvent]] = {"task": _task, "status-update": _status_update, "artifact-update": _artifact_update}


def _kind_by_shape(document: Json) -> str:
    """Without `kind`: a task is known by its own `id`, an event by its `taskId` (0.1's by `final`)."""
    if isinstance(document.get("artifact"), dict):
        return "artifact-update"
    if isinstance(document.get("status"), dict):
        return "task" if "id" in document and "final" not in document else "status-update"
    is_message = isinstance(document.get("message"), dict) or ("messageId" in document and "parts" in document)
    return "message" if is_message else ""


def _version(document: Json, status: Json) -> ProtocolVersion:
    """1.0 spells states its own way and has no `kind`."""
    is_10 = text(status.get("state")).startswith("TASK_STATE_") and "kind" not in document
    return ProtocolVersion.V10 if is_10 else ProtocolVersion.V03


def _task_id(document: Json) -> str:
    return _checked_id(_member(document, "taskId") or document.get("id"))


def _checked_id(task_id: object) -> str:
    found = text(task_id)
    if not fits_key(found):
        raise InvalidAgentResponseError("The task has no id, or one too long to keep.")
    return found


def _member(document: Json, name: str) -> object:
    """In ProtoJSON a member may be written in snake_case too."""
    value = document.get(name)
    return document.get(snake_case(name)) if value is None else value
