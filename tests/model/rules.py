"""What stays the same during a run of the model, and the small changes to a state that all its steps are made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.model.state import Config, Cursor, Left, Run, State, Turn, Wakeup, WatchWakeup

Step = tuple[str, State, bool]  # its name, the state after it, and whether the relay does it by itself
Steps = Iterator[Step]


@dataclass(frozen=True)
class Rules:
    """The protocol's numbers, small enough to be searched, and which wrong variant of the protocol runs, if any.

    `task`: what the agent's task goes through, one letter a state; in upper case it is terminal.
    """

    task: str = "abc"
    asks_agent: bool = False  # views come from the agent, with their times; else the log grows by itself
    retries: int = 1
    failing_retries: int = 0
    threshold: int = 0  # failures in a row that open the breaker; 0: it is the world's
    max_posts: int = 10
    max_resend: int = 100
    batch: int = 1  # wake-ups a worker may receive together
    fans_out_at_once: bool = False  # the fan-out in one step
    only_watches: bool = False  # what is observed is told to nobody: following the task is the question
    delivers_at_once: bool = False  # a wake-up is delivered in one step
    sweeps: bool = False
    hints_alone: bool = False  # nobody waits for the watch's timer, and the task moves only during a client's call
    redrives_newest_only: bool = False
    tells_latest_only: bool = False  # after a failure, what a newer revision contains is passed over
    unwanted: str = ""  # states that the config's filter leaves out
    wrong: str = ""

    def content(self, moves: int) -> str:
        """What the task looks like after so many moves of the agent."""
        return self.task[moves]

    def wants(self, number: int) -> bool:
        """Whether a revision passes the config's filter. Where there is one, each move of the task is a revision."""
        return self.content(number - 1) not in self.unwanted

    def is_terminal(self, moves: int) -> bool:
        return 0 <= moves < len(self.task) and self.task[moves].isupper()


def own(name: str, state: State) -> Step:
    return name, state, True


def outside(name: str, state: State, spent: str = "") -> Step:
    """A step that nobody may rely on: the world's, or a fault. `spent`: the budget it is paid from."""
    return name, spend(state, spent) if spent else state, False


def spend(s: State, budget: str) -> State:
    return s._replace(left=s.left._replace(**{budget: getattr(s.left, budget) - 1}))


def may(left: Left, budget: str) -> bool:
    return bool(getattr(left, budget) > 0)


def swap(items: tuple[Any, ...], place: int, item: Any) -> tuple[Any, ...]:
    return (*items[:place], item, *items[place + 1 :])


def set_config(s: State, place: int, config: Config) -> State:
    return s._replace(configs=swap(s.configs, place, config))


def set_cursor(s: State, place: int, cursor: Cursor | None) -> State:
    return set_config(s, place, s.configs[place]._replace(cursor=cursor))


def set_run(s: State, worker: int, run: Run) -> State:
    return s._replace(runs=swap(s.runs, worker, run))


def set_turn(s: State, worker: int, turn: Turn) -> State:
    return s._replace(turns=swap(s.turns, worker, turn))


def send(s: State, *wakeups: Wakeup) -> State:
    return s._replace(queue=tuple(sorted((*s.queue, *wakeups))))


def take(s: State, wakeup: Wakeup) -> State:
    place = s.queue.index(wakeup)
    return s._replace(queue=(*s.queue[:place], *s.queue[place + 1 :]))


def send_watch(s: State, *wakeups: WatchWakeup) -> State:
    return s._replace(watch_queue=tuple(sorted((*s.watch_queue, *wakeups))))


def take_watch(s: State, wakeup: WatchWakeup) -> State:
    place = s.watch_queue.index(wakeup)
    return s._replace(watch_queue=(*s.watch_queue[:place], *s.watch_queue[place + 1 :]))
