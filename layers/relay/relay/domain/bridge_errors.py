"""An agent's JSON-RPC error in the caller's version.

Source: A2A 1.0 §5.4 and §9.5 (`data` is an array that begins with ErrorInfo), A2A 0.3 §8 (`data` is free: here, as in the relay's own
errors, an object of the reason and its metadata).
"""

import json
from typing import Any

from relay.domain.jsonrpc import A2A_DOMAIN
from relay.domain.lenient import mapping, mappings, text
from relay.domain.task import Json, ProtocolVersion

METHOD_NOT_FOUND = -32601

_TASK_NOT_FOUND = -32001
_PRAISONAI_NOT_FOUND = -32000
_INVALID_PARAMS = -32602
_ERROR_INFO = "google.rpc.ErrorInfo"
_OTHER_DETAILS = "details"
REASONS = {
    -32700: "JSON_PARSE",
    -32600: "INVALID_REQUEST",
    -32601: "METHOD_NOT_FOUND",
    -32602: "INVALID_PARAMS",
    -32603: "INTERNAL",
    -32001: "TASK_NOT_FOUND",
    -32002: "TASK_NOT_CANCELABLE",
    -32003: "PUSH_NOTIFICATION_NOT_SUPPORTED",
    -32004: "UNSUPPORTED_OPERATION",
    -32005: "CONTENT_TYPE_NOT_SUPPORTED",
    -32006: "INVALID_AGENT_RESPONSE",
    -32007: "EXTENDED_AGENT_CARD_NOT_CONFIGURED",
    -32008: "EXTENSION_SUPPORT_REQUIRED",
    -32009: "VERSION_NOT_SUPPORTED",
}
# 0.3 ends at -32007. A client cannot mend the second: the version was the relay's to choose.
_IN_03 = {-32008: -32004, -32009: -32603}


def code_of(error: Json) -> int:
    """An error's code, -32603 when it has none that JSON-RPC allows."""
    code = error.get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else -32603


def is_task_not_found(error: Json) -> bool:
    """PraisonAI says it with a code of its own."""
    code = code_of(error)
    return code == _TASK_NOT_FOUND or (code == _PRAISONAI_NOT_FOUND and "not found" in text(error.get("message")).lower())


def is_ended_task(error: Json) -> bool:
    """A message came for a task that has ended. a2a-sdk's agents of 0.3 say so in their text alone; in 1.0 it is -32004 (§3.1.1)."""
    return code_of(error) == _INVALID_PARAMS and "terminal state" in text(error.get("message")).lower()


def bridge_error(error: Json, to: ProtocolVersion) -> dict[str, Any]:
    """The error as a caller of version `to` knows it. A code that neither version knows is the agent's own, and stays."""
    said = _TASK_NOT_FOUND if is_task_not_found(error) else code_of(error)
    code = _IN_03.get(said, said) if to is ProtocolVersion.V03 else said
    message = text(error.get("message")) or f"The agent answered with error {said}."
    if to is ProtocolVersion.V10:
        return {"code": code, "message": message, "data": _as_10(error.get("data"), REASONS.get(said, "UNKNOWN_ERROR"))}
    data = _as_03(error.get("data"))
    return {"code": code, "message": message, **({"data": data} if data is not None else {})}


def _as_10(data: Any, reason: str) -> list[Json]:
    """What 0.3 leaves free becomes ErrorInfo's metadata, whose values are texts."""
    details = mappings(data)
    if details and all("@type" in detail for detail in details):
        return details
    told = dict(data) if isinstance(data, dict) else {} if data is None else {"data": data}
    others = [detail for detail in mappings(told.get(_OTHER_DETAILS)) if "@type" in detail]
    if others:
        del told[_OTHER_DETAILS]
    info = {
        "@type": f"type.googleapis.com/{_ERROR_INFO}",
        "reason": text(told.pop("reason", None)) or reason,
        "domain": text(told.pop("domain", None)) or A2A_DOMAIN,
        "metadata": {name: value if isinstance(value, str) else json.dumps(value) for name, value in told.items() if value is not None},
    }
    return [info, *others]


def _as_03(data: Any) -> Any:
    """What is no array of details is free already."""
    details = mappings(data)
    info = next((detail for detail in details if text(detail.get("@type")).endswith(_ERROR_INFO)), None)
    if info is None:
        return data
    domain = text(info.get("domain"))
    others = [detail for detail in details if detail is not info]
    return {
        **mapping(info.get("metadata")),
        "reason": text(info.get("reason")),
        **({"domain": domain} if domain not in ("", A2A_DOMAIN) else {}),
        **({_OTHER_DETAILS: others} if others else {}),
    }
