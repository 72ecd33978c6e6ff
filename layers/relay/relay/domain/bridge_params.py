"""A call's params in the agent's version.

Source: A2A 1.0 §3.1 (`SendMessageRequest`, `GetTaskRequest`, `ListTasksRequest`, `CancelTaskRequest`), A2A 0.3 §7 (`MessageSendParams`,
`TaskQueryParams`, `TaskIdParams`); `tasks/list` as PraisonAI and a2akit have it. Only what the specification names crosses; what a caller
says is judged and never mended, since a mended message would be another one.
"""

from collections.abc import Callable, Mapping
from typing import Any

from relay.domain.conversion import convert_message
from relay.domain.fields import Fields
from relay.domain.lenient import filled
from relay.domain.paging import MAX_PAGE_SIZE
from relay.domain.parts import holds_content
from relay.domain.protocol import Kind
from relay.domain.sends import CONFIG_MEMBER, NON_BLOCKING
from relay.domain.task import Json, ProtocolVersion, TaskState

_MAX_TEXT = 4096
_ROLES = ("user", "agent", "ROLE_USER", "ROLE_AGENT")
_PART_MEMBERS = ("kind", "type", "text", "data", "raw", "url", "fileWithUri", "fileWithBytes", "name", "filename", "mediaType", "mimeType")
_FILE_MEMBERS = ("bytes", "uri", "fileWithUri", "fileWithBytes", "name", "mimeType")


def bridge_params(kind: Kind, params: Json, to: ProtocolVersion) -> dict[str, Any]:
    """The params of a call of `kind` for an agent of version `to`, from those of the other version; a send's are non-blocking there.

    Raises: InvalidParamsError naming the field.
    """
    bridge = _BRIDGES.get(kind)
    return bridge(Fields(params), to) if bridge else {}


def check_params(kind: Kind, params: Json) -> None:
    """Refuse what is wrong in both versions, whichever the agent speaks: some have no better word for it than HTTP 500.

    So a2akit 0.0.32 for a state that is none, and PraisonAI 1.7.17 for an id that is no text. Raises: InvalidParamsError naming the field.
    """
    call = Fields(params)
    if kind is Kind.LIST_TASKS:
        _list_tasks(call, ProtocolVersion.V10)
    elif kind in (Kind.GET_TASK, Kind.CANCEL):
        if not call.text("id", max_length=_MAX_TEXT):
            raise call.error("id", "is required")
        read_history_length(call)
        _metadata(call)


def _callback(configuration: Fields, to: ProtocolVersion) -> Json:
    """The relay's own: callers' push configs go to no agent."""
    config = next((found for name in CONFIG_MEMBER.values() if (found := configuration.object(name))), None)
    return {CONFIG_MEMBER[to]: config.document} if config else {}


def wants_pages(params: Json) -> bool:
    """Whether a caller of 0.3's `tasks/list` knows pages, as a2akit does; PraisonAI knows one array."""
    call = Fields(params)
    return call.value("pageSize") is not None or call.value("pageToken") is not None


def _send(call: Fields, to: ProtocolVersion) -> dict[str, Any]:
    message = call.object("message")
    if message is None:
        raise call.error("message", "is required")
    configuration = call.object("configuration") or Fields({}, "configuration")
    modes = _texts(configuration, "acceptedOutputModes")
    bridged = convert_message(_message(message), to)
    if to is ProtocolVersion.V03:
        bridged["parts"] = [_for_praisonai(part) for part in bridged["parts"]]
    return {
        "message": bridged,
        "configuration": {**({"acceptedOutputModes": modes} if modes else {}), **NON_BLOCKING[to], **_callback(configuration, to)},
        **_metadata(call),
    }


def _get_task(call: Fields, to: ProtocolVersion) -> dict[str, Any]:
    """0.3's SDK takes a length of 0 as no limit at all; its metadata have no place in 1.0."""
    history_length = read_history_length(call)
    wanted = {"id": call.required_identifier("id")}
    if history_length is None or (to is ProtocolVersion.V10 and history_length == 0):
        return wanted
    return {**wanted, "historyLength": history_length}


def _cancel(call: Fields, _to: ProtocolVersion) -> dict[str, Any]:
    return {"id": call.required_identifier("id"), **_metadata(call)}


