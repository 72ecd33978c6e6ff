"""The receiver's breaker: gate, probe, learn, open; pause and probe run out (use_cases/receiver_gate.py, adapters/table/receivers.py).

All configs have the same receiver. Where `Rules.threshold` is 0 the breaker is the world's: `postpones` says how often it is open.
"""

from tests.model.rules import Rules, Steps, may, outside, own, set_config, set_run
from tests.model.state import OPEN, OVER, Breaker, Run, State


def is_closed(s: State, rules: Rules) -> bool:
    return not rules.threshold or s.breaker.failures < rules.threshold or not s.breaker.opened


def gate(s: State, worker: int, run: Run, rules: Rules, started: State) -> Steps:
    """The POST where the breaker is closed; half-open, of those who come one probes, by one conditional write; the others wait.

    `started`: the state in which the POST has started.
    """
    may_probe = s.breaker.opened == OVER and (not s.breaker.probe or rules.wrong == "probe-unheld")
    if is_closed(s, rules):
        yield own(f"POST {run.plan[0][0]} starts", started)
    elif may_probe:
        yield own(f"half-open: POST {run.plan[0][0]} probes", _seen_to_probe(started, worker))
    else:
        postponed = run._replace(phase="timer", attempts=run.attempts + (rules.wrong == "postpone-spends"))
        yield own("the breaker is open: postpone", set_run(s, worker, postponed))


def _seen_to_probe(s: State, worker: int) -> State:
    holder = s.breaker.probe
    if holder and holder != worker + 1 and holder <= len(s.runs) and s.runs[holder - 1].phase == "attempt":
        return s._replace(fault="two probes at once")
    return s._replace(breaker=s.breaker._replace(probe=worker + 1))


def attempted(s: State, worker: int, run: Run, rules: Rules) -> State:
    """After an attempt: what was learnt of the receiver comes first, where there is a breaker."""
    return set_run(s, worker, run._replace(phase="learn", then=run.phase) if rules.threshold else run)


def learn(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    """A failure counts unless the breaker has opened since the POST began; an answer leaves the failing state."""
    after = set_run(s, worker, run._replace(phase=run.then, then=""))
    if run.then == "advance":
        yield own("learn: answered", after._replace(breaker=Breaker()))
    elif s.breaker.opened == OPEN:
        yield own("learn: it has opened meanwhile", after)
    else:
        counted = s.breaker._replace(failures=min(s.breaker.failures + 1, rules.threshold), probe=0)
        opens = set_run(s, worker, run._replace(phase="open")) if counted.failures == rules.threshold else after
        yield own("learn: a failure", opens._replace(breaker=counted))


def open_(s: State, worker: int, run: Run, rules: Rules) -> Steps:
    after = set_run(s, worker, run._replace(phase=run.then, then=""))
    yield own("the breaker opens", after._replace(breaker=s.breaker._replace(opened=OPEN)))


def failed(s: State, run: Run, rules: Rules) -> State:
    """What was seen of the config: how many POSTs of its notification have failed; giving up before the schedule is over is a fault."""
    config = s.configs[run.config]
    if not rules.threshold:
        return s
    tries = config.tries + 1
    if run.phase == "newest" and tries <= rules.retries:
        return s._replace(fault=f"given up after {tries} failed POSTs of {rules.retries + 1}")
    return set_config(s, run.config, config._replace(tries=tries))


def time(s: State, rules: Rules) -> Steps:
    """The pause ends. A probe that nobody makes any more is taken for dead; a live one only if its worker is slow."""
    if s.breaker.opened == OPEN:
        yield own("the breaker's pause is over", s._replace(breaker=s.breaker._replace(opened=OVER)))
    holder = s.breaker.probe
    if not holder or rules.wrong == "probe-forever":
        return
    after = s._replace(breaker=s.breaker._replace(probe=0))
    if holder > len(s.runs) or s.runs[holder - 1].phase not in ("attempt", "learn"):
        yield own("a probe is taken for dead", after)
    elif s.runs[holder - 1].phase == "learn" and may(s.left, "slow"):
        yield outside("a slow probe is taken for dead", after, "slow")
