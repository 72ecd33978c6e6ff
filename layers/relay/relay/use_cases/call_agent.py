"""Call the agent: at its own interface of the caller's version where it has one, else over a bridge to the version that it speaks.

Source: A2A 1.0 §3.6.2; design §7 "Versions": the agent gets the version of the call as it reaches the agent.
"""

from collections.abc import Callable, Mapping
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
from relay.domain.protocol import Kind, Method, names_of
from relay.domain.relay_task import blocking
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
    waits: bool = False  # a send that is answered when all is done
    max_answer_bytes: int = MAX_ANSWER_BYTES
    hidden: frozenset[str] = field(default=frozenset(), repr=False)  # what the answer is taken without beside what the agent hides

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The one of the caller's version first, if the agent has it. Raises: InvalidAgentResponseError when it has none at all."""
        best = self.agent.endpoints.get(self.method.version) or self.agent.endpoint
        return (best, *(endpoint for endpoint in self.agent.endpoints.values() if endpoint != best))

    @property
    def names(self) -> tuple[str, ...]:
        """The method as the caller has called it, then its other names in that version."""
        return tuple(dict.fromkeys((self.method.name, *names_of(self.method.kind, self.method.version))))


@dataclass(frozen=True)
class Reply:
    """The agent's answer as it came, in `version`."""

    answer: Answer
    version: ProtocolVersion
    request_id: RequestId
    bridge: Bridge | None

    def for_caller(self) -> Answer:
        """In the caller's version; without a bridge as it came, in the caller's envelope.

        Raises: UnsupportedOperationError, InvalidAgentResponseError, InvalidParamsError when it cannot be told so; UpstreamTooLargeError
        when it has grown too large in the other version's words.
        """
        if self.bridge is None or self.answer.payload is None or self.answer.is_forbidden:
            return self.answer
        told = self.answer.with_payload(self.bridge.told(self.answer.payload, self.request_id))
        if len(told.body) > MAX_ANSWER_BYTES:
            raise UpstreamTooLargeError(f"The agent's answer is larger than {MAX_ANSWER_BYTES} bytes in A2A {self.bridge.method.version}.")
        return told


class CallAgent:
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def __call__(self, call: AgentCall, *, timeout: timedelta) -> Reply:
        """A send reaches the agent once; a question that it knows by another name only, or at its other interface, is asked there.

        `timeout` is for all of that. Raises: RelayError.
        """
        first, *others = call.endpoints
        with deadline(timeout):
            reply = self._at(first, call, timeout=timeout)
            for endpoint in others:
                if call.method.kind is Kind.SEND or not _lacks_method(reply.answer):
                    break
                other = self._at(endpoint, call, timeout=timeout)
                reply = reply if _lacks_method(other.answer) else other
        return reply

    def _at(self, endpoint: Endpoint, call: AgentCall, *, timeout: timedelta) -> Reply:
        bridge = None if endpoint.version is call.method.version else Bridge(call.method, call.params, endpoint.version)
        ask = partial(self._ask, call, endpoint, is_bridged=bridge is not None, timeout=timeout)
        params = bridge.asked() if bridge else call.params
        if call.waits:
            params = blocking(params, endpoint.version)
        for name in bridge.names if bridge else call.names:
            answer = ask(name, params)
            if call.method.kind is Kind.SEND or not _lacks_method(answer):
                break
        if bridge:
            answer = _with_all_pages(answer, bridge, lambda token: ask(name, {**params, "pageToken": token}))
        return Reply(answer, endpoint.version, call.request_id, bridge)

    def _ask(self, call: AgentCall, endpoint: Endpoint, method: str, params: Json, *, is_bridged: bool, timeout: timedelta) -> Answer:
        # Over the bridge it is our request: neither SDK takes a fraction as its id, and 0.3's no null.
        has_id = not is_bridged or isinstance(call.request_id, str | int)
        agent, request_id = call.agent, call.request_id if has_id else method
        if endpoint.tenant and not params.get("tenant") and endpoint.version is ProtocolVersion.V10:
            params = {**params, "tenant": endpoint.tenant}
        headers = forwarded_headers(call.incoming, call.credential or agent.credential_headers, endpoint.version)
        return self._upstream.call(
            endpoint,
            method,
            params,
            request_id=request_id,
            headers=headers,
            hidden=agent.hides(call.credential) | call.hidden,
            max_answer_bytes=call.max_answer_bytes,
            timeout=timeout,
        )


def _lacks_method(answer: Answer) -> bool:
    return answer.error is not None and code_of(answer.error) == METHOD_NOT_FOUND


def _with_all_pages(answer: Answer, bridge: Bridge, next_page: Callable[[str], Answer]) -> Answer:
    """0.3's array of tasks knows no pages: it holds what all of the agent's hold, or is an error. Raises: UpstreamTooLargeError."""
    payloads, size = [answer.payload or {}], len(answer.body)
    while token := bridge.next_page_token(payloads[-1]):
        answer = next_page(token)
        payloads.append(answer.payload or {})
        size += len(answer.body)
        if size > MAX_ANSWER_BYTES:
            told = f"All tasks together are larger than {MAX_ANSWER_BYTES} bytes: ask for those of one contextId, or with a pageSize."
            raise UpstreamTooLargeError(told)
    return replace(answer, payload=bridge.joined(payloads)) if len(payloads) > 1 else answer
