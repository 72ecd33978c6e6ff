"""Deliver's steps: receive, claim, read, start, advance; hand over, release, return, acknowledge (use_cases/deliver.py, domain/delivery.py)."""  # noqa: E501

from collections.abc import Callable, Iterator
from itertools import combinations

from tests.model.claims import acknowledging, holds
from tests.model.rules import Rules, Steps, may, outside, own, send, set_config, set_cursor, set_run, take
from tests.model.state import HELD, IDLE, LOOK, NO_CLAIM, TIMER, Cursor, Run, State, Wakeup
from tests.model.steps_breaker import attempted, failed, gate, learn, open_
from tests.model.steps_fail import PHASES_AFTER_A_FAILURE, fails


def deliver(s: State, rules: Rules) -> Steps:
    for worker, run in enumerate(s.runs):
        if run.phase == IDLE:
            yield from _receive(s, worker, rules)
        else:
            yield from _PHASES[run.phase](s, worker, run, rules)


def _receive(s: State, worker: int, rules: Rules) -> Steps:
    for messages in _batches(s, rules):
        rest = s
        for message in messages:
            rest = take(rest, message)
        config = messages[0].config
        if rules.delivers_at_once:
            yield own("a wake-up is delivered", _told(rest, config))
        else:
            yield own(f"deliver receives {_words(messages)}", set_run(rest, worker, Run("claim", config, messages)))


def _batches(s: State, rules: Rules) -> Iterator[tuple[Wakeup, ...]]:
    for message in dict.fromkeys(s.queue):
        yield (message,)
    if rules.batch > 1:
        pairs = combinations(s.queue, 2)
        yield from dict.fromkeys(pair for pair in pairs if pair[0].config == pair[1].config)


def _told(s: State, place: int) -> State:
    """The whole of deliver in one step, where its own steps are not the question."""
    config = s.configs[place]
    if config.cursor is None or not config.push:
        return s
    told = frozenset(range(config.cursor.position + 1, s.newest + 1)) | set(config.cursor.resend)
    cursor = config.cursor._replace(position=s.newest, resend=(), indexed=0)
    return set_config(s, place, config._replace(cursor=cursor, posted=config.posted | told))


