"""Listing an agent's tasks: one question for all that are followed. What it lists only selects the tasks that are asked for now.

Which tasks changed is told by the agent's own timestamps, never by the relay's clock: a round lists what has changed since `mark`, the
newest timestamp of the rounds before, and `OVERLAP` more. What a list cannot show (a change of artifacts alone, a status without a
timestamp, a clock set back) each task's own watch finds, within the list's sweep. So a list that ends while it is wanted recalls its tasks.

Source: A2A 1.0 §3.1.4 (ListTasks: status timestamps from `statusTimestampAfter` on, the newest first, pages of at most 100).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from relay.domain.claim import Verdict
from relay.domain.errors import InvalidAgentResponseError
from relay.domain.keys import ListKey, fits_key
from relay.domain.lenient import mappings, text
from relay.domain.task import TIMESTAMP_PRECISION, Json, ProtocolVersion, RevisionHead, Snapshot
from relay.domain.wakeup import ListWakeup, by_subject, timers_of
from relay.domain.watch import Watch

PAGE_SIZE = 100
MAX_LISTED = 10 * PAGE_SIZE  # by one page: each task is a read of the table
CALL_TIMEOUT = timedelta(seconds=10)  # for one page
TURN = timedelta(seconds=15)  # no page is begun later in a turn: the next one goes on with it
CLAIM = timedelta(seconds=40)  # a turn, its last page, and what that page selects
OVERDUE = timedelta(seconds=60)  # a timer that late is taken for lost, and the lister for dead
OVERLAP = timedelta(
    seconds=60
)  # agents' machines differ in time; and a poll, up to a watch's claim old, was the last word before the first list
MAX_PAGES = 1000  # of one round
MAX_TOKEN = 4096  # characters
TROUBLES = 3  # in a row; then the agent's tasks are polled for some time
RECALL_AFTER = timedelta(seconds=20)  # then every process knows that the lister is good no more, or that lists were given up

_TIMESTAMP = "statusTimestampAfter"
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # what is earlier says that there is no time: .NET writes 0001-01-01T00:00:00Z


@dataclass(frozen=True)
class Page:
    """What an agent listed, and where the next page begins, empty where there is none; asked for at that time by the relay's clock."""

    tasks: tuple[Snapshot, ...]
    next_token: str
    asked_at: datetime

    @property
    def newest(self) -> datetime | None:
        return max(_timestamps(self.tasks), default=None)


@dataclass(frozen=True)
class Round:
    """One reading of all that has changed since then, page by page; it may take several turns, and none of its pages is left out."""

    since: datetime
    began_at: datetime  # by the relay's clock
    is_first: bool = False  # its beginning is a timestamp that the agent has just shown
    token: str = ""
    pages: int = 0
    listed: int = 0
    newest: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.pages > 0 and not self.token

    def after(self, page: Page) -> "Round":
        """Raises: InvalidAgentResponseError when no further page can be expected to make sense."""
        if any(moment < self.since - OVERLAP for moment in _timestamps(page.tasks)):
            raise InvalidAgentResponseError(f"The agent's ListTasks does not heed {_TIMESTAMP}.")
        if page.next_token and (page.next_token == self.token or self.pages + 1 >= MAX_PAGES):
            raise InvalidAgentResponseError("The pages of the agent's ListTasks do not end.")
        newest = max((moment for moment in (self.newest, page.newest) if moment), default=None)
        return replace(self, token=page.next_token, pages=self.pages + 1, listed=self.listed + len(page.tasks), newest=newest)


