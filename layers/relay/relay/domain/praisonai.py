"""PraisonAI's dialect: 0.3's method names with flat params, configs by task, its own spelling of states.

A config is one of a task's, named by the task alone: a second `set` replaces the first. It may name a task that does not exist yet.
Source: praisonaiagents 1.7.17 and its documentation, "A2A push notifications", as recorded on the wire (tests/fixtures/wire).
"""

import hmac
from dataclasses import replace
from typing import Any

from relay.domain.authentication import authentication_result, read_secret
from relay.domain.conversion import convert
from relay.domain.errors import InvalidParamsError
from relay.domain.fields import Fields
from relay.domain.push_config import Dialect, PushConfig
from relay.domain.registration import ConfigRef, Registration, registration
from relay.domain.task import Json, ProtocolVersion, Revision

CONFIG_ID = "praisonai"  # of the task's one config, unless the caller says another
TOKEN_HEADER = "X-Webhook-Token"  # noqa: S105 (a header's name)
SIGNATURE_HEADER = "X-Webhook-Signature"

_STATES = {"canceled": "cancelled", "input-required": "input_required", "auth-required": "auth_required"}


def parse_set(call: Fields) -> Registration:
    """A slash `set` with its URL at the top. Raises: InvalidParamsError; one that lacks the task or the URL in PraisonAI's words."""
    if not call.value("taskId") or not call.value("url"):
        raise InvalidParamsError("taskId and url required", field="url" if call.value("taskId") else "taskId")
    said = registration(call, task_id=call.required_identifier("taskId"), tenant="", version=ProtocolVersion.V10)
    return replace(said, dialect=Dialect.PRAISONAI, config_id=said.config_id or CONFIG_ID, secret=read_secret(call, "secret"))


def parse_ref(call: Fields) -> ConfigRef:
    """Get and delete by the task alone; a config's id is honoured, and Evo AI's `configId` says one. Raises: InvalidParamsError."""
    config_id = call.identifier("pushNotificationConfigId") or call.identifier("configId")
    return ConfigRef(call.identifier("taskId"), "", config_id, is_by_task=True)


def members(config: PushConfig) -> Json:
    """A config as PraisonAI's server gives it back: what was not said is null or empty, never absent."""
    return {
        "taskId": config.key.task.task_id,
        "url": config.url,
        "token": config.token or None,
        "authentication": authentication_result(config.authentication, ProtocolVersion.V10) or {},
        "id": config.key.config_id,
    }


def document(revision: Revision) -> Json:
    """0.3's Task and, at its top, what PraisonAI's receivers read: `taskId`, `status.state`, `timestamp`."""
    task: dict[str, Any] = dict(spelled(convert(revision.snapshot, ProtocolVersion.V03).document))
    arrived = revision.view.arrived_at.isoformat()
    return {**task, "taskId": task["id"], "timestamp": task["status"].get("timestamp") or arrived}


def spelled(task: Json) -> Json:
    """A task of 0.3 with its state in PraisonAI's spelling."""
    status = task["status"]
    return {**task, "status": {**status, "state": _STATES.get(status["state"], status["state"])}}


def headers(config: PushConfig, body: bytes) -> list[tuple[str, str]]:
    """The token under PraisonAI's name for it, and its signature: no time in it, so it protects from no replay; Standard Webhooks' does."""
    found = [(TOKEN_HEADER, config.token)] if config.token else []
    return [*found, (SIGNATURE_HEADER, signature(config.signing_secret, body))] if config.signing_secret else found


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 over exactly the body; the secret's UTF-8 bytes are the key, whatever they spell."""
    return "sha256=" + hmac.digest(secret.encode("utf-8"), body, "sha256").hex()
