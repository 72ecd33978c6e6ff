"""What each system's receiver reads of a POST, as its unmodified code was run and recorded on 2026-11-20; written down in our own words.

a2a-handler 0.4.0 and 0.1.16, the receiver of a2akit's push example, the webhook handlers in PraisonAI's documentation. What each made
of each body is the table in `tests/unit/test_receivers.py`.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Headers = Mapping[str, str]  # names in lower case


@dataclass(frozen=True)
class Read:
    """How it answered, and what it made of the body; None where it found nothing."""

    status: int
    task_id: str | None = None
    state: str | None = None
    artifacts: int = 0


Receiver = Callable[[bytes, Headers], Read]


def handler_0_4(body: bytes, headers: Headers, *, token: str = "") -> Read:
    """Both versions' bodies; with `--token`, 401 unless the header has it."""
    if token and headers.get("x-a2a-notification-token") != token:
        return Read(401)
    payload = _object(body)
    if payload is None:
        return Read(400)
    for name, id_name in (("task", "id"), ("statusUpdate", "taskId"), ("artifactUpdate", "taskId"), ("message", "taskId")):
        if isinstance(payload.get(name), dict):
            return Read(200, payload[name].get(id_name), _plain_state(payload[name]))
    task_id = payload.get("id") or payload.get("taskId") or payload.get("task_id")
    return Read(200, task_id, _plain_state(payload))


def handler_0_1(body: bytes, headers: Headers) -> Read:
    """Only what stands at the top: `id` or `task_id`, and `status.state`."""
    payload = _object(body)
    if payload is None:
        return Read(400)
    return Read(200, payload.get("id") or payload.get("task_id"), _state(payload))


def a2akit_example(body: bytes, headers: Headers, *, token: str = "my-secret-token") -> Read:
    """401 unless the header has its token; then `id`, `status.state` and the artifacts at the top."""
    if headers.get("x-a2a-notification-token") != token:
        return Read(401)
    payload = _object(body)
    if payload is None:
        return Read(500)
    texts = [part["text"] for artifact in payload.get("artifacts", []) for part in artifact["parts"] if part.get("kind") == "text"]
    return Read(200, payload.get("id"), _state(payload), len(texts))


def praisonai_handler(body: bytes, headers: Headers) -> Read:
    """`taskId` and `status.state` at the top; without them it fails."""
    try:
        payload = json.loads(body)
        return Read(200, payload["taskId"], payload["status"]["state"])
    except (KeyError, TypeError, ValueError):
        return Read(500)


def praisonai_secure_handler(body: bytes, headers: Headers, *, token: str = "", secret: str = "") -> Read:
    """The documented checks before that: a token compared in constant time, or `sha256=` and the HMAC of the raw body in hex."""
    if token and not hmac.compare_digest(headers.get("x-webhook-token", ""), token):
        return Read(401)
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if secret and not hmac.compare_digest(headers.get("x-webhook-signature", ""), expected):
        return Read(401)
    return praisonai_handler(body, headers)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        payload = json.loads(body)
    except ValueError:
        return None
    return payload if isinstance(payload, dict) else None


def _state(found: Mapping[str, Any]) -> str | None:
    status = found.get("status")
    state: str | None = status.get("state") if isinstance(status, dict) else None
    return state


def _plain_state(found: Mapping[str, Any]) -> str | None:
    state = _state(found)
    return state.removeprefix("TASK_STATE_").lower() if state else None
