"""Register callback: the relay's own push config, for one task, at an agent that can push."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from relay.adapters.table.callbacks import Callbacks
from relay.adapters.upstream import Upstream
from relay.domain.bridge_errors import code_of
from relay.domain.callback import PATH, RANDOM_BYTES, Callback, registration
from relay.domain.endpoint import Binding
from relay.domain.errors import UnsupportedOperationError, UpstreamRefusedError
from relay.domain.forwarding import forwarded_headers
from relay.domain.keys import TaskKey
from relay.domain.relay_key import digest_of
from relay.use_cases.agents import Agents

_TIMEOUT = timedelta(seconds=5)  # after a poll of 10 s there is still time in the watch's claim


@dataclass(frozen=True)
class RegisterCallback:
    """`public_url` is where agents reach the relay, empty when it is not known; `random` gives so many bytes that nobody can foretell."""

    agents: Agents
    upstream: Upstream
    callbacks: Callbacks
    public_url: str
    random: Callable[[int], bytes]

    def __call__(self, task: TaskKey) -> None:
        """The callback is kept before the agent has it: it may be told at once.

        Raises: UnsupportedOperationError when it cannot be done here, UpstreamRefusedError when the agent does not take it, and RelayError
        when the agent cannot be asked.
        """
        agent = self.agents.find(task.agent_key)
        endpoint = agent.endpoint
        if not self.public_url:
            raise UnsupportedOperationError("The relay does not know its own address: set PublicUrl.")
        if endpoint.binding is Binding.HTTP_JSON:
            raise UnsupportedOperationError("Push configs are set at agents by JSON-RPC only.")
        callback_id, token = self._text(), self._text()
        self.callbacks.put(Callback(callback_id, task, digest_of(token)))
        url, tenant = f"{self.public_url.rstrip('/')}{PATH}{callback_id}", task.tenant or endpoint.tenant
        method, params = registration(task, endpoint.version, url=url, token=token, tenant=tenant)
        answer = self.upstream.call(
            endpoint,
            method,
            params,
            request_id=method,
            headers=forwarded_headers({}, agent.credential_headers, endpoint.version),
            hidden=agent.hidden,
            timeout=_TIMEOUT,
        )
        if answer.error is not None or answer.is_forbidden:
            code = code_of(answer.error) if answer.error else answer.status
            raise UpstreamRefusedError("The agent takes no push config.", agent_code=code or 0, agent_message="")

    def _text(self) -> str:
        return urlsafe_b64encode(self.random(RANDOM_BYTES)).decode()
