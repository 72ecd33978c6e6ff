"""Every state that can be reached, with the shortest run to what must not be; and whether each can still come to a good end."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tests.model.rules import Step
from tests.model.state import State


class Found(NamedTuple):
    """`wrong` is empty when nothing was found; `run` names the steps of the shortest run to it."""

    states: int
    wrong: str
    run: tuple[str, ...]


def search(  # noqa: C901 one loop, read as a whole
    start: State,
    steps: Callable[[State], Iterable[Step]],
    violation: Callable[[State], str],
    unfinished: Callable[[State], str],
    *,
    most: int = 20_000_000,
) -> Found:
    """Breadth first. `most`: states after which it stops. Raises: OverflowError when there are more."""
    places, states, came_from = {start: 0}, [start], [-1]
    before: list[list[int]] = [[]]  # by which steps of the relay itself each state is reached
    done: list[int] = []
    for place, state in enumerate(states):  # grows meanwhile
        if wrong := violation(state):
            return Found(len(states), wrong, _run(place, states, came_from, steps))
        if not unfinished(state):
            done.append(place)
        for _, after, is_own in steps(state):
            known = places.setdefault(after, len(states))
            if known == len(states):
                states.append(after)
                came_from.append(place)
                before.append([])
            if is_own:
                before[known].append(place)
        if len(states) > most:
            raise OverflowError(f"more than {most} states")
    hopeless = _first_without_end(before, done)
    if hopeless < 0:
        return Found(len(states), "", ())
    run, end = _to_the_end(states[hopeless], steps, unfinished)
    return Found(len(states), unfinished(end), (*_run(hopeless, states, came_from, steps), "… and from here, whatever happens:", *run))


def _first_without_end(before: list[list[int]], done: list[int]) -> int:
    """The first state from which no steps of the relay itself lead to a good end, or -1."""
    is_hopeful = bytearray(len(before))
    todo = deque(done)
    for place in done:
        is_hopeful[place] = 1
    while todo:
        for place in before[todo.popleft()]:
            if not is_hopeful[place]:
                is_hopeful[place] = 1
                todo.append(place)
    return is_hopeful.find(0)


def _to_the_end(
    state: State, steps: Callable[[State], Iterable[Step]], unfinished: Callable[[State], str]
) -> tuple[tuple[str, ...], State]:
    """How a state without a good end goes on by itself: to where nothing more can happen, or to the last that can."""
    runs, todo = {state: tuple[str, ...]()}, deque([state])
    while todo:
        state = todo.popleft()
        following = [(name, after) for name, after, is_own in steps(state) if is_own]
        if not following:
            break
        for name, after in following:
            if after not in runs:
                runs[after] = (*runs[state], name)
                todo.append(after)
    return runs[state], state


def _run(place: int, states: list[State], came_from: list[int], steps: Callable[[State], Iterable[Step]]) -> tuple[str, ...]:
    names: list[str] = []
    while came_from[place] >= 0:
        earlier = came_from[place]
        names.append(next(name for name, after, _ in steps(states[earlier]) if after == states[place]))
        place = earlier
    return tuple(reversed(names))
