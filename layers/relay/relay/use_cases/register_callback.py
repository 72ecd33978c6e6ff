"""Register callback: the relay's own push config, for one task, at an agent that can push."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from relay import observability
from relay.adapters.table.callbacks import Callbacks
from relay.adapters.table.watches import Watches
from relay.adapters.upstream import Answer, Upstream
from relay.domain.agent import Agent
from relay.domain.bridge_errors import code_of
from relay.domain.callback import PATH, RANDOM_BYTES, Callback, registration, removal
from relay.domain.errors import RelayError, UnsupportedOperationError, UpstreamForbiddenError, UpstreamRefusedError
from relay.domain.relay_key import digest_of
from relay.domain.task import Json
from relay.domain.watch import Watch
from relay.use_cases.agents import Agents

_TIMEOUT = timedelta(seconds=5)  # after a poll of 10 s there is still time in the watch's claim


@dataclass(frozen=True)
class RegisterCallback:
    """`public_url` is where agents reach the relay, empty when it is not known; `random` gives so many bytes that nobody can foretell.

    The agent is shown the credential that the task is followed with.
    """

    agents: Agents
    upstream: Upstream
    callbacks: Callbacks
    watches: Watches
    public_url: str
    random: Callable[[int], bytes]

    def __call__(self, watch: Watch) -> None:
        """The callback is kept before the agent has it: it may be told at once.

        Raises: UnsupportedOperationError when it cannot be done here, UpstreamRefusedError when the agent does not take it, and RelayError
        when the agent cannot be asked, or refuses the credential that a caller has lent.
        """
        task, agent = watch.task, self.agents.find(watch.task.agent_key)
        endpoint = agent.endpoint
        if not self.public_url:
            raise UnsupportedOperationError("The relay does not know its own address: set PublicUrl.")
        callback_id, token = self._text(), self._text()
        self.callbacks.put(Callback(callback_id, task, digest_of(token)))
        url, tenant = f"{self.public_url.rstrip('/')}{PATH}{callback_id}", task.tenant or endpoint.tenant
        answer = self._call(watch, agent, *registration(task, endpoint.version, url=url, token=token, tenant=tenant))
        if answer.is_forbidden and watch.lent:
            raise UpstreamForbiddenError("The agent takes no push config from this caller.")
        if answer.error is not None or answer.is_forbidden:
            code = code_of(answer.error) if answer.error else answer.status
            raise UpstreamRefusedError("The agent takes no push config.", agent_code=code or 0, agent_message="")

    def remove(self, watch: Watch) -> None:
        """Nobody follows the task any more: the agent need not push. Asked once; an agent that keeps it pushes what changes nothing."""
        try:
            agent = self.agents.find(watch.task.agent_key)
            endpoint = agent.endpoint
            tenant = watch.task.tenant or endpoint.tenant
            answer = self._call(watch, agent, *removal(watch.task, endpoint.version, tenant=tenant))
        except RelayError as error:
            observability.log("callback not removed at the agent", task=watch.task, error=error)
        else:
            code = code_of(answer.error) if answer.error else None
            observability.log("callback removed at the agent", task=watch.task, code=code, http_status=answer.status)

    def _call(self, watch: Watch, agent: Agent, method: str, params: Json) -> Answer:
        credential = self.watches.credential(watch)
        return self.upstream.call(
            agent.endpoint,
            method,
            params,
            request_id=method,
            headers=agent.own_call_headers(credential),
            hidden=agent.hides(credential),
            timeout=_TIMEOUT,
        )

    def _text(self) -> str:
        return urlsafe_b64encode(self.random(RANDOM_BYTES)).decode()
