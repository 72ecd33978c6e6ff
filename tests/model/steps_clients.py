"""What clients and the agent do: the task moves, is observed (use_cases/observe.py), configs are put and deleted (use_cases/register.py).

Registering is: observe, create the cursor, put the push config, and see that the cursor is still there. Deleting takes the cursor first.
"""

from collections.abc import Callable

from tests.model.clock import moment
from tests.model.rules import Rules, Steps, may, outside, own, send_watch, set_config, set_cursor, swap
from tests.model.state import HINT, IDLE, NO_CLAIM, NONE, Call, Config, Cursor, Head, Record, State, View, Watch, WatchWakeup

REGISTER, DELETE, SAY, WAIT = "register", "delete", "say", "wait"


def task_moves(s: State, rules: Rules) -> Steps:
    may_move = not rules.hints_alone or any(call.phase in ("asked", "answered") for call in s.calls)
    if s.moves + 1 < len(rules.task) and rules.asks_agent and may_move:
        yield outside(f"the task becomes {rules.content(s.moves + 1)}", s._replace(moves=s.moves + 1))
    if s.newest < len(rules.task) and not rules.asks_agent:
        yield outside(f"observe: append revision {s.newest + 1}", append(s, View(s.newest), rules))


def clients(s: State, rules: Rules) -> Steps:
    for place, call in enumerate(s.calls):
        if call.phase != IDLE:
            yield from _PHASES[call.phase](s, place, call, rules)
        elif call.script:
            yield from _begins(s, place, call, rules)


def append(s: State, view: View, rules: Rules, *, is_ending: bool = False) -> State:
    number = s.newest + 1
    stream = s.stream if rules.only_watches else (*s.stream, Record(-1, number))
    after = s._replace(log=(*s.log, Head(number, view.moves, view.arrived, is_ending)), stream=stream)
    if not s.log or s.fault:
        return after
    last = s.log[-1]
    if rules.is_terminal(last.moves):
        return after._replace(fault=f"revision {number} follows the task's end")
    if last.moves > view.moves or (last.moves == view.moves and is_ending is last.is_ending):
        return after._replace(fault=f"an older state became revision {number}")
    return after


def change(known: Head, view: View, rules: Rules) -> str:
    """What a view means beside the newest revision that is known: domain/task.py."""
    if not known.number:
        return "new"
    if rules.content(known.moves) == rules.content(view.moves) and not known.is_ending:
        return "same"
    if rules.is_terminal(known.moves):
        return "final"
    if view.asked < known.arrived and rules.wrong != "no-stale":
        return "stale"
    return "new"


def observe(s: State, known: Head, view: View, rules: Rules) -> tuple[State, Head]:
    """The state and the newest revision after the view was looked at. A put that another one was faster than looks again."""
    if change(known, view, rules) == "new" and known != newest(s):
        known = newest(s)
    if change(known, view, rules) != "new":
        return s, known
    after = append(s, view, rules)
    return after, newest(after)


def newest(s: State) -> Head:
    return s.log[-1] if s.log else Head()


def _begins(s: State, place: int, call: Call, rules: Rules) -> Steps:
    verb, config = call.script[0]
    if verb == DELETE:
        is_alone = not any(other.phase != IDLE and other.script[0] == (REGISTER, config) for other in s.calls)
        s = set_config(s, config, s.configs[config]._replace(is_deleting=is_alone))
        yield outside(
            "delete begins", _at(s, place, call._replace(phase="delete push" if rules.wrong == "push-first" else "delete cursor"))
        )
        return
    if verb == REGISTER:
        s = set_config(s, config, s.configs[config]._replace(is_deleting=False, is_deleted=False))
    if rules.asks_agent:
        yield outside(f"{verb}: ask", _at(s, place, call._replace(phase="asked", view=View(s.moves, moment(s)))))
    else:
        yield outside("register: read the newest", _at(s, place, call._replace(phase=_first_put(rules), head=newest(s))))


def _first_put(rules: Rules) -> str:
    return "put push" if rules.wrong == "cursor-last" else "put cursor"


def _asked(s: State, place: int, call: Call, rules: Rules) -> Steps:
    view = call.view._replace(arrived=moment(s))
    yield own("the agent has answered", _at(s, place, call._replace(phase="answered", view=view)))


def _answered(s: State, place: int, call: Call, rules: Rules) -> Steps:
    verb = call.script[0][0]
    after, head = observe(s, newest(s), call.view, rules)
    if verb == WAIT:
        yield own("wait: observe", _done(after, place, call))
        return
    phase = "hint" if verb == SAY else _first_put(rules)
    yield own(f"{verb}: observe", _at(after, place, call._replace(phase=phase, head=head, view=View())))


