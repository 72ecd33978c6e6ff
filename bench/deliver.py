"""The deliver function alone, in one environment: batches of wake-ups for revisions just put, to receivers that answer at once.

    python -m bench.deliver [--notifications 600] [--runs 3]

Latency is from the batch's last put to the arrival of the POST's headers; rate and CPU are of the function's invocations only.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.measured import middle, milliseconds, percentile, table
from bench.stage import Stage
from relay.domain.keys import ConfigKey
from relay.domain.wakeup import DeliveryWakeup

_RECEIVERS = 10
_WARM_UP = 2  # batches, not counted: clients, keys and connections are made
_CASES = ((0, 1), (0, 10), (5, 1), (5, 10))  # milliseconds that AWS takes for an answer, wake-ups in a batch
_HEAD = (
    "AWS answers after",
    "batch",
    "notifications/s",
    "p50",
    "p99",
    "CPU ms each",
    "AWS requests each",
    "CPU ms of the AWS process each",
)


@dataclass(frozen=True)
class Run:
    """Of one run: notifications per second of invocations, latencies in seconds, and what one notification cost."""

    rate: float
    latencies: Sequence[float]
    cpu_ms: float
    requests: float
    aws_cpu_ms: float


def run(*, aws_delay_ms: float, batch: int, notifications: int) -> Run:
    with Stage(aws_delay_ms=aws_delay_ms, answering=_RECEIVERS) as stage:
        configs = [stage.register(f"config-{place}", stage.answering[place % _RECEIVERS]) for place in range(max(batch, _RECEIVERS))]
        rounds = _rounds(configs, batch)
        for _ in range(_WARM_UP):
            _deliver(stage, *next(rounds))
        puts: dict[tuple[str, int], float] = {}
        wall = cpu = 0.0
        before = stage.spent()
        count = 0
        while count < notifications:
            chosen, number = next(rounds)
            took, spent, put_at = _deliver(stage, chosen, number)
            wall, cpu, count = wall + took, cpu + spent, count + len(chosen)
            puts |= {(key.config_id, number): put_at for key in chosen}
        after = stage.spent()
        arrived = {(each.name, each.revision): each.at for each in stage.arrivals()}
    requests = after.requests - before.requests
    del requests["PutItem"]  # the bench's own
    return Run(
        rate=count / wall,
        latencies=[arrived[name] - put_at for name, put_at in puts.items()],
        cpu_ms=cpu / count * 1000,
        requests=requests.total() / count,
        aws_cpu_ms=(after.cpu_seconds - before.cpu_seconds) / count * 1000,
    )


def _rounds(configs: Sequence[ConfigKey], batch: int) -> Iterator[tuple[Sequence[ConfigKey], int]]:
    """Which configs, and the revision that each gets next."""
    number = 1
    while True:
        for start in range(0, len(configs) - batch + 1, batch):
            yield configs[start : start + batch], number
        number += 1


def _deliver(stage: Stage, configs: Sequence[ConfigKey], number: int) -> tuple[float, float, float]:
    """Seconds on the wall and of CPU that one invocation took, and when the last revision was put (epoch seconds)."""
    put_at = [stage.append(key.task, number) for key in configs][-1]
    bodies = [DeliveryWakeup(key, revision=number, group="").dump() for key in configs]
    event = {"Records": [{"messageId": str(place), "body": body} for place, body in enumerate(bodies)]}
    wall, cpu = time.perf_counter(), time.process_time()
    outcome = stage.invoke("DeliverFunction", event)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if outcome.error or outcome.answer["batchItemFailures"]:
        raise RuntimeError(f"a batch failed: {outcome}")
    return wall, cpu, put_at


def _row(case: tuple[int, int], runs: Sequence[Run]) -> list[str]:
    latencies = [latency for run in runs for latency in run.latencies]
    return [
        f"{case[0]} ms",
        str(case[1]),
        middle([run.rate for run in runs]),
        milliseconds(percentile(latencies, 50)),
        milliseconds(percentile(latencies, 99)),
        middle([run.cpu_ms for run in runs]),
        f"{runs[0].requests:.2f}",
        middle([run.aws_cpu_ms for run in runs]),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notifications", type=int, default=600, help="per case and run")
    parser.add_argument("--runs", type=int, default=3, help="the middle one is shown, with the range")
    given = parser.parse_args()
    rows = []
    for delay, batch in _CASES:
        runs = [run(aws_delay_ms=delay, batch=batch, notifications=given.notifications) for _ in range(given.runs)]
        rows.append(_row((delay, batch), runs))
    print(table(_HEAD, rows))


if __name__ == "__main__":
    main()
