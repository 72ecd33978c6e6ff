"""A revision as what has changed since the one before it, for a config that wants events: one of A2A's update events, or the whole task.

One revision is one notification, and a body holds one event: what no single event says is told as the whole task (1.0's StreamResponse may
be either). Artifacts are told whole, never by pieces. Source: A2A 1.0 §4.2 and §4.3.3; A2A 0.3 §7.2.2 and §7.2.3.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from relay.domain.conversion import convert
from relay.domain.lenient import mapping, mappings, text
from relay.domain.task import Json, ProtocolVersion, Snapshot, TaskState


@dataclass(frozen=True)
class Fingerprint:
    """What the next revision is compared with, without the task: `artifacts` are digests by artifact id."""

    status: str
    artifacts: Mapping[str, str]


def fingerprint(snapshot: Snapshot, version: ProtocolVersion) -> Fingerprint | None:
    """None when nothing can be compared with it: contents were left out, or an artifact id means two artifacts."""
    document = convert(snapshot, version).document
    artifacts = mappings(document.get("artifacts"))
    digests = {text(artifact.get("artifactId")): _digest(artifact) for artifact in artifacts}
    if snapshot.is_cut or len(digests) < len(artifacts):
        return None
    status = mapping(document.get("status"))
    return Fingerprint(_digest([status.get("state"), status.get("message")]), digests)


def event_since(before: Fingerprint | None, snapshot: Snapshot, version: ProtocolVersion) -> Json | None:
    """The one event that says all that has changed since then; None when no single one does: then the whole task is to be told."""
    now = fingerprint(snapshot, version)
    if before is None or now is None or before.artifacts.keys() - now.artifacts.keys():
        return None
    changed = [artifact_id for artifact_id, digest in now.artifacts.items() if before.artifacts.get(artifact_id) != digest]
    document = convert(snapshot, version).document
    if not changed:
        return _status_update(document, snapshot.state, version)
    if len(changed) > 1 or before.status != now.status:
        return None
    artifact = next(each for each in mappings(document.get("artifacts")) if each.get("artifactId") == changed[0])
    return _event("artifact", document, version, {"artifact": artifact, "append": False, "lastChunk": True})


def _status_update(document: Json, state: TaskState, version: ProtocolVersion) -> Json:
    ends = {"final": state.is_terminal or state.is_interrupted} if version is ProtocolVersion.V03 else {}  # 1.0 has no such member
    return _event("status", document, version, {"status": document["status"], **ends})


def _event(what: str, document: Json, version: ProtocolVersion, members: Json) -> Json:
    event = {"taskId": document["id"], "contextId": document["contextId"], **members}
    return {f"{what}Update": event} if version is ProtocolVersion.V10 else {"kind": f"{what}-update", **event}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
