"""Answer: one JSON-RPC call, taken apart, negotiated and given to the use case that its method means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from relay.adapters.upstream import Answer, deadline
from relay.domain.bridge_params import check_params
from relay.domain.door import Caller
from relay.domain.errors import UnsupportedOperationError
from relay.domain.evo_ai import in_03s_words
from relay.domain.forwarding import caller_credential
from relay.domain.jsonrpc import Request
from relay.domain.mending import mend_response, mend_result, spell_response, spell_result
from relay.domain.protocol import Kind, Method, names_patch
from relay.domain.push_config import UPDATES_HEADER, parse_updates
from relay.domain.sends import parse_send
from relay.domain.task import ProtocolVersion
from relay.use_cases.agents import Agents
from relay.use_cases.forward import Forward, Passing
from relay.use_cases.outgoing import Outgoing
from relay.use_cases.own_tasks import OwnTasks
from relay.use_cases.push_call import PushCall
from relay.use_cases.push_configs import PushConfigs
from relay.use_cases.send import SendMessage

_ANSWERED_WITHIN = timedelta(seconds=25)  # the card included: API Gateway ends a request at 30 s
_OF_TASKS = frozenset({Kind.GET_TASK, Kind.LIST_TASKS, Kind.CANCEL})


@dataclass(frozen=True)
class Call:
    """One call at the address of the caller's agent of that name. `incoming` are its HTTP headers in lower case; `base_url` the address,
    and `path` what the call was POSTed to below it.
    """

    caller: Caller
    agent: str
    request: Request
    method: Method
    incoming: Mapping[str, str]
    base_url: str
    path: str = ""

    @property
    def is_praisonais(self) -> bool:
        """Only PraisonAI's client calls there, whatever the card says; it reads PraisonAI's own words."""
        return self.path.rstrip("/") == "/a2a"

    @property
    def is_a2akits(self) -> bool:
        return self.method.version is ProtocolVersion.V03 and names_patch(self.incoming.get("a2a-version"))


class AnswerCall:
    def __init__(
        self,
        *,
        agents: Agents,
        push_configs: PushConfigs,
        send: SendMessage,
        own_tasks: OwnTasks,
        forward: Forward,
        now: Callable[[], datetime],
    ) -> None:
        self._agents = agents
        self._push_configs = push_configs
        self._send = send
        self._own_tasks = own_tasks
        self._forward = forward
        self._now = now

    def __call__(self, call: Call) -> Answer | Any:
        """The agent's answer, to be passed on as it is, or a result of the relay's. Raises: RelayError."""
        if call.method.version is not ProtocolVersion.V03:
            return self._told(call)
        request = replace(call.request, params=in_03s_words(call.method.kind, call.request.params))
        told = self._told(replace(call, request=request))
        kind, params = call.method.kind, call.request.params
        if not isinstance(told, Answer):
            return spell_result(kind, told) if call.is_praisonais else mend_result(kind, told, params)
        payload = told.payload or {}
        mended = spell_response(kind, payload) if call.is_praisonais else mend_response(kind, payload, params)
        return told if mended is told.payload or told.is_forbidden else told.with_payload(mended)

    def _told(self, call: Call) -> Answer | Any:
        kind, version = call.method.kind, call.method.version
        started = self._now()
        if kind in (Kind.STREAM, Kind.SUBSCRIBE):
            raise UnsupportedOperationError("This relay does not stream: use the agent's own address to stream, and webhooks here.")
        agent, credential = self._agents.find_for_callers(call.caller.agent_key(call.agent)), caller_credential(call.incoming)
        updates = parse_updates(call.incoming.get(UPDATES_HEADER.lower()))
        push = PushCall(agent, version, call.request.params, credential, updates)
        if kind is Kind.SEND:
            send = parse_send(call.request.params, version, is_a2akits=call.is_a2akits)
            if send.inline:
                send = replace(send, inline=push.registering(send.inline))
            outgoing = Outgoing(
                send=send,
                agent=agent,
                method=call.method,
                request_id=call.request.id,
                incoming=dict(call.incoming),
                credential=credential,
                started=started,
            )
            return self._send(outgoing)
        with deadline(started + _ANSWERED_WITHIN - self._now()):
            if kind in self._own_methods:
                return self._own_methods[kind](push)
            check_params(kind, call.request.params)
            passing = Passing(call.request, call.method, agent, call.incoming, credential, call.base_url)
            own = self._own_tasks(passing) if kind in _OF_TASKS else None
            return self._forward(passing) if own is None else own

    @property
    def _own_methods(self) -> Mapping[Kind, Callable[[PushCall], Any]]:
        configs = self._push_configs
        return {Kind.SET_PUSH: configs.set, Kind.GET_PUSH: configs.get, Kind.LIST_PUSH: configs.list, Kind.DELETE_PUSH: configs.delete}