def _hint(s: State, place: int, call: Call, rules: Rules) -> Steps:
    yield own("say: hint", _done(send_watch(s, WatchWakeup(HINT, asked=moment(s))), place, call))


def _put_cursor(s: State, place: int, call: Call, rules: Rules) -> Steps:
    """Created unless it exists; a config that exists keeps its cursor, claim and wait."""
    config_place = call.script[0][1]
    config = s.configs[config_place]
    after_it = "get cursor" if rules.wrong == "cursor-last" else "put push"
    if config.cursor is not None and rules.wrong != "set-again":
        yield own("register: the cursor stays", _at(s, place, call._replace(phase=after_it)))
        return
    position = call.head.number - 1 if rules.is_terminal(call.head.moves) else call.head.number
    created = _created(config, position)
    yield own(f"register: cursor at {position}", _at(set_config(s, config_place, created), place, call._replace(phase=after_it)))


def _created(config: Config, position: int) -> Config:
    if config.cursor is not None:  # only a wrong variant
        return config._replace(cursor=Cursor(position, config.lives))
    life = config.lives + 1
    new = config._replace(cursor=Cursor(position, life), lives=life, start=position)
    return new._replace(posted=NONE, announced=NONE, excused=NONE, last_started=0, is_unsure=False)


def _put_push(s: State, place: int, call: Call, rules: Rules) -> Steps:
    """The commit: its stream record wakes the config and starts the watch."""
    config_place = call.script[0][1]
    after = set_config(s, config_place, s.configs[config_place]._replace(push=True))
    if rules.wrong != "two-reads":
        after = after._replace(stream=(*s.stream, Record(config_place)))
    phase = "put cursor" if rules.wrong == "cursor-last" else "get cursor"
    yield own("register: push config put", _at(after, place, call._replace(phase=phase)))


def _get_cursor(s: State, place: int, call: Call, rules: Rules) -> Steps:
    """A delete at the same time may have taken the cursor: then it is put again."""
    if s.configs[call.script[0][1]].cursor is None and rules.wrong != "unseen":
        yield own("register: the cursor is gone, again", _at(s, place, call._replace(phase=_first_put(rules))))
    else:
        after = _at(s, place, call._replace(phase="follow")) if s.turns else _done(s, place, call)
        yield own("register: the cursor is there", after)


def _follow(s: State, place: int, call: Call, rules: Rules) -> Steps:
    """Unless there is one that nobody is at, and that may be ending: the sweep finds it, should what starts it be lost."""
    is_there = s.watch is not None and (s.watch.until == NO_CLAIM or rules.wrong == "ending-watch-stays")
    watch = s.watch if is_there or rules.wrong == "watch-unput" else Watch()
    yield own("register: the watch is put", _done(s._replace(watch=watch), place, call))


def _delete_cursor(s: State, place: int, call: Call, rules: Rules) -> Steps:
    after = s if rules.wrong == "cursor-stays" else set_cursor(s, call.script[0][1], None)
    is_last = rules.wrong == "push-first"
    yield own("delete: cursor", _deleted(after, place, call) if is_last else _at(after, place, call._replace(phase="delete push")))


def _delete_push(s: State, place: int, call: Call, rules: Rules) -> Steps:
    config = call.script[0][1]
    after = set_config(s, config, s.configs[config]._replace(push=False))
    if s.configs[config].push:
        after = after._replace(stream=(*s.stream, Record(config, is_removal=True)))
    is_last = rules.wrong != "push-first"
    yield own("delete: push config", _deleted(after, place, call) if is_last else _at(after, place, call._replace(phase="delete cursor")))


def _deleted(s: State, place: int, call: Call) -> State:
    config_place = call.script[0][1]
    config = s.configs[config_place]
    return _done(set_config(s, config_place, config._replace(is_deleting=False, is_deleted=config.is_deleting)), place, call)


def dies(s: State, place: int, call: Call) -> Steps:
    """The client gets no answer; what it asks for next is up to it."""
    if call.phase != IDLE and may(s.left, "crashes"):
        verb, config = call.script[0]
        if verb in (REGISTER, DELETE):
            s = set_config(s, config, s.configs[config]._replace(is_unsure=True, is_deleting=False))
        yield outside(f"{verb} dies", _done(s, place, call), "crashes")


def _at(s: State, place: int, call: Call) -> State:
    return s._replace(calls=swap(s.calls, place, call))


def _done(s: State, place: int, call: Call) -> State:
    return _at(s, place, Call(call.script[1:]))


_PHASES: dict[str, Callable[[State, int, Call, Rules], Steps]] = {
    "asked": _asked,
    "answered": _answered,
    "hint": _hint,
    "put cursor": _put_cursor,
    "put push": _put_push,
    "get cursor": _get_cursor,
    "follow": _follow,
    "delete cursor": _delete_cursor,
    "delete push": _delete_push,
}
