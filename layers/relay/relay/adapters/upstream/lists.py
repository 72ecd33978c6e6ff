"""An agent's tasks, page by page: ListTasks of A2A 1.0.

Source: A2A 1.0 §3.1.4, §9.4.3 and §11.3.2. The same client, headers, limits and errors as every other call to an agent.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial

import httpx

from relay.adapters.upstream.calls import Upstream, asked_again, refusal
from relay.adapters.upstream.transport import deadline
from relay.domain.endpoint import Endpoint
from relay.domain.errors import UnsupportedOperationError, UpstreamRefusedError
from relay.domain.listing import CALL_TIMEOUT, Page, question, read_page
from relay.domain.task import ProtocolVersion

_LIST_TASKS = "ListTasks"


class Lists:
    """Every agent's."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def page(
        self, endpoint: Endpoint, *, tenant: str, since: datetime | None, token: str, headers: Mapping[str, str], hidden: Collection[str]
    ) -> Page:
        """One page of the tasks whose status has a timestamp from `since` on; None: of all.

        Raises: what `Upstream.call` raises; UpstreamUnauthenticatedError and its kin; UpstreamRefusedError for a JSON-RPC error;
        UnsupportedOperationError where the agent has no A2A 1.0; InvalidAgentResponseError when the answer is no list of tasks.
        """
        if endpoint.version is not ProtocolVersion.V10:
            raise UnsupportedOperationError("Tasks are listed by A2A 1.0 only, which the agent does not speak.")
        params = question(tenant or endpoint.tenant, since=since, token=token)
        ask = partial(self._upstream.call, endpoint, _LIST_TASKS, params, request_id=_LIST_TASKS, headers=headers, hidden=hidden)
        with deadline(CALL_TIMEOUT):
            answer = asked_again(partial(ask, timeout=CALL_TIMEOUT))
        if answer.is_forbidden or answer.status in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
            raise refusal(answer, f"The agent did not answer {_LIST_TASKS}")
        if answer.error is not None:
            code = answer.error.get("code")
            raise UpstreamRefusedError(
                f"The agent answered {_LIST_TASKS} with error {code}.", agent_code=code if isinstance(code, int) else 0, agent_message=""
            )
        return read_page(answer.result, answer.asked_at)
