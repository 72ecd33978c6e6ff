"""Follow a stream: one task, told by its agent over a connection that is kept open; each event becomes a revision or a question.

What the agent says last, the end of a task, is always asked for once more: GetTask has the last word. A connection that breaks is made
again a few times; what happened meanwhile the question or the whole task at its beginning brings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from relay import observability
from relay.adapters.table.revisions import Revisions
from relay.adapters.table.watches import Watches
from relay.adapters.upstream import Streams, Subscription
from relay.domain import stream as rules
from relay.domain.errors import InvalidAgentResponseError, RelayError, UpstreamBusyError
from relay.domain.forwarding import Headers
from relay.domain.keys import TaskKey
from relay.domain.stream import Ending
from relay.domain.task import ARTIFACT_PACE, Change, Json, ProtocolVersion, RevisionHead, Snapshot, View
from relay.domain.task_events import ArtifactUpdate, TaskEvent, WholeTask, apply_event, parse_event, told_by_agent
from relay.use_cases.agent_gate import AgentGate
from relay.use_cases.agents import Agents
from relay.use_cases.ask import Ask
from relay.use_cases.last_words import LastWords
from relay.use_cases.observe import TRIES, ContentionError, Observation, Observe

_ASK_TIMEOUT = timedelta(seconds=10)
_LAST_WORD_PAUSES = (0.0, 0.3, 1.0)  # seconds before each question for a task whose end was told


class _EndedError(Exception):
    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


@dataclass(frozen=True)
class FollowStream:
    agents: Agents
    watches: Watches
    streams: Streams
    ask: Ask
    observe: Observe
    revisions: Revisions
    last_words: LastWords
    gate: AgentGate
    now: Callable[[], datetime]
    random: Callable[[], float]

    def __call__(self, task: TaskKey, *, wait: Callable[[float], bool]) -> Ending:
        """Until the task is settled, its agent has no stream of it, or `wait` (seconds) says that this has been long enough."""
        failures = 0
        while True:
            connection = _Connection(task, self, wait=wait)
            if (ending := self._connected(task, connection)) is not None:
                return ending
            failures = 0 if connection.has_told or self.now() - connection.began >= rules.LASTED else failures + 1
            if failures > rules.RECONNECTS:
                return Ending.LOST
            if wait(rules.reconnect_pause(failures, self.random()).total_seconds()):
                return Ending.STOPPED

    def _connected(self, task: TaskKey, connection: "_Connection") -> Ending | None:
        """One connection from its beginning to its end; None: it may be made again. An agent that asks for a pause has it."""
        if self.gate.wait(task.agent_key):
            return Ending.LOST
        try:
            self._listen(task, connection)
            connection.look()
        except _EndedError as ended:
            return ended.ending
        except RelayError as error:
            observability.stream_broke(task, error)
            if isinstance(error, UpstreamBusyError):
                self.gate.learn(task.agent_key, error)
                return Ending.LOST
            return _after(connection, error)
        return None

    def _listen(self, task: TaskKey, connection: "_Connection") -> None:
        watch = self.watches.get(task)
        if watch is None or watch.is_paused:
            raise _EndedError(Ending.STOPPED)  # nobody follows the task, or the agent refuses who does
        agent = self.agents.find(task.agent_key)
        endpoint, credential = agent.endpoint, self.watches.credential(watch)
        connection.version, connection.credential = endpoint.version, credential
        with self.streams.subscription(
            endpoint,
            task.task_id,
            tenant=task.tenant or endpoint.tenant,
            headers=agent.own_call_headers(credential),
            hidden=agent.hides(credential),
            called=connection.meanwhile,
        ) as subscription:
            self.gate.learn(task.agent_key, None)
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

    def __init__(self, task: TaskKey, by: FollowStream, *, wait: Callable[[float], bool]) -> None:
        self.version = ProtocolVersion.V10
        self.credential: Headers = ()  # the caller's own, where it was lent
        self.has_told = False
        self.began = by.now()
        self._task = task
        self._by = by
        self._wait = wait
        self._snapshot: Snapshot | None = None
        self._head: RevisionHead | None = None
        self._is_unbroken = False
        self._look_at: datetime | None = None  # when the task is to be asked for
        self._tell_at: datetime | None = None  # when the snapshot is to be observed once more: artifacts came too soon

    def listen(self, subscription: Subscription) -> None:
        """Until the agent ends the stream. Raises: RelayError; _EndedError."""
        self._look_at = self._by.now() + (rules.FIRST_EVENT if self.version is ProtocolVersion.V10 else timedelta(0))
        for told in subscription.events():
            self._hear(told)
            self.meanwhile()

    def look(self) -> None:
        """Asks the agent, whose answer replaces what the stream has told. Raises: RelayError; _EndedError."""
        self._look_at = None
        view = self._ask()
        if view is None:
            return  # forgotten, or not there yet: the watch decides
        self._snapshot, self._is_unbroken, self._tell_at = view.snapshot, False, None
        self._learn(self._by.observe(self._task, view, known=self._head))

    def meanwhile(self) -> float:
        """Does what is due; in how many seconds something will be."""
        now = self._by.now()
        if self._wait(0):
            raise _EndedError(Ending.STOPPED)
        if self._look_at and now >= self._look_at:
            self._try_to_look()
        if self._tell_at and now >= self._tell_at and self._snapshot and not self._tell(self._snapshot, asked_at=now):
            self._soon()
        due = min((moment for moment in (self._look_at, self._tell_at) if moment), default=None)
        return max((due - self._by.now()).total_seconds(), 0.01) if due else 1.0

    def _ask(self) -> View | None:
        return self._by.ask(self._task, timeout=_ASK_TIMEOUT, credential=self.credential)

    def _try_to_look(self) -> None:
        try:
            self.look()
        except RelayError as error:
            observability.poll_failed(self._task, error)
            self._look_at = self._by.now() + rules.FIRST_EVENT

    def _hear(self, told: Json) -> None:
        try:
            event = parse_event(told)
        except InvalidAgentResponseError:
            self._soon()
            return
        if event is None or event.task_id != self._task.task_id:
            return
        # The task at the beginning may have been on its way while somebody else was told something newer.
        asked_at = self._by.now() if self.has_told else self.began
        self.has_told = True
        if isinstance(event, WholeTask) and self._snapshot is None:
            self._is_unbroken, self._look_at = True, None
        self._apply(event, asked_at=asked_at)

    def _apply(self, event: TaskEvent, *, asked_at: datetime) -> None:
        """To what this connection has told; to the newest revision, when that has become another meanwhile. Raises: _EndedError."""
        for _ in range(TRIES):
            applied = apply_event(self._snapshot, event, version=self.version, is_unbroken=self._is_unbroken)
            if applied.snapshot is None:
                (self._soon if applied.asks else self._end_if_settled)()
                return
            if applied.asks:
                self._last_word(applied.snapshot)
            if self._tell_at and isinstance(event, ArtifactUpdate):  # it is told with what was told too soon before it
                self._snapshot = applied.snapshot
                return
            if self._tell(applied.snapshot, asked_at=asked_at):
                return
            self._begin_from_log()
        raise ContentionError(f"{TRIES} views of one task raced for its next revision")

    def _begin_from_log(self) -> None:
        """What others have learnt of the task is not told on this connection."""
        newest = self._by.revisions.newest_whole(self._task)
        self._head = newest.head if newest else None
        self._snapshot, self._is_unbroken = told_by_agent(newest), False

    def _soon(self) -> None:
        """At once, but not for every piece of an artifact."""
        since = self._head.arrived_at + ARTIFACT_PACE if self._head else self._by.now()
        self._look_at = min(max(since, self._by.now()), self._look_at or since)

    def _tell(self, snapshot: Snapshot, *, asked_at: datetime) -> bool:
        """False: somebody else has appended a revision meanwhile, of which this snapshot knows nothing. Raises: _EndedError."""
        self._snapshot, self._tell_at = snapshot, None
        self._head = self._head or self._by.revisions.newest(self._task)
        observed = self._by.observe.beside(self._head, self._task, View(snapshot, asked_at, self._by.now(), learnt_by="stream"))
        if observed is not None:
            self._learn(observed)
        return observed is not None

    def _learn(self, observed: Observation) -> None:
        """Raises: _EndedError."""
        self._head = observed.head
        if observed.change is Change.SOON:
            self._tell_at = observed.head.arrived_at + ARTIFACT_PACE
        elif observed.change is Change.STALE:
            self._snapshot, self._is_unbroken = None, False
            self._soon()
        self._end_if_settled()

    def _end_if_settled(self) -> None:
        state = self._head.state if self._head else None
        if state is not None and (state.is_terminal or (state.is_interrupted and self._tell_at is None)):
            raise _EndedError(Ending.SETTLED)

    def _last_word(self, told: Snapshot) -> None:
        """The end of the task as GetTask has it. As it was told if that cannot be asked, and, later and by the watch, if it says otherwise.

        Raises: _EndedError.
        """
        is_kept, view = False, None
        for pause in _LAST_WORD_PAUSES:
            self._wait(pause)
            try:
                view = self._ask()
            except RelayError as error:
                observability.poll_failed(self._task, error)
                view = None
            if view is not None and view.snapshot.state.is_terminal:
                self._learn(self._by.observe(self._task, view, known=self._head))
            if not is_kept:
                now = self._by.now()
                is_kept = self._by.last_words.keep(self._task, View(told, now, now, learnt_by="stream"))
        head = self._by.last_words(self._task) if view is None else None
        raise _EndedError(Ending.SETTLED if head and head.state.is_terminal else Ending.LOST)
