"""The gate before an agent: of a process's polls of an agent that is down, one probes, and what an agent asks for by Retry-After is kept.

What is known is the process's own: it costs no read, and an environment that has just begun finds out with a few questions.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from relay.domain.agent_health import AgentHealth
from relay.domain.errors import RelayError
from relay.domain.keys import AgentKey

_SPREAD = 0.5  # those who waited together do not come back together


class AgentGate:
    """Threads share it."""

    def __init__(self, *, longest: timedelta, now: Callable[[], datetime], random: Callable[[], float]) -> None:
        self._longest = longest
        self._now = now
        self._random = random
        self._known: dict[AgentKey, AgentHealth] = {}
        self._lock = Lock()

    def wait(self, agent: AgentKey) -> timedelta:
        """How long to wait before asking; zero: ask now."""
        with self._lock:
            now, health = self._now(), self._known.get(agent, AgentHealth())
            if left := health.left(now):
                return left * (1 + _SPREAD * self._random())
            self._known[agent] = health.probed(now)
        return timedelta(0)

    def learn(self, agent: AgentKey, error: RelayError | None) -> timedelta:
        """What came of asking: None is an answer. How long the agent is left alone from now on."""
        with self._lock:
            now = self._now()
            health = self._known[agent] = self._known.get(agent, AgentHealth()).after(error, now, longest=self._longest)
        return health.left(now)
