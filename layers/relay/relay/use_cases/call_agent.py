"""Call the agent: at its own interface of the caller's version where it has one, else over a bridge to the version that it speaks.

Source: A2A 1.0 §3.6.2; design §7 "Versions": the agent gets the version of the call as it reaches the agent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from relay.adapters.upstream import MAX_ANSWER_BYTES, Answer, Upstream, deadline
from relay.domain.agent import Agent
from relay.domain.bridge import Bridge
from relay.domain.bridge_errors import METHOD_NOT_FOUND, code_of
from relay.domain.endpoint import Endpoint
from relay.domain.errors import UpstreamTooLargeError
from relay.domain.forwarding import Headers, forwarded_headers
from relay.domain.jsonrpc import RequestId
from relay.domain.protocol import Method
from relay.domain.task import Json, ProtocolVersion


@dataclass(frozen=True)
class AgentCall:
    """One call as a caller has made it; `credential` is the caller's own for the agent, without it the operator's is shown."""

    agent: Agent
    method: Method
    params: Json = field(repr=False)
    request_id: RequestId
    incoming: Mapping[str, str] = field(repr=False)
    credential: Headers = field(repr=False)

    @property
    def endpoint(self) -> Endpoint:
        """Raises: InvalidAgentResponseError when the agent has none."""
        return self.agent.endpoints.get(self.method.version) or self.agent.endpoint


@dataclass(frozen=True)
class Reply:
    """The agent's answer as it came, in `version`."""

    answer: Answer
    version: ProtocolVersion
    request_id: RequestId
    bridge: Bridge | None

    def for_caller(self) -> Answer:
        """In the caller's version; without a bridge byte for byte as it came.

        Raises: UnsupportedOperationError, InvalidAgentResponseError, InvalidParamsError when it cannot be told so.
        """
        if self.bridge is None or self.answer.payload is None or self.answer.is_forbidden:
            return self.answer
        return self.answer.with_payload(self.bridge.told(self.answer.payload, self.request_id))


class CallAgent:
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def __call__(self, call: AgentCall, *, timeout: timedelta) -> Reply:
        """A send reaches the agent once; `timeout` is for all that has to be asked. Raises: RelayError."""
        endpoint, version = call.endpoint, call.method.version
        if endpoint.version is version:
            answer = self._ask(call, call.method.name, call.params, request_id=call.request_id, timeout=timeout)
            return Reply(answer, version, call.request_id, None)
        bridge = Bridge(call.method, call.params, endpoint.version)
        with deadline(timeout):
            return Reply(self._over(bridge, call, timeout=timeout), endpoint.version, call.request_id, bridge)

    def _over(self, bridge: Bridge, call: AgentCall, *, timeout: timedelta) -> Answer:
        """An agent that knows the method by another of its names only is asked by that. Raises: UpstreamTooLargeError for a long list."""
        # Neither SDK takes a fraction as an id, and 0.3's no null.
        request_id = call.request_id if isinstance(call.request_id, str | int) else call.method.name
        for name in bridge.names:
            ask = partial(self._ask, call, name, request_id=request_id, timeout=timeout)
            answer = ask(bridge.asked())
            if answer.error is None or code_of(answer.error) != METHOD_NOT_FOUND:
                break
        payloads, size = [answer.payload or {}], len(answer.body)
        while token := bridge.next_page_token(payloads[-1]):
            answer = ask({**bridge.asked(), "pageToken": token})
            payloads.append(answer.payload or {})
            size += len(answer.body)
            if size > MAX_ANSWER_BYTES:
                told = f"All tasks together are larger than {MAX_ANSWER_BYTES} bytes: ask for those of one contextId, or with a pageSize."
                raise UpstreamTooLargeError(told)
        return replace(answer, payload=bridge.joined(payloads)) if len(payloads) > 1 else answer

    def _ask(self, call: AgentCall, method: str, params: Json, *, request_id: RequestId, timeout: timedelta) -> Answer:
        endpoint, agent = call.endpoint, call.agent
        if endpoint.tenant and not params.get("tenant") and endpoint.version is ProtocolVersion.V10:
            params = {**params, "tenant": endpoint.tenant}
        headers = forwarded_headers(call.incoming, call.credential or agent.credential_headers, endpoint.version)
        return self._upstream.call(endpoint, method, params, request_id=request_id, headers=headers, hidden=agent.hidden, timeout=timeout)
