"""The sweep (use_cases/sweep.py) and the operator's redrive and replay (use_cases/redrive.py, replay.py, send_again.py)."""

from collections.abc import Callable

from tests.model.rules import Rules, Steps, may, outside, own, send, send_watch, set_config, set_cursor
from tests.model.state import BY_REDRIVE, HINT, IDLE, LOOK, NO_CLAIM, TIMER, Config, Letter, Redrive, State, Wakeup, Watch, WatchWakeup


def sweep(s: State, rules: Rules) -> Steps:
    """Wakes what is in the sparse index and overdue: a config by its timer or a redrive, a watch by its turn.

    Only while no message would do the same: one more is what the budget of duplicates is for.
    """
    if not rules.sweeps:
        return
    for place, config in enumerate(s.configs):
        cursor, wakeup = config.cursor, Wakeup(LOOK, place)
        is_due = cursor and (cursor.is_overdue or cursor.indexed == BY_REDRIVE)
        if is_due and all(message.config != place for message in s.queue):
            yield own("sweep: wake a config", send(s, wakeup))
    if _is_watch_overdue(s):
        yield own("sweep: wake the watch", send_watch(s, WatchWakeup(HINT)))


def _is_watch_overdue(s: State) -> bool:
    """Nobody is at it, and its timer is lost: then two minutes pass."""
    if s.watch is None or not s.watch.is_indexed or any(turn.phase != IDLE for turn in s.turns):
        return False
    return all(message.kind == TIMER and message.number != s.watch.waits for message in s.watch_queue)


def redrive(s: State, rules: Rules) -> Steps:
    command = s.redrive
    if command.phase != IDLE:
        yield from _PHASES[command.phase](s, command, rules)
        return
    for place, config in enumerate(s.configs):
        if may(s.left, "redrives") and config.letters:
            yield outside("redrive: read the letters", s._replace(redrive=_asked_for(place, config, rules)), "redrives")
        if may(s.left, "replays") and (revisions := _observed(s, config, rules)):
            yield outside("replay: read the log", s._replace(redrive=Redrive("add", place, (), revisions)), "replays")


def _observed(s: State, config: Config, rules: Rules) -> tuple[int, ...]:
    """What a config was told from its start on, or the newest of it; what it has not been told is on its way anyway."""
    if config.cursor is None:
        return ()
    last = s.newest if rules.wrong == "replays-ahead" else config.cursor.position
    numbers = [number for number in range(config.start + 1, last + 1) if rules.wants(number)]
    return tuple(numbers[-1:] if rules.redrives_newest_only else numbers[: rules.max_resend])


def _asked_for(place: int, config: Config, rules: Rules) -> Redrive:
    numbers = sorted({number for letter in config.letters for number in range(max(letter.first, letter.asked_to + 1), letter.last + 1)})
    newest = [number for number in numbers if rules.wants(number)] or numbers
    revisions = tuple(newest[-1:] if rules.redrives_newest_only else numbers[: rules.max_resend])
    phase = "settle" if rules.wrong == "letter-first" else "add"
    return Redrive(phase, place, config.letters, revisions)


def _add(s: State, command: Redrive, rules: Rules) -> Steps:
    cursor = s.configs[command.config].cursor
    is_at_work = cursor and cursor.until != NO_CLAIM and not set(command.revisions).isdisjoint(cursor.resend)
    if cursor is None or (is_at_work and rules.wrong != "asks-the-busy"):
        yield own("redrive: the config is gone or busy, left alone", s._replace(redrive=Redrive()))
        return
    resend = tuple(sorted({*cursor.resend, *command.revisions}))
    indexed = cursor.indexed or (0 if rules.wrong == "unindexed" else BY_REDRIVE)
    config = s.configs[command.config]
    if not command.letters:
        s = set_config(s, command.config, config._replace(replayed=config.replayed | set(command.revisions)))
    after = set_cursor(s, command.config, cursor._replace(resend=resend, indexed=indexed))
    yield own(f"redrive: add {resend}", after._replace(redrive=command._replace(phase="watch" if s.turns else "wake")))


def _watch(s: State, command: Redrive, rules: Rules) -> Steps:
    """A watch that only looks, unless there is one: it sees to the config whatever is lost."""
    watch = s.watch if s.watch or rules.wrong == "unwatched" else Watch(is_late=True)
    yield own("redrive: put the watch", s._replace(watch=watch, redrive=command._replace(phase="wake")))


def _wake(s: State, command: Redrive, rules: Rules) -> Steps:
    after = s if rules.wrong == "unwoken" else send(s, Wakeup(LOOK, command.config))
    ends = not command.letters or rules.wrong == "letter-first"
    yield own("redrive: wake", after._replace(redrive=Redrive() if ends else command._replace(phase="settle")))


def _settle(s: State, command: Redrive, rules: Rules) -> Steps:
    """Letter by letter, each only as it was read: deleted when all it holds was asked for, else marked how far it was."""
    config, (letter, *rest) = s.configs[command.config], command.letters
    asked_to = letter.last if rules.redrives_newest_only else command.revisions[-1]
    settled: tuple[Letter, ...] = () if letter.last <= asked_to else (letter._replace(asked_to=max(asked_to, letter.asked_to)),)
    if rules.wrong == "rest-forgotten":
        settled = ()
    there = next((each for each in config.letters if each.first == letter.first), None)
    excused = config.excused
    if there and (there.written == letter.written or rules.wrong == "any-letter"):
        others = tuple(each for each in config.letters if each is not there)
        config = config._replace(letters=tuple(sorted((*others, *settled))))
        if rules.redrives_newest_only:
            excused |= frozenset(range(letter.first, letter.last + 1)) - set(command.revisions)
    following = command._replace(letters=tuple(rest))
    if not rest:
        following = command._replace(phase="add") if rules.wrong == "letter-first" else Redrive()
    after = set_config(s, command.config, config._replace(excused=excused))
    yield own(f"redrive: settle letter {letter.first} to {letter.last}", after._replace(redrive=following))


_PHASES: dict[str, Callable[[State, Redrive, Rules], Steps]] = {"add": _add, "watch": _watch, "wake": _wake, "settle": _settle}
