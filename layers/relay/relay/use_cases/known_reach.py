"""Known reach: whether an agent reaches the relay by the callbacks it was given, known to this process for some time."""

from collections.abc import Callable
from datetime import datetime, timedelta

from relay import observability
from relay.adapters.table.reaches import Reaches
from relay.domain import reach as rules
from relay.domain.keys import AgentKey
from relay.domain.reach import Reach
from relay.domain.strategy import Strategy

_FRESH = timedelta(seconds=15)  # of an agent that was not heard
_HEARD_FRESH = timedelta(minutes=10)  # of one that was


class KnownReach:
    """Threads may share it; what is remembered is replaced whole."""

    def __init__(self, reaches: Reaches, *, now: Callable[[], datetime]) -> None:
        self._reaches = reaches
        self._now = now
        self._known: dict[AgentKey, tuple[datetime, Reach]] = {}  # until when, what

    def is_heard(self, agent: AgentKey) -> bool:
        return self._of(agent).is_heard(self._now())

    def probes(self, agent: AgentKey) -> bool:
        """Whether a task is to have a callback now, to try it. Who is told so has to see to it: it is true for one at a time."""
        now, known = self._now(), self._of(agent)
        if not known.may_probe(now):
            return False
        probed = known.probed(now)
        is_ours = self._reaches.replace(agent, known, probed)
        self._forget(agent)
        return is_ours

    def heard(self, agent: AgentKey) -> None:
        """It has used a callback."""
        now, known = self._now(), self._of(agent)
        if known.is_noted(now):
            return
        reach = rules.heard(now)
        self._reaches.put(agent, reach)
        self._know(agent, reach)
        if not known.is_heard(now):
            observability.strategy_begun(agent, Strategy.PUSH)

    def lost(self, agent: AgentKey) -> None:
        """It has not told what it should have: it has to show anew that it reaches the relay."""
        now = self._now()
        if self._reaches.get(agent).is_heard(now):
            self._reaches.put(agent, Reach().probed(now))
        self._forget(agent)

    def _of(self, agent: AgentKey) -> Reach:
        now = self._now()
        until, known = self._known.get(agent, (None, Reach()))
        if until is not None and now < until:
            return known
        return self._know(agent, self._reaches.get(agent))

    def _know(self, agent: AgentKey, reach: Reach) -> Reach:
        now = self._now()
        self._known = {**self._known, agent: (now + (_HEARD_FRESH if reach.is_heard(now) else _FRESH), reach)}
        return reach

    def _forget(self, agent: AgentKey) -> None:
        self._known = {key: known for key, known in self._known.items() if key != agent}
