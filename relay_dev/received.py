"""What a receiver makes of one POST: who it is about, whether token and signature hold, in which dialect it came.

Sources: A2A 1.0 §4.3.3 (`StreamResponse` bodies), A2A 0.3 §9.5 (a bare Task), Standard Webhooks 1.0.0 (the signature `v1`, judged by the
stock `standardwebhooks` library; `v1a` by `published_keys`).
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from standardwebhooks import Webhook, WebhookVerificationError

from relay.domain.endings import ENDED
from relay.domain.notification import REDRIVEN_HEADER
from relay.domain.push_config import Dialect
from relay.domain.task import TaskState
from relay_dev.shown import counted

TOKEN_HEADERS = ("x-a2a-notification-token", "a2a-notification-token")

TokenCheck = Literal["ok", "wrong", "none", "unchecked"]
SignatureCheck = Literal["verified", "wrong", "none", "unchecked"]

V1A = "v1a,"  # begins an asymmetric signature

_STREAM_RESPONSES = ("task", "statusUpdate", "artifactUpdate", "message")  # 1.0: a body holds exactly one of them


@dataclass(frozen=True)
class Notification:
    """One POST as it was received and answered; header names are in lower case."""

    timestamp: datetime
    path: str
    headers: Mapping[str, str]
    body: bytes
    payload: Mapping[str, Any] | None  # None: the body is no JSON object
    task_id: str
    state: str  # as in 0.3, `input-required`; empty when the body tells none
    artifacts: int
    dialect: Dialect | None
    webhook_id: str
    revision: str
    attempt: int
    token: TokenCheck
    signature: SignatureCheck  # `v1`, by the secret
    v1a: SignatureCheck  # by the relay's public keys
    status: int  # what it was answered with
    is_duplicate: bool  # this webhook-id was already accepted

    @property
    def is_accepted(self) -> bool:
        return 200 <= self.status < 300

    def as_json(self) -> dict[str, Any]:
        """What `GET /notifications` lists."""
        return {
            "timestamp": self.timestamp.isoformat(),
            "path": self.path,
            "headers": dict(self.headers),
            "payload": self.payload,
            "task_id": self.task_id,
            "state": self.state,
            "artifacts": self.artifacts,
            "dialect": self.dialect,
            "webhook_id": self.webhook_id,
            "revision": self.revision,
            "attempt": self.attempt,
            "token": self.token,
            "signature": self.signature,
            "v1a": self.v1a,
            "status": self.status,
            "duplicate": self.is_duplicate,
        }

    def as_line(self) -> str:
        """One line for people, in local time; what a stranger sent cannot break it."""
        parts = [
            f"{self.timestamp.astimezone():%H:%M:%S}.{self.timestamp.microsecond // 1000:03d}",
            f"{self.state or '-':<14}",
            f"task {self.task_id or '-'}",
            f"{counted(self.artifacts, 'artifact'):<11}",
            f"webhook-id {self.webhook_id or '-'}",
            f"revision {self.revision or '-'}",
            f"attempt {self.attempt}",
            f"token {self.token}",
            f"signature {self.signature}",
            f"v1a {self.v1a}",
            self.dialect or "unknown dialect",
            f"-> {self.status}",
            *self._remarks(),
        ]
        text = "  ".join(parts)
        return "".join(character if character.isprintable() else "?" for character in text)

    def _remarks(self) -> list[str]:
        """What is out of the ordinary: an operator sent it, nothing more may come, it was there before."""
        ended = self.headers.get(ENDED.lower(), "")
        return [
            *(["redriven"] if REDRIVEN_HEADER.lower() in self.headers else []),
            *([f"ended {ended}"] if ended else []),
            *(["duplicate"] if self.is_duplicate else []),
        ]


@dataclass(frozen=True)
class Reading:
    """What a body says."""

    task_id: str = ""
    state: str = ""
    artifacts: int = 0
    dialect: Dialect | None = None


def parse_body(body: bytes) -> Mapping[str, Any] | None:
    """The JSON object of a body, or None when it is none."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def read(payload: Mapping[str, Any]) -> Reading:
    """Both versions' bodies; of an object in no known form only the dialect stays unknown."""
    for name in _STREAM_RESPONSES:
        inner = payload.get(name)
        if isinstance(inner, dict):
            return _read_task_or_event(inner, Dialect.A2A_V10)
    looks_like_v03 = isinstance(payload.get("kind"), str) or isinstance(payload.get("status"), dict)
    return _read_task_or_event(payload, Dialect.A2A_V03 if looks_like_v03 else None)


def _read_task_or_event(found: Mapping[str, Any], dialect: Dialect | None) -> Reading:
    status = found.get("status")
    state = status.get("state") if isinstance(status, dict) else None
    artifacts = found.get("artifacts")
    return Reading(
        task_id=next((str(found[name]) for name in ("taskId", "id", "task_id") if found.get(name)), ""),
        state=TaskState.parse(state).value if isinstance(state, str) else "",
        artifacts=len(artifacts) if isinstance(artifacts, list) else int("artifact" in found),
        dialect=dialect,
    )


def check_token(expected: str, headers: Mapping[str, str]) -> TokenCheck:
    """Both names of the header count, and both must hold; compared in constant time."""
    found = [headers[name] for name in TOKEN_HEADERS if name in headers]
    if not found:
        return "none"
    if not expected:
        return "unchecked"
    return "ok" if all(hmac.compare_digest(token.encode(), expected.encode()) for token in found) else "wrong"


def check_signature(webhook: Webhook | None, body: bytes, headers: Mapping[str, str]) -> SignatureCheck:
    """Judged by the stock library: bytes, id and a timestamp of the last 5 minutes. `v1a` alone is none that a secret could make."""
    if all(token.startswith(V1A) for token in headers.get("webhook-signature", V1A).split(" ")):
        return "none"
    if webhook is None:
        return "unchecked"
    try:
        webhook.verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: how the library meets a malformed signature or a body that is no UTF-8
        return "wrong"
    return "verified"


def webhook_with(secret: str) -> Webhook | None:
    """The stock verifier for a secret as it was registered: base64 after `whsec_`, else its UTF-8 bytes; None without a secret.

    Raises: ValueError when what follows `whsec_` is no base64, or nothing.
    """
    if not secret:
        return None
    whsec = secret if secret.startswith("whsec_") else "whsec_" + b64encode(secret.encode()).decode()
    if whsec == "whsec_":
        raise ValueError("the secret is empty")
    return Webhook(whsec)
