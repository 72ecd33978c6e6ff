"""Known listers: whether an agent's tasks are listed, and that they go on being so; known to this process for some seconds."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from relay.adapters.queues import Queue
from relay.adapters.table.listers import Listers
from relay.domain.keys import ListKey
from relay.domain.listing import Lister
from relay.domain.task import RevisionHead
from relay.domain.wakeup import ListWakeup

_FRESH = timedelta(seconds=5)
_ASK_AGAIN = timedelta(seconds=30)  # of one process: all tasks of an agent ask alike
_SPARE = timedelta(minutes=1)


class KnownListers:
    """A lister that died, or lost its timer, is not good for long: who finds out wakes it. Threads may share it; replaced whole.

    `slowest`: how often a task that counts on a lister is asked for by itself, at least.
    """

    def __init__(self, listers: Listers, watch_queue: Queue, *, slowest: timedelta, now: Callable[[], datetime]) -> None:
        self._listers = listers
        self._watch_queue = watch_queue
        self._lasts = 2 * (slowest + _SPARE)  # past half of it, each task that still counts on it has come by
        self._now = now
        self._known: dict[ListKey, tuple[datetime, Lister]] = {}  # of good ones
        self._asked: dict[ListKey, datetime] = {}
        self._missed: dict[ListKey, datetime] = {}

    def lists_until(self, key: ListKey, *, begins: bool = True, goes_on: bool = True) -> datetime | None:
        """Until when, at least, the changes of these tasks are found by a list; None: they are not. Then a lister is asked for if it
        `begins`; where there is one, it is kept if it `goes_on`.
        """
        now = self._now()
        if not begins and self._is_missed(key, now):
            return None
        lister = self._of(key, now)
        is_good = lister is not None and lister.is_good(now)
        lasts = lister is not None and lister.wanted_until - now >= self._lasts / 2
        missed = _lately(self._missed, now)
        if not is_good:
            self._missed = {**missed, key: now}
        elif key in missed:  # it has begun: who would not have begun it counts on it too
            self._missed = {each: moment for each, moment in missed.items() if each != key}
        is_asked_for = goes_on if is_good else begins
        if is_asked_for and not (is_good and lasts) and self._may_ask(key, now):
            self._listers.want(key, until=now + self._lasts, now=now)
            if not is_good:
                self._watch_queue.send(ListWakeup(key))
        return lister.wanted_until if lister is not None and is_good else None

    def hides(self, key: ListKey, before: RevisionHead | None, found: RevisionHead) -> bool:
        """Whether its lists should have shown what a task's own poll has found."""
        lister = self._of(key, self._now())
        return lister is not None and lister.hides(before, found)

    def doubt(self, key: ListKey, before: RevisionHead | None, found: RevisionHead) -> None:
        """A state was found that its lists have not shown, or not yet: its next round has to."""
        if before is not None and before.state is not found.state and found.status_timestamp is not None and not found.ending:
            self._listers.doubt(key, found.status_timestamp, now=self._now())

    def _of(self, key: ListKey, now: datetime) -> Lister | None:
        read_at, known = self._known.get(key, (None, None))
        if read_at is not None and timedelta(0) <= now - read_at < _FRESH:
            return known
        lister = self._listers.get(key)
        if lister is not None and lister.is_good(now):
            live = {each: known for each, known in self._known.items() if now - known[0] < _FRESH}
            self._known = {**live, key: (now, lister)}
        return lister

    def _is_missed(self, key: ListKey, now: datetime) -> bool:
        """There was none a moment ago: it is not looked for at each turn of each task."""
        missed_at = self._missed.get(key)
        return missed_at is not None and now - missed_at < _ASK_AGAIN

    def _may_ask(self, key: ListKey, now: datetime) -> bool:
        asked_at = self._asked.get(key)
        if asked_at is not None and now - asked_at < _ASK_AGAIN:
            return False
        self._asked = {**_lately(self._asked, now), key: now}
        return True


def _lately(moments: Mapping[ListKey, datetime], now: datetime) -> dict[ListKey, datetime]:
    """Those that still say something: a key holds a tenant, which is what clients say, and there may be any number of them."""
    return {key: moment for key, moment in moments.items() if now - moment < _ASK_AGAIN}
