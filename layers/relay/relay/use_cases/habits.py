"""Habits: what agents were found to do with sends that asked not to wait; known to this process for a minute, to all for a month."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from relay import observability
from relay.adapters.table.habits import Habits
from relay.domain.agent import Agent
from relay.domain.blocking import Blocks, Habit, says_more
from relay.domain.keys import HabitKey
from relay.domain.retention import HABIT

_FRESH = timedelta(minutes=1)


class KnownHabits:
    """What agents were found to do, by this process and by all others."""

    def __init__(self, habits: Habits, *, now: Callable[[], datetime]) -> None:
        self._habits = habits
        self._now = now
        self._known: dict[HabitKey, tuple[datetime, Habit]] = {}  # replaced whole, never changed: threads may share it

    def of(self, agent: Agent) -> Habit:
        """Nothing where the operator has said what it does."""
        if agent.blocks is not Blocks.AUTO:
            return Habit.NONE
        key, now = _habit_key(agent), self._now()
        read_at, habit = self._known.get(key, (None, Habit.NONE))
        if read_at is None or now - read_at >= _FRESH:
            habit = self._habits.get(key, now=now)
            self._known = {**self._known, key: (now, habit)}
        return habit

    def note(self, agent: Agent, shown: Habit) -> None:
        """Remembers what an answer has shown, where that says more than what is known."""
        if agent.blocks is not Blocks.AUTO or not says_more(shown, self.of(agent)):
            return
        now = self._now()
        self._habits.put(_habit_key(agent), shown, expires=now + HABIT)
        self._known = {**self._known, _habit_key(agent): (now, shown)}
        observability.log("agent's habit found", agent=agent.key.agent, reason=shown.value)


def _habit_key(agent: Agent) -> HabitKey:
    return HabitKey(agent.key, hashlib.sha256(agent.url.encode()).hexdigest()[:32])
