"""Fan out: the stream's records become wake-ups (use_cases/fan_out.py). One batch of the task's shard at a time, redone until it is done."""  # noqa: E501

from collections.abc import Iterator

from tests.model.rules import Rules, Steps, may, outside, own, send, send_watch
from tests.model.state import HINT, LOOK, PLAIN, START, FanOut, Record, State, Wakeup, WatchWakeup

_Sending = tuple[int, Wakeup | WatchWakeup]  # the place of the record that wants it, and what is sent


def fan_out(s: State, rules: Rules) -> Steps:
    batch = s.fan_out
    if batch is None:
        for records in dict.fromkeys((1, len(s.stream))) if s.stream else ():
            sendings = tuple(_wanted(s, s.stream[:records], rules))
            if rules.fans_out_at_once:
                after = s
                for _, wakeup in sendings:
                    after = _sent(after, wakeup)
                yield own("fan out", after._replace(stream=s.stream[records:]))
            else:
                yield own(f"fan out: read the cursors for {records}", s._replace(fan_out=FanOut(records, sendings, records)))
    elif batch.sendings:
        (place, wakeup), rest = batch.sendings[0], batch.sendings[1:]
        yield own(f"fan out: {wakeup.kind}", _sent(s._replace(fan_out=batch._replace(sendings=rest)), wakeup))
        if may(s.left, "refusals"):
            failed = batch.failed if rules.wrong == "refused-done" else min(batch.failed, place)
            refused = s._replace(fan_out=batch._replace(sendings=rest, failed=failed))
            yield outside(f"fan out: {wakeup.kind} is refused", refused, "refusals")
    else:
        yield own("fan out: done", s._replace(fan_out=None, stream=s.stream[batch.failed :]))


def _sent(s: State, wakeup: Wakeup | WatchWakeup) -> State:
    return send(s, wakeup) if isinstance(wakeup, Wakeup) else send_watch(s, wakeup)


def _wanted(s: State, records: tuple[Record, ...], rules: Rules) -> Iterator[_Sending]:
    """The task's newest revision for every cursor before it, for the first record that speaks of it; then each push config's own."""
    revisions = [(record.number, place) for place, record in enumerate(records) if record.number]
    if revisions:
        number, place = max(revisions)[0], revisions[0][1]
        for config, held in enumerate(s.configs):
            if held.cursor and held.cursor.position < number:
                yield place, Wakeup(PLAIN, config, number)
    for place, record in enumerate(records):
        if record.number:
            continue
        if not record.is_removal:
            yield place, Wakeup(LOOK, record.config)
        if s.turns:
            yield place, WatchWakeup(HINT if record.is_removal else START)
