"""The watch's steps: start, claim, head, ask, observe, look, wake, timer, rest, end (use_cases/watch.py, domain/watch.py)."""

from collections.abc import Callable, Iterator
from itertools import combinations

from tests.model.clock import moment
from tests.model.rules import Rules, Steps, may, outside, own, send, send_watch, set_turn, take_watch
from tests.model.state import HELD, IDLE, LOOK, NO_CLAIM, START, TIMER, Cursor, Head, State, Turn, View, Wakeup, Watch, WatchWakeup
from tests.model.steps_clients import append, newest, observe


def follow(s: State, rules: Rules) -> Steps:
    for worker, turn in enumerate(s.turns):
        if turn.phase == IDLE:
            yield from _receive(s, worker, rules)
        else:
            yield from _PHASES[turn.phase](s, worker, turn, rules)


def _receive(s: State, worker: int, rules: Rules) -> Steps:
    for messages in _batches(s, rules):
        rest = s
        for message in messages:
            rest = take_watch(rest, message)
        phase = "start" if any(message.kind == START for message in messages) else "claim"
        words = " and ".join(message.kind for message in messages)
        received = set_turn(rest, worker, Turn(phase, messages))
        if not rules.hints_alone or all(message.kind != TIMER for message in messages):
            yield own(f"watch receives {words}", received)
        elif may(s.left, "dues"):
            yield outside(f"watch receives {words}", received, "dues")


def _batches(s: State, rules: Rules) -> Iterator[tuple[WatchWakeup, ...]]:
    for message in dict.fromkeys(s.watch_queue):
        yield (message,)
    if rules.batch > 1:
        yield from dict.fromkeys(combinations(s.watch_queue, 2))


def _start(s: State, worker: int, turn: Turn, rules: Rules) -> Steps:
    """Put unless there is one."""
    yield own("watch: start", set_turn(s._replace(watch=s.watch or Watch()), worker, turn._replace(phase="claim")))


def _claim(s: State, worker: int, turn: Turn, rules: Rules) -> Steps:
    """A hint takes over, whatever the watch waits for, unless a poll that began after it has answered it."""
    watch, done = s.watch, set_turn(s, worker, Turn())
    if watch is None:
        ended_meanwhile = any(message.kind == START for message in turn.messages) and rules.wrong != "start-done"
        yield own("watch: there is none", send_watch(done, *dict.fromkeys(turn.messages)) if ended_meanwhile else done)
        return
    is_answered, is_wanted = _is_answered(watch, turn, rules), _is_wanted(watch, turn, rules)
    if is_answered and not is_wanted:
        yield own("watch: nothing to do, acknowledge", done)
    elif watch.until == HELD:
        returned = done if rules.wrong == "hint-dropped" else send_watch(done, *dict.fromkeys(turn.messages))
        yield own("watch: taken, return", returned)
    else:
        held = watch._replace(holder=worker + 1, until=HELD, waits=0, is_indexed=rules.wrong != "claimed-unindexed")
        is_late = watch.is_late and all(message.kind != START for message in turn.messages)
        yield from _head(s._replace(watch=held), worker, turn._replace(is_late=is_late), rules)


def _is_hint(turn: Turn) -> bool:
    return any(message.kind != TIMER for message in turn.messages)


def _is_answered(watch: Watch, turn: Turn, rules: Rules) -> bool:
    """A poll that began after them has answered all hints."""
    hints = [message for message in turn.messages if message.kind != TIMER]
    if rules.wrong == "hint-waits" and watch.waits:
        return True
    return all(hint.asked and hint.kind != START and watch.polled > hint.asked for hint in hints)


def _is_wanted(watch: Watch, turn: Turn, rules: Rules) -> bool:
    """The watch waits for one of the timers, or for none."""
    timers = [message.number for message in turn.messages if message.kind == TIMER]
    if rules.wrong == "merged-done" and len(timers) < len(turn.messages):
        return False
    return bool(timers) and (not watch.waits or watch.waits in timers)