def _claim(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    """One conditional update; when it is refused, the old item says what that means for the wake-ups."""
    cursor = s.configs[run.config].cursor
    timers = [message.number for message in run.messages if message.kind == TIMER]
    revision = _revision(run)
    done = set_run(s, worker, Run())
    if cursor is None:
        yield own("claim: the config is gone, acknowledge", done)
        return
    has_passed = revision is not None and not timers and cursor.position >= revision
    is_own = cursor.waits in timers and rules.wrong != "any-timer"
    waits_for_another = bool(cursor.waits) and not cursor.is_overdue and not is_own
    if has_passed or waits_for_another:
        yield own("claim: nothing to do, acknowledge", done)
    elif cursor.until == HELD and rules.wrong != "no-claim":
        returned = done if rules.wrong == "drop-busy" else send(done, *dict.fromkeys(run.messages))
        yield own("claim: taken, return", returned)
    else:
        yield own("claim", _claimed(s, worker, run, cursor))


def _claimed(s: State, worker: int, run: Run, cursor: Cursor) -> State:
    held = cursor._replace(holder=worker + 1, until=HELD, waits=0, is_overdue=False, indexed=0)
    claimed = run._replace(
        phase="read",
        life=cursor.life,
        is_fresh=True,
        position=cursor.position,
        attempts=cursor.attempts,
        is_behind=cursor.is_behind,
        is_failing=cursor.is_failing,
        resend=cursor.resend,
    )
    return set_run(set_cursor(s, run.config, held), worker, claimed)


def _revision(run: Run) -> int | None:
    """The revision that the wake-ups speak of; None: look for the newest."""
    if any(message.kind in (LOOK, TIMER) for message in run.messages):
        return None
    return max(message.number for message in run.messages)


def _read(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    if not s.configs[run.config].push:
        yield own("read: no such config", set_run(s, worker, run._replace(phase="release")))
        return
    last = _revision(run)
    if run.resend or (run.is_behind and rules.wrong != "reads-own"):
        last = None
    steps = [(number, True) for number in run.resend] if last is None else []
    steps += [(number, False) for number in range(run.position + 1, (s.newest if last is None else last) + 1)]
    if run.attempts and rules.tells_latest_only:
        steps = [step for step in steps if step[1] or step[0] == steps[-1][0] or rules.is_terminal(step[0] - 1)]
    if rules.unwanted and steps:  # what is left out goes with what follows it; at the end the cursor goes past it without a POST
        steps = [step for step in steps if rules.wants(step[0]) or step[1] or (step == steps[-1] and rules.wrong != "left-behind")]
    if not steps:
        yield own("read: nothing new", set_run(s, worker, run._replace(phase="caught up")))
        return
    plan, is_partial = tuple(steps[: rules.max_posts]), len(steps) > rules.max_posts
    planned = run._replace(phase="start", plan=plan, is_partial=is_partial, is_behind=False)
    yield own(f"read: {_numbers(plan)}", set_run(_seen_to_renew(s, run.config), worker, planned))


def _start(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    """A POST starts only if the claim outlasts it: it is renewed if composing took long, or the rest goes to a new wake-up."""
    if not rules.wants(run.plan[0][0]):
        yield from _pass_over(s, worker, run, rules)
        return
    if not run.is_fresh:
        yield own("too late for a POST", set_run(s, worker, run._replace(phase="hand over")))
        yield from _renew(s, worker, run, rules)
        return
    yield from gate(s, worker, run, rules, _seen_to_start(set_run(s, worker, run._replace(phase="attempt")), worker, run))
    if may(s.left, "postpones"):
        yield outside("the breaker is open: postpone", set_run(s, worker, run._replace(phase="timer")), "postpones")
        yield outside("no slot for the POST", set_run(s, worker, run._replace(phase="hand over")), "postpones")


def _renew(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    cursor = s.configs[run.config].cursor
    if cursor is not None and (holds(cursor, worker, rules) or rules.wrong == "renew-any"):
        renewed = set_cursor(s, run.config, cursor._replace(holder=worker + 1, until=HELD))
        yield own("the claim is renewed", set_run(_seen_to_renew(renewed, run.config), worker, run._replace(is_fresh=True)))


def _seen_to_renew(s: State, config: int) -> State:
    return s._replace(fault="a POST is claimed after the answer to a delete") if s.configs[config].is_deleted else s


def _seen_to_start(s: State, worker: int, run: Run) -> State:
    config, (number, is_resent) = s.configs[run.config], run.plan[0]
    if run.life != config.lives:
        return s  # claimed before a delete: it may still run
    others = [other for place, other in enumerate(s.runs) if place != worker]
    if any(other.phase == "attempt" and (other.config, other.life) == (run.config, run.life) for other in others):
        return s._replace(fault=f"two POSTs at once: {number} beside another")
    if is_resent:
        return s
    if number < config.last_started:
        return s._replace(fault=f"order: {number} after {config.last_started}")
    return set_config(s, run.config, config._replace(last_started=number))


def _attempt(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    number = run.plan[0][0]
    after = attempted(s, worker, run._replace(phase="advance"), rules)
    yield own(f"POST {number} is accepted", _seen_to_be_accepted(after, run))
    if may(s.left, "failures"):
        failing = fails(run, rules)
        yield outside(f"POST {number} fails", attempted(failed(s, failing, rules), worker, failing, rules), "failures")


def _seen_to_be_accepted(s: State, run: Run) -> State:
    config, (number, is_resent) = s.configs[run.config], run.plan[0]
    if run.life != config.lives:
        return s
    if is_resent:
        return set_config(s, run.config, config._replace(posted=config.posted | {number}, replayed=config.replayed - {number}))
    extra = config.extra + (number in config.posted)
    excused = config.excused | frozenset(range(run.position + 1, number))  # passed over: the newer one contains them
    return set_config(s, run.config, config._replace(posted=config.posted | {number}, extra=extra, excused=excused))


def _pass_over(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    """The cursor goes past what the filter leaves out; nothing is healed. Under the claim, as every write."""
    config, (number, is_resent), rest = s.configs[run.config], run.plan[0], run.plan[1:]
    cursor = config.cursor
    if cursor is None or (not holds(cursor, worker, rules) and rules.wrong != "advance-any"):
        yield own("pass over: the claim is lost, return", set_run(send(s, *run.messages), worker, Run()))
        return
    position = run.position if is_resent else number
    resend = tuple(each for each in cursor.resend if each != number) if is_resent else cursor.resend
    excused = config.excused | frozenset(range(run.position + 1, number + 1)) if run.life == config.lives else config.excused
    s = set_config(s, run.config, config._replace(excused=excused))
    moved = cursor._replace(position=position, resend=resend)
    if rest or run.is_partial:
        left = tuple(each for each in run.resend if each != number) if is_resent else run.resend
        going_on = run._replace(phase="start" if rest else "hand over", plan=rest, position=position, resend=left)
        yield own(f"pass over {number}", set_run(set_cursor(s, run.config, moved), worker, going_on))
    else:
        ended = moved._replace(holder=0, until=NO_CLAIM, is_behind=False, attempts=0)
        yield own(f"pass over {number}, the claim ends", set_run(set_cursor(s, run.config, ended), worker, acknowledging(s, run)))


def _advance(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    """The cursor moves after each success; with the last one the claim ends in the same write, before it is renewed."""
    cursor = s.configs[run.config].cursor
    (number, is_resent), rest = run.plan[0], run.plan[1:]
    if cursor is None or (not holds(cursor, worker, rules) and rules.wrong != "advance-any"):
        yield own("advance: the claim is lost, return", set_run(s if rules.wrong == "drop-lost" else send(s, *run.messages), worker, Run()))
        return
    s = set_config(s, run.config, s.configs[run.config]._replace(tries=0))
    position = run.position if is_resent else number
    resend = tuple(each for each in cursor.resend if each != number) if is_resent else cursor.resend
    moved = cursor._replace(position=position, resend=resend, attempts=0, is_failing=False)
    if rest or run.is_partial:
        left = tuple(each for each in run.resend if each != number) if is_resent else run.resend
        phase = "start" if rest else "hand over"
        going_on = run._replace(phase=phase, plan=rest, position=position, resend=left, attempts=0, is_failing=False, is_fresh=True)
        after = set_cursor(s, run.config, moved._replace(holder=worker + 1, until=HELD))
        yield own(f"advance to {position}", set_run(_seen_to_renew(after, run.config), worker, going_on))
    else:
        after = set_cursor(s, run.config, moved._replace(holder=0, until=NO_CLAIM, is_behind=False))
        yield own(f"advance to {position}, the claim ends", set_run(after, worker, acknowledging(s, run)))


def _hand_over(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    """The rest goes to a new wake-up, which is sent before the claim ends."""
    if rules.wrong == "hand-over-drops":
        yield own("hand over nothing", set_run(s, worker, run._replace(phase="release")))
        return
    yield own("hand over", set_run(send(s, Wakeup(LOOK, run.config)), worker, run._replace(phase="release")))


def _release(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    cursor = s.configs[run.config].cursor
    after = set_run(s, worker, acknowledging(s, run))
    if cursor is not None and holds(cursor, worker, rules):
        is_behind = cursor.is_behind and run.phase != "caught up"
        after = set_cursor(after, run.config, cursor._replace(holder=0, until=NO_CLAIM, is_behind=is_behind))
    yield own("release", after)


def _acknowledge(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    yield own("acknowledge", set_run(s, worker, Run()))


def _words(messages: tuple[Wakeup, ...]) -> str:
    return " and ".join(f"{message.kind} {message.number}" if message.number else message.kind for message in messages)


def _numbers(plan: tuple[tuple[int, bool], ...]) -> str:
    return ", ".join(f"{number} again" if is_resent else str(number) for number, is_resent in plan)


_PHASES: dict[str, Callable[[State, int, Run, Rules], Steps]] = {
    "claim": _claim,
    "read": _read,
    "start": _start,
    "attempt": _attempt,
    "learn": learn,
    "open": open_,
    "advance": _advance,
    "hand over": _hand_over,
    "release": _release,
    "caught up": _release,
    "acknowledge": _acknowledge,
    **PHASES_AFTER_A_FAILURE,
}