def _list_tasks(call: Fields, to: ProtocolVersion) -> dict[str, Any]:
    """A caller of 0.3 that knows no pages gets large ones, and artifacts, as PraisonAI gives them."""
    state = read_state(call)
    wanted: dict[str, Any] = filled(
        [
            ("contextId", call.text("contextId", max_length=_MAX_TEXT)),
            ("status", state and _state(state, to)),
            ("pageSize", read_page_size(call)),
            ("pageToken", call.text("pageToken", max_length=_MAX_TEXT)),
            ("historyLength", read_history_length(call)),
            ("statusTimestampAfter", call.text("statusTimestampAfter", max_length=_MAX_TEXT)),
            ("includeArtifacts", call.truth("includeArtifacts")),
        ]
    )
    usual = {"pageSize": MAX_PAGE_SIZE, "includeArtifacts": True} if to is ProtocolVersion.V10 and not wants_pages(call.document) else {}
    return usual | wanted


_BRIDGES: Mapping[Kind, Callable[[Fields, ProtocolVersion], dict[str, Any]]] = {
    Kind.SEND: _send,
    Kind.GET_TASK: _get_task,
    Kind.CANCEL: _cancel,
    Kind.LIST_TASKS: _list_tasks,
}


def read_history_length(call: Fields) -> int | None:
    """Raises: InvalidParamsError."""
    history_length = call.integer("historyLength")
    if history_length is not None and history_length < 0:
        raise call.error("historyLength", "must not be negative")
    return history_length


def read_page_size(call: Fields) -> int | None:
    """None for the default. Raises: InvalidParamsError."""
    page_size = call.integer("pageSize")
    if page_size is not None and not 0 <= page_size <= MAX_PAGE_SIZE:
        raise call.error("pageSize", f"must be 1 to {MAX_PAGE_SIZE}")
    return page_size or None


def read_state(call: Fields) -> TaskState | None:
    """The state that listed tasks shall be in; None for any. Raises: InvalidParamsError."""
    said = call.text("status", max_length=_MAX_TEXT)
    state = TaskState.parse(said)
    if state is TaskState.UNKNOWN and said not in ("", "unknown", "TASK_STATE_UNSPECIFIED"):
        raise call.error("status", "is no state of a task")
    return None if state is TaskState.UNKNOWN else state


def _state(state: TaskState, to: ProtocolVersion) -> str:
    return state.value if to is ProtocolVersion.V03 else f"TASK_STATE_{state.name}"


def _message(message: Fields) -> dict[str, Any]:
    """What the specification names, in camelCase. Raises: InvalidParamsError."""
    message_id = message.text("messageId", max_length=_MAX_TEXT)
    if not message_id:
        raise message.error("messageId", "is required")
    if message.value("role") not in _ROLES:
        raise message.error("role", "must be the user's or the agent's")
    return filled(
        [
            ("messageId", message_id),
            ("role", message.value("role")),
            ("parts", _parts(message)),
            ("contextId", message.text("contextId", max_length=_MAX_TEXT)),
            ("taskId", message.identifier("taskId")),
            *_metadata(message).items(),
            ("extensions", _texts(message, "extensions")),
            ("referenceTaskIds", _texts(message, "referenceTaskIds")),
        ]
    )


def _parts(message: Fields) -> list[dict[str, Any]]:
    parts = message.array("parts")
    if not parts:
        raise message.error("parts", "is required")
    return [_part(part, message, index) for index, part in enumerate(parts)]


def _part(part: Any, message: Fields, index: int) -> dict[str, Any]:
    if not isinstance(part, Mapping):
        raise message.error("parts", f"holds at {index} what is no object")
    given = Fields(part, f"{message.path_of('parts')}[{index}]")
    named = _named(given, _PART_MEMBERS) | _metadata(given)
    if file := given.object("file"):
        named["file"] = _named(file, _FILE_MEMBERS)
    if "data" in part:  # null is a value
        named["data"] = part["data"]
    if not holds_content(named):
        raise message.error("parts", f"holds at {index} neither text, file nor data")
    return named


def _named(given: Fields, members: tuple[str, ...]) -> dict[str, Any]:
    values = ((name, given.value(name)) for name in members)
    return {name: value for name, value in values if value is not None}


def _for_praisonai(part: dict[str, Any]) -> dict[str, Any]:
    """PraisonAI sees a file only by its own names, which 0.3's SDKs pass over."""
    file = part.get("file") or {}
    if "uri" not in file:
        return part
    return {**part, "fileWithUri": file["uri"], **filled([("mediaType", file.get("mimeType")), ("name", file.get("name"))])}


def _metadata(call: Fields) -> dict[str, Any]:
    metadata = call.object("metadata")
    return {"metadata": dict(metadata.document)} if metadata and metadata.document else {}


def _texts(call: Fields, name: str) -> list[str]:
    given = call.array(name)
    if not all(isinstance(item, str) for item in given):
        raise call.error(name, "must be an array of strings")
    return [item for item in given if item]
