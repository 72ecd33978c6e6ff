"""0.3's HTTP+JSON in the words of the proto, as a2a-sdk 0.3 speaks it: 0.3's tasks, messages and push configs there and back.

Beside 0.3's own JSON: states and roles are names of enums (`TASK_STATE_CANCELLED`), a message's parts are its `content`, no part has a
`kind`, a data part wraps its object, a file's bytes are encoded twice (the SDK puts the base64 text into a bytes field), and a config is
known by its `name`, `tasks/{task}/pushNotificationConfigs/{id}`. What is written holds nothing else: the SDK parses it strictly.

Source: A2A 0.3.0 `a2a.proto` in ProtoJSON; a2a-sdk 0.3.26 `utils/proto_utils.py`, and 1.3.0 `compat/v0_3`, which writes the fields in
snake_case.
"""

import base64
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any

from relay.domain.conversion import convert, convert_message
from relay.domain.fields import Fields
from relay.domain.lenient import filled, mapping, mappings, text, texts
from relay.domain.task import Json, ProtocolVersion, Snapshot

_FILE = {"url": "fileWithUri", "raw": "fileWithBytes"}


# --- as the SDK writes it


def proto_task(task: Json) -> dict[str, Any]:
    """A task, of any spelling."""
    document = convert(Snapshot(ProtocolVersion.V10, task), ProtocolVersion.V10).document
    status = document["status"]
    return {
        **document,
        "status": filled(
            [
                ("state", status["state"].replace("CANCELED", "CANCELLED")),
                ("message", _written_message(status["message"]) if "message" in status else None),
                ("timestamp", status.get("timestamp")),
            ]
        ),
        **filled(
            [
                ("artifacts", [{**artifact, "parts": _written_parts(artifact)} for artifact in document.get("artifacts", ())]),
                ("history", [_written_message(message) for message in document.get("history", ())]),
            ]
        ),
    }


def proto_message(message: Json) -> dict[str, Any]:
    """A message, of any spelling."""
    return _written_message(convert_message(message, ProtocolVersion.V10))


def proto_answer(result: Json) -> dict[str, Any]:
    """The answer to a send."""
    return {"message": proto_message(result)} if result.get("kind") == "message" else {"task": proto_task(result)}


def proto_config(result: Json) -> dict[str, Any]:
    """0.3's `TaskPushNotificationConfig`."""
    config = mapping(result.get("pushNotificationConfig"))
    return {"name": f"tasks/{result.get('taskId')}/pushNotificationConfigs/{config.get('id')}", "pushNotificationConfig": config}


def proto_send(params: Json) -> dict[str, Any]:
    """0.3's `MessageSendParams`."""
    configuration = mapping(params.get("configuration"))
    written = filled(
        [
            ("acceptedOutputModes", texts(configuration.get("acceptedOutputModes"))),
            ("pushNotification", configuration.get("pushNotificationConfig")),
            ("historyLength", configuration.get("historyLength")),
            ("blocking", configuration.get("blocking") or None),
        ]
    )
    return {
        "message": proto_message(mapping(params.get("message"))),
        **filled([("configuration", written), ("metadata", params.get("metadata"))]),
    }


# --- read


def is_proto_send(body: Json) -> bool:
    """Whether a send speaks the proto's words: its message has `content`, or is called by the field's own name."""
    message = _message(body)
    configuration = Fields(mapping(body.get("configuration")))
    return "request" in body or "content" in message or configuration.value("pushNotification") is not None


def is_proto_set(body: Json) -> bool:
    return isinstance(body.get("config"), Mapping)


def send_of_proto(body: Json) -> dict[str, Any]:
    """`MessageSendParams`; a member that is not said has the proto's default: do not block."""
    given = Fields(mapping(body.get("configuration")))
    configuration = filled(
        [
            ("acceptedOutputModes", given.value("acceptedOutputModes")),
            ("pushNotificationConfig", given.value("pushNotification")),
            ("historyLength", given.value("historyLength")),
        ]
    )
    return {
        "message": message_of_proto(_message(body)),
        "configuration": {**configuration, "blocking": given.value("blocking") or False},
        **filled([("metadata", body.get("metadata"))]),
    }


def config_of_proto(body: Json) -> dict[str, Any]:
    """The push config itself, with the id that the request names beside it."""
    said = Fields(mapping(body.get("config")))
    config = mapping(said.value("pushNotificationConfig"))
    config_id = text(config.get("id")) or text(Fields(body).value("configId"))
    return {**config, **({"id": config_id} if config_id else {})}


