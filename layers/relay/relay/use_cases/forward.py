"""Forward: everything that is not the relay's own goes to the agent as it is; what comes back may be a hint that a task has moved.

Source: design §7 "What the relay answers itself, and what it forwards".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from relay.adapters.queues import Queue
from relay.adapters.table.watches import Watches
from relay.adapters.upstream import Answer, Upstream
from relay.domain.agent import Agent
from relay.domain.card import card_10, is_card, relay_card
from relay.domain.forwarding import Headers, forwarded_headers
from relay.domain.jsonrpc import Request
from relay.domain.keys import TaskKey, fits_key
from relay.domain.protocol import Kind, Method
from relay.domain.task import Json, ProtocolVersion, Snapshot
from relay.domain.wakeup import WatchWakeup
from relay.domain.watch import Watch

_TIMEOUT = timedelta(seconds=25)  # API Gateway ends a request at 30 s


@dataclass(frozen=True)
class Passing:
    """One call on its way through."""

    request: Request
    method: Method
    agent: Agent
    incoming: Mapping[str, str]
    credential: Headers
    base_url: str


class Forward:
    def __init__(
        self, *, upstream: Upstream, watches: Watches, watch_queue: Queue, requires_key: bool, now: Callable[[], datetime]
    ) -> None:
        self._upstream = upstream
        self._watches = watches
        self._watch_queue = watch_queue
        self._requires_key = requires_key
        self._now = now

    def __call__(self, passing: Passing) -> Answer | Json:
        """The agent's answer as it is; a result that is a card is made the relay's own, or the client would leave the relay."""
        agent, version = passing.agent, passing.method.version
        endpoint = agent.endpoints.get(version) or agent.endpoint
        params: dict[str, Any] = dict(passing.request.params)
        if endpoint.tenant and "tenant" not in params and version is ProtocolVersion.V10:
            params["tenant"] = endpoint.tenant
        headers = forwarded_headers(passing.incoming, passing.credential or agent.credential_headers, version)
        answer = self._upstream.call(
            endpoint, passing.request.method, params, request_id=passing.request.id, headers=headers, timeout=_TIMEOUT
        )
        result: Any = (answer.payload or {}).get("result")
        if is_card(result):
            return self.card(agent, result, base_url=passing.base_url, version=version)
        if passing.method.kind in (Kind.GET_TASK, Kind.CANCEL) and isinstance(result, Mapping):
            self._hint(passing, result)
        return answer

    def card(self, agent: Agent, card: Json, *, base_url: str, version: ProtocolVersion | None = None) -> Json:
        """An agent's card with the relay's addresses; both versions' members, or only 1.0's where that is parsed strictly."""
        made = relay_card(card, base_url, requires_key=self._requires_key, versions=agent.versions)
        return card_10(made) if version is ProtocolVersion.V10 else made

    def _hint(self, passing: Passing, result: Json) -> None:
        """A task that is followed and has moved is polled at once."""
        task_id, tenant = result.get("id"), passing.request.params.get("tenant") or ""
        if not isinstance(task_id, str) or not isinstance(tenant, str) or not fits_key(task_id):
            return
        task = TaskKey(passing.agent.key.owner, passing.agent.key.agent, tenant, task_id)
        watch = self._watches.get(task)
        if watch and (passing.method.kind is Kind.CANCEL or _has_moved(watch, Snapshot(passing.method.version, result), passing.agent)):
            self._watch_queue.send(WatchWakeup(task, asked_at=self._now()))


def _has_moved(watch: Watch, snapshot: Snapshot, agent: Agent) -> bool:
    """Only views of the version that the log is kept in can be compared whole."""
    if watch.head is None or watch.head.state is not snapshot.state:
        return True
    return snapshot.version is agent.endpoint.version and watch.head.digest != snapshot.digest
