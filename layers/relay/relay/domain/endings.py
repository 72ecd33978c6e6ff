"""When nothing more may come of a task that has not ended: what is in the way, when it is more than a blip, and how it is told.

It is told as a revision of the relay's own: the task as it was last seen, in the state `unknown`, with a status message that says why. No
terminal state: the agent has not said one, and the task may come back. Source: A2A 0.3 `TaskState.unknown`, A2A 1.0
TASK_STATE_UNSPECIFIED; docs/decisions, "endings".
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from relay.domain.conversion import convert_message
from relay.domain.errors import RelayError, TaskNotFoundError, UpstreamForbiddenError
from relay.domain.task import Ending, ProtocolVersion, RevisionHead, Snapshot

ENDED = "A2A-Relay-Ended"  # the header, and the status message's metadata

REPEATED_FOR = timedelta(minutes=5)  # how long an agent must say so, in REPEATED answers or more, before it is believed
REPEATED = 3

_RANK = {Ending.UNREACHABLE: 1, Ending.UNAUTHORIZED: 2, Ending.VANISHED: 3, Ending.DEADLINE: 4}
_SELDOM = (Ending.UNAUTHORIZED, Ending.VANISHED)  # the agent has answered: it is asked again, but seldom

_WORDS = {
    Ending.UNREACHABLE: "The agent of this task has not been reached for some time. This is the task as it was last seen. "
    "The relay goes on asking, and tells what it learns.",
    Ending.UNAUTHORIZED: "The agent refuses the credential that this task is followed with. This is the task as it was last seen. "
    "Register the webhook again with a fresh credential to have it followed further.",
    Ending.VANISHED: "The agent says that it knows no such task any more. This is the task as it was last seen.",
    Ending.DEADLINE: "This task has not ended within the time that the relay follows it. This is the task as it was last seen. "
    "Register the webhook again to have it followed further.",
}


@dataclass(frozen=True)
class Trouble:
    """Failed polls in a row: since when whatever has failed, as what the last one did, and how often in a row so.

    `refused` names the caller's own credential that the agent has refused: with it, it is asked no more.
    """

    kind: Ending
    since: datetime
    times: int = 1
    refused: str = ""

    def is_believed(self, now: datetime, unreachable_limit: timedelta) -> bool:
        """Whether it is more than a blip. A credential that a caller has lent is shown once, so its refusal is."""
        if self.refused:
            return True
        if self.kind is Ending.UNREACHABLE:
            return now - self.since >= unreachable_limit
        return self.times >= REPEATED and now - self.since >= min(REPEATED_FOR, unreachable_limit)


def trouble_after(before: Trouble | None, error: RelayError, *, lent: str, now: datetime) -> Trouble:
    """`lent` names the caller's own credential that the agent was shown, empty for the operator's."""
    kind = _kind(error)
    refused = lent if kind is Ending.UNAUTHORIZED else ""
    if before is None:
        return Trouble(kind, now, refused=refused)
    return Trouble(kind, before.since, before.times + 1 if before.kind is kind else 1, refused)


def ending_to_tell(newest: RevisionHead | None, found: Ending | None) -> Ending | None:
    """`found`, unless the task has ended, or as much was told already: from one to the next only what is more final is told."""
    if found is None or newest is None or newest.state.is_terminal:
        return None
    return None if newest.ending and _RANK[newest.ending] >= _RANK[found] else found


def is_asked_seldom(newest: RevisionHead | None) -> bool:
    """What the agent itself has said is told; that it takes it back is possible, not likely."""
    return newest is not None and newest.ending in _SELDOM


def ended(snapshot: Snapshot, ending: Ending, *, revision: int, now: datetime) -> Snapshot:
    """The task as it was last seen, in the state `unknown`, with a status message of the relay's that says why."""
    version = snapshot.version
    message = {
        "messageId": f"relay-{ending}-{revision}",
        "role": "ROLE_AGENT",
        "parts": [{"text": _WORDS[ending]}],
        "taskId": snapshot.task_id,
        **({"contextId": snapshot.context_id} if snapshot.context_id else {}),
        "metadata": {ENDED: ending.value},
    }
    status = {
        "state": "unknown" if version is ProtocolVersion.V03 else "TASK_STATE_UNSPECIFIED",
        "message": convert_message(message, version),
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return replace(snapshot, document={**snapshot.document, "status": status})


def left_of(task_id: str, version: ProtocolVersion) -> Snapshot:
    """A task of which no more is there than its id. 0.3's has to have a context: nobody knows it any more."""
    document = {"id": task_id, **({"contextId": "", "kind": "task"} if version is ProtocolVersion.V03 else {})}
    return Snapshot(version, document, is_cut=True)


def _kind(error: RelayError) -> Ending:
    if isinstance(error, UpstreamForbiddenError):
        return Ending.UNAUTHORIZED
    return Ending.VANISHED if isinstance(error, TaskNotFoundError) else Ending.UNREACHABLE
