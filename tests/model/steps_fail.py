"""After a failed attempt: timer, then wait; or at the end of the schedule give up: letter, announcement, cursor (use_cases/give_up.py)."""

from collections.abc import Callable

from tests.model.claims import acknowledging, holds, lost
from tests.model.rules import Rules, Steps, own, send, set_config, set_cursor, set_run
from tests.model.state import BY_WAIT, NO_CLAIM, TIMER, Letter, Run, State, Wakeup


def fails(run: Run, rules: Rules) -> Run:
    """What the schedule says after one more failed attempt."""
    attempts = run.attempts + 1
    left = min(rules.retries, rules.failing_retries) if run.is_failing else rules.retries
    return run._replace(attempts=attempts, phase="newest" if attempts > left else "timer")


def _timer(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    """Right is: first the timer …"""
    if rules.wrong == "wait-first" and not run.number:
        yield from _wait(s, worker, run._replace(number=_unused(s, run.config)), rules)
        return
    number = run.number or _unused(s, run.config)
    after = acknowledging(s, run) if rules.wrong == "wait-first" else run._replace(phase="wait", number=number)
    yield own(f"timer {number} is sent", set_run(send(s, Wakeup(TIMER, run.config, number)), worker, after))


def _wait(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    """… then the mark that also ends the claim."""
    cursor = s.configs[run.config].cursor
    if cursor is None or not holds(cursor, worker, rules):
        yield own("wait: the claim is lost, return", lost(s, worker, run, rules))
        return
    waiting = cursor._replace(
        holder=0,
        until=NO_CLAIM,
        waits=run.number,
        indexed=BY_WAIT,
        attempts=run.attempts,
        is_behind=rules.wrong != "not-behind",
    )
    after = run if rules.wrong == "wait-first" else acknowledging(s, run)
    yield own(f"wait for timer {run.number}", set_run(set_cursor(s, run.config, waiting), worker, after))


def _newest(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    phase = "give up" if rules.wrong in ("letter-last", "announce-last") else "letter"
    after = run._replace(phase="letter" if rules.wrong == "announce-last" else phase, number=max(s.newest, run.position))
    yield own("give up: read the newest", set_run(s, worker, after))


def _letter(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    """One per first revision. One that goes further stays: a worker that lost its claim long ago knows fewer revisions."""
    config = s.configs[run.config]
    first, last = _range(run)
    known = (*config.letters, *s.redrive.letters)
    letter = Letter(first, last, written=max((each.written for each in known), default=0) + 1)
    there = [each for each in config.letters if each.first == first]
    if not there or there[0].last <= last or rules.wrong == "letter-shrinks":
        config = config._replace(letters=tuple(sorted((*(each for each in config.letters if each.first != first), letter))))
    after = set_config(s, run.config, config)
    phase = "give up" if rules.wrong == "announce-last" else "announce"
    yield own(f"give up: letter {first} to {last}", set_run(after, worker, run._replace(phase=phase)))


def _range(run: Run) -> tuple[int, int]:
    return min((run.position + 1, *run.resend)), max((run.number, *run.resend))


def _announce(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    config, (first, last) = s.configs[run.config], _range(run)
    announced = config.announced | frozenset(range(first, last + 1))
    is_done = rules.wrong in ("letter-last", "announce-last")
    after = acknowledging(s, run) if is_done else run._replace(phase="give up")
    yield own("give up: announce", set_run(set_config(s, run.config, config._replace(announced=announced)), worker, after))


def _give_up(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    cursor = s.configs[run.config].cursor
    if cursor is None or not holds(cursor, worker, rules):
        yield own("give up: the claim is lost, return", lost(s, worker, run, rules))
        return
    kept = () if rules.wrong == "give-up-forgets" else tuple(each for each in cursor.resend if each not in run.resend)
    moved = cursor._replace(position=run.number, holder=0, until=NO_CLAIM, is_failing=True, attempts=0, is_behind=False, resend=kept)
    swapped = {"letter-last": "letter", "announce-last": "announce"}.get(rules.wrong)
    after = run._replace(phase=swapped) if swapped else acknowledging(s, run)
    s = set_config(s, run.config, s.configs[run.config]._replace(tries=0))
    yield own(f"give up: cursor to {run.number}", set_run(set_cursor(s, run.config, moved), worker, after))


def _unused(s: State, config: int) -> int:
    """A timer's number that nothing knows any more: few numbers, few states."""
    known = {message.number for message in s.queue if message.kind == TIMER}
    known |= {message.number for run in s.runs for message in run.messages if message.kind == TIMER}
    known |= {run.number for run in s.runs if run.phase == "wait"}
    cursor = s.configs[config].cursor
    known |= {cursor.waits} if cursor else set()
    return next(number for number in range(1, len(known) + 2) if number not in known)


PHASES_AFTER_A_FAILURE: dict[str, Callable[[State, int, Run, Rules], Steps]] = {
    "timer": _timer,
    "wait": _wait,
    "newest": _newest,
    "letter": _letter,
    "announce": _announce,
    "give up": _give_up,
}
