"""What a task of the relay's own says: made by the relay until the agent has answered, then the agent's words under the relay's ids.

Source: A2A 1.0 §4.1 (`Task`, `TaskStatus`, `Message`); A2A 0.3 §6.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from relay.domain.conversion import convert, convert_message
from relay.domain.lenient import mapping, mappings, text
from relay.domain.relay_task import RelayTask
from relay.domain.task import Json, ProtocolVersion, Snapshot, TaskState

_REFERENCES = "referenceTaskIds"


def begun(task: RelayTask, message: Json, version: ProtocolVersion) -> Snapshot:
    """The task as it begins: submitted, with the caller's message as its history."""
    document = {
        "id": task.key.task_id,
        "contextId": task.context_id,
        "status": {"state": TaskState.SUBMITTED.value, "timestamp": _timestamp(task.sent_at)},
        "history": [_ours(task, convert_message(message, version))],
    }
    return convert(Snapshot(version, document), version)


def heard(task: RelayTask, snapshot: Snapshot, message: Json, *, at: datetime) -> Snapshot:
    """The task at work, with the message in its history."""
    ours = _ours(task, convert_message(message, snapshot.version))
    history = mappings(snapshot.document.get("history"))
    if all(each.get("messageId") != ours["messageId"] for each in history):
        history = [*history, ours]
    return _with_status({**snapshot.document, "history": history}, TaskState.WORKING, version=snapshot.version, at=at)


def ended(snapshot: Snapshot, state: TaskState, *, at: datetime, told: str = "") -> Snapshot:
    """The task in a state that the relay gives it, with what the relay has to say."""
    version, document = snapshot.version, snapshot.document
    message: dict[str, Any] = {"messageId": f"{snapshot.task_id}-{state.value}", "role": "agent", "parts": [{"text": told}]}
    if not told:
        return _with_status(document, state, version=version, at=at)
    message |= {"taskId": snapshot.task_id, "contextId": snapshot.context_id}
    return _with_status(document, state, version=version, at=at, message=convert_message(message, version))


def answered_with_message(task: RelayTask, snapshot: Snapshot, result: Json, *, at: datetime) -> Snapshot:
    """A Message completes the task: as its status message, and as the last of its history."""
    version = snapshot.version
    message = convert_message(message_in(result), version)
    if message["messageId"] == "message":  # the agent gave it no id
        message["messageId"] = f"{task.key.task_id}-answer"
    message |= {"taskId": task.key.task_id, "contextId": task.context_id}
    history = [*mappings(snapshot.document.get("history")), message]
    return _with_status({**snapshot.document, "history": history}, TaskState.COMPLETED, version=version, at=at, message=message)


def answered_with_task(task: RelayTask, snapshot: Snapshot, answer: Snapshot) -> Snapshot:
    """The agent's task under the relay's ids. `snapshot` is the task as it was; its history is kept if the agent tells none."""
    told = convert(answer, snapshot.version)
    names = {answer.task_id: task.key.task_id, text(answer.document.get("contextId")): task.context_id}
    before = mappings(snapshot.document.get("history"))
    history: Sequence[Json] = mappings(told.document.get("history")) or before
    references = {text(message.get("messageId")): message.get(_REFERENCES) for message in before}
    status = mapping(told.document.get("status"))
    if isinstance(status.get("message"), dict):
        status = {**status, "message": _renamed(status["message"], names)}
    document = {
        **told.document,
        "id": task.key.task_id,
        "contextId": task.context_id,
        "status": status,
        **({"history": [_renamed(message, names, references) for message in history]} if history else {}),
    }
    return Snapshot(snapshot.version, document)


def message_in(result: Json) -> Json:
    """The Message that a send was answered with, bare or in 1.0's wrapper."""
    wrapped = result.get("message")
    return wrapped if isinstance(wrapped, dict) else result


def _with_status(document: Json, state: TaskState, *, version: ProtocolVersion, at: datetime, message: Json | None = None) -> Snapshot:
    status = {"state": state.value, "timestamp": _timestamp(at), **({"message": message} if message else {})}
    return convert(Snapshot(version, {**document, "status": status}), version)


def _ours(task: RelayTask, message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "taskId": task.key.task_id, "contextId": task.context_id}


def _renamed(message: Json, names: Mapping[str, str], references: Mapping[str, Any] = MappingProxyType({})) -> Json:
    """`references`: which tasks the callers' own messages, by their ids, have named; the agent got them by its own names."""
    given = {name: message[name] for name in ("taskId", "contextId") if message.get(name)}
    renamed: dict[str, Any] = {name: names.get(value, value) for name, value in given.items()}
    if found := references.get(text(message.get("messageId"))):
        renamed[_REFERENCES] = found
    elif found := message.get(_REFERENCES):
        renamed[_REFERENCES] = [names.get(each, each) for each in found]
    return {**message, **renamed}


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
