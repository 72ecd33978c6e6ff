"""From a change at the agent to the POST, by stream and by poll interval: `relay dev` itself, with its embedded AWS.

    python -m bench.latency [--changes 6]

What the embedded AWS takes is in each time: moto's seconds for each change that was told stand beside it.

Tasks change at known times, each so many seconds after its last change. First with polls at a fixed interval (WatchMinSeconds =
WatchMaxSeconds), then with the template's own bounds, where polls slow down in silence. A change that another one followed before the
next poll is not told (a poll sees states, not events): it is counted as passed.
"""

import argparse
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from os import devnull
from pathlib import Path

from bench.agent import changed_at, number_in
from bench.measured import milliseconds, percentile, table
from bench.processes import Arrival, arrivals, started
from relay_dev.embedded import EmbeddedAws
from relay_dev.runner import Runner

_FIXED = (1, 2, 5)  # seconds between two polls
_POLLS_PER_CHANGE = 3.37  # no whole number: else a task would change at the same point between two polls each time
_SILENCES = (5, 15, 30)  # seconds between two changes, with the template's own bounds
_STREAM_PERIODS = (2, 5)  # seconds between two changes, by stream
_HEAD = (
    "followed by",
    "a change every",
    "told",
    "passed",
    "p50",
    "p90",
    "p99",
    "from the view's arrival to the POST, p50",
    "p99",
    "moto, for each told",
)


@dataclass(frozen=True)
class Case:
    """`interval` None: the template's own bounds, WatchMinSeconds to WatchMaxSeconds. With `streams` the agent has them."""

    interval: float | None
    period: float
    tasks: int
    changes: int
    streams: bool = False


@dataclass(frozen=True)
class Measured:
    """Seconds from the change to the POST, and of these from the arrival of the poll's answer; what share of the time moto worked, and
    how long for each change that was told: with all that it was asked beside."""

    latencies: Sequence[float]
    since_learnt: Sequence[float]
    passed: int
    aws_share: float
    aws_each: float


def run(case: Case) -> Measured:
    with ExitStack() as ends:
        (agent,) = started(ends, "bench.agent", "--period", str(case.period), *(["--stream"] if case.streams else []))
        receiver: int = started(ends, "bench.receivers")["answering"][0]
        quiet = ends.enter_context(Path(devnull).open("w"))
        ends.enter_context(redirect_stdout(quiet))
        parameters = {"UpstreamAgentUrl": f"http://127.0.0.1:{agent}", "AllowedWebhookHosts": "127.0.0.1"}
        parameters["FollowStrategy"] = "stream" if case.streams else "poll"
        if case.interval is not None:
            parameters |= {"WatchMinSeconds": f"{case.interval:g}", "WatchMaxSeconds": f"{case.interval:g}"}
        runner = ends.enter_context(Runner(overrides=parameters, environment={"CLIENT_AUTHENTICATION": "none"}))
        names = [f"{place}/{case.tasks}" for place in range(case.tasks)]
        for name in names:
            _register(runner, name, f"http://127.0.0.1:{receiver}/{name}")
        runner.serve(socket.create_server(("127.0.0.1", 0)))
        time.sleep(case.period)  # every task is followed, and has changed once
        start = time.time()
        with _counting(runner.aws) as spent:
            time.sleep(case.period * case.changes)
        end = time.time()
        time.sleep(case.period)
        told = arrivals(receiver)
        learnt = {(name, number): at for name in names for number, at in _learnt(runner, name).items()}
    return _measured(case, told, learnt, window=(start, end), aws_seconds=spent[0])


def _register(runner: Runner, task_id: str, url: str) -> None:
    params = {"taskId": task_id, "id": "hook", "url": url}
    body = {"jsonrpc": "2.0", "id": 1, "method": "CreateTaskPushNotificationConfig", "params": params}
    answer = runner.request("POST", "/", body=body, headers={"a2a-version": "1.0"})
    if b'"result"' not in answer.body:
        raise RuntimeError(f"not registered: {answer.body!r}")


def _learnt(runner: Runner, task_id: str) -> dict[int, float]:
    """When the view of each revision arrived, by its number (epoch seconds)."""
    items = runner.aws.client("dynamodb").query(
        TableName="RelayTable",
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": {"S": f"TASK#default#default##{task_id.replace('/', '%2F')}"}, ":sk": {"S": "REVISION#"}},
    )["Items"]
    return {int(item["sk"]["S"].removeprefix("REVISION#")): float(item["arrived_at"]["N"]) for item in items}


def _measured(
    case: Case, told: Sequence[Arrival], learnt: Mapping[tuple[str, int], float], *, window: tuple[float, float], aws_seconds: float
) -> Measured:
    """Of the changes that happened in the window."""
    found = [(arrival, changed_at(arrival.name, case.period, number_in(arrival.message_id))) for arrival in told]
    within = [(arrival, at) for arrival, at in found if window[0] <= at < window[1]]
    return Measured(
        latencies=[arrival.at - at for arrival, at in within],
        since_learnt=[arrival.at - learnt[arrival.name, arrival.revision] for arrival, _ in within],
        passed=case.tasks * case.changes - len(within),
        aws_share=aws_seconds / (window[1] - window[0]),
        aws_each=aws_seconds / max(len(within), 1),
    )


@contextmanager
def _counting(aws: object) -> Iterator[list[float]]:
    """The seconds in which moto handled a request."""
    assert isinstance(aws, EmbeddedAws)
    spent, one_call = [0.0], aws.one_call

    @contextmanager
    def counted(operation: str) -> Iterator[None]:
        with one_call(operation):
            started_at = time.perf_counter()
            yield
            spent[0] += time.perf_counter() - started_at

    aws.one_call = counted  # type: ignore[method-assign]
    try:
        yield spent
    finally:
        aws.one_call = one_call  # type: ignore[method-assign]


def _row(case: Case, measured: Measured) -> list[str]:
    return [
        "stream" if case.streams else f"polls every {case.interval:g} s" if case.interval is not None else "polls every 1 s to 60 s",
        f"{case.period:g} s",
        str(len(measured.latencies)),
        str(measured.passed),
        *(milliseconds(percentile(measured.latencies, part)) for part in (50, 90, 99)),
        *(milliseconds(percentile(measured.since_learnt, part)) for part in (50, 99)),
        milliseconds(measured.aws_each),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=6, help="of each task")
    parser.add_argument("--tasks", type=int, default=8)
    parser.add_argument("--streams-only", action="store_true")
    given = parser.parse_args()
    fixed = [Case(interval, _POLLS_PER_CHANGE * interval, given.tasks, given.changes) for interval in _FIXED]
    streams = [Case(None, period, given.tasks, given.changes, streams=True) for period in _STREAM_PERIODS]
    cases = (
        streams if given.streams_only else [*streams, *fixed, *(Case(None, silence, given.tasks, given.changes) for silence in _SILENCES)]
    )
    measured = [run(case) for case in cases]
    print(table(_HEAD, [_row(case, each) for case, each in zip(cases, measured, strict=True)]))
    print("share of the time in which moto handled a request:", ", ".join(f"{each.aws_share:.0%}" for each in measured))


if __name__ == "__main__":
    main()
