"""Send: a message goes to the agent once, never blocking there; its task is committed, its inline config registered, its result waited for.

Source: design §7 "Sends"; A2A 1.0 §3.2.2 (blocking is the default; it ends at a terminal or interrupted state).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from relay import observability
from relay.adapters.queues import Queue
from relay.adapters.table.watches import Watches
from relay.adapters.upstream import MAX_ANSWER_BYTES, Answer
from relay.domain.conversion import convert
from relay.domain.errors import InvalidParamsError, OwnerCapError, RelayError, TaskNotFoundError, UpstreamTimeoutError
from relay.domain.forwarding import fingerprint
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.push_config import PushConfig, Start
from relay.domain.relay_task import may_be_relay_task
from relay.domain.sends import answer_with, cut_history, task_of_answer
from relay.domain.task import Json, ProtocolVersion, Snapshot, View
from relay.domain.wakeup import WatchWakeup
from relay.use_cases.answered import OUR_FAILURES, only_sooner, owed
from relay.use_cases.ask import Ask
from relay.use_cases.call_agent import AgentCall, CallAgent, Reply
from relay.use_cases.callback_in_send import CallbackInSend, GivenCallback
from relay.use_cases.observe import Observe
from relay.use_cases.outgoing import Outgoing
from relay.use_cases.pending import Pending
from relay.use_cases.register import Register
from relay.use_cases.take_over import TakeOver
from relay.use_cases.templates import Templates

WAIT = timedelta(seconds=25)  # API Gateway ends a request at 30 s
_ASK_TIMEOUT = timedelta(seconds=5)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.3, 1.0  # seconds between two polls of a waiting send
_DO_THIS = "do not send it again, ask for the task, and register the webhook for it, if there is one."


@dataclass(frozen=True)
class _Before:
    """The task that a message continues, as it stood, and the inline config that this message has added to it.

    `is_counted`: the owner has one config more to its name by this message. `templates`: what the new task will get a copy of; None for a
    message that names a task, and so is not expected to begin one.
    """

    view: View | None = None
    added: ConfigKey | None = None
    is_counted: bool = False
    templates: Sequence[PushConfig] | None = None


class SendMessage:
    def __init__(
        self,
        *,
        call_agent: CallAgent,
        ask: Ask,
        observe: Observe,
        register: Register,
        pending: Pending,
        templates: Templates,
        watches: Watches,
        watch_queue: Queue,
        take_over: TakeOver,
        callback_in_send: CallbackInSend,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._call_agent = call_agent
        self._ask = ask
        self._observe = observe
        self._register = register
        self._pending = pending
        self._templates = templates
        self._watches = watches
        self._watch_queue = watch_queue
        self._take_over = take_over
        self._callback_in_send = callback_in_send
        self._now = now
        self._sleep = sleep

    def __call__(self, outgoing: Outgoing) -> Answer | Json:
        """The agent's own answer where it is a Message or an error; else the result for the caller: the task as it stands.

        Raises: RelayError; a send is never repeated towards the agent. Of an unknown outcome it says so, and so it does where the agent
        has the message.
        """
        send = outgoing.send
        if send.inline:
            self._register.check(send.inline, field=send.inline.url_field)
        if self._take_over.takes(outgoing.agent, send):
            return self._taken_over(outgoing)
        before = self._before(outgoing)
        given = self._callback_in_send.give(outgoing)
        reply = self._forward(outgoing, given.params)
        answer = reply.answer
        snapshot = task_of_answer(answer.result, reply.version) if answer.result is not None else None
        if answer.result is not None:
            with only_sooner("an agent's habit is not noted", agent=outgoing.agent.key):
                self._take_over.note_answer(outgoing.agent, snapshot, took=answer.arrived_at - answer.asked_at)
            self._callback_in_send.taken(given, outgoing.agent.key)
        if snapshot is None:
            if send.inline:
                observability.log("inline push config dropped: the agent answered with no task", method=outgoing.method.name)
            return reply.for_caller()
        task, view = outgoing.task_key(snapshot.task_id), View(snapshot, answer.asked_at, answer.arrived_at, "send")
        with owed(task, f"The message was taken, its task is {task.task_id}, but the relay failed afterwards: {_DO_THIS}"):
            try:
                is_followed = self._take_in(outgoing, task, view, given=given, before=before)
            finally:  # the agent may have made another task of it (PraisonAI always does): there the config belongs, if it has room for it
                if before.added and before.added.task != task:
                    self._register.delete(before.added)
        if send.waits:
            snapshot = self._wait(outgoing, task, snapshot, before=before.view, is_followed=is_followed)
        return _told(outgoing, snapshot)

    def _templates_expected(self, outgoing: Outgoing) -> Sequence[PushConfig]:
        return self._templates.expect(outgoing.agent.key, caller=fingerprint(outgoing.credential))

    def _take_in(self, outgoing: Outgoing, task: TaskKey, view: View, *, given: GivenCallback, before: _Before) -> bool:
        """Whether anybody follows the task. What copies of templates have no room leaves the message's own config alone.

        Raises: InvalidParamsError, once all else is done.
        """
        refused: InvalidParamsError | None = None
        try:
            is_awaited = self._comes(outgoing, task, before.templates)
        except InvalidParamsError as error:
            refused, is_awaited = error, True  # what has waited for the task is bound to it
        is_followed = self._commit(outgoing, task, view, is_awaited=is_awaited, is_counted=before.is_counted)
        with only_sooner("what an agent has pushed early is not taken in", agent=task.agent_key, task=task):
            self._callback_in_send.settle(given, task)
        if refused:
            raise refused
        return is_followed

    def _comes(self, outgoing: Outgoing, task: TaskKey, templates: Sequence[PushConfig] | None) -> bool:
        """Whether configs have waited for the task, or are for every new one: they are there before its first revision."""
        is_awaited = self._pending.bind(task, caller=fingerprint(outgoing.credential), lent=outgoing.lent)
        if templates is None and outgoing.send.task_id != task.task_id:
            try:
                templates = self._templates_expected(outgoing)
            except OwnerCapError as error:
                raise _too_late(error, task, "the webhooks for every task are", field="message.taskId") from error
        return self._templates.begin(task, templates or (), lent=outgoing.lent) or is_awaited

    def _taken_over(self, outgoing: Outgoing) -> Json:
        """The task of the relay's own that the worker will see to, as it stands at once or when the wait is over."""
        send = outgoing.send
        continued = outgoing.task_key(send.task_id) if may_be_relay_task(send.task_id) and send.waits else None
        earlier = self._ask(continued, timeout=_ASK_TIMEOUT) if continued else None
        templates = None if send.task_id else self._templates_expected(outgoing)
        task = self._take_over(outgoing)
        self._comes(outgoing, task, templates)
        view = self._ask(task, timeout=_ASK_TIMEOUT)
        if view is None:
            raise TaskNotFoundError("The task has expired.", metadata={"taskId": task.task_id})
        before = earlier if task == continued else None
        snapshot = self._wait(outgoing, task, view.snapshot, before=before, is_followed=False) if send.waits else view.snapshot
        return _told(outgoing, snapshot)

    def _before(self, outgoing: Outgoing) -> _Before:
        """An inline config is counted before the message is forwarded, and stored if it is known what for. So are copies of templates."""
        send = outgoing.send
        if not send.task_id:
            if send.inline:
                self._register.count(outgoing.agent.key, send.inline)
            return _Before(is_counted=bool(send.inline), templates=self._templates_expected(outgoing))
        if not (send.inline or send.waits):
            return _Before()
        task = outgoing.task_key(send.task_id)
        try:
            view = self._ask(task, timeout=_ASK_TIMEOUT, credential=outgoing.credential)
        except RelayError as error:
            if send.inline:
                raise
            observability.poll_failed(task, error)  # only the wait will know less; the agent judges the message itself
            return _Before()
        if not send.inline:
            return _Before(view)
        if view is None:
            raise TaskNotFoundError("The task that this message continues does not exist.", metadata={"taskId": send.task_id})
        observed = self._observe(task, view)
        is_known = self._register.knows(task, send.inline)
        config = self._register.put(task, send.inline, start=Start.INLINE_KNOWN_TASK, newest=observed.head, lent=outgoing.lent)
        return _Before(view) if is_known else _Before(view, config.key, is_counted=True)

    def _forward(self, outgoing: Outgoing, params: Json) -> Reply:
        call = AgentCall(outgoing.agent, outgoing.method, params, outgoing.request_id, outgoing.incoming, outgoing.credential)
        try:
            return self._call_agent(call, timeout=outgoing.started + WAIT - self._now())
        except UpstreamTimeoutError as error:
            if error.metadata.get("outcome") == "not-sent":
                raise
            with only_sooner("an agent's habit is not noted", agent=outgoing.agent.key):
                self._take_over.note_silence(outgoing.agent)
            told = "The agent did not answer in time. Whether it took the message is unknown: look for its task before you send again."
            raise UpstreamTimeoutError(told, metadata=error.metadata) from error

    def _commit(self, outgoing: Outgoing, task: TaskKey, view: View, *, is_awaited: bool, is_counted: bool) -> bool:
        """The task and the inline config become durable before the caller is answered. Whether anybody follows the task."""
        send = outgoing.send
        if not send.inline and not is_awaited and not (send.task_id and self._watches.get(task)):
            return False
        if view.snapshot.version is not outgoing.agent.endpoint.version:  # the log of a task is kept in one version
            view = self._in_the_logs_version(outgoing, task, view)
        observed = self._observe(task, view)
        if send.inline and send.task_id != task.task_id:
            start = Start.INLINE_NEW_TASK if observed.head.number == 1 else Start.INLINE_ANSWERED
            try:
                self._register.put(task, send.inline, start=start, newest=observed.head, lent=outgoing.lent, is_counted=is_counted)
            except (InvalidParamsError, OwnerCapError) as error:  # the agent has made another task of it than the message named
                raise _too_late(error, task, "the webhook is", field=send.inline.url_field) from error
        elif not send.inline and not is_awaited and (lent := self._watches.seal(task, outgoing.lent)):
            self._watches.lend(task, lent)
        with only_sooner("no hint given to the watch", agent=task.agent_key, task=task):
            self._watch_queue.send(WatchWakeup(task, asked_at=self._now()))
        return True

    def _in_the_logs_version(self, outgoing: Outgoing, task: TaskKey, view: View) -> View:
        """The agent's own words, if it says them at once; else the answer itself, converted: it is at hand and must not be lost."""
        try:
            asked = self._ask(task, timeout=_ASK_TIMEOUT, credential=outgoing.credential)
        except (RelayError, *OUR_FAILURES) as error:
            observability.poll_failed(task, error)
            asked = None
        return asked or replace(view, snapshot=convert(view.snapshot, outgoing.agent.endpoint.version))

    def _wait(self, outgoing: Outgoing, task: TaskKey, snapshot: Snapshot, *, before: View | None, is_followed: bool) -> Snapshot:
        """Polls until the task ends or waits for somebody, at most until the caller's 25 s are over."""
        deadline, pause = outgoing.started + WAIT, _FIRST_PAUSE
        last, observed = snapshot, snapshot.digest
        while not _is_settled(last, before) and self._now() + timedelta(seconds=pause) < deadline:
            self._sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            try:
                view = self._ask(
                    task,
                    timeout=min(_ASK_TIMEOUT, deadline - self._now()),
                    credential=outgoing.credential,
                    max_answer_bytes=MAX_ANSWER_BYTES,  # it is the caller's answer; what is larger a webhook tells
                )
            except (RelayError, *OUR_FAILURES) as error:
                observability.poll_failed(task, error)
                continue
            if view is None:
                break
            if is_followed and view.snapshot.digest != observed:
                with only_sooner("what a waiting send saw is not observed", agent=task.agent_key, task=task):
                    self._observe(task, view)
                    observed = view.snapshot.digest
            last = view.snapshot
        return last


