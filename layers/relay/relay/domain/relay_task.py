"""A task of the relay's own: it stands for a send to an agent that can only block, from the moment the send is taken over.

Its id is made of the message's id, so that a repeated send meets its task. The agent's own ids, once known, are never seen by a caller.
The rules for the worker: an upstream call starts only under a mark, once; a mark without an outcome and past its time is a call whose
outcome nobody knows.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from relay.domain.fields import Fields
from relay.domain.forwarding import Headers
from relay.domain.keys import AgentKey, TaskKey
from relay.domain.sends import Send
from relay.domain.task import Json, ProtocolVersion, RevisionHead

START_WITHIN = timedelta(hours=24)  # what could not be called for so long is not called any more
CALL_SLACK = timedelta(seconds=30)  # a mark outlives the function that set it
MAX_SENDS = 200  # messages that one task may get
MAX_REFERENCES = 100  # tasks that are looked up for one message

_ID = re.compile(r"relay-[0-9a-f]{32}")
_ROUNDS = 50_000  # some 20 ms


@dataclass(frozen=True)
class RelayTask:
    """`context_id` and the key's task id are what callers know; the agent's own ids are empty until it has said them.

    `sending` names the message that is on its way, or was last. `due` is when somebody must have seen to it, None when nothing is left to
    do. `called_at` is the mark; `follows`: the agent answered with a task that goes on, so it can be asked for it.
    """

    key: TaskKey
    context_id: str
    sending: str
    sent_at: datetime
    seen: frozenset[str]
    due: datetime | None = None
    called_at: datetime | None = None
    call_token: str = ""
    call_until: datetime | None = None
    is_canceled: bool = False
    agent_task_id: str = ""
    agent_context_id: str = ""
    follows: bool = False

    @property
    def is_under_way(self) -> bool:
        """A message is on its way, or its outcome not yet told."""
        return self.due is not None

    @property
    def is_called(self) -> bool:
        return self.called_at is not None


@dataclass(frozen=True)
class Entrusted:
    """What the worker sends for a caller: `params` of `method` in the caller's version, headers to pass on, the caller's own credential."""

    method: str
    params: Json = field(repr=False)
    incoming: Json = field(repr=False)
    credential: Headers = field(default=(), repr=False)


class Step(StrEnum):
    """What a wake-up of the worker leads to."""

    NOTHING = "nothing"  # it is done, or somebody is at it
    CALL = "call"
    CANCEL = "cancel"  # it was canceled before the call
    CONCLUDE = "conclude"  # the call was begun, and whoever began it is gone
    EXPIRE = "expire"  # it was never begun, and it is too late now


def next_step(task: RelayTask | None, now: datetime) -> Step:
    if task is None or not task.is_under_way:
        return Step.NOTHING
    if task.is_canceled:
        return Step.CANCEL
    if not task.is_called:
        return Step.CALL if now - task.sent_at < START_WITHIN else Step.EXPIRE
    return Step.CONCLUDE if task.call_until is None or now >= task.call_until else Step.NOTHING


def is_concluded(newest: RevisionHead | None, sent_at: datetime) -> bool:
    """Whether the outcome of a message sent then was told: the task has ended, or waits for somebody since."""
    if newest is None:
        return False
    return newest.state.is_terminal or (newest.state.is_interrupted and newest.arrived_at > sent_at)


def may_be_relay_task(task_id: str) -> bool:
    """By its form alone: another relay behind this one makes such ids, too."""
    return _ID.fullmatch(task_id) is not None


def relay_task_id(agent: AgentKey, tenant: str, message_id: str, credential: Headers) -> str:
    """Equal for equal messages of one agent's callers; of callers with credentials of their own, each one's.

    Slow with a credential: an id is no secret, the credential in it is; nobody who knows the id may guess at it quickly.
    """
    named = json.dumps([*agent, tenant, message_id]).encode()
    if not credential:
        return f"relay-{hashlib.sha256(named).hexdigest()[:32]}"
    secret = json.dumps(credential).encode()
    return f"relay-{hashlib.pbkdf2_hmac('sha256', secret, named, _ROUNDS, dklen=16).hex()}"


def reader_of(agent: AgentKey, credential: Headers) -> str:
    """Who lists an agent's tasks: all callers together, but those with a credential of their own, each by itself."""
    if not credential:
        return ""
    secret = json.dumps(credential).encode()
    return hashlib.pbkdf2_hmac("sha256", secret, json.dumps(agent).encode(), _ROUNDS, dklen=16).hex()


def name_of_message(message_id: str, message: Json) -> str:
    """One message of a task: its id and its content, as digests."""
    content = json.dumps(message, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digests = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32] for text in (message_id, content))
    return ".".join(digests)


def is_same_id(one: str, other: str) -> bool:
    """Whether two names are of messages with the same id, whatever they say."""
    return one.partition(".")[0] == other.partition(".")[0]


def context_of(send: Send) -> str:
    """The context that the message names; empty when it names none. Raises: InvalidParamsError."""
    return Fields(send.forwarded["message"], "message").identifier("contextId")


def addressed(params: Json, *, task_id: str, context_id: str) -> Json:
    """The same send with these ids in its message; an empty one is left out."""
    renamed = {"taskId": task_id, "contextId": context_id}
    dropped = {*renamed, "task_id", "context_id"}
    kept = {name: value for name, value in params["message"].items() if name not in dropped}
    return {**params, "message": {**kept, **{name: value for name, value in renamed.items() if value}}}


def references(params: Json) -> list[str]:
    """The tasks of the relay's own, by their form, that the message refers to beside its own one: each once, the first of very many."""
    named = params["message"].get("referenceTaskIds")
    own = (each for each in named if isinstance(each, str) and may_be_relay_task(each)) if isinstance(named, list) else ()
    return list(dict.fromkeys(own))[:MAX_REFERENCES]


def referring(params: Json, names: Mapping[str, str]) -> Json:
    """The same send, in which tasks are referred to by the agent's names for them, as far as it has said them.

    What is no text stays as it is: it is the agent's to judge.
    """
    message = params["message"]
    told = [names.get(each, each) if isinstance(each, str) else each for each in message["referenceTaskIds"]]
    return {**params, "message": {**message, "referenceTaskIds": told}}


def blocking(params: Json, version: ProtocolVersion) -> Json:
    """The same send, to be answered when all is done. The worker has the time."""
    configuration = dict(params.get("configuration") or {})
    configuration.pop("returnImmediately", None)
    if version is ProtocolVersion.V10:
        return {**params, "configuration": configuration}
    return {**params, "message": _with_types(params["message"]), "configuration": {**configuration, "blocking": True}}


def _with_types(message: Json) -> Json:
    """Evo AI and `praisonai serve a2a` know a part by its `type`, 0.3's SDKs by its `kind`; each passes over the other's."""
    parts = message.get("parts")
    if not isinstance(parts, list):
        return message
    typed = [{"type": part["kind"], **part} if isinstance(part, dict) and isinstance(part.get("kind"), str) else part for part in parts]
    return {**message, "parts": typed}
