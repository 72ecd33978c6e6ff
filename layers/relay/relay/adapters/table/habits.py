"""HABIT items: what was found out about agents, so that each process need not find it out for itself."""

from datetime import datetime

from relay.adapters.table import items
from relay.adapters.table.connection import Connection
from relay.domain.blocking import Habit
from relay.domain.keys import HabitKey


class Habits:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, key: HabitKey, *, now: datetime) -> Habit:
        item = self._connection.get(key.partition, key.sort_key)
        if item is None or items.is_expired(item, now):
            return Habit.NONE
        items.checked(item)
        found = items.read_text(item, "habit")
        return Habit(found) if found in set(Habit) else Habit.NONE

    def put(self, key: HabitKey, habit: Habit, *, expires: datetime) -> None:
        self._connection.put(
            {
                "pk": items.text(key.partition),
                "sk": items.text(key.sort_key),
                "v": items.version(),
                "habit": items.text(habit.value),
                "ttl": items.seconds(expires),
            }
        )
