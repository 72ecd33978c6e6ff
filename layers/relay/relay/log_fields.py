"""What a log line can say, and how each field is rendered: this is what keeps secrets out.

Of a URL the origin is told, of an error its types, where it arose and AWS's code; of nothing a body, a header or a `str` of an object.
"""

import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import PurePath
from typing import Any, TypedDict
from urllib.parse import urlsplit

from relay.domain.door import Caller
from relay.domain.errors import RelayError
from relay.domain.keys import AgentKey, ConfigKey, TaskKey

_MAX_TEXT = 256  # characters of a text that a stranger chose
_MAX_FRAMES = 12

Rendered = dict[str, Any]


class Fields(TypedDict, total=False):
    """All that a line can say. Texts are the relay's own words or a stranger's id, never a secret; a None is left out."""

    task: TaskKey | None
    config: ConfigKey | None
    webhook_id: str | None
    revision: int | None
    first: int | None
    last: int | None
    attempt: int | None
    state: str | None
    learnt_by: str | None
    caller: Caller | None
    agent: str | None
    agent_key: AgentKey | None
    strategy: str | None
    method: str | None
    dialect: str | None
    outcome: str | None
    reason: str | None
    parameter: str | None
    url: str | None
    http_status: int | None
    code: int | None
    count: int | None
    body_bytes: int | None
    took: timedelta | None
    delay: timedelta | None
    age: timedelta | None
    error: BaseException | None


def render(fields: Fields) -> Rendered:
    """The fields as members of a JSON object; a length of time becomes milliseconds and says so in its name."""
    found: Rendered = {}
    for name, value in fields.items():
        if value is not None:
            found |= _RENDERINGS[name](name, value)
    return found


def _text(name: str, value: object) -> Rendered:
    return {name: str(value)[:_MAX_TEXT]}


def _number(name: str, value: int) -> Rendered:
    return {name: int(value)}


def _caller(_: str, caller: Caller) -> Rendered:
    """The key's id is the start of its digest: it opens nothing."""
    found = {"owner": caller.owner, "key": caller.key_id}
    return {name: part[:_MAX_TEXT] for name, part in found.items() if part}


def _task(_: str, task: TaskKey) -> Rendered:
    found = {"owner": task.owner, "agent": task.agent, "tenant": task.tenant, "task": task.task_id}
    return {name: part[:_MAX_TEXT] for name, part in found.items() if part}


def _agent_key(_: str, agent: AgentKey) -> Rendered:
    return {"owner": agent.owner[:_MAX_TEXT], "agent": agent.agent[:_MAX_TEXT]}


def _config(name: str, config: ConfigKey) -> Rendered:
    return {**_task(name, config.task), "config": config.config_id[:_MAX_TEXT]}


def _origin(name: str, url: str) -> Rendered:
    """Scheme, host and port: user, path and query may hold secrets."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return {name: "<not a URL>"}
    host = f"[{host}]" if ":" in host else host
    return {name: f"{parts.scheme}://{host}{f':{port}' if port else ''}"[:_MAX_TEXT]}


def _milliseconds(name: str, length: timedelta) -> Rendered:
    return {f"{name}_ms": round(length.total_seconds() * 1000, 1)}


def _error(name: str, error: BaseException) -> Rendered:
    """The types down to the first cause, and where it arose, deepest frame last; a text only where the relay wrote it."""
    causes = _causes(error)
    frames = [frame for cause in causes for frame in traceback.extract_tb(cause.__traceback__)]
    found: Rendered = {
        name: [type(cause).__name__ for cause in causes],
        f"{name}_at": [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-_MAX_FRAMES:]],
    }
    if codes := [code for cause in causes if (code := _aws_code(cause))]:
        found[f"{name}_code"] = codes[0]
    if texts := [str(cause)[:_MAX_TEXT] for cause in causes if _is_safe_text(cause)]:
        found[f"{name}_text"] = texts[0]
    return found


def _causes(error: BaseException) -> list[BaseException]:
    found = [error]
    while (cause := found[-1].__cause__ or found[-1].__context__) is not None and cause not in found:
        found.append(cause)
    return found


def _aws_code(error: BaseException) -> str | None:
    response = getattr(error, "response", None)  # botocore's ClientError; only adapters know the class
    if not isinstance(response, dict) or not isinstance(response.get("Error"), dict):
        return None
    return f"{getattr(error, 'operation_name', '')}: {response['Error'].get('Code', '')}"[:_MAX_TEXT]


def _is_safe_text(error: BaseException) -> bool:
    """The relay's own words about itself. What it tells a caller about the caller's request may quote the request."""
    is_callers_fault = isinstance(error, RelayError) and error.http_status < 500
    return type(error).__module__.startswith("relay.") and not is_callers_fault


_RENDERINGS: Mapping[str, Callable[[str, Any], Rendered]] = {
    **dict.fromkeys(
        ("webhook_id", "state", "learnt_by", "agent", "strategy", "method", "dialect", "outcome", "reason", "parameter"), _text
    ),
    **dict.fromkeys(("revision", "first", "last", "attempt", "http_status", "code", "count", "body_bytes"), _number),
    **dict.fromkeys(("took", "delay", "age"), _milliseconds),
    "caller": _caller,
    "agent_key": _agent_key,
    "task": _task,
    "config": _config,
    "url": _origin,
    "error": _error,
}
