"""Forward: everything that is not the relay's own goes to the agent; what comes back may be a hint that a task has moved.

Source: design §7 "What the relay answers itself, and what it forwards".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from relay.adapters.queues import Queue, Sending
from relay.adapters.table.watches import Watches
from relay.adapters.upstream import Answer
from relay.domain.agent import Agent
from relay.domain.bridge_errors import code_of
from relay.domain.bridge_lists import listed
from relay.domain.card import card_10, has_extended_card, is_card, relay_card
from relay.domain.errors import ExtendedCardNotConfiguredError, InternalError, UnsupportedOperationError
from relay.domain.forwarding import Headers, fingerprint
from relay.domain.jsonrpc import Request
from relay.domain.keys import TaskKey, fits_key
from relay.domain.paging import MAX_PAGE_SIZE
from relay.domain.protocol import Kind, Method
from relay.domain.task import Json, ProtocolVersion, Snapshot
from relay.domain.wakeup import WatchWakeup
from relay.domain.watch import Watch
from relay.use_cases.answered import only_sooner, owed
from relay.use_cases.call_agent import AgentCall, CallAgent
from relay.use_cases.pending import Pending

_TIMEOUT = timedelta(seconds=25)  # at most: what the card has taken is taken from it (`AnswerCall`)


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
        self,
        *,
        call_agent: CallAgent,
        pending: Pending,
        watches: Watches,
        watch_queue: Queue,
        requires_key: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._call_agent = call_agent
        self._pending = pending
        self._watches = watches
        self._watch_queue = watch_queue
        self._requires_key = requires_key
        self._now = now

    def __call__(self, passing: Passing) -> Answer | Json:
        """The agent's answer; a result that is a card is made the relay's own, or the client would leave the relay."""
        agent, method, request = passing.agent, passing.method, passing.request
        call = AgentCall(agent, method, request.params, request.id, passing.incoming, passing.credential)
        reply = self._call_agent(call, timeout=_TIMEOUT)
        result: Any = reply.answer.result
        if is_card(result):
            return self.card(agent, result, base_url=passing.base_url, version=method.version)
        if _lacks_extended_card(passing, reply.answer):
            lacks = UnsupportedOperationError if method.version is ProtocolVersion.V10 else ExtendedCardNotConfiguredError
            raise lacks("The agent's card says nothing of an extended card, and the agent answered with none.")
        if method.kind in (Kind.GET_TASK, Kind.CANCEL) and isinstance(result, Mapping):
            self._hint(passing, Snapshot(reply.version, result))
        elif method.kind is Kind.LIST_TASKS:
            self._hint_list(passing, [Snapshot(reply.version, task) for task in listed(result)])
        return reply.for_caller()

    def card(self, agent: Agent, card: Json, *, base_url: str, version: ProtocolVersion | None = None) -> Json:
        """An agent's card with the relay's addresses; both versions' members, or only 1.0's where that is parsed strictly.

        Whichever version the agent speaks, the relay speaks both for it.
        """
        offered = frozenset(ProtocolVersion) if agent.versions else agent.versions
        made = relay_card(card, base_url, requires_key=self._requires_key, versions=offered)
        return card_10(made) if version is ProtocolVersion.V10 else made

    def _hint(self, passing: Passing, snapshot: Snapshot) -> None:
        """A task that is followed and has moved is polled at once; one that a config has waited for is followed from now on.

        Raises: InternalError when that cannot be seen to.
        """
        task = _task_key(passing, snapshot)
        if task is None:
            return
        with owed(task, "The agent has answered, but the relay failed to see to webhooks that wait for the task: ask for it again."):
            self._pending.bind(task, caller=fingerprint(passing.credential), lent=passing.agent.lends(passing.credential))
        with only_sooner("no hint given to the watch", agent=passing.agent.key, task=task):
            watch = self._watches.get(task)
            if watch and (passing.method.kind is Kind.CANCEL or _has_moved(watch, snapshot, passing.agent)):
                self._watch_queue.send(WatchWakeup(task, asked_at=self._now()))

    def _hint_list(self, passing: Passing, snapshots: Sequence[Snapshot]) -> None:
        """As one task's answer, but a list shows little of a task: what it shows must differ. One read for a page."""
        shown = {task: snapshot for snapshot in snapshots[:MAX_PAGE_SIZE] if (task := _task_key(passing, snapshot))}
        with only_sooner("no hints given to the watches of a list", agent=passing.agent.key):
            watches = self._watches.of_tasks(shown) if shown else {}
            moved = [task for task, watch in watches.items() if _shows_a_move(watch, shown[task], passing.agent)]
            now = self._now()
            self._watch_queue.send_all(
                [Sending(WatchWakeup(task, asked_at=now)) for task in moved]
            )  # what SQS does not take, the timer makes good


def _lacks_extended_card(passing: Passing, answer: Answer) -> bool:
    """1.0 has one error for that (§3.3.4), whatever agents answer of which no extended card was promised.

    0.3's words for it go on as they are, but not those of a fault: a2a-sdk 0.3.26 says -32603, HTTP 500.
    """
    if passing.method.kind is not Kind.EXTENDED_CARD or answer.is_forbidden or has_extended_card(passing.agent.card):
        return False
    return answer.error is not None and (passing.method.version is ProtocolVersion.V10 or code_of(answer.error) == InternalError.code)


def _task_key(passing: Passing, snapshot: Snapshot) -> TaskKey | None:
    """None for a task that could not be followed."""
    task_id, tenant = snapshot.document.get("id"), passing.request.params.get("tenant") or ""
    if not isinstance(task_id, str) or not isinstance(tenant, str) or not fits_key(task_id):
        return None
    return TaskKey(passing.agent.key.owner, passing.agent.key.agent, tenant, task_id)


def _shows_a_move(watch: Watch, snapshot: Snapshot, agent: Agent) -> bool:
    """A task that has ended moves no more. Lists leave artifacts out, and may leave the status message out."""
    if watch.head is None or watch.head.state is not snapshot.state:
        return watch.head is None or not watch.head.state.is_terminal
    says_more = snapshot.says_status_message and snapshot.version is agent.endpoint.version
    return says_more and watch.head.status_digest != snapshot.status_digest


def _has_moved(watch: Watch, snapshot: Snapshot, agent: Agent) -> bool:
    """Only views of the version that the log is kept in can be compared whole."""
    if watch.head is None or watch.head.state is not snapshot.state:
        return True
    return snapshot.version is agent.endpoint.version and watch.head.digest != snapshot.digest
