"""Evo AI's two dialects: the push configs of its code and its web interface, and the webhooks of its documentation.

Both use 0.3's method name for `set`. The code's has 0.3's `pushNotificationConfig` with names of its own in it, and is told 0.3's Task,
whose parts bear `type` too. The documentation's has `config`, with a filter of events, headers, a schedule and a secret.
Source: EvolutionAPI/evo-ai 0.1.0 (run, tests/fixtures/wire/evoai.json); docs.evo-ai.co, "webhooks-agent-info", read only.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from relay.domain.authentication import evo_ai_result, read_secret
from relay.domain.conversion import convert
from relay.domain.custom_headers import read_headers
from relay.domain.fields import Fields
from relay.domain.protocol import Kind
from relay.domain.push_config import Dialect, PushConfig, RetryPolicy
from relay.domain.registration import Registration, registration
from relay.domain.task import Json, ProtocolVersion, Revision, RevisionHead, TaskState

CONFIG_ID = "evo-ai"  # of the task's one config of the code's dialect, unless the caller says another

EVENTS = ("task.submitted", "task.working", "task.completed", "task.failed", "task.canceled")
_OF_STATE = {
    TaskState.SUBMITTED: "task.submitted",
    TaskState.COMPLETED: "task.completed",
    TaskState.FAILED: "task.failed",
    TaskState.REJECTED: "task.failed",
    TaskState.CANCELED: "task.canceled",
}
_URLS, _AUTHENTICATIONS = ("url", "webhookUrl"), ("authentication", "webhookAuthenticationInfo")


def is_config(config: Fields) -> bool:
    """Whether the object of a 0.3 push config is in the words of Evo AI's code."""
    authentication = config.object("authentication")
    has_type = authentication is not None and authentication.value("type") is not None
    has_scheme = authentication is not None and bool(authentication.value("scheme") or authentication.value("schemes"))
    return any(config.value(name) is not None for name in ("webhookUrl", "webhookAuthenticationInfo")) or (has_type and not has_scheme)


def code_registration(config: Fields, *, task_id: str) -> Registration:
    """Raises: InvalidParamsError naming the field."""
    url, authentication = (next((name for name in names if config.value(name)), names[0]) for names in (_URLS, _AUTHENTICATIONS))
    version = ProtocolVersion.V03
    said = registration(config, task_id=task_id, tenant="", version=version, url=url, authentication=authentication)
    return replace(said, dialect=Dialect.EVO_AI, config_id=said.config_id or CONFIG_ID)


def parse_set(call: Fields, config: Fields) -> Registration:
    """The documentation's `set`. Raises: InvalidParamsError naming the field."""
    said = registration(config, task_id=call.identifier("taskId"), tenant="", version=ProtocolVersion.V03)
    return replace(
        said,
        dialect=Dialect.EVO_AI_EVENTS,
        config_id=config.identifier("configId") or said.config_id,
        secret=read_secret(config, "secret"),
        headers=read_headers(config.object("headers")),
        events=_events(config),
    )


def in_03s_words(kind: Kind, params: Json) -> Json:
    """The params of a call of 0.3 where Evo AI's clients have names of their own: `taskId` for the task, a part's `type` for its kind."""
    if kind in (Kind.GET_TASK, Kind.CANCEL) and not params.get("id") and isinstance(params.get("taskId"), str):
        return {**params, "id": params["taskId"]}
    message = params.get("message")
    parts = message.get("parts") if isinstance(message, dict) else None
    if kind is not Kind.SEND or not isinstance(parts, list) or not any(map(_has_type_alone, parts)):
        return params
    kinds = [{**part, "kind": part["type"]} if _has_type_alone(part) else part for part in parts]
    return {**params, "message": {**params["message"], "parts": kinds}}


def _has_type_alone(part: Any) -> bool:
    return isinstance(part, dict) and "kind" not in part and part.get("type") in ("text", "file", "data")


def event_of(state: TaskState) -> str:
    """Interrupted states are no event of their own: the task is still being worked on."""
    return _OF_STATE.get(state, "task.working")


def wants(events: Sequence[str], head: RevisionHead) -> bool:
    """Whether a config with that filter is to be told of a revision; that nothing more may come, each is."""
    return not events or head.ending is not None or event_of(head.state) in events


def members(config: PushConfig) -> Json:
    """A config as its own dialect gives it back."""
    task = {"taskId": config.key.task.task_id} if config.key.task.task_id else {}
    if config.dialect is Dialect.EVO_AI:
        described = {"url": config.url, "token": config.token, "authentication": evo_ai_result(config.authentication)}
        return {**task, "pushNotificationConfig": {name: value for name, value in described.items() if value}}
    described = {"headers": dict(config.headers), "retryPolicy": _schedule(config.retry_policy)}
    return {**set_members(config), **task, **{name: value for name, value in described.items() if value}}


def set_members(config: PushConfig) -> Json:
    """The answer to a `set`."""
    if config.dialect is Dialect.EVO_AI:
        return {"success": True, "taskId": config.key.task.task_id}
    return {"configured": True, "configId": config.key.config_id, "url": config.url, "events": list(config.events or EVENTS)}


def task_document(revision: Revision) -> dict[str, Any]:
    """0.3's Task whose parts bear `type`, as Evo AI's own do, beside `kind`."""
    return _with_types(convert(revision.snapshot, ProtocolVersion.V03).document)


def _events(config: Fields) -> tuple[str, ...]:
    given = [event for event in config.array("events") if event]
    for event in given:
        if event not in EVENTS:
            raise config.error("events", f"may hold {', '.join(EVENTS)}")
    return tuple(event for event in EVENTS if event in given)


def _schedule(policy: RetryPolicy | None) -> Json:
    if policy is None:
        return {}
    return {"maxRetries": policy.max_retries, "backoffMultiplier": policy.backoff_multiplier, "initialDelay": policy.initial_delay}


def _with_types(task: Json) -> dict[str, Any]:
    """Where 0.3 has parts: in artifacts, in messages, in the status's message."""
    status = task["status"]
    message = {"message": _typed(status["message"])} if isinstance(status.get("message"), dict) else {}
    lists = {name: [_typed(each) for each in task[name]] for name in ("artifacts", "history") if task.get(name)}
    return {**task, "status": {**status, **message}, **lists}


def _typed(holder: Json) -> Json:
    return {**holder, "parts": [{**part, "type": part.get("kind")} for part in holder.get("parts", [])]}
