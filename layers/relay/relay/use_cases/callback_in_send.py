"""Callback in send: an agent that pushes gets the relay's callback with the message that makes the task, and may use it at once.

It may do so before it has answered the message, when nobody knows yet which task that is: what it tells is kept for that long.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from relay import observability
from relay.adapters.table.callbacks import Callbacks
from relay.adapters.table.watches import Watches
from relay.domain.callback import MAX_EARLY_BYTES, PATH, RANDOM_BYTES, Callback, inline_config
from relay.domain.errors import RelayError
from relay.domain.keys import AgentKey, TaskKey
from relay.domain.relay_key import digest_of
from relay.domain.report import Reported, read_push
from relay.domain.sends import with_callback
from relay.domain.strategy import GIVEN_UP_FOR, Strategy
from relay.domain.task import Json
from relay.use_cases.known_reach import KnownReach
from relay.use_cases.outgoing import Outgoing
from relay.use_cases.report import Report
from relay.use_cases.strategies import Strategies

_JSON = "application/json"


@dataclass(frozen=True)
class GivenCallback:
    """`params` are the send's, with the callback in them; without an id there is none."""

    params: Json = field(repr=False)
    id: str = ""


@dataclass(frozen=True)
class CallbackInSend:
    """`public_url` is where agents reach the relay, empty when it is not known; `random` gives so many bytes that nobody can foretell."""

    strategies: Strategies
    reach: KnownReach
    callbacks: Callbacks
    watches: Watches
    report: Report
    public_url: str
    random: Callable[[int], bytes]
    now: Callable[[], datetime]
    doubted: dict[AgentKey, datetime] = field(default_factory=dict, init=False)  # until when; by this process

    def give(self, outgoing: Outgoing) -> GivenCallback:
        """For a new task that somebody wants to be told of. Only an agent that has pushed here before gets one: no send is to fail of it.
        While it has answered none with a result, and ten minutes after, no other one gets it: it may be what the agent refuses.

        Raises: RelayError when the agent's card cannot be read.
        """
        send, agent = outgoing.send, outgoing.agent.key
        if send.inline is None or send.task_id or not self.public_url or Strategy.PUSH not in outgoing.agent.strategies:
            return GivenCallback(send.forwarded)
        if self._is_doubted(agent) or self.strategies.of(agent) is not Strategy.PUSH or not self.reach.is_heard(agent):
            return GivenCallback(send.forwarded)
        self.doubted[agent] = self.now() + GIVEN_UP_FOR
        callback_id, token = self._text(), self._text()
        self.callbacks.put(Callback(callback_id, outgoing.task_key(""), digest_of(token)))
        config = inline_config(f"{self.public_url.rstrip('/')}{PATH}{callback_id}", token)
        return GivenCallback(with_callback(send.forwarded, outgoing.method.version, config), callback_id)

    def taken(self, given: GivenCallback, agent: AgentKey) -> None:
        """The agent has answered the message with a result."""
        if given.id:
            self.doubted.pop(agent, None)

    def keep(self, callback_id: str, reported: Reported, body: bytes) -> None:
        """What was told before the task had a name. What is too much the next poll sees."""
        if len(body) > MAX_EARLY_BYTES:
            observability.log("report too early and too large to keep", task=reported.task, body_bytes=len(body))
            return
        named = self.callbacks.keep(callback_id, body)
        if named is not None and named.task == reported.task:
            self.report(*reported)

    def settle(self, given: GivenCallback, task: TaskKey) -> None:
        """The task is known, and followed: what the agent has told of it so far is told on."""
        if not given.id:
            return
        self.watches.given_callback(task, self.now())
        for body in self.callbacks.name(given.id, task):
            try:
                if reported := read_push(task, body, content_type=_JSON):
                    self.report(*reported)
            except RelayError as error:
                observability.log("report refused", task=task, reason=error.reason)

    def _is_doubted(self, agent: AgentKey) -> bool:
        until = self.doubted.get(agent)
        return until is not None and self.now() < until

    def _text(self) -> str:
        return urlsafe_b64encode(self.random(RANDOM_BYTES)).decode()