def _head(s: State, worker: int, turn: Turn, rules: Rules) -> Steps:
    """A turn that will look reads the newest revision; the others trust the one that the watch remembers.

    One step with the claim: what others do between the two, they might as well have done before.
    """
    polled, remembered = moment(s), s.watch.head if s.watch else Head()
    may_wait = not _has_ended(turn, remembered, rules) or rules.wrong == "ends-on-memory"
    if not _is_hint(turn) and remembered.number and may_wait:
        phase = "look" if _has_ended(turn, remembered, rules) else "ask"
        yield own("watch: claim, no time to look", set_turn(s, worker, turn._replace(phase=phase, head=remembered, polled=polled)))
    head = remembered if remembered.number and rules.wrong == "trusts-head" else newest(s)
    phase = "look" if _has_ended(turn, head, rules) else "ask"
    if turn.is_late and rules.wrong == "ends-at-deadline":
        phase = "end"
    yield own("watch: claim, read the newest", set_turn(s, worker, turn._replace(phase=phase, head=head, polled=polled, looks=True)))


def _ask(s: State, worker: int, turn: Turn, rules: Rules) -> Steps:
    if len(rules.task) == 1 and s.log and not s.left.silences:  # nothing to be seen, whenever it is asked and answered: few states
        yield own("watch: ask, nothing new", set_turn(s, worker, turn._replace(phase="look")))
        return
    asked = turn._replace(phase="asked", view=View(s.moves, moment(s)))
    yield own("watch: ask", set_turn(s, worker, asked))
    if may(s.left, "silences"):
        yield outside("watch: no answer", set_turn(s, worker, turn._replace(phase="look")), "silences")
        past = turn._replace(phase="look", is_troubled=True)
        yield outside("watch: no answer, for longer than may be", set_turn(s, worker, past), "silences")


def _asked(s: State, worker: int, turn: Turn, rules: Rules) -> Steps:
    view = turn.view._replace(arrived=moment(s))
    yield own("the agent has answered", set_turn(s, worker, turn._replace(phase="observe", view=view)))


def _observe(s: State, worker: int, turn: Turn, rules: Rules) -> Steps:
    after, head = observe(s, turn.head, turn.view, rules)
    yield own("watch: observe", set_turn(after, worker, turn._replace(phase="look", head=head, view=View())))


def _look(s: State, worker: int, turn: Turn, rules: Rules) -> Steps:
    """After every hint, and when the task has ended; else now and then. Young changes are left to the fast path."""
    ended = _has_ended(turn, turn.head, rules)
    if not turn.looks and not ended:
        yield own("watch: no look", set_turn(s, worker, turn._replace(phase="timer")))
        return
    cursors = [config.cursor for config in s.configs if config.cursor]
    if cursors and _ends(turn, rules):
        yield own("watch: look, nothing more may come", set_turn(s, worker, turn._replace(phase="tell")))
        return
    is_over = not cursors or (ended and not any(_is_behind(cursor, turn) for cursor in cursors))
    if is_over or (ended and rules.wrong == "ends-unlooked"):
        yield own("watch: look, it is over", set_turn(s, worker, turn._replace(phase="end")))
    else:
        behind = tuple(place for place, config in enumerate(s.configs) if config.cursor and _is_stuck(config.cursor, turn))
        if behind and not rules.only_watches:
            wakeups = [Wakeup(LOOK, place) for place in behind]
            after = send(s, *(wakeup for wakeup in wakeups if wakeup not in s.queue))
            yield own("watch: look, wake what is behind", set_turn(after, worker, turn._replace(phase="timer")))
        yield own("watch: look", set_turn(s, worker, turn._replace(phase="timer")))