def _too_late(error: InvalidParamsError | OwnerCapError, task: TaskKey, what_is: str, *, field: str) -> InvalidParamsError:
    """The agent has made another task of a message than it named, and has it. Not the cap's own error: clients send again after that."""
    told = f"The message was taken, its task is {task.task_id}, but {what_is} not registered for it. {error.message}"
    return InvalidParamsError(told, field=field)


def _told(outgoing: Outgoing, snapshot: Snapshot) -> Json:
    version = outgoing.method.version
    told = snapshot if snapshot.version is version else convert(snapshot, version)
    return answer_with(Snapshot(version, cut_history(told.document, outgoing.send.history_length)))


def _is_settled(snapshot: Snapshot, before: View | None) -> bool:
    """An interrupted task that has not moved since before the message is not yet the message's result.

    The agent's two interfaces may have told the two views: they are compared in one version.
    """
    if snapshot.state.is_terminal:
        return True
    if not snapshot.state.is_interrupted:
        return False
    earlier = before.snapshot if before else None
    if earlier is not None and earlier.version is not snapshot.version:
        snapshot, earlier = (convert(each, ProtocolVersion.V10) for each in (snapshot, earlier))
    return earlier is None or (snapshot.status_digest, snapshot.status_timestamp) != (earlier.status_digest, earlier.status_timestamp)
