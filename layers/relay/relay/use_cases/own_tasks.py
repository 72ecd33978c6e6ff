"""Own tasks: what is asked about tasks of the relay's own is answered from their log; of the agent only what it can truthfully say."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from relay import observability
from relay.adapters.table.relay_tasks import RelayTasks
from relay.adapters.upstream import Answer
from relay.domain.blocking import Blocks
from relay.domain.bridge_lists import bridge_list, listable
from relay.domain.bridge_params import read_history_length
from relay.domain.conversion import convert
from relay.domain.errors import (
    InvalidAgentResponseError,
    RelayError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UpstreamTooLargeError,
)
from relay.domain.fields import Fields
from relay.domain.keys import TaskKey, fits_key
from relay.domain.protocol import Kind
from relay.domain.relay_task import RelayTask, may_be_relay_task, reader_of
from relay.domain.sends import cut_history, task_of_answer
from relay.domain.stand_in import answered_with_task, ended
from relay.domain.task import Json, ProtocolVersion, Revision, TaskState
from relay.use_cases.answered import only_sooner
from relay.use_cases.ask import FROM_LOG, Ask
from relay.use_cases.call_agent import AgentCall, CallAgent
from relay.use_cases.forward import Passing
from relay.use_cases.log import Log
from relay.use_cases.observe import Observe
from relay.use_cases.take_over import TakeOver

LISTED = 200  # of an agent's tasks of the relay's own, the newest: each is read by itself
MAX_LISTED_BYTES = 20_000_000  # of what is kept of them as JSON; the function has 1 GB
_TIMEOUT = timedelta(seconds=20)
_TOO_LARGE = (
    "All tasks together are too large: ask with a pageSize for those of a context or state, with a historyLength, without artifacts."
)


class OwnTasks:
    def __init__(
        self,
        *,
        relay_tasks: RelayTasks,
        take_over: TakeOver,
        ask: Ask,
        observe: Observe,
        log: Log,
        call_agent: CallAgent,
        now: Callable[[], datetime],
    ) -> None:
        self._relay_tasks = relay_tasks
        self._take_over = take_over
        self._ask = ask
        self._observe = observe
        self._log = log
        self._call_agent = call_agent
        self._now = now

    def __call__(self, passing: Passing) -> Answer | Json | list[Json] | None:
        """The answer, or None where the task is not the relay's own. Raises: RelayError."""
        kind = passing.method.kind
        if kind is Kind.LIST_TASKS:
            return self._list(passing) if self._take_over.takes_all(passing.agent) else None
        task = self._named(passing)
        if task is None:
            return None
        return self._cancel(passing, task) if kind is Kind.CANCEL else self._get(passing, task)

    def _named(self, passing: Passing) -> RelayTask | None:
        """Raises: TaskNotFoundError for any other task at an agent that was said to block: its word on tasks counts for nothing."""
        key = _key(passing)
        task = self._relay_tasks.get(key, now=self._now()) if key and may_be_relay_task(key.task_id) else None
        if task is None and passing.agent.blocks is Blocks.ALWAYS:
            raise _not_found(Fields(passing.request.params).required_identifier("id"))
        return task

    def _get(self, passing: Passing, task: RelayTask) -> Json:
        history_length = read_history_length(Fields(passing.request.params))
        try:
            view = self._ask(task.key, timeout=_TIMEOUT, credential=passing.credential)
        except RelayError as error:
            observability.poll_failed(task.key, error)
            view = None
        if view is not None and view.learnt_by != FROM_LOG:
            with only_sooner("what the agent answered is not observed", agent=task.key.agent_key, task=task.key):
                self._observe(task.key, view)
        snapshot = view.snapshot if view else self._newest(task).snapshot
        return cut_history(convert(snapshot, passing.method.version).document, history_length)

    def _list(self, passing: Passing) -> Any:
        call, version = Fields(passing.request.params), passing.method.version
        tenant = call.identifier("tenant") if version is ProtocolVersion.V10 else ""
        key, reader = TaskKey(*passing.agent.key, tenant, ""), reader_of(passing.agent.key, passing.credential)
        tasks, size = list[Json](), 0
        for task in self._relay_tasks.list(key, reader=reader, limit=LISTED):
            revision = self._log.newest(task)
            shown = listable(convert(revision.snapshot, version).document, passing.request.params, version) if revision else None
            if shown is not None:
                tasks.append(shown)
                size += len(json.dumps(shown))
            if size > MAX_LISTED_BYTES:
                raise UpstreamTooLargeError(_TOO_LARGE)
        return bridge_list(tasks, passing.request.params, version)

    def _cancel(self, passing: Passing, task: RelayTask) -> Answer | Json:
        """Before the upstream call it is canceled here; after it the agent is asked, if it is known how the agent calls the task."""
        version, newest = passing.method.version, self._newest(task)
        if newest.snapshot.state.is_terminal:
            raise TaskNotCancelableError("The task has ended.", metadata={"taskId": task.key.task_id})
        if self._relay_tasks.cancel(task, now=self._now()):
            canceled = ended(self._newest(task).snapshot, TaskState.CANCELED, at=self._now())
            self._log.say(task.key, canceled, learnt_by="cancel")
            self._relay_tasks.end(task)
            return convert(self._newest(task).snapshot, version).document
        if task.agent_task_id:
            return self._cancel_at_agent(passing, task, newest)
        told = "The agent is at work, and has not said yet how it calls the task: it cannot be told to stop."
        raise TaskNotCancelableError(told, metadata={"taskId": task.key.task_id})

    def _cancel_at_agent(self, passing: Passing, task: RelayTask, newest: Revision) -> Answer | Json:
        params = {**passing.request.params, "id": task.agent_task_id}
        call = AgentCall(passing.agent, passing.method, params, passing.request.id, passing.incoming, passing.credential)
        reply = self._call_agent(call, timeout=_TIMEOUT)
        if reply.answer.is_forbidden or reply.answer.error is not None:
            return _renamed(reply.for_caller(), task)
        told = task_of_answer(reply.answer.result, reply.version)
        if told is None:
            raise InvalidAgentResponseError("The agent answered with something else than the task it was asked to cancel.")
        snapshot = answered_with_task(task, newest.snapshot, told)
        with only_sooner("what the agent answered is not observed", agent=task.key.agent_key, task=task.key):
            self._log.say(task.key, snapshot, learnt_by="cancel")
        return convert(snapshot, passing.method.version).document

    def _newest(self, task: RelayTask) -> Revision:
        newest = self._log.newest(task.key)
        if newest is None:  # it is just being taken over
            raise _not_found(task.key.task_id)
        return newest


