"""A message on its way to the agent, and the answer on its way back.

Source: A2A 1.0 §3.1.1, §3.2.2 (`SendMessageConfiguration`) and §3.2.4 (history length); A2A 0.3 §7.1; design §7 "Sends". A send is
forwarded non-blocking and without `historyLength`, so that its answer is a full view; the relay waits, and cuts the history, itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from relay.domain import evo_ai
from relay.domain.errors import InvalidAgentResponseError
from relay.domain.fields import Fields, snake_case
from relay.domain.keys import fits_key
from relay.domain.push_config import Dialect
from relay.domain.registration import Registration, registration
from relay.domain.task import Json, ProtocolVersion, Snapshot

# 1.0 settled on the first; 0.3 and the release candidates of 1.0 say the second.
_INLINE_CONFIG = ("taskPushNotificationConfig", "pushNotificationConfig")
CONFIG_MEMBER = {ProtocolVersion.V10: "taskPushNotificationConfig", ProtocolVersion.V03: "pushNotificationConfig"}
_BESIDE = "pushNotificationConfig"
_OURS = frozenset({*_INLINE_CONFIG, "historyLength", "returnImmediately", "blocking"})
_OURS_IN_ANY_SPELLING = _OURS | {snake_case(name) for name in _OURS}
NON_BLOCKING: dict[ProtocolVersion, Json] = {
    ProtocolVersion.V10: {"returnImmediately": True},
    # a2a-sdk and a2akit read the first, PraisonAI the second; each ignores the other.
    ProtocolVersion.V03: {"blocking": False, "returnImmediately": True},
}


@dataclass(frozen=True)
class Send:
    """One send. `task_id` is the task its message continues, empty for a new one; `waits` says whether the caller wants the result.

    `forwarded` are the params for the agent: the caller's, made non-blocking, without the inline config and without `historyLength`.
    """

    message_id: str
    task_id: str
    tenant: str
    inline: Registration | None
    history_length: int | None
    waits: bool
    forwarded: Json = field(repr=False)


def parse_send(params: Json, version: ProtocolVersion, *, is_a2akits: bool = False) -> Send:
    """What the message itself holds is the agent's to judge, except its ids. Raises: InvalidParamsError naming the field.

    `is_a2akits`: the client says that it does not want to wait by leaving `configuration` out.
    """
    call = Fields(params)
    message = call.object("message")
    if message is None:
        raise call.error("message", "is required")
    task_id = message.identifier("taskId")
    tenant = call.identifier("tenant") if version is ProtocolVersion.V10 else ""
    configuration = call.object("configuration") or Fields({}, "configuration")
    inline = _inline_config(call, configuration, task_id=task_id, tenant=tenant, version=version)
    return Send(
        message_id=message.text("messageId", max_length=4096),
        task_id=task_id,
        tenant=tenant,
        inline=inline,
        history_length=_history_length(configuration),
        waits=_waits(configuration, inline, version) and not (is_a2akits and not configuration.document),
        forwarded={**_without_config(params, version), "configuration": _forwarded(configuration.document, version)},
    )


def with_callback(params: Json, version: ProtocolVersion, config: Json) -> Json:
    """The params of a forwarded send with the relay's own push config: a caller's is never among them."""
    return {**params, "configuration": {**params["configuration"], CONFIG_MEMBER[version]: config}}


def cut_history(document: Json, history_length: int | None) -> Json:
    """The task with the last `history_length` messages of its history; None leaves it as it is, 0 takes the history away."""
    history = document.get("history")
    if history_length is None or not isinstance(history, list):
        return document
    if history_length == 0:
        return {name: value for name, value in document.items() if name != "history"}
    return {**document, "history": history[-history_length:]}


def task_of_answer(result: Any, version: ProtocolVersion) -> Snapshot | None:
    """The task an agent answered a send with, or None when it answered with a Message.

    Both are known by 0.3's `kind`, else by their shape, else by 1.0's wrapper, whatever the version: agents mix them.

    Raises: InvalidAgentResponseError when it is neither, or its task has no id the relay could keep.
    """
    if not isinstance(result, Mapping):
        raise _no_answer()
    kind = result.get("kind") or _kind_by_shape(result)
    if kind == "task":
        return _snapshot(result, version)
    if isinstance(task := result.get("task"), Mapping):
        return _snapshot(task, version)
    if kind == "message" or isinstance(result.get("message"), Mapping):
        return None
    raise _no_answer()


def answer_with(snapshot: Snapshot) -> Json:
    """The result of a send that is this task."""
    return {"task": snapshot.document} if snapshot.version is ProtocolVersion.V10 else snapshot.document


def _inline_config(call: Fields, configuration: Fields, *, task_id: str, tenant: str, version: ProtocolVersion) -> Registration | None:
    """The config's own task id and tenant do not count: it belongs to the task of this send. Evo AI may have it beside the message."""
    for name in _INLINE_CONFIG:
        if config := configuration.object(name):
            if version is ProtocolVersion.V03 and evo_ai.is_config(config):
                return evo_ai.code_registration(config, task_id=task_id)
            return registration(config, task_id=task_id, tenant=tenant, version=version)
    if version is ProtocolVersion.V03 and (config := call.object(_BESIDE)):
        return evo_ai.code_registration(config, task_id=task_id)
    return None


def _history_length(configuration: Fields) -> int | None:
    history_length = configuration.integer("historyLength")
    if history_length is not None and history_length < 0:
        raise configuration.error("historyLength", "must not be negative")
    return history_length


def _waits(configuration: Fields, inline: Registration | None, version: ProtocolVersion) -> bool:
    blocking = configuration.truth("blocking")
    if configuration.truth("returnImmediately"):
        return False
    if blocking is not None:
        return blocking
    # a2akit 0.0.32 says "do not block" in 0.3 by leaving `blocking` out beside an inline config. Evo AI's agents always block.
    return version is ProtocolVersion.V10 or inline is None or inline.dialect is Dialect.EVO_AI


def _without_config(params: Json, version: ProtocolVersion) -> Json:
    if version is ProtocolVersion.V10:
        return params
    return {name: value for name, value in params.items() if name not in (_BESIDE, snake_case(_BESIDE))}


def _forwarded(configuration: Json, version: ProtocolVersion) -> Json:
    kept = {name: value for name, value in configuration.items() if name not in _OURS_IN_ANY_SPELLING}
    return {**kept, **NON_BLOCKING[version]}


def _no_answer() -> InvalidAgentResponseError:
    return InvalidAgentResponseError("The agent answered with neither a task nor a message.")


def _kind_by_shape(result: Json) -> str:
    if "id" in result and "status" in result:
        return "task"
    return "message" if "messageId" in result and "parts" in result else ""


def _snapshot(document: Json, version: ProtocolVersion) -> Snapshot:
    task_id = document.get("id")
    if not isinstance(task_id, str) or not fits_key(task_id):
        raise InvalidAgentResponseError("The agent answered with a task that has no id, or one too long to keep.")
    if not isinstance(document.get("status") or {}, Mapping):
        raise InvalidAgentResponseError("The agent answered with a task whose status is no object.")
    return Snapshot(version, document)
