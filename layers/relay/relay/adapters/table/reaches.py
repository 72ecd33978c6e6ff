"""REACH items: whether agents that push reach the relay. Beside what else is remembered of following an agent's tasks."""

from datetime import timedelta

from relay.adapters.table import items
from relay.adapters.table.connection import Connection
from relay.adapters.table.items import Item
from relay.domain.keys import REACH, AgentKey
from relay.domain.reach import PROBE_AGAIN, Reach

_KEPT = timedelta(days=1)  # longer than what it says: an agent that is probed seldom is to stay so


class Reaches:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, agent: AgentKey) -> Reach:
        item = self._connection.get(agent.following_partition, REACH)
        if item is None:
            return Reach()
        items.checked(item)
        return Reach(items.read_moment(item, "heard_until"), items.read_int(item, "probes"), items.read_moment(item, "probe_at"))

    def put(self, agent: AgentKey, reach: Reach) -> None:
        self._connection.put(_item(agent, reach))

    def replace(self, agent: AgentKey, before: Reach, reach: Reach) -> bool:
        """False: somebody else has done so."""
        if before == Reach():
            return self._connection.put(_item(agent, reach), condition="attribute_not_exists(sk)") is None
        known = {f":{name}": value for name, value in _written(before).items()}
        condition = " AND ".join(f"{name[1:]} = {name}" for name in known)
        return self._connection.put(_item(agent, reach), condition=condition, values=known) is None


def _item(agent: AgentKey, reach: Reach) -> Item:
    last = max(moment for moment in (reach.heard_until, reach.probe_at) if moment)
    return {
        "pk": items.text(agent.following_partition),
        "sk": items.text(REACH),
        "v": items.version(),
        "ttl": items.seconds(last + PROBE_AGAIN[-1] + _KEPT),
        **_written(reach),
    }


def _written(reach: Reach) -> Item:
    moments = {"heard_until": reach.heard_until, "probe_at": reach.probe_at}
    return {"probes": items.number(reach.probes)} | {name: items.moment(moment) for name, moment in moments.items() if moment}
