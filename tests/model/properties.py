"""What must hold in every state, and what a state must look like in which the relay has done its work."""

from tests.model.rules import Rules
from tests.model.state import HELD, IDLE, NO_CLAIM, RAN_OUT, Config, State
from tests.model.steps_clients import newest


def violation(s: State, start: State, rules: Rules) -> str:
    """What no state may show. `start`: the first state, whose budgets say what has gone wrong so far."""
    if s.fault:
        return s.fault
    disturbed = start.left.crashes - s.left.crashes + start.left.slow - s.left.slow
    for config in s.configs:
        if config.extra > disturbed:
            return f"{config.extra} duplicates after {disturbed} crashes and lost claims"
        was_redriven = (s.left.redrives, s.left.replays) != (start.left.redrives, start.left.replays)
        if not disturbed and not was_redriven and _given_up(config) & config.posted:
            return "a dead letter for what was delivered"
    return ""


def unfinished(s: State, start: State, rules: Rules) -> str:
    """What is still to do, or empty: once faults stop, every state must lead to one in which nothing is."""
    if s.stream or s.fan_out or s.queue or not _is_at_rest(s):
        return "something is on its way"
    for config in s.configs if not rules.only_watches else ():
        if found := _unfinished_config(s, config):
            return found
        is_cleared = s.left.losses == start.left.losses  # the wake-up that would clear a dead worker's claim may have been lost
        if config.cursor and config.cursor.until in ((HELD, RAN_OUT) if is_cleared else (HELD,)):
            return "a claim is left behind"
    return _unfinished_watch(s, start, rules) if s.turns else ""


def _is_at_rest(s: State) -> bool:
    processes = (*s.runs, *s.turns, *s.calls, s.redrive)
    return all(process.phase == IDLE for process in processes)  # type: ignore[attr-defined]


def _unfinished_config(s: State, config: Config) -> str:
    cursor = config.cursor
    if not config.push:
        return "a deleted config has a cursor" if config.is_deleted and cursor and not config.is_unsure else ""
    if cursor is None:
        return "" if config.is_unsure else "a push config has no cursor: nothing will ever be sent"
    if cursor.waits or cursor.resend or cursor.position < s.newest:
        return f"lost: at {cursor.position} of {s.newest}, waiting for {cursor.waits}, to be sent again {cursor.resend}"
    owed = frozenset(range(config.start + 1, s.newest + 1)) - config.posted - config.excused
    if missing := owed - _given_up(config):
        return f"lost: {sorted(missing)} neither accepted nor given up"
    if missing := config.replayed - _given_up(config) - config.excused:
        return f"lost: {sorted(missing)} was to be replayed, and is neither accepted again nor given up"
    if owed - config.announced:
        return "a dead letter was never announced"
    return ""


def _given_up(config: Config) -> frozenset[int]:
    return frozenset(number for letter in config.letters for number in range(max(letter.first, letter.asked_to + 1), letter.last + 1))


def _unfinished_watch(s: State, start: State, rules: Rules) -> str:
    """A watch is over only when nothing can be missed; else its timer is on its way, and the newest revision is how the task stands."""
    if not rules.asks_agent:
        return ""
    was_late = s.left.deadlines != start.left.deadlines or newest(s).is_ending
    if was_late and (s.watch is None or s.watch.is_late):
        is_told = rules.is_terminal(newest(s).moves) or newest(s).is_ending
        return "" if is_told or not any(config.push for config in s.configs) else "nobody was told that the task is followed no more"
    if any(config.push for config in s.configs) and (newest(s).is_ending or rules.content(newest(s).moves) != rules.content(s.moves)):
        return "the newest revision is not how the task stands"
    is_over = rules.is_terminal(newest(s).moves) or not any(config.push for config in s.configs)
    if s.watch is None:
        return "" if is_over and not s.watch_queue else "nobody watches the task"
    if s.watch.until != NO_CLAIM:
        return "the watch's claim is left behind"
    has_timer = any(message.number == s.watch.waits for message in s.watch_queue if message.number)
    return "" if has_timer or is_over else "the watch's timer is lost"  # one that is over, the sweep or a timer will find so
