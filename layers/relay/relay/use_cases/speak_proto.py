"""Speak proto: whether an HTTP+JSON call of 0.3 is answered in the proto's words, as a2a-sdk 0.3 reads them, or in 0.3's own, as a2akit.

A body shows which its caller speaks. A call without one does not, and all SDKs of 0.3 leave `A2A-Version` out, so a task that was sent, or
got a push config, in the proto's words is remembered; a2akit says `0.3.0`, and is never asked about.
"""

from typing import Any

from relay.adapters.table.forms import Forms
from relay.domain.http_json import HttpJsonCall
from relay.domain.keys import AgentKey, TaskKey, fits_key
from relay.domain.protocol import Kind


class SpeakProto:
    def __init__(self, forms: Forms) -> None:
        self._forms = forms

    def __call__(self, call: HttpJsonCall, agent: AgentKey, result: Any) -> bool:
        """How to tell this result. What a caller said in the proto's words is remembered before it is answered."""
        if call.speaks_proto:
            task_id = result.get("id") if call.kind is Kind.SEND and isinstance(result, dict) else call.task_id
            if isinstance(task_id, str) and fits_key(task_id):
                self._forms.put_proto(_task(agent, task_id))
            return True
        return call.may_speak_proto and fits_key(call.task_id) and self._forms.is_proto(_task(agent, call.task_id))


def _task(agent: AgentKey, task_id: str) -> TaskKey:
    """0.3 knows no tenants."""
    return TaskKey(agent.owner, agent.agent, "", task_id)
