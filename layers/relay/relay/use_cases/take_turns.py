"""Take turns: the wake-ups of one batch of the watch queue, tasks' and agents' listers', all at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta

from relay import observability
from relay.domain.listing import reduce_calls
from relay.domain.wakeup import ListWakeup, WatchWakeup
from relay.use_cases.list_tasks import ListTasks
from relay.use_cases.watch import FollowTasks


@dataclass(frozen=True)
class TakeTurns:
    follow_tasks: FollowTasks
    list_tasks: ListTasks

    def __call__(self, messages: Sequence[tuple[str, WatchWakeup | ListWakeup]], *, remaining: Callable[[], timedelta]) -> list[str]:
        """The ids of the messages that must come back because we failed; an agent's failure is never among them."""
        tasks = [(message_id, wakeup) for message_id, wakeup in messages if isinstance(wakeup, WatchWakeup)]
        calls = reduce_calls((message_id, wakeup) for message_id, wakeup in messages if isinstance(wakeup, ListWakeup))
        if not calls:
            return self.follow_tasks(tasks, remaining=remaining)
        with ThreadPoolExecutor(max_workers=len(calls)) as pool:
            running = [(call, pool.submit(copy_context().run, self.list_tasks, call, remaining)) for call in calls]
            failed = self.follow_tasks(tasks, remaining=remaining)
        for call, turn in running:
            error = turn.exception()
            if isinstance(error, Exception):
                observability.fault("listing failed", agent_key=call.key.agent, error=error)
                failed.extend(call.message_ids)
            elif error is not None:
                raise error
        return failed
