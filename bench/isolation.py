"""Receivers that answer, beside as many that hang until the timeout: what becomes of the others' latency?

    python -m bench.isolation [--environments 50] [--rate 10] [--seconds 60] [--hanging-receivers 1]

Three runs with the same changes for those who answer: alone; with as many changes for others who answer too; with as many for receivers
that hang. Latency is from the put of a revision, through the fan-out, the queue and the deliver function, to the arrival of the POST. It
is shown for the whole run, for its beginning, while the hanging receivers are not yet known as such, and for the rest.

With `--simulated` AWS, the receivers and the time are simulated, the functions' code is not: what they and Python compute takes no time, so
that a busy machine does not show. What is left are AWS's delay for each request, and what waits for a free environment, a turn, an answer.

Every change for those who answer is in a row: a machine that does not keep the pace makes the run longer (`lasted`), and a change that has
not arrived half a minute after the last is counted in its row, and under the table by what the relay's table says of its config.
"""

import argparse
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from random import Random
from statistics import median
from typing import Any

from bench.environments import Environments
from bench.measured import milliseconds, percentile, table
from bench.simulated_stage import SimulatedStage
from bench.simulated_time import SimulatedTime
from bench.stage import Stage
from relay.domain.keys import ConfigKey

_ALONE, _BUSY, _HANGING = "those who answer, alone", "with as many who answer", "with as many who hang"
_PATIENCE = timedelta(seconds=30)  # after the last change, for POSTs on their way
_LOOK_SECONDS = 0.5
_ANSWERS_AFTER_SECONDS = 0.05  # in simulated time
_HEAD = ("run", "part", "changes", "not arrived", "p50", "p90", "p99", "longest", "p99 against `with as many who answer`")

Change = tuple[str, int]  # of which config, and its revision


@dataclass(frozen=True)
class Load:
    """`rate`: changes per second for those who answer, and as many for the others. `tasks` on each side take their changes in turn."""

    rate: float
    seconds: float
    beginning: float
    tasks: int
    receivers: int
    hanging_receivers: int
    environments: int
    aws_delay_ms: float
    is_fair: bool
    timeout: float
    is_simulated: bool


@dataclass(frozen=True)
class Measured:
    """Per change of those who answer: seconds from the run's start, and its latency; of one that has not arrived it is infinite.

    `missing`: how many have not arrived, by what the table says of their configs.
    """

    latencies: Sequence[tuple[float, float]]
    missing: Mapping[str, int]
    posts_to_hanging: int
    most_busy: int
    mean_batch: float

    def part(self, first: float, last: float) -> list[float]:
        return [latency for at, latency in self.latencies if first <= at < last]

    @property
    def lasted(self) -> float:
        """Seconds from the first change to the last."""
        return max(at for at, _ in self.latencies)


def run(load: Load, kind: str) -> Measured:
    hanging = load.hanging_receivers if kind == _HANGING else 0
    answering = load.receivers + (load.hanging_receivers if kind == _BUSY else 0)
    common: dict[str, Any] = {
        "aws_delay_ms": load.aws_delay_ms,
        "is_fair": load.is_fair,
        "answering": answering,
        "hanging": hanging,
        "parameters": {"WebhookTimeoutSeconds": f"{load.timeout:g}"},
    }
    if not load.is_simulated:
        return _measured(Stage(**common), load, kind)
    simulated = SimulatedTime()
    stage = SimulatedStage(time=simulated, answers_after=_ANSWERS_AFTER_SECONDS, **common)
    with ThreadPoolExecutor(1) as threads:
        measured = threads.submit(_measured, stage, load, kind)
        simulated.run_until(measured.done)
    return measured.result()


def _measured(place: Stage, load: Load, kind: str) -> Measured:
    with place as stage:
        ours = [stage.register(f"answers-{place}", stage.answering[place % load.receivers]) for place in range(load.tasks)]
        ports = stage.hanging or stage.answering[load.receivers :]
        others = [stage.register(f"others-{place}", ports[place % len(ports)]) for place in range(load.tasks)] if ports else []
        with Environments(stage, count=load.environments) as environments:
            _change(stage, ours, 1)  # clients and connections are made
            stage.sleep(1)
            puts, most_busy = _drive(stage, environments, load, ours=ours, others=others)
            first = _arrived(stage, puts)
            missing = Counter(
                _reason(stage, environments, key, number)
                for key in ours
                for name, number in puts
                if name == key.config_id and (name, number) not in first
            )
            stage.release()
        posts = sum(arrival.name.startswith("others") for arrival in stage.arrivals()) if kind == _HANGING else 0
    start = min(puts.values())
    latencies = [(at - start, first.get(change, float("inf")) - at) for change, at in puts.items()]
    return Measured(latencies, missing, posts, most_busy, sum(environments.taken) / len(environments.taken))


def _arrived(stage: Stage, puts: Mapping[Change, float]) -> Mapping[Change, float]:
    """When each change first arrived, as soon as all have, or when the patience is over."""
    until = stage.now() + _PATIENCE
    while True:
        first: dict[Change, float] = {}
        for arrival in stage.arrivals():
            first.setdefault((arrival.name, arrival.revision), arrival.at)
        if puts.keys() <= first.keys() or stage.now() > until:
            return first
        stage.sleep(_LOOK_SECONDS)


