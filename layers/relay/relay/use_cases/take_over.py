"""Take over: a send to an agent that can only block becomes a task of the relay's own, told at once; the worker makes the call.

The order makes it safe to die anywhere: the item (from here on it will be sent), the first revision, the inline config, the wake-up. A
repeat of the send does what is missing; the sweep wakes the worker where the wake-up is.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from relay.adapters.queues import Queue
from relay.adapters.table.relay_tasks import RelayTasks
from relay.domain.agent import Agent
from relay.domain.blocking import Blocks, Habit, habit_shown, takes_all, takes_over
from relay.domain.bridge_params import bridge_params
from relay.domain.errors import InvalidParamsError, TaskNotFoundError, UnsupportedOperationError
from relay.domain.forwarding import passed_on
from relay.domain.keys import TaskKey
from relay.domain.protocol import Kind
from relay.domain.push_config import Start
from relay.domain.relay_task import (
    MAX_SENDS,
    Entrusted,
    RelayTask,
    addressed,
    context_of,
    is_same_id,
    may_be_relay_task,
    name_of_message,
    reader_of,
    relay_task_id,
)
from relay.domain.retention import SENDING, relay_task_expiry
from relay.domain.sends import Send
from relay.domain.stand_in import begun
from relay.domain.task import Snapshot
from relay.domain.wakeup import WorkWakeup
from relay.use_cases.habits import KnownHabits
from relay.use_cases.log import Log
from relay.use_cases.outgoing import Outgoing
from relay.use_cases.register import Register


class TakeOver:
    def __init__(
        self,
        *,
        habits: KnownHabits,
        relay_tasks: RelayTasks,
        log: Log,
        register: Register,
        queue: Queue,
        watch_deadline: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._habits = habits
        self._relay_tasks = relay_tasks
        self._log = log
        self._register = register
        self._queue = queue
        self._deadline = watch_deadline
        self._now = now

    def takes(self, agent: Agent, send: Send) -> bool:
        """Whether this send is the relay's to make: the agent blocks, or the message continues a task of the relay's own."""
        if takes_over(agent.blocks, self._habits.of(agent), send):
            return True
        return may_be_relay_task(send.task_id) and self._known(TaskKey(*agent.key, send.tenant, send.task_id)) is not None

    def takes_all(self, agent: Agent) -> bool:
        return takes_all(agent.blocks, self._habits.of(agent))

    def note_answer(self, agent: Agent, answered: Snapshot | None, *, took: timedelta) -> None:
        self._habits.note(agent, habit_shown(answered, took=took))

    def note_silence(self, agent: Agent) -> None:
        """The agent kept a send open for longer than its caller could wait."""
        self._habits.note(agent, Habit.HOLDS_SENDS_OPEN)

    def __call__(self, outgoing: Outgoing) -> TaskKey:
        """The task: the one of this message if it was sent before. Raises: RelayError."""
        send, agent = outgoing.send, outgoing.agent
        if agent.endpoints and outgoing.method.version not in agent.endpoints:
            bridge_params(Kind.SEND, send.forwarded, agent.endpoint.version)  # what the worker could not say is refused here
        message_id = send.message_id or uuid4().hex
        name = name_of_message(message_id, send.forwarded["message"])
        continued = self._continued(outgoing)
        if continued and (name in continued.seen or not self._has_ended(continued)):
            return self._go_on(outgoing, continued, name)
        task_id = relay_task_id(agent.key, send.tenant, message_id, outgoing.credential)
        return self._begin(outgoing, outgoing.task_key(task_id), name, continued=continued)

    def _begin(self, outgoing: Outgoing, key: TaskKey, name: str, *, continued: RelayTask | None) -> TaskKey:
        """A new task; after one that has ended, it goes on in its context."""
        send, task = outgoing.send, self._known(key)
        is_new = task is None
        if task is None:
            if send.inline:
                self._register.count(key.agent_key, send.inline)
            now = self._now()
            named = context_of(send) or (continued.context_id if continued else "")
            new = RelayTask(key, named or key.task_id, sending=name, sent_at=now, due=now, seen=frozenset({name}))
            task = self._relay_tasks.begin(
                new,
                self._entrusted(outgoing, continued, named),
                reader=reader_of(outgoing.agent.key, outgoing.credential),
                expires=relay_task_expiry(now, self._deadline),
                sent_until=now + SENDING,
            )
        self._check_same(task, name)
        first = begun(task, send.forwarded["message"], outgoing.method.version)
        self._log.begin(key, first, sent_at=task.sent_at)
        if send.inline:
            newest, lent = self._log.head(key), outgoing.lent
            self._register.put(key, send.inline, start=Start.INLINE_NEW_TASK, newest=newest, lent=lent, is_counted=is_new)
        self._wake(task)
        return key

    def _go_on(self, outgoing: Outgoing, task: RelayTask, name: str) -> TaskKey:
        """A further message of the same task: an inline config is stored before the message may be sent."""
        self._check_same(task, name)
        if outgoing.send.inline:
            newest, lent = self._log.head(task.key), outgoing.lent
            self._register.put(task.key, outgoing.send.inline, start=Start.INLINE_KNOWN_TASK, newest=newest, lent=lent)
        if name not in task.seen:
            if len(task.seen) >= MAX_SENDS:
                raise UnsupportedOperationError(f"A task takes at most {MAX_SENDS} messages: begin a new one in its context.")
            now = self._now()
            went_on = self._relay_tasks.go_on(
                replace(task, sending=name, sent_at=now),
                self._entrusted(outgoing, task, task.context_id),
                expires=relay_task_expiry(now, self._deadline),
                sent_until=now + SENDING,
            )
            if went_on is None:
                raise UnsupportedOperationError(
                    "The agent takes one message at a time, and one for this task is on its way: wait for its outcome."
                )
            task = went_on
        self._wake(task)
        return task.key

    def _wake(self, task: RelayTask) -> None:
        if task.is_under_way:
            self._queue.send(WorkWakeup(task.key))

    def _entrusted(self, outgoing: Outgoing, continued: RelayTask | None, context_id: str) -> Entrusted:
        """The send under the agent's ids: its own task if it has said one, else the context alone."""
        params = outgoing.send.forwarded
        if continued:
            agents_context = continued.agent_context_id or ("" if may_be_relay_task(continued.context_id) else continued.context_id)
            params = addressed(params, task_id=continued.agent_task_id, context_id=agents_context)
        elif may_be_relay_task(context_id) and (told := self._known(outgoing.task_key(context_id))):
            params = addressed(params, task_id=outgoing.send.task_id, context_id=told.agent_context_id)
        return Entrusted(outgoing.method.name, params, passed_on(outgoing.incoming), outgoing.credential)

    def _continued(self, outgoing: Outgoing) -> RelayTask | None:
        """The task of the relay's own that the message names. Raises: TaskNotFoundError at an agent that has no others."""
        task_id = outgoing.send.task_id
        task = self._known(outgoing.task_key(task_id)) if may_be_relay_task(task_id) else None
        if task_id and task is None and outgoing.agent.blocks is Blocks.ALWAYS:
            raise TaskNotFoundError("The task that this message continues does not exist.", metadata={"taskId": task_id})
        return task

    def _has_ended(self, task: RelayTask) -> bool:
        head = self._log.head(task.key)
        return head is not None and head.state.is_terminal

    def _check_same(self, task: RelayTask, name: str) -> None:
        if name not in task.seen and any(is_same_id(name, seen) for seen in task.seen):
            raise InvalidParamsError("messageId is that of another message: give each message an id of its own.", field="message.messageId")

    def _known(self, key: TaskKey) -> RelayTask | None:
        return self._relay_tasks.get(key, now=self._now())