def _key(passing: Passing) -> TaskKey | None:
    """None for what could be no task of the relay's own: whatever it is, the agent judges it."""
    params = passing.request.params
    task_id = params.get("id") or params.get("taskId")  # the latter is Evo AI's
    tenant = (params.get("tenant") or "") if passing.method.version is ProtocolVersion.V10 else ""
    if not isinstance(task_id, str) or not isinstance(tenant, str) or (tenant and not fits_key(tenant)):
        return None
    return TaskKey(*passing.agent.key, tenant, task_id)


def _renamed(answer: Answer, task: RelayTask) -> Answer:
    """The agent's error under the relay's ids, where ids stand in its data; texts are the agent's own, whatever they quote."""
    error = answer.error
    if answer.payload is None or error is None or "data" not in error:
        return answer
    return answer.with_payload({**answer.payload, "error": {**error, "data": _with_names(error["data"], task)}})


def _with_names(value: Any, task: RelayTask) -> Any:
    if isinstance(value, list):
        return [_with_names(each, task) for each in value]
    if not isinstance(value, dict):
        return value
    names = {
        **dict.fromkeys(("id", "taskId"), (task.agent_task_id, task.key.task_id)),
        "contextId": (task.agent_context_id, task.context_id),
    }
    told = {member: _with_names(each, task) for member, each in value.items()}
    return told | {member: ours for member, (theirs, ours) in names.items() if theirs and value.get(member) == theirs}


def _not_found(task_id: str) -> TaskNotFoundError:
    return TaskNotFoundError("There is no such task.", metadata={"taskId": task_id})