def answer_of_proto(document: Json) -> Json:
    """0.3's own answer to a send; what is no proto's stays as it is."""
    if isinstance(task := document.get("task"), dict):
        return task_of_proto(task)
    return message_of_proto(document["message"]) if isinstance(document.get("message"), dict) else document


def task_of_proto(task: Json) -> Json:
    """0.3's own task, of either spelling."""
    status = mapping(task.get("status"))
    message = status.get("message") or status.get("update")
    read = {
        **task,
        "status": {**status, "message": _read_message(message)} if isinstance(message, dict) else status,
        "artifacts": [{**artifact, "parts": _read_parts(artifact)} for artifact in mappings(task.get("artifacts"))],
        "history": [_read_message(said) for said in mappings(task.get("history"))],
    }
    return convert(Snapshot(ProtocolVersion.V03, read), ProtocolVersion.V03).document


def event_of_proto(document: Json) -> Json:
    """0.3's own word for what a stream tells, a `StreamResponse`; what is no proto's stays as it is."""
    told = Fields(document)
    if isinstance(task := told.value("task"), dict):
        return {"task": task_of_proto(task)}
    if isinstance(update := told.value("statusUpdate"), dict):
        read = task_of_proto({"id": _task_of(update), "status": mapping(update.get("status"))})
        return {"statusUpdate": {**update, "kind": "status-update", "taskId": read["id"], "status": read["status"]}}
    if isinstance(update := told.value("artifactUpdate"), dict):
        read = task_of_proto({"id": _task_of(update), "status": {}, "artifacts": [mapping(update.get("artifact"))]})
        return {"artifactUpdate": {**update, "kind": "artifact-update", "taskId": read["id"], "artifact": read["artifacts"][0]}}
    return {"kind": "message", **mapping(told.value("msg"))} if isinstance(told.value("msg"), dict) else document


def _task_of(update: Json) -> str:
    return text(Fields(update).value("taskId"))


def message_of_proto(message: Json) -> dict[str, Any]:
    """One without an id stays without: it is the agent's to refuse."""
    read = _read_message(message)
    told = convert_message(read, ProtocolVersion.V03)
    return told if "messageId" in read else {name: value for name, value in told.items() if name != "messageId"}


def _message(body: Json) -> Json:
    return mapping(body.get("message")) or mapping(body.get("request"))


def _read_message(message: Json) -> dict[str, Any]:
    given = Fields(message)
    named = {name: given.value(name) for name in ("messageId", "contextId", "taskId", "role", "metadata", "extensions")}
    return {**filled(named.items()), "parts": _read_parts(message)}


def _read_parts(source: Json) -> list[Json]:
    return [_read_part(part) for part in mappings(source.get("content")) or mappings(source.get("parts"))]


def _read_part(part: Json) -> Json:
    data, file = part.get("data"), part.get("file")
    if isinstance(data, dict) and "kind" not in part:
        return {**part, "kind": "data", "data": data.get("data", {}) if set(data) <= {"data"} else data}
    if not isinstance(file, dict) or "kind" in part:
        return part
    given = Fields(file)
    read = {name: given.value(name) for name in ("fileWithUri", "mimeType", "name")}
    return {**part, "file": filled([*read.items(), ("bytes", _once_encoded(given.value("fileWithBytes")))])}


def _once_encoded(value: Any) -> Any:
    """What the SDK has encoded twice; another writer's encodes once."""
    try:
        inner = base64.b64decode(value, validate=True)
        base64.b64decode(inner, validate=True)
        return inner.decode("ascii")
    except (Base64Error, ValueError, TypeError):
        return value


def _written_message(message: Json) -> dict[str, Any]:
    """`message` is 1.0's."""
    kept = {name: value for name, value in message.items() if name not in ("parts", "referenceTaskIds")}
    return {**kept, "content": _written_parts(message)}


def _written_parts(source: Json) -> list[dict[str, Any]]:
    return [_written_part(part) for part in source.get("parts", ())]


def _written_part(part: Json) -> dict[str, Any]:
    """`part` is 1.0's."""
    metadata = filled([("metadata", part.get("metadata"))])
    if "text" in part:
        return {"text": part["text"], **metadata}
    if "data" in part:
        data = part["data"] if isinstance(part["data"], dict) else {"value": part["data"]}
        return {"data": {"data": data}, **metadata}
    name = next(name for name in _FILE if name in part)
    value = base64.b64encode(part[name].encode()).decode() if name == "raw" else part[name]
    described = filled([("mimeType", part.get("mediaType")), ("name", part.get("filename"))])
    return {"file": {_FILE[name]: value, **described}, **metadata}
