"""Count registrations: each push config, and each receiver, is counted to its owner's day before anything is done for it.

A count that cannot be written refuses the registration, as every other write of it would: to let it through would open the cap whenever an
owner registers faster than its one item can be written.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from relay import observability
from relay.adapters.table.owner_days import OwnerDays
from relay.domain.errors import OwnerCapError
from relay.domain.keys import AgentKey, OwnerDay
from relay.domain.owner_caps import OwnerCaps, receiver_digest
from relay.domain.push_config import PushConfig
from relay.domain.registration import Registration

_MOST_REMEMBERED = 100_000  # receivers, some 8 MB


class CountRegistrations:
    """Threads may share it."""

    def __init__(self, days: OwnerDays, caps: OwnerCaps, *, now: Callable[[], datetime]) -> None:
        self._days = days
        self._caps = caps
        self._now = now
        self._receivers: dict[OwnerDay, frozenset[bytes]] = {}  # as last seen: a day's receivers only become more

    def __call__(self, agent: AgentKey, registration: Registration, *, replaced: PushConfig | None = None) -> None:
        """What the registration adds: a config, unless it replaces one, and a receiver, if it is new today.

        Raises: OwnerCapError when that is more than the owner may have.
        """
        day, url = OwnerDay.at(agent.owner, self._now()), registration.url
        if self._caps.receivers and (replaced is None or receiver_digest(replaced.url) != receiver_digest(url)):
            self._add_receiver(day, agent, url)
        if replaced is None and not self._counted(day, 1):
            raise _refused(agent, self._caps.configs_error(day))

    def copies(self, agent: AgentKey, number: int) -> None:
        """So many copies of templates, whose receivers were counted with them: all or none. Raises: OwnerCapError."""
        day = OwnerDay.at(agent.owner, self._now())
        if not self._counted(day, number):
            raise _refused(agent, self._caps.copies_error(day))

    def _counted(self, day: OwnerDay, configs: int) -> bool:
        return not self._caps.configs or self._days.count(day, configs, cap=self._caps.configs, token=uuid4().hex)

    def _add_receiver(self, day: OwnerDay, agent: AgentKey, url: str) -> None:
        digest, cap = receiver_digest(url), self._caps.receivers
        known = self._receivers.get(day, frozenset())
        if digest not in known and len(known) < cap:
            known = self._remember(day, self._days.add_receiver(day, digest, cap=cap))
        if digest not in known:
            raise _refused(agent, self._caps.receivers_error(day), url=url)

    def _remember(self, day: OwnerDay, receivers: frozenset[bytes]) -> frozenset[bytes]:
        others = {known: each for known, each in self._receivers.items() if known.day == day.day}
        if sum(map(len, others.values())) > _MOST_REMEMBERED:
            others = {}
        self._receivers = {**others, day: receivers}
        return receivers


def _refused(agent: AgentKey, error: OwnerCapError, *, url: str | None = None) -> OwnerCapError:
    observability.owner_cap_reached(agent, error, url=url)
    return error
