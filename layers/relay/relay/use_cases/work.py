"""Work: call an agent that can only block, once, for as long as it takes, and tell the outcome as the task's next revisions.

The order makes it safe to die anywhere: `working` is told, the call is marked, the agent is called, its own ids are kept, the outcome is
told, the message is done with. Before the mark everything may be repeated; after it the call never is: a wake-up that finds the mark past
its time says that the outcome is unknown. What the agent surely has not got is tried again for a while.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

from relay import observability
from relay.adapters.queues import Queue
from relay.adapters.table.relay_tasks import RelayTasks
from relay.adapters.upstream import MAX_TASK_ANSWER_BYTES
from relay.domain.agent import Agent
from relay.domain.blocking import Habit
from relay.domain.bridge_errors import code_of
from relay.domain.errors import AgentNotFoundError, RelayError
from relay.domain.forwarding import credential_texts
from relay.domain.lenient import text
from relay.domain.protocol import METHODS
from relay.domain.relay_task import CALL_SLACK, Entrusted, RelayTask, Step, is_concluded, next_step, references, referring
from relay.domain.retention import relay_task_expiry
from relay.domain.sends import task_of_answer
from relay.domain.stand_in import answered_with_message, answered_with_task, begun, ended, heard, message_in
from relay.domain.task import Snapshot, TaskState
from relay.domain.wakeup import WatchWakeup, WorkWakeup
from relay.use_cases.agents import Agents
from relay.use_cases.call_agent import AgentCall, CallAgent, Reply
from relay.use_cases.habits import KnownHabits
from relay.use_cases.log import Log

_TO_CONCLUDE = timedelta(seconds=45)  # AWS calls with their retries, after the agent's answer
_TRY_AGAIN = timedelta(seconds=30)
_REACH_WITHIN = timedelta(minutes=15)  # an agent that cannot be reached for so long after the send is not waited for any more
_MAX_TOLD = 1000  # characters of an agent's error

_UNKNOWN = "The relay lost sight of the call to the agent. Whether the agent did what it was asked is unknown."
_EXPIRED = "The message could not be sent to the agent in time; nothing was sent to it."


@dataclass(frozen=True)
class _Outcome:
    """The task as the answer leaves it, and how the agent calls it."""

    snapshot: Snapshot
    agent_task_id: str = ""
    agent_context_id: str = ""
    follows: bool = False


class Work:
    def __init__(
        self,
        *,
        relay_tasks: RelayTasks,
        agents: Agents,
        call_agent: CallAgent,
        log: Log,
        habits: KnownHabits,
        queue: Queue,
        watch_queue: Queue,
        watch_deadline: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._relay_tasks = relay_tasks
        self._agents = agents
        self._call_agent = call_agent
        self._log = log
        self._habits = habits
        self._queue = queue
        self._watch_queue = watch_queue
        self._watch_deadline = watch_deadline
        self._now = now

    def __call__(self, wakeup: WorkWakeup, *, remaining: Callable[[], timedelta]) -> Callable[[], None] | None:
        """What is left to do when the agent was called: to tell the outcome, which nobody else knows. It may be done again when it raises.

        What raises here is a failure of ours, and the wake-up comes back; what the agent does wrong is an outcome.
        """
        task = self._relay_tasks.get(wakeup.task, now=self._now())
        step = next_step(task, self._now())
        if task is None or step is Step.NOTHING:
            return None
        entrusted = self._relay_tasks.entrusted(task)
        if step is Step.CANCEL:
            self._end(task, entrusted, TaskState.CANCELED)
        elif step is Step.CONCLUDE:
            self._end(task, entrusted, TaskState.FAILED, told=_UNKNOWN)
        elif step is Step.EXPIRE or entrusted is None:
            self._give_up(task, entrusted, told=_EXPIRED)
        else:
            return self._send(task, entrusted, remaining)
        return None

    def _send(self, task: RelayTask, entrusted: Entrusted, remaining: Callable[[], timedelta]) -> Callable[[], None] | None:
        try:
            agent = self._agents.find(task.key.agent_key)
        except RelayError as error:
            self._not_reached(task, entrusted, error)
            return None
        message = entrusted.params["message"]
        before = self._snapshot(task, entrusted)
        working = heard(task, before, message, at=self._now())
        self._log.say(task.key, working, learnt_by="worker")
        told = self._in_the_agents_words(task, entrusted)
        token, began, left = uuid4().hex, self._now(), remaining()
        if not self._relay_tasks.call(task, token, now=began, until=began + left + CALL_SLACK):
            return None  # it was canceled, or another worker is at it
        try:
            reply = self._called(agent, told, timeout=left - _TO_CONCLUDE)
            outcome = self._outcome(task, working, reply)
        except RelayError as error:
            observability.upstream_call_failed(task.key, error)
            if error.metadata.get("outcome") == "not-sent" and self._relay_tasks.take_back(task, token):
                self._not_reached(task, entrusted, error)
                return None
            outcome = _Outcome(ended(working, TaskState.FAILED, at=self._now(), told=error.message))
        observability.log("upstream call ended", task=task.key, state=outcome.snapshot.state, took=self._now() - began)
        return partial(self._conclude, task, token, outcome, agent)

    def _conclude(self, task: RelayTask, token: str, outcome: _Outcome, agent: Agent) -> None:
        self._relay_tasks.answered(
            task,
            token,
            agent_task_id=outcome.agent_task_id,
            agent_context_id=outcome.agent_context_id,
            follows=outcome.follows,
        )
        self._log.say(task.key, outcome.snapshot, learnt_by="worker")
        if outcome.follows:  # the agent may tell of it, under its own id
            expires = relay_task_expiry(self._now(), self._watch_deadline)
            self._relay_tasks.name(task, outcome.agent_task_id, expires=expires)
        self._relay_tasks.end(task)
        if outcome.follows:  # from here on the agent is polled for it
            self._watch_queue.send(WatchWakeup(task.key, asked_at=self._now()))
        if outcome.agent_task_id:
            self._habits.note(agent, Habit.ANSWERS_WITH_TASKS)

    def _in_the_agents_words(self, task: RelayTask, entrusted: Entrusted) -> Entrusted:
        """What the log holds of the message stays in the callers' words."""
        referred = (task.key._replace(task_id=each) for each in references(entrusted.params))
        known = (self._relay_tasks.get(key, now=self._now()) for key in referred)
        names = {each.key.task_id: each.agent_task_id for each in known if each and each.agent_task_id}
        return replace(entrusted, params=referring(entrusted.params, names)) if names else entrusted

    def _called(self, agent: Agent, entrusted: Entrusted, *, timeout: timedelta) -> Reply:
        call = AgentCall(
            agent,
            METHODS[entrusted.method],
            entrusted.params,
            uuid4().hex,
            entrusted.incoming,
            entrusted.credential,
            waits=True,
            max_answer_bytes=MAX_TASK_ANSWER_BYTES,
            hidden=credential_texts(entrusted.credential),  # others of the owner may read the task
        )
        return self._call_agent(call, timeout=timeout)

    def _outcome(self, task: RelayTask, working: Snapshot, reply: Reply) -> _Outcome:
        """Raises: InvalidAgentResponseError."""
        answer, now = reply.answer, self._now()
        if answer.is_forbidden:
            return _Outcome(ended(working, TaskState.FAILED, at=now, told="The agent refused the credential it was shown."))
        if answer.error is not None:
            said = f"The agent answered with error {code_of(answer.error)}: {text(answer.error.get('message'))[:_MAX_TOLD]}"
            return _Outcome(ended(working, TaskState.FAILED, at=now, told=said))
        told = task_of_answer(answer.result, reply.version)
        if told is None:
            message = message_in(answer.result)
            completed = answered_with_message(task, working, answer.result, at=now)
            return _Outcome(completed, text(message.get("taskId")), text(message.get("contextId")))
        follows = not (told.state.is_terminal or told.state.is_interrupted)
        return _Outcome(answered_with_task(task, working, told), told.task_id, text(told.document.get("contextId")), follows=follows)

    def _not_reached(self, task: RelayTask, entrusted: Entrusted, error: RelayError) -> None:
        """The agent has got nothing, so the message may be sent again."""
        if isinstance(error, AgentNotFoundError) or self._now() - task.sent_at >= _REACH_WITHIN:
            self._give_up(task, entrusted, told=f"The message was not sent to the agent. {error.message}")
        else:
            self._queue.send(WorkWakeup(task.key), _TRY_AGAIN)

    def _give_up(self, task: RelayTask, entrusted: Entrusted | None, *, told: str) -> None:
        """Under a mark, so that no other worker sends what is said not to be sent. One that has the mark already has the last word."""
        now = self._now()
        if self._relay_tasks.call(task, uuid4().hex, now=now, until=now + CALL_SLACK):
            self._end(task, entrusted, TaskState.FAILED, told=told)

    def _end(self, task: RelayTask, entrusted: Entrusted | None, state: TaskState, *, told: str = "") -> None:
        """The relay's own word, unless the outcome was told already."""
        if not is_concluded(self._log.head(task.key), task.sent_at):
            snapshot = ended(self._snapshot(task, entrusted), state, at=self._now(), told=told)
            self._log.say(task.key, snapshot, learnt_by="worker")
        self._relay_tasks.end(task)

    def _snapshot(self, task: RelayTask, entrusted: Entrusted | None) -> Snapshot:
        """The task as the log has it, or as it begins: whoever took the send over may have died before the first revision."""
        newest = self._log.newest(task.key)
        if newest is not None:
            return newest.snapshot
        method = METHODS[entrusted.method if entrusted else "SendMessage"]
        return begun(task, entrusted.params["message"] if entrusted else {}, method.version)
