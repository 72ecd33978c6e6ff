"""What goes wrong: functions die, claims run out, timers are late, queues duplicate and lose, the stream gives records up."""

from tests.model import steps_clients
from tests.model.rules import Rules, Steps, may, outside, own, send, send_watch, set_cursor, set_run, set_turn, spend, take, take_watch
from tests.model.state import DEAD, HELD, IDLE, NO_CLAIM, RAN_OUT, TIMER, Cursor, Redrive, Run, State, Turn


def deaths(s: State, rules: Rules) -> Steps:  # noqa: C901 one case a line
    """Messages of a function that dies come back; its claim stays until it runs out."""
    for place, call in enumerate(s.calls):
        yield from steps_clients.dies(s, place, call)
    if not may(s.left, "crashes"):
        return
    for worker, run in enumerate(s.runs):
        if run.phase != IDLE:
            yield outside(f"deliver dies at {run.phase}", _run_dies(s, worker, run), "crashes")
    for worker, turn in enumerate(s.turns):
        if turn.phase != IDLE:
            yield outside(f"watch dies at {turn.phase}", _turn_dies(s, worker, turn), "crashes")
    if s.fan_out is not None:
        yield outside("fan out dies", s._replace(fan_out=None), "crashes")
    if s.redrive.phase != IDLE:
        again = s.left._replace(redrives=s.left.redrives + 1)  # its operator runs it again
        yield outside(f"redrive dies at {s.redrive.phase}", s._replace(redrive=Redrive(), left=again), "crashes")


def _run_dies(s: State, worker: int, run: Run) -> State:
    after = set_run(send(s, *run.messages), worker, Run())
    cursor = s.configs[run.config].cursor
    if cursor is not None and cursor.holder == worker + 1:
        after = set_cursor(after, run.config, cursor._replace(holder=DEAD))
    return after._replace(breaker=s.breaker._replace(probe=DEAD)) if s.breaker.probe == worker + 1 else after


def _turn_dies(s: State, worker: int, turn: Turn) -> State:
    after = set_turn(send_watch(s, *turn.messages), worker, Turn())
    if s.watch is not None and s.watch.holder == worker + 1:
        after = after._replace(watch=s.watch._replace(holder=DEAD))
    return after


def time(s: State, rules: Rules) -> Steps:
    """A dead worker's claim runs out in any case; a live one's only if it is slow, and never while its POST is under way."""
    for place, config in enumerate(s.configs):
        if config.cursor is not None:
            yield from _claim_runs_out(s, place, config.cursor)
            yield from _timer_is_overdue(s, place, config.cursor, rules)
    if s.watch is not None and s.watch.until == HELD:
        after = s._replace(watch=s.watch._replace(until=RAN_OUT))
        if s.watch.holder == DEAD:
            yield own("a dead watch's claim runs out", after)
        elif may(s.left, "slow"):
            yield outside("a live watch's claim runs out", after, "slow")
    if s.watch is not None and s.watch.until == NO_CLAIM and may(s.left, "deadlines"):
        yield outside("the watch's deadline comes", s._replace(watch=s.watch._replace(is_late=True)), "deadlines")


def _claim_runs_out(s: State, place: int, cursor: Cursor) -> Steps:
    if cursor.until != HELD:
        return
    after = set_cursor(s, place, cursor._replace(until=RAN_OUT))
    if cursor.holder == DEAD:
        yield own("a dead worker's claim runs out", after)
    elif may(s.left, "slow") and s.runs[cursor.holder - 1].phase != "attempt":
        worker = cursor.holder - 1
        yield outside("a live worker's claim runs out", set_run(after, worker, s.runs[worker]._replace(is_fresh=False)), "slow")


def _timer_is_overdue(s: State, place: int, cursor: Cursor, rules: Rules) -> Steps:
    """Two minutes after its time, a timer that was lost is taken for lost; one that is only late as well."""
    if not cursor.waits or cursor.is_overdue or not rules.sweeps:
        return
    messages = [*s.queue, *(message for run in s.runs for message in run.messages)]
    is_on_its_way = any(message.kind == TIMER and message.config == place and message.number == cursor.waits for message in messages)
    after = set_cursor(s, place, cursor._replace(is_overdue=True))
    if not is_on_its_way:
        yield own("a lost timer is overdue", after)
    elif may(s.left, "late"):
        yield outside("a timer is late", after, "late")


def messages_and_records(s: State, rules: Rules) -> Steps:  # noqa: C901 one case a line
    if may(s.left, "duplicates"):
        for message in dict.fromkeys(s.queue):
            yield outside(f"SQS hands out {message.kind} twice", send(s, message), "duplicates")
        for wakeup in dict.fromkeys(s.watch_queue):
            yield outside(f"SQS hands out {wakeup.kind} twice", send_watch(s, wakeup), "duplicates")
    if may(s.left, "timer_losses"):
        for message in dict.fromkeys(message for message in s.queue if message.kind == TIMER):
            yield outside("SQS loses a timer", take(s, message), "timer_losses")
    if may(s.left, "losses"):
        for message in dict.fromkeys(s.queue):
            yield outside(f"SQS loses {message.kind}", take(s, message), "losses")
        for wakeup in dict.fromkeys(s.watch_queue):
            yield outside(f"SQS loses {wakeup.kind}", take_watch(s, wakeup), "losses")
    if may(s.left, "drops") and s.stream and s.fan_out is None:
        yield outside("the stream gives a record up", spend(s._replace(stream=s.stream[1:]), "drops"))
