"""What a webhook of Evo AI's documentation looks like: **our reading of its page**.

Its sections on headers, payload and signature could not be had, and no byte was compared with Evo AI's own. That is why the names are
settable (`EvoWebhookHeaders`, `EvoWebhookMembers`).

Source: docs.evo-ai.co, "webhooks-agent-info": the events and their data; PraisonAI's documentation for how a signature is written.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from relay.domain import praisonai
from relay.domain.custom_headers import is_free
from relay.domain.evo_ai import event_of, task_document
from relay.domain.packing import PackedRevision
from relay.domain.push_config import Dialect, PushConfig
from relay.domain.task import Json, Revision, RevisionHead, TaskState

_AT = {
    "task.submitted": "submittedAt",
    "task.working": "startedAt",
    "task.completed": "completedAt",
    "task.failed": "failedAt",
    "task.canceled": "canceledAt",
}
_WITH_DURATION = ("task.completed", "task.failed")


@dataclass(frozen=True)
class EvoNames:
    """The names of the headers, and of the members of the envelope, in the order of the two settings."""

    event_header: str = "X-Webhook-Event"
    delivery_header: str = "X-Webhook-Delivery"
    timestamp_header: str = "X-Webhook-Timestamp"
    signature_header: str = "X-Webhook-Signature"
    event: str = "event"
    timestamp: str = "timestamp"
    delivery_id: str = "deliveryId"
    data: str = "data"


EVO_NAMES = EvoNames()
_Names = TypeVar("_Names", bound=tuple[str, ...])
_OF_THE_TASK = frozenset({"id", "taskId", "contextId", "kind", "status", "artifacts", "history", "metadata"})


def check_headers(names: _Names) -> _Names:
    """Raises: ValueError naming one that means something else on the relay's POSTs, or is there twice."""
    for name in names:
        if not is_free(name):
            raise ValueError(f"{name} is a header that says something else")
    if len({name.lower() for name in names}) < len(names):
        raise ValueError("each header needs a name of its own")
    return names


def check_members(names: _Names) -> _Names:
    """Raises: ValueError naming one that the task around the envelope has, or is there twice."""
    if taken := [name for name in names if name in _OF_THE_TASK]:
        raise ValueError(f"{taken[0]} is a member of the task itself")
    if len(set(names)) < len(names):
        raise ValueError("each member needs a name of its own")
    return names


def tells_duration(config: PushConfig, last: RevisionHead) -> bool:
    """Whether what the config is told of that revision has a duration in it."""
    return config.dialect is Dialect.EVO_AI_EVENTS and event_of(last.state) in _WITH_DURATION


def lasted(first: PackedRevision, last: PackedRevision) -> timedelta | None:
    """How long the task took, by its first revision and by its end; None when it was not seen from its beginning.

    By the agent's own times where both have one, else by the relay's: from the send, or from when it was seen submitted.
    """
    if first.learnt_by != "send" and first.head.state is not TaskState.SUBMITTED:
        return None
    begun, ended = first.head.status_timestamp, last.head.status_timestamp
    if first.head.state is not TaskState.SUBMITTED or not begun or not ended:
        begun, ended = first.asked_at if first.learnt_by == "send" else first.head.arrived_at, last.head.arrived_at
    return max(ended - begun, timedelta(0))


def document(revision: Revision, *, delivery_id: str, names: EvoNames, lasted: timedelta | None = None) -> Json:
    """The envelope, and around it 0.3's Task, so that receivers of both read the same body; the same at every attempt."""
    task = task_document(revision)
    moment = _moment(revision, task)
    envelope = {
        names.event: event_of(revision.snapshot.state),
        names.timestamp: moment,
        names.delivery_id: delivery_id,
        names.data: _data(revision, task, moment, lasted),
    }
    return {**task, "taskId": task["id"], **envelope}


def headers(
    config: PushConfig, body: bytes, *, revision: RevisionHead, delivery_id: str, at: datetime, names: EvoNames
) -> list[tuple[str, str]]:
    """`at` is the attempt's own time, in seconds; the signature is over exactly the body."""
    found = [
        (names.event_header, event_of(revision.state)),
        (names.delivery_header, delivery_id),
        (names.timestamp_header, str(int(at.timestamp()))),
    ]
    secret = config.signing_secret
    return [*found, (names.signature_header, praisonai.signature(secret, body))] if secret else found


def _data(revision: Revision, task: Json, moment: str, lasted: timedelta | None) -> dict[str, Any]:
    """What the page names per event, as far as it is known: an estimate or progress only where the agent puts one into its metadata."""
    event, state, status = event_of(revision.snapshot.state), revision.snapshot.state, task["status"]
    message = _text(status.get("message"))
    told: dict[str, Any] = {"taskId": task["id"], "contextId": task["contextId"], "status": {"state": status["state"]}, _AT[event]: moment}
    if message:
        told["status"]["message"] = message
    if event == "task.failed":
        told["status"]["error"] = message or ("The task was rejected." if state is TaskState.REJECTED else "The task failed.")
    if event == "task.canceled":
        told["reason"] = message
    if event in _WITH_DURATION and lasted is not None:
        told["duration"] = round(lasted.total_seconds(), 3)  # the page names no unit; its initialDelay is in seconds
    metadata = task.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    return told | {name: known[name] for name in ("estimatedDuration", "progress") if name in known}


def _moment(revision: Revision, task: Json) -> str:
    return str(task["status"].get("timestamp") or revision.view.arrived_at.astimezone(UTC).isoformat().replace("+00:00", "Z"))


def _text(message: Any) -> str:
    parts = message.get("parts", []) if isinstance(message, dict) else []
    return "\n".join(part["text"] for part in parts if isinstance(part.get("text"), str))
