"""OFF items: which strategies do not work with an agent just now. MISSED items: how many changes it has not told by one.

In a partition of their own: an agent's item is its operator's.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from relay.adapters.table import items
from relay.adapters.table.connection import ConditionFailed, Connection
from relay.domain.keys import MISSED_PREFIX, OFF_PREFIX, AgentKey
from relay.domain.strategy import Strategy

_FRESH = timedelta(seconds=15)  # a process reads an agent's state at most that often


class StrategyRecords:
    """Threads may share it; what is remembered is replaced whole."""

    def __init__(self, connection: Connection, *, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now
        self._known: dict[AgentKey, tuple[datetime, frozenset[Strategy]]] = {}

    def given_up(self, agent: AgentKey) -> frozenset[Strategy]:
        """As it was at most 15 seconds ago."""
        now = self._now()
        read_at, known = self._known.get(agent, (None, frozenset()))
        if read_at is not None and timedelta(0) <= now - read_at < _FRESH:
            return known
        found = self._connection.query(agent.following_partition, prefix=OFF_PREFIX)
        live = [items.read_text(item, "sk").removeprefix(OFF_PREFIX) for item in found if not items.is_expired(items.checked(item), now)]
        known = frozenset(Strategy(name) for name in live)
        self._known = {**self._known, agent: (now, known)}
        return known

    def give_up(self, agent: AgentKey, strategy: Strategy, *, until: datetime) -> None:
        self._connection.put(
            {
                "pk": items.text(agent.following_partition),
                "sk": items.text(OFF_PREFIX + strategy),
                "v": items.version(),
                "ttl": items.seconds(until),
            }
        )
        self._known = {key: known for key, known in self._known.items() if key != agent}

    def count_missed(self, agent: AgentKey, strategy: Strategy, *, until: datetime) -> int:
        """How many there are with this one. They count together until the first one's `until`."""
        sort_key, now = MISSED_PREFIX + strategy, items.seconds(self._now())
        while True:
            counted = self._connection.update(
                agent.following_partition,
                sort_key,
                expression="ADD misses :one",
                condition="#ttl > :now",
                values={":one": items.number(1), ":now": now},
                names={"#ttl": "ttl"},
            )
            if not isinstance(counted, ConditionFailed):
                return items.read_int(counted, "misses")
            first = {
                "pk": items.text(agent.following_partition),
                "sk": items.text(sort_key),
                "v": items.version(),
                "misses": items.number(1),
                "ttl": items.seconds(until),
            }
            condition = "attribute_not_exists(sk) OR #ttl <= :now"
            if self._connection.put(first, condition=condition, values={":now": now}, names={"#ttl": "ttl"}) is None:
                return 1
