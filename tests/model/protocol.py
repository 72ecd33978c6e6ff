"""All steps together; states that differ only by the names of workers or moments are one."""

from tests.model import steps_breaker
from tests.model.clock import renumbered
from tests.model.properties import unfinished, violation
from tests.model.rules import Rules, Step, set_cursor
from tests.model.search import Found, search
from tests.model.state import State
from tests.model.steps_clients import clients, task_moves
from tests.model.steps_deliver import deliver
from tests.model.steps_faults import deaths, messages_and_records, time
from tests.model.steps_operate import redrive, sweep
from tests.model.steps_stream import fan_out
from tests.model.steps_watch import follow

_ALL = (task_moves, clients, fan_out, deliver, follow, redrive, sweep, steps_breaker.time, time, deaths, messages_and_records)


def steps(s: State, rules: Rules) -> list[Step]:
    return [(name, canonical(after), is_own) for each in _ALL for name, after, is_own in each(s, rules)]


def explore(start: State, rules: Rules) -> Found:
    return search(
        start,
        lambda s: steps(s, rules),
        lambda s: violation(s, start, rules),
        lambda s: unfinished(s, start, rules),
    )


def canonical(s: State) -> State:
    if len(s.runs) > 1 and s.runs[1] < s.runs[0]:
        s = s._replace(runs=(s.runs[1], s.runs[0], *s.runs[2:]))
        for place, config in enumerate(s.configs):
            if config.cursor and config.cursor.holder in (1, 2):
                s = set_cursor(s, place, config.cursor._replace(holder=3 - config.cursor.holder))
        if s.breaker.probe in (1, 2):
            s = s._replace(breaker=s.breaker._replace(probe=3 - s.breaker.probe))
    if len(s.turns) > 1 and s.turns[1] < s.turns[0]:
        s = s._replace(turns=(s.turns[1], s.turns[0], *s.turns[2:]))
        if s.watch and s.watch.holder in (1, 2):
            s = s._replace(watch=s.watch._replace(holder=3 - s.watch.holder))
    return renumbered(s) if s.turns else s
