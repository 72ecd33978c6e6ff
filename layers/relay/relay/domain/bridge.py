"""One call between a caller of one version of A2A and an agent of the other: what the agent is asked, and what the caller is told.

Source: A2A 1.0 §3.1, §9.4 and §9.5, A2A 0.3 §7 and §8; a2a-sdk's own bridge (compat/v0_3), with which this one agrees in what both do.
What one version cannot say is left out; a method that an agent does not have is an error that says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from relay.domain.bridge_errors import METHOD_NOT_FOUND, bridge_error, code_of, is_ended_task
from relay.domain.bridge_lists import bridge_list
from relay.domain.bridge_params import bridge_params, read_history_length, wants_pages
from relay.domain.conversion import convert, convert_message
from relay.domain.errors import InvalidAgentResponseError, UnsupportedOperationError
from relay.domain.fields import Fields
from relay.domain.jsonrpc import RequestId, result_response
from relay.domain.lenient import mapping, mappings, text
from relay.domain.protocol import Kind, Method, names_of
from relay.domain.sends import answer_with, cut_history, task_of_answer
from relay.domain.task import Json, ProtocolVersion, Snapshot


@dataclass(frozen=True)
class Bridge:
    """`method` and `params` are the caller's, `to` is the agent's version, another one than the caller's."""

    method: Method
    params: Json = field(repr=False)
    to: ProtocolVersion

    @property
    def names(self) -> tuple[str, ...]:
        """The method as agents of that version call it, most of them first: 0.3's extended card has three names."""
        return names_of(self.method.kind, self.to)

    def asked(self) -> dict[str, Any]:
        """The params for the agent. Raises: InvalidParamsError naming the field."""
        return bridge_params(self.method.kind, self.params, self.to)

    def next_page_token(self, payload: Json) -> str:
        """With which the agent is to be asked once more, for a caller who knows no pages; empty when the answer is whole."""
        is_array = self.method.kind is Kind.LIST_TASKS and self.method.version is ProtocolVersion.V03 and not wants_pages(self.params)
        return text(mapping(payload.get("result")).get("nextPageToken")) if is_array else ""

    def joined(self, payloads: Sequence[Json]) -> Json:
        """The pages of a list as one answer; the last one, when it holds no page."""
        last = payloads[-1]
        if not isinstance(last.get("result"), dict):
            return last
        return {
            **last,
            "result": {**last["result"], "tasks": [task for page in payloads for task in mappings(page["result"].get("tasks"))]},
        }

    def told(self, payload: Json, request_id: RequestId) -> dict[str, Any]:
        """The JSON-RPC response for the caller, from the agent's.

        Raises: UnsupportedOperationError when the agent has no such method, or the message's task has ended; InvalidAgentResponseError
        when it answered with something else.
        """
        error = payload.get("error")
        if not isinstance(error, Mapping):
            return dict(result_response(request_id, self._result(payload.get("result"))))
        if code_of(error) == METHOD_NOT_FOUND:
            raise UnsupportedOperationError(
                f"The agent speaks A2A {self.to} and has no method for this there: it knows no {self.names[0]}.",
                metadata={"agentVersion": self.to.value, "agentMethod": self.names[0]},
            )
        if self.method.kind is Kind.SEND and self.method.version is ProtocolVersion.V10 and is_ended_task(error):
            raise UnsupportedOperationError(text(error.get("message")))
        return {"jsonrpc": "2.0", "id": request_id, "error": bridge_error(error, self.method.version)}

    def _result(self, result: Any) -> Any:
        kind, version = self.method.kind, self.method.version
        if kind is Kind.LIST_TASKS:
            return bridge_list(result, self.params, version)
        if kind not in _TASK_KINDS:
            raise InvalidAgentResponseError("The agent answered with something else than it was asked for.")
        task = task_of_answer(result, self.to)
        if task is not None:
            shown = convert(task, version)
            return answer_with(shown) if kind is Kind.SEND else self._cut(shown)
        if kind is Kind.SEND:
            return _message(result, version)
        raise InvalidAgentResponseError("The agent answered with something else than a task.")

    def _cut(self, task: Snapshot) -> Json:
        """1.0's length of 0 takes the history away; a2a-sdk 0.3 does not know that."""
        is_cut_here = self.method.kind is Kind.GET_TASK and task.version is ProtocolVersion.V10
        return cut_history(task.document, read_history_length(Fields(self.params))) if is_cut_here else task.document


_TASK_KINDS = frozenset({Kind.SEND, Kind.GET_TASK, Kind.CANCEL})


def _message(result: Json, to: ProtocolVersion) -> Json:
    wrapped = result.get("message")
    message = convert_message(wrapped if isinstance(wrapped, dict) else result, to)
    return {"message": message} if to is ProtocolVersion.V10 else message
