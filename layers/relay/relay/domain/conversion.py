"""Whole tasks and messages, from any spelling an agent uses to what 0.3 or 1.0 names: A2A 0.3 <-> 1.0, or mended in one version.

Source: A2A 0.3.0 `types.json`; A2A 1.0 `a2a.proto` in ProtoJSON. A 1.0 document holds only what the specification names (a2a-sdk 1.0 to 1.2
parse strictly), and every value in it is of the kind named there; a 0.3 document keeps what else the agent put into it. Members that are
null or empty are left out, but for those that 0.3's readers ask for.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from relay.domain.lenient import filled, mapping, mappings, text, texts
from relay.domain.parts import convert_part
from relay.domain.task import Json, ProtocolVersion, Snapshot, TaskState, parse_timestamp

# RFC 3339 in UTC as ProtoJSON reads it.
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII)


def convert(snapshot: Snapshot, to: ProtocolVersion) -> Snapshot:
    """The same task in the form of `to`; a `contextId` is always there (0.3 asks for it): the task's id when the agent gave none."""
    return replace(snapshot, version=to, document=_task(snapshot.document, to))


def clean(snapshot: Snapshot) -> Snapshot:
    """The same task in its own version, without what that version's strict readers refuse."""
    return convert(snapshot, snapshot.version)


def convert_message(message: Json, to: ProtocolVersion) -> dict[str, Any]:
    """A message in the form of `to`, whichever it is in."""
    return _message(message, to, fallback_id="message")


def _task(task: Json, to: ProtocolVersion) -> dict[str, Any]:
    task_id = text(task.get("id"))
    return _written(
        task,
        to,
        kind="task",
        asked_for={"id": task_id, "contextId": text(task.get("contextId")) or task_id, "status": _status(mapping(task.get("status")), to)},
        optional={
            "artifacts": [_artifact(artifact, to, fallback_id=f"artifact-{n}") for n, artifact in _numbered(task.get("artifacts"))],
            "history": [_message(message, to, fallback_id=f"message-{n}") for n, message in _numbered(task.get("history"))],
            "metadata": mapping(task.get("metadata")),
        },
    )


def _status(status: Json, to: ProtocolVersion) -> dict[str, Any]:
    message = status.get("message") or status.get("update")
    if isinstance(message, str):
        message = {"role": "agent", "parts": [{"text": message}]}
    return _written(
        status,
        to,
        asked_for={"state": _state(TaskState.parse(status.get("state")), to)},
        optional={
            "message": _message(message, to, fallback_id="status-message") if isinstance(message, dict) else None,
            "timestamp": _timestamp(status.get("timestamp"), to),
            "update": None,
        },
    )


def _message(message: Json, to: ProtocolVersion, *, fallback_id: str) -> dict[str, Any]:
    return _written(
        message,
        to,
        kind="message",
        asked_for={
            "messageId": text(message.get("messageId")) or fallback_id,
            "role": _role(message.get("role"), to),
            "parts": _parts(message, to),
        },
        optional={
            "contextId": text(message.get("contextId")),
            "taskId": text(message.get("taskId")),
            "metadata": mapping(message.get("metadata")),
            "extensions": texts(message.get("extensions")),
            "referenceTaskIds": texts(message.get("referenceTaskIds")),
        },
    )


def _artifact(artifact: Json, to: ProtocolVersion, *, fallback_id: str) -> dict[str, Any]:
    return _written(
        artifact,
        to,
        asked_for={"artifactId": text(artifact.get("artifactId")) or fallback_id, "parts": _parts(artifact, to)},
        optional={
            "name": text(artifact.get("name")),
            "description": text(artifact.get("description")),
            "metadata": mapping(artifact.get("metadata")),
            "extensions": texts(artifact.get("extensions")),
        },
    )


def _written(source: Json, to: ProtocolVersion, *, asked_for: Json, optional: Json, kind: str = "") -> dict[str, Any]:
    """`kind` is 0.3's discriminator. Snake-cased twins of members are not kept: 0.3's pydantic models would read them."""
    named = {**asked_for, **filled(optional.items())}
    if to is ProtocolVersion.V10:
        return named
    others = ((name, value) for name, value in source.items() if name != "kind" and name not in optional and name not in asked_for)
    kept = {name: value for name, value in filled(others).items() if "_" not in name}
    return {**kept, **named, **({"kind": kind} if kind else {})}


def _numbered(value: object) -> Iterable[tuple[int, Json]]:
    return enumerate(mappings(value), start=1)


def _parts(source: Json, to: ProtocolVersion) -> list[dict[str, Any]]:
    return [convert_part(part, to) for part in mappings(source.get("parts"))]


def _state(state: TaskState, to: ProtocolVersion) -> str:
    if to is ProtocolVersion.V03:
        return state.value
    name = "UNSPECIFIED" if state is TaskState.UNKNOWN else state.name
    return f"TASK_STATE_{name}"


def _role(role: object, to: ProtocolVersion) -> str:
    """Whoever is not the user is the agent (`assistant` among them)."""
    name = "user" if text(role).lower() in ("user", "role_user") else "agent"
    return name if to is ProtocolVersion.V03 else f"ROLE_{name.upper()}"


def _timestamp(timestamp: object, to: ProtocolVersion) -> str:
    """0.3 takes any string; 1.0's is in UTC, and one that cannot be read is left out."""
    if to is ProtocolVersion.V03:
        return text(timestamp)
    moment = parse_timestamp(timestamp)
    if moment is None:
        return ""
    return str(timestamp) if _TIMESTAMP.fullmatch(str(timestamp)) else _rfc3339(moment)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
