"""Follow a stream: one task, told by its agent over a connection that is kept open; each event becomes a revision or a question.

What the agent says last, the end of a task, is always asked for once more: GetTask has the last word. A connection that breaks is made
again a few times; what happened meanwhile the question or the whole task at its beginning brings.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from relay import observability
from relay.adapters.table.watches import Watches
from relay.adapters.upstream import Streams, Subscription
from relay.domain import stream as rules
from relay.domain.errors import InvalidAgentResponseError, RelayError
from relay.domain.forwarding import Headers, forwarded_headers
from relay.domain.keys import TaskKey
from relay.domain.stream import Ending
from relay.domain.task import ARTIFACT_PACE, Change, Json, ProtocolVersion, RevisionHead, Snapshot, View
from relay.domain.task_events import TaskEvent, WholeTask, apply_event, parse_event
from relay.use_cases.agents import Agents
from relay.use_cases.ask import Ask
from relay.use_cases.observe import Observe

_ASK_TIMEOUT = timedelta(seconds=10)
_LAST_WORD_PAUSES = (0.0, 0.3, 1.0)  # seconds before each question for a task whose end was told


class _EndedError(Exception):
    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


class FollowStream:
    def __init__(
        self,
        *,
        agents: Agents,
        watches: Watches,
        streams: Streams,
        ask: Ask,
        observe: Observe,
        now: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        self._agents = agents
        self._watches = watches
        self._streams = streams
        self._ask = ask
        self._observe = observe
        self._now = now
        self._random = random

    def __call__(self, task: TaskKey, *, wait: Callable[[float], bool]) -> Ending:
        """Until the task is settled, its agent has no stream of it, or `wait` (seconds) says that this has been long enough."""
        failures = 0
        while True:
            connection = _Connection(task, self._ask, self._observe, now=self._now, wait=wait)
            began = self._now()
            if (ending := self._connected(task, connection)) is not None:
                return ending
            failures = 0 if connection.has_told or self._now() - began >= rules.LASTED else failures + 1
            if failures > rules.RECONNECTS:
                return Ending.LOST
            if wait(rules.reconnect_pause(failures, self._random()).total_seconds()):
                return Ending.STOPPED

    def _connected(self, task: TaskKey, connection: "_Connection") -> Ending | None:
        """One connection from its beginning to its end; None: it may be made again."""
        try:
            self._listen(task, connection)
            connection.look()
        except _EndedError as ended:
            return ended.ending
        except RelayError as error:
            observability.stream_broke(task, error)
            return _after(connection, error)
        return None

    def _listen(self, task: TaskKey, connection: "_Connection") -> None:
        watch = self._watches.get(task)
        if watch is None or watch.is_paused:
            raise _EndedError(Ending.STOPPED)  # nobody follows the task, or the agent refuses who does
        agent = self._agents.find(task.agent_key)
        endpoint, credential = agent.endpoint, self._watches.credential(watch)
        connection.version, connection.credential = endpoint.version, credential
        headers = forwarded_headers({}, credential or agent.credential_headers, endpoint.version)
        with self._streams.subscription(
            endpoint,
            task.task_id,
            tenant=task.tenant or endpoint.tenant,
            headers=headers,
            hidden=agent.hides(credential),
            called=connection.meanwhile,
        ) as subscription:
            connection.listen(subscription)


def _after(connection: "_Connection", error: RelayError) -> Ending | None:
    """What a broken connection, or a refused one, means; None: try again. A task that has just ended is refused as well."""
    try:
        connection.look()
    except _EndedError as ended:
        return ended.ending
    except RelayError:
        return None
    return Ending.UNSUPPORTED if not connection.has_told and rules.is_unsupported(error) else None


class _Connection:
    """What was told on one connection. `snapshot` is the newest that it knows, `head` the newest revision."""

    def __init__(self, task: TaskKey, ask: Ask, observe: Observe, *, now: Callable[[], datetime], wait: Callable[[float], bool]) -> None:
        self.version = ProtocolVersion.V10
        self.credential: Headers = ()  # the caller's own, where it was lent
        self.has_told = False
        self._task = task
        self._ask = ask
        self._observe = observe
        self._now = now
        self._wait = wait
        self._snapshot: Snapshot | None = None
        self._head: RevisionHead | None = None
        self._is_unbroken = False
        self._look_at: datetime | None = None  # when the task is to be asked for
        self._tell_at: datetime | None = None  # when the snapshot is to be observed once more: artifacts came too soon

    def listen(self, subscription: Subscription) -> None:
        """Until the agent ends the stream. Raises: RelayError; _EndedError."""
        self._look_at = self._now() + (rules.FIRST_EVENT if self.version is ProtocolVersion.V10 else timedelta(0))
        for told in subscription.events():
            self._hear(told)
            self.meanwhile()

    def look(self) -> None:
        """Asks the agent, whose answer replaces what the stream has told. Raises: RelayError; _EndedError."""
        self._look_at = None
        view = self._ask(self._task, timeout=_ASK_TIMEOUT, credential=self.credential)
        if view is None:
            return  # forgotten, or not there yet: the watch decides
        self._snapshot, self._is_unbroken, self._tell_at = view.snapshot, False, None
        self._commit(view)

    def meanwhile(self) -> float:
        """Does what is due; in how many seconds something will be."""
        now = self._now()
        if self._wait(0):
            raise _EndedError(Ending.STOPPED)
        if self._look_at and now >= self._look_at:
            self._try_to_look()
        if self._tell_at and now >= self._tell_at and self._snapshot:
            self._tell(self._snapshot)
        due = min((moment for moment in (self._look_at, self._tell_at) if moment), default=None)
        return max((due - self._now()).total_seconds(), 0.01) if due else 1.0

    def _try_to_look(self) -> None:
        try:
            self.look()
        except RelayError as error:
            observability.poll_failed(self._task, error)
            self._look_at = self._now() + rules.FIRST_EVENT

    def _hear(self, told: Json) -> None:
        try:
            event = parse_event(told)
        except InvalidAgentResponseError:
            self._soon()
            return
        if event is None or event.task_id != self._task.task_id:
            return
        self.has_told = True
        if isinstance(event, WholeTask) and self._snapshot is None:
            self._is_unbroken, self._look_at = True, None
        self._apply(event)

    def _apply(self, event: TaskEvent) -> None:
        applied = apply_event(self._snapshot, event, version=self.version, is_unbroken=self._is_unbroken)
        if applied.snapshot is not None and applied.asks:
            self._last_word(applied.snapshot)
        elif applied.asks:
            self._soon()
        elif applied.snapshot is not None:
            self._tell(applied.snapshot)

    def _soon(self) -> None:
        """At once, but not for every piece of an artifact."""
        since = self._head.arrived_at + ARTIFACT_PACE if self._head else self._now()
        self._look_at = min(max(since, self._now()), self._look_at or since)

    def _tell(self, snapshot: Snapshot) -> None:
        now = self._now()
        self._snapshot, self._tell_at = snapshot, None
        self._commit(View(snapshot, asked_at=now, arrived_at=now, learnt_by="stream"))

    def _commit(self, view: View) -> None:
        """Raises: _EndedError."""
        observed = self._observe(self._task, view, known=self._head)
        self._head = observed.head
        if observed.change is Change.SOON:
            self._tell_at = observed.head.arrived_at + ARTIFACT_PACE
        elif observed.change is Change.STALE:
            self._soon()
        if observed.head.state.is_terminal or (observed.head.state.is_interrupted and self._tell_at is None):
            raise _EndedError(Ending.SETTLED)

    def _last_word(self, told: Snapshot) -> None:
        """The end of the task as GetTask has it; as it was told only if that cannot be asked. Raises: _EndedError."""
        for pause in _LAST_WORD_PAUSES:
            self._wait(pause)
            try:
                view = self._ask(self._task, timeout=_ASK_TIMEOUT, credential=self.credential)
            except RelayError as error:
                observability.poll_failed(self._task, error)
                view = None
            if view is not None:
                self._commit(view)
        if view is None:
            self._tell(told)
        raise _EndedError(Ending.LOST)  # the agent contradicts its own stream