def _reason(stage: Stage, environments: Environments, key: ConfigKey, number: int) -> str:
    """What the table says of a change that has not arrived."""
    now = stage.now()
    cursor = stage.wiring.cursors.get(key, now=now)
    if cursor is None:
        return "its config is gone"
    if cursor.position >= number:
        return f"its cursor is past it, after {cursor.last_outcome or 'a success'}"
    if cursor.waits_for:
        return f"its config waits, after {cursor.last_outcome}"
    if cursor.claim_until and cursor.claim_until > now:
        return "its config is claimed"
    return f"its wake-up is {environments.where_is(key.config_id)}"


def _drive(
    stage: Stage, environments: Environments, load: Load, *, ours: Sequence[ConfigKey], others: Sequence[ConfigKey]
) -> tuple[Mapping[Change, float], int]:
    """A change for each side at moments that are random, and alike in each run; when ours were put, and the most environments at work."""
    puts: dict[Change, float] = {}
    start, most_busy = stage.now(), 0
    gaps = Random(1)
    moments = accumulate(gaps.expovariate(load.rate) for _ in range(round(load.rate * load.seconds)))
    for turn, moment in enumerate(moments):
        stage.sleep(max(0.0, moment - (stage.now() - start).total_seconds()))
        place, number = turn % load.tasks, 2 + turn // load.tasks
        if others:
            _change(stage, [others[place]], number - 1)
        puts[ours[place].config_id, number] = _change(stage, [ours[place]], number)
        most_busy = max(most_busy, environments.busy)
    return puts, most_busy


def _change(stage: Stage, configs: Sequence[ConfigKey], number: int) -> float:
    """Puts a revision for each, and hands the stream's records to the fan-out; when the last was put."""
    put_at = [stage.append(key.task, number) for key in configs][-1]
    records = [
        {
            "eventName": "INSERT",
            "dynamodb": {"SequenceNumber": str(place), "Keys": {"pk": {"S": key.task.partition}, "sk": {"S": f"REVISION#{number:010d}"}}},
        }
        for place, key in enumerate(configs)
    ]
    outcome = stage.invoke("FanOutFunction", {"Records": records})
    if outcome.error or outcome.answer["batchItemFailures"]:
        raise RuntimeError(f"the fan-out failed: {outcome}")
    return put_at


def _rows(runs: Mapping[str, Sequence[Measured]], load: Load) -> list[list[str]]:
    parts = {"all": (0.0, math.inf), f"first {load.beginning:g} s": (0.0, load.beginning), "rest": (load.beginning, math.inf)}
    return [_row(runs, kind, name, bounds) for kind in runs for name, bounds in parts.items()]


def _row(runs: Mapping[str, Sequence[Measured]], kind: str, name: str, bounds: tuple[float, float]) -> list[str]:
    """Each number is the median over the runs."""

    def shown(part: float, of: str = kind) -> float:
        return median(percentile(each.part(*bounds), part) for each in runs[of])

    latencies = [latency for each in runs[kind] for latency in each.part(*bounds)]
    ratio = f"{shown(99) / shown(99, _BUSY):.2f}" if _BUSY in runs else "-"
    missing = sum(math.isinf(latency) for latency in latencies)
    return [kind, name, str(len(latencies)), str(missing), *(milliseconds(shown(part)) for part in (50, 90, 99, 100)), ratio]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environments", type=int, default=50, help="of the deliver function; 50 is the template's DeliveryConcurrency")
    parser.add_argument("--rate", type=float, default=10, help="changes per second on each side")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--beginning", type=float, default=20, help="seconds of it that are shown apart")
    parser.add_argument("--tasks", type=int, default=200, help="on each side")
    parser.add_argument("--receivers", type=int, default=10, help="that answer")
    parser.add_argument("--hanging-receivers", type=int, default=1)
    parser.add_argument("--aws-delay-ms", type=float, default=5)
    parser.add_argument("--timeout", type=float, default=10, help="of a POST, in seconds")
    parser.add_argument("--simulated", action="store_true", dest="is_simulated", help="in simulated time")
    parser.add_argument("--unfair", action="store_true", help="the queue serves first come, first served")
    parser.add_argument("--runs", type=int, default=1, help="of each kind, in turn; the median of each number is shown")
    given = vars(parser.parse_args())
    count, is_fair = given.pop("runs"), not given.pop("unfair")
    load = Load(**given, is_fair=is_fair)
    runs: dict[str, list[Measured]] = {kind: [] for kind in (_ALONE, _BUSY, _HANGING)}
    for _ in range(count):
        for kind, done in runs.items():
            done.append(run(load, kind))
    print(table(_HEAD, _rows(runs, load)))
    for kind, done in runs.items():
        busy = max(each.most_busy for each in done)
        batch = median(each.mean_batch for each in done)
        lasted = max(each.lasted for each in done)
        print(f"{kind}: at most {busy} of {load.environments} environments at work, {batch:.1f} messages in a batch, lasted {lasted:.1f} s")
        for reason, count in sum((Counter(each.missing) for each in done), Counter[str]()).items():
            print(f"    {count} not arrived: {reason}")
    print(f"POSTs that hung: {[each.posts_to_hanging for each in runs[_HANGING]]}")


if __name__ == "__main__":
    main()