def _ends(turn: Turn, rules: Rules) -> bool:
    """Somebody is to be told that nothing more may come, and has not been told yet."""
    is_open = turn.head.number > 0 and not rules.is_terminal(turn.head.moves) and not turn.head.is_ending
    return is_open and (turn.is_late or turn.is_troubled) and rules.wrong != "ending-untold"


def _tell(s: State, worker: int, turn: Turn, rules: Rules) -> Steps:
    """The relay's own revision, after the one that the turn knows as the newest: if another one was faster, a later turn sees to it."""
    told = turn._replace(phase="timer")
    if newest(s) == turn.head or rules.wrong == "ending-anyway":
        view = View(turn.head.moves, arrived=moment(s))
        after = append(s, view, rules, is_ending=True)
        yield own("watch: tell the ending", set_turn(after, worker, told._replace(head=newest(after))))
    else:
        yield own("watch: tell no ending, there is news", set_turn(s, worker, told))


def _has_ended(turn: Turn, head: Head, rules: Rules) -> bool:
    """The agent is asked no more."""
    return rules.is_terminal(head.moves) or turn.is_late


def _is_behind(cursor: Cursor, turn: Turn) -> bool:
    return cursor.position < turn.head.number or bool(cursor.resend)


def _is_stuck(cursor: Cursor, turn: Turn) -> bool:
    return not cursor.waits and cursor.until != HELD and _is_behind(cursor, turn)


def _timer(s: State, worker: int, turn: Turn, rules: Rules) -> Steps:
    number = _unused(s)
    if rules.wrong == "rest-first" and not turn.number:
        yield from _rest(s, worker, turn._replace(number=number), rules)
        return
    number = turn.number or number
    after = send_watch(s, WatchWakeup(TIMER, number))
    turn = _acknowledging(s, turn) if rules.wrong == "rest-first" else turn._replace(phase="rest", number=number)
    yield own("watch: timer", set_turn(after, worker, turn))


def _rest(s: State, worker: int, turn: Turn, rules: Rules) -> Steps:
    if s.watch is None or s.watch.holder != worker + 1 or s.watch.until == NO_CLAIM:
        yield own("watch: the claim is lost, return", set_turn(send_watch(s, *dict.fromkeys(turn.messages)), worker, Turn()))
        return
    resting = Watch(waits=turn.number, head=turn.head, polled=turn.polled, is_late=turn.is_late)
    after = turn if rules.wrong == "rest-first" else _acknowledging(s, turn)
    yield own("watch: rest", set_turn(s._replace(watch=resting), worker, after))


def _end(s: State, worker: int, turn: Turn, rules: Rules) -> Steps:
    """Under its claim; a claim that was lost leaves the watch to who took it."""
    is_held = s.watch is not None and s.watch.holder == worker + 1
    after = s._replace(watch=None) if is_held or rules.wrong == "ends-anyway" else s
    yield own("watch: end", set_turn(after, worker, _acknowledging(s, turn)))


def _acknowledge(s: State, worker: int, turn: Turn, rules: Rules) -> Steps:
    yield own("watch: acknowledge", set_turn(s, worker, Turn()))


def _acknowledging(s: State, turn: Turn) -> Turn:
    """The last step: only a death before it makes a difference."""
    return Turn("acknowledge", turn.messages) if s.left.crashes else Turn()


def _unused(s: State) -> int:
    """A timer's number that nothing knows any more."""
    known = {message.number for message in s.watch_queue}
    known |= {message.number for turn in s.turns for message in turn.messages}
    known |= {turn.number for turn in s.turns} | ({s.watch.waits} if s.watch else set())
    return next(number for number in range(1, len(known) + 2) if number not in known)


_PHASES: dict[str, Callable[[State, int, Turn, Rules], Steps]] = {
    "start": _start,
    "claim": _claim,
    "ask": _ask,
    "asked": _asked,
    "observe": _observe,
    "look": _look,
    "tell": _tell,
    "timer": _timer,
    "rest": _rest,
    "end": _end,
    "acknowledge": _acknowledge,
}