@dataclass(frozen=True)
class Lister:
    """What lists one agent's tasks, for as long as somebody follows some of them. It moves as a watch does."""

    key: ListKey
    wanted_until: datetime
    claim_token: str = ""
    waits_for: str = ""
    due: datetime | None = None
    good_until: datetime | None = None  # it is believed to list until then
    mark: datetime | None = None
    covers_from: datetime | None = None  # what has changed since then, and up to the mark, was listed
    round: Round | None = None  # that is not over
    failures: int = 0
    recalls: bool = False  # it lists no more; whoever still counts on it is told so before it ends
    doubt: datetime | None = None  # the timestamp of a status that a task's own poll has found, though the task rested
    doubted_at: datetime | None = None  # when, by the relay's clock

    def is_good(self, now: datetime) -> bool:
        return self.good_until is not None and now < self.good_until

    def recalling(self) -> "Lister":
        """Nobody begins to count on it any more."""
        return replace(self, good_until=None, round=None, recalls=True)

    def marked(self, first: Page) -> "Lister":
        """Where it begins: what the agent lists first, asked for nothing else. Raises: InvalidAgentResponseError."""
        if first.newest is None:
            raise InvalidAgentResponseError("The agent's ListTasks shows no task with a timestamp.")
        mark = min(first.newest, first.asked_at)
        first_round = Round(_whole_second(mark - OVERLAP), first.asked_at, is_first=True)
        return replace(self, mark=mark, covers_from=first_round.since, round=first_round)

    def hides(self, before: RevisionHead | None, found: RevisionHead) -> bool:
        """Whether a state that a task's own poll has found should have been listed, and the task selected, before.

        So it is where the agent gave it no timestamp of its own, or one that the rounds have long passed.
        """
        if before is None or before.ending or found.ending or before.state is found.state:
            return False
        known, stamped = before.status_timestamp, found.status_timestamp
        if known is None or stamped is None or self.covers_from is None or self.mark is None:
            return False
        return stamped - known < TIMESTAMP_PRECISION or self.covers_from <= stamped <= self.mark - OVERLAP

    def begun(self, now: datetime) -> Round:
        """The round that is under way, or the next. Raises: ValueError without a mark."""
        if self.round is not None:
            return self.round
        if self.mark is None:
            raise ValueError("a lister that has no mark cannot go on from it")
        return Round(_whole_second(self.mark - OVERLAP), now)

    def after(self, read: Round) -> "Lister":
        """After a turn that brought no trouble.

        A timestamp of the agent's that is to come by the relay's clock never moves the mark: one such task would hide all others. An empty
        round, though the task that made the mark should be in it, begins anew: the agent may have been restarted, or its clock set back.

        Raises: InvalidAgentResponseError when what the agent has just shown is not found again, or a round that began after a poll had
        found a status lists none as late.
        """
        if not read.is_over:
            return replace(self, round=read, failures=0)
        if read.is_first and not read.listed:
            raise InvalidAgentResponseError(f"The agent's ListTasks shows nothing with {_TIMESTAMP}.")
        seen = min(read.newest, read.began_at) if read.newest else None
        mark = max((moment for moment in (self.mark, seen) if moment), default=None) if read.listed else None
        return self._sure(read, mark) if mark else replace(self, round=None, mark=None, failures=0)

    def _sure(self, read: Round, mark: datetime) -> "Lister":
        """With the mark; and no longer in doubt, after a round that began later. Only the agent's own timestamps are compared."""
        marked = replace(self, round=None, mark=mark, failures=0)
        if self.doubt is None or self.doubted_at is None or read.began_at <= self.doubted_at:
            return marked
        if mark < min(self.doubt, read.began_at) - TIMESTAMP_PRECISION:
            raise InvalidAgentResponseError("The agent's ListTasks hides changes of states.")
        return replace(marked, doubt=None, doubted_at=None)


@dataclass(frozen=True)
class ListCall:
    """All wake-ups of a batch for one lister, reduced to one."""

    key: ListKey
    messages: tuple[tuple[str, ListWakeup], ...]

    @property
    def timers(self) -> tuple[str, ...]:
        return timers_of(self.messages)

    @property
    def message_ids(self) -> tuple[str, ...]:
        return tuple(message_id for message_id, _ in self.messages)


def reduce_calls(messages: Iterable[tuple[str, ListWakeup]]) -> list[ListCall]:
    """One call per lister."""
    return [ListCall(key, found) for key, found in by_subject(messages, lambda wakeup: wakeup.key).items()]


def refused(lister: Lister | None, timers: Collection[str], now: datetime) -> Verdict:
    """What a refused claim means: nothing to do for one that waits for another timer; one that is claimed may die."""
    if lister is None:
        return Verdict.ACKNOWLEDGE
    waits_for_another = bool(lister.waits_for) and lister.waits_for not in timers
    is_overdue = lister.due is not None and lister.due + OVERDUE < now
    return Verdict.ACKNOWLEDGE if waits_for_another and not is_overdue else Verdict.RETURN


def question(tenant: str, *, since: datetime | None, token: str) -> Json:
    """ListTasks' params: as little of each task as there is."""
    asked: dict[str, Any] = {"pageSize": PAGE_SIZE, "historyLength": 0, "includeArtifacts": False}
    if tenant:
        asked["tenant"] = tenant
    if since is not None:
        asked[_TIMESTAMP] = since.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {**asked, "pageToken": token} if token else asked


def read_page(result: Any, asked_at: datetime) -> Page:
    """What cannot be a task is left out. Raises: InvalidAgentResponseError when it is no list of tasks, or one without bounds."""
    listed = (result.get("tasks") or []) if isinstance(result, dict) else None
    if not isinstance(listed, list):
        raise InvalidAgentResponseError("The agent answered ListTasks with no list of tasks.")
    if len(listed) > MAX_LISTED:
        raise InvalidAgentResponseError("The agent's ListTasks does not heed pageSize.")
    token = text(result.get("nextPageToken"))
    if len(token) > MAX_TOKEN:
        raise InvalidAgentResponseError("The agent's ListTasks has a page token too long to keep.")
    tasks = (Snapshot(ProtocolVersion.V10, task) for task in mappings(listed))
    return Page(tuple(task for task in tasks if fits_key(task.task_id)), token, asked_at)


def selects(listed: Snapshot, watch: Watch) -> bool:
    """Whether the task is to be asked for now: the list says something that its watch does not know.

    A watch that was lent a caller's own credential is left alone: the list is the operator's.
    """
    head = watch.head
    if watch.lent or (head is not None and head.state.is_terminal):
        return False
    if head is None or listed.state is not head.state:
        return True
    stamped = listed.status_timestamp
    return stamped is not None and (head.status_timestamp is None or stamped - head.status_timestamp >= TIMESTAMP_PRECISION)


def _timestamps(tasks: Iterable[Snapshot]) -> list[datetime]:
    return [moment for task in tasks if (moment := task.status_timestamp) and moment >= _EARLIEST]


def _whole_second(moment: datetime) -> datetime:
    """Some agents keep no parts of a second."""
    return moment.replace(microsecond=0)
