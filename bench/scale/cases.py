"""Which strategies run with how many tasks, for how long."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil

from bench.scale.run import Case
from relay.domain.crowd import LISTED_FROM
from relay.domain.strategy import AUTOMATIC, Strategy
from relay.domain.stream import MAX_STREAMS

PERIOD = 600.0  # seconds between two changes of a task, on average
_SECONDS = {1: 10_800.0, 100: 900.0}  # of simulated time that count, when tasks change; with more tasks:
_SHORT_SECONDS: Mapping[str, float] = {"list": 120.0, "stream": 15.0}  # as the CPU allows; the others:
_USUAL_SHORT_SECONDS = 60.0
_QUIET_SECONDS = {1: 3600.0, 100: 300.0}  # when they do not: then nothing is left to chance
_LIST_AUTO = "list-auto"
_STRATEGIES: Mapping[str, Strategy] = {
    "poll": Strategy.POLL,
    "list": Strategy.LIST,
    _LIST_AUTO: Strategy.LIST,
    "report": Strategy.REPORT,
    "push": Strategy.PUSH,
    "stream": Strategy.STREAM,
}
NAMES = tuple(_STRATEGIES)


def cases(sizes: Sequence[int], names: Sequence[str]) -> Iterator[Case]:
    for tasks in sizes:
        for name in names:
            if name == _LIST_AUTO and tasks < LISTED_FROM:
                continue
            yield case(name, tasks=tasks, period=PERIOD, seconds=_SECONDS.get(tasks) or _SHORT_SECONDS.get(name, _USUAL_SHORT_SECONDS))
            if quiet := _QUIET_SECONDS.get(tasks):
                yield case(name, tasks=tasks, period=None, seconds=quiet)


def case(name: str, *, tasks: int, period: float | None, seconds: float) -> Case:
    """The template's own settings, but for the strategy (`list-auto`: the relay chooses) and as many environments as all streams need."""
    strategy = _STRATEGIES[name]
    parameters = {"StreamConcurrency": str(max(2, ceil(tasks / MAX_STREAMS)))}
    if name == _LIST_AUTO:
        parameters["FollowStrategy"] = AUTOMATIC
    warm_up = 61.0 if strategy is Strategy.STREAM else 10.0  # streams begin in the first turns of all watches
    return Case(name, strategy, tasks=tasks, seconds=seconds, period=period, warm_up=warm_up, parameters=parameters)
