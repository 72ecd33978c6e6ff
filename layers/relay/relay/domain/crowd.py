"""How many tasks of an agent are followed at once, as far as one process has had turns for them: never more than there are.

Nobody counts them in the table: that would be a write for each watch that begins or ends, on one item. A process that has few of the
turns sees few of the tasks, and begins a list later than it could.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relay.domain.keys import TaskKey

LISTED_FROM = 15  # tasks; docs/scale.md reckons what a list costs, and what it brings
LISTED_DOWN_TO = 8  # so few that the list ends: a number that goes up and down a little changes nothing

_ENOUGH = 100  # more need not be remembered
_SPARE = timedelta(minutes=1)  # a turn may be late


@dataclass(frozen=True)
class Crowd:
    """Tasks, and until when each of them counts without another turn."""

    until: Mapping[TaskKey, datetime] = field(default_factory=dict)

    def joined(self, task: TaskKey, interval: timedelta, now: datetime) -> "Crowd":
        """After a turn of the task's; `interval` is until its next one. Another process may have that, and then this one again."""
        live = {each: until for each, until in self.until.items() if until > now and each != task}
        if len(live) >= _ENOUGH:
            return Crowd(live)
        return Crowd({**live, task: now + 2 * interval + _SPARE})

    def left(self, task: TaskKey) -> "Crowd":
        """The task has ended."""
        return Crowd({each: until for each, until in self.until.items() if each != task})

    def size(self, now: datetime) -> int:
        return sum(until > now for until in self.until.values())
