"""Ask: the relay's own GetTask: a full, fresh view of a task, in the version that the relay talks to the agent in."""

from datetime import timedelta

from relay.adapters.upstream import MAX_TASK_ANSWER_BYTES, Upstream
from relay.domain.agent import Agent
from relay.domain.forwarding import Headers, forwarded_headers
from relay.domain.keys import TaskKey
from relay.domain.task import View
from relay.use_cases.agents import Agents


class Ask:
    def __init__(self, agents: Agents, upstream: Upstream) -> None:
        self._agents = agents
        self._upstream = upstream

    def find(self, task: TaskKey) -> Agent:
        """The task's agent, with its card. Raises: RelayError."""
        return self._agents.find(task.agent_key)

    def __call__(
        self, task: TaskKey, *, timeout: timedelta, credential: Headers = (), max_answer_bytes: int = MAX_TASK_ANSWER_BYTES
    ) -> View | None:
        """None: the agent knows no such task, or not for this credential. Raises: RelayError when it cannot be asked.

        `credential` is a caller's own for the agent; without it the operator's is shown.
        """
        agent = self.find(task)
        endpoint = agent.endpoint
        headers = forwarded_headers({}, credential or agent.credential_headers, endpoint.version)
        return self._upstream.get_task(
            endpoint,
            task.task_id,
            tenant=task.tenant or endpoint.tenant,
            headers=headers,
            hidden=agent.hides(credential),
            max_answer_bytes=max_answer_bytes,
            timeout=timeout,
        )
