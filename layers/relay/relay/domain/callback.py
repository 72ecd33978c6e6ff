"""The relay as a receiver: its own push config for one task at an agent that can push, so that the relay is the durable hop.

The address holds an id of the relay's making, since what an agent sends names no owner; the token is A2A's own, in whichever header the
agent sends it. Source: A2A 1.0 §3.1.7 and §4.3.3, A2A 0.3 §7.5.
"""

import hmac
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from relay.domain.errors import UnauthenticatedError
from relay.domain.keys import TaskKey
from relay.domain.protocol import Kind, names_of
from relay.domain.relay_key import digest_of
from relay.domain.task import Json, ProtocolVersion

PATH = "/callbacks/"
CONFIG_ID = "a2a-push-relay"  # one per task: a second registration replaces the first
RANDOM_BYTES = 24  # of an id, and of a token
REGISTER_AGAIN = timedelta(minutes=10)  # an agent that was restarted may have forgotten; and how long the watch trusts in one registration
LASTS = timedelta(days=1)  # an address that was registered; by then others have replaced it, or the task is followed no more


MAX_EARLY = 20  # POSTs that are kept until the send's answer names the task
MAX_EARLY_BYTES = 16 * 1024  # of each; DynamoDB: an item is at most 400 KB


@dataclass(frozen=True)
class Callback:
    """Where an agent may tell of one task, of which the id is not known before the send that makes it is answered: then it is empty.

    The token is kept as a digest.
    """

    id: str
    task: TaskKey
    token_digest: str = field(repr=False)


def inline_config(url: str, token: str) -> Json:
    """As it goes with the send that makes the task, alike in both versions."""
    return {"id": CONFIG_ID, "url": url, "token": token}


def registration(task: TaskKey, version: ProtocolVersion, *, url: str, token: str, tenant: str) -> tuple[str, Json]:
    """The method and params by which an agent of that version takes it."""
    config = inline_config(url, token)
    (method, *_) = names_of(Kind.SET_PUSH, version)
    if version is ProtocolVersion.V03:
        return method, {"taskId": task.task_id, "pushNotificationConfig": config}
    return method, {**config, "taskId": task.task_id, **({"tenant": tenant} if tenant else {})}


def removal(task: TaskKey, version: ProtocolVersion, *, tenant: str) -> tuple[str, Json]:
    """The method and params by which an agent of that version forgets it."""
    (method, *_) = names_of(Kind.DELETE_PUSH, version)
    if version is ProtocolVersion.V03:
        return method, {"id": task.task_id, "pushNotificationConfigId": CONFIG_ID}
    return method, {"id": CONFIG_ID, "taskId": task.task_id, **({"tenant": tenant} if tenant else {})}


def admit_agent(callback: Callback | None, tokens: Collection[str]) -> TaskKey:
    """The task that may be told of. Unknown, over, and shown without its token are refused alike. Raises: UnauthenticatedError."""
    expected = callback.token_digest if callback else ""
    if callback is None or not any([hmac.compare_digest(digest_of(token), expected) for token in tokens]):  # noqa: C419 - looks at all
        raise UnauthenticatedError("This is no callback of the relay's, or its token is missing: X-A2A-Notification-Token.")
    return callback.task
