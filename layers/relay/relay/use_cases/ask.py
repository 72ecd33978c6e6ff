"""Ask: the relay's own GetTask: a full, fresh view of a task, in the version that the relay talks to the agent in.

A task of the relay's own is answered from its log.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from relay.adapters.table.relay_tasks import RelayTasks
from relay.adapters.upstream import MAX_TASK_ANSWER_BYTES, Upstream
from relay.domain.agent import Agent
from relay.domain.blocking import Blocks
from relay.domain.forwarding import Headers
from relay.domain.keys import TaskKey
from relay.domain.relay_task import RelayTask, may_be_relay_task
from relay.domain.stand_in import answered_with_task
from relay.domain.task import View
from relay.use_cases.agents import Agents
from relay.use_cases.log import Log

FROM_LOG = "log"  # learnt by nothing but what was observed before


class Ask:
    def __init__(self, agents: Agents, upstream: Upstream, *, relay_tasks: RelayTasks, log: Log, now: Callable[[], datetime]) -> None:
        self._agents = agents
        self._upstream = upstream
        self._relay_tasks = relay_tasks
        self._log = log
        self._now = now

    def find(self, task: TaskKey) -> Agent:
        """The task's agent, with its card. Raises: RelayError."""
        return self._agents.find(task.agent_key)

    def __call__(
        self, task: TaskKey, *, timeout: timedelta, credential: Headers = (), max_answer_bytes: int = MAX_TASK_ANSWER_BYTES
    ) -> View | None:
        """None: the agent knows no such task, or not for this credential. Raises: RelayError when it cannot be asked.

        `credential` is a caller's own for the agent; without it the operator's is shown.
        """
        own = self._relay_tasks.get(task, now=self._now()) if may_be_relay_task(task.task_id) else None
        if own is not None:
            return self._of_own(own, timeout=timeout, credential=credential, max_answer_bytes=max_answer_bytes)
        return self._of_agents(task, task.task_id, timeout=timeout, credential=credential, max_answer_bytes=max_answer_bytes)

    def _of_own(self, own: RelayTask, *, timeout: timedelta, credential: Headers, max_answer_bytes: int) -> View | None:
        """What the log says; the agent is asked only after it has answered with a task that goes on."""
        newest = self._log.newest(own.key)
        if newest is None:
            return None
        if own.follows and not own.is_under_way and not newest.snapshot.state.is_terminal:
            view = self._of_agents(own.key, own.agent_task_id, timeout=timeout, credential=credential, max_answer_bytes=max_answer_bytes)
            if view is not None:
                return replace(view, snapshot=answered_with_task(own, newest.snapshot, view.snapshot))
        now = self._now()
        return View(newest.snapshot, now, now, FROM_LOG)

    def _of_agents(
        self, task: TaskKey, agent_task_id: str, *, timeout: timedelta, credential: Headers, max_answer_bytes: int
    ) -> View | None:
        agent = self._agents.find(task.agent_key)
        if agent.blocks is Blocks.ALWAYS and task.task_id == agent_task_id:
            return None  # such an agent's word on tasks counts for nothing: Evo AI says of any id that it is completed
        endpoint = agent.endpoint
        return self._upstream.get_task(
            endpoint,
            agent_task_id,
            tenant=task.tenant or endpoint.tenant,
            headers=agent.own_call_headers(credential),
            hidden=agent.hides(credential),
            max_answer_bytes=max_answer_bytes,
            timeout=timeout,
        )
