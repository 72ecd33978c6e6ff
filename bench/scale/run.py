"""One strategy with so many tasks: what an hour, or a part of it, costs, and how soon changes are told."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any
from urllib.parse import urlsplit

from bench.measured import percentile
from bench.scale.agent import Agent, number_in
from bench.scale.aws import by_kind
from bench.scale.meter import Counted, Meter, Spent
from bench.scale.relay import STREAM, SimulatedRelay
from bench.scale.tasks import Following, follow, gap
from bench.scale.timeline import Timeline
from relay.adapters.webhook import Post
from relay.domain.keys import DEFAULT_AGENT, DEFAULT_OWNER, TaskKey
from relay.domain.strategy import Strategy
from relay.wiring import wiring

_DRAIN_SECONDS = 62.0  # after the last change that counts, for its POST: a poll's longest interval, and a batch
_PARTS = (50, 90, 99, 100)


@dataclass(frozen=True)
class Case:
    """`seconds` are counted, after `warm_up`; a task changes every `period` seconds on average, or never."""

    name: str
    strategy: Strategy
    tasks: int
    seconds: float
    period: float | None
    warm_up: float
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Arrival:
    """One POST: of which change of which task, at what time, and what the deliver function had spent by then."""

    change: tuple[str, int]
    partition: str
    revision: int
    at: float
    spent: Spent


class Run:
    """`say` is told how it goes on."""

    def __init__(self, case: Case, *, say: Callable[[str], None]) -> None:
        self._case = case
        self._say = say
        self._timeline = Timeline()
        self._meter = Meter()
        is_stream = case.strategy is Strategy.STREAM
        self._agent = Agent(self._timeline, self._meter, streams=is_stream, pushes=case.strategy is Strategy.PUSH)
        parameters = {"FollowStrategy": case.strategy.value, **case.parameters}
        self._relay = SimulatedRelay(self._timeline, self._meter, self._agent, on_post=self._take, parameters=parameters)
        self._around: Callable[[], Any] = partial(self._meter.at_work, STREAM) if is_stream else nullcontext
        self._changed_at: dict[tuple[str, int], float] = {}
        self._arrivals: list[Arrival] = []
        self._report_token = ""
        self._draw = Random(2)

    def __call__(self) -> dict[str, Any]:
        """As it goes into the file of results."""
        case, began = self._case, time.perf_counter()
        with self._relay as relay:
            self._prepare(relay)
            self._go_on(case.warm_up)
            self._meter.counted = Counted()
            self._go_on(case.warm_up + case.seconds)
            counted = self._meter.counted
            self._meter.counted = Counted()
            held = relay.held_seconds(case.warm_up, case.warm_up + case.seconds)
            self._drain()
        return {**self._result(counted, held), "took_seconds": round(time.perf_counter() - began, 1)}

    def _prepare(self, relay: SimulatedRelay) -> None:
        case = self._case
        is_told = case.strategy in (Strategy.LIST, Strategy.REPORT, Strategy.PUSH)
        following = Following(case.strategy, is_told, 1.0, case.period)
        if case.strategy is Strategy.REPORT:
            issued = wiring().issue_report_tokens.create(DEFAULT_OWNER, agents=frozenset({DEFAULT_AGENT}), label="", expires_at=None)
            self._report_token = issued.text
        for followed in follow(self._agent, relay.aws, self._timeline, following, count=case.tasks):
            if followed.changes_in is not None:
                self._timeline.call_later(followed.changes_in, partial(self._change, followed.key, 1))
        relay.aws.records.clear()
        self._say(f"{case.tasks:,} tasks are followed")

    def _go_on(self, until: float) -> None:
        """Tells how far it is from time to time."""
        while (now := self._timeline.seconds()) < until:
            self._timeline.run_until(min(until, now + max(10.0, self._case.seconds / 6)), between=self._relay.settle, around=self._around)
            self._say(f"{self._timeline.seconds():,.0f} of {self._case.warm_up + self._case.seconds:,.0f} s, {len(self._arrivals):,} POSTs")

    def _drain(self) -> None:
        """Until all changes that count have arrived."""
        while self._missing() and self._timeline.seconds() < self._ends_at + _DRAIN_SECONDS:
            self._timeline.run_until(self._timeline.seconds() + 1, between=self._relay.settle, around=self._around)

    @property
    def _ends_at(self) -> float:
        return self._case.warm_up + self._case.seconds

    def _missing(self) -> set[tuple[str, int]]:
        return self._counting() - {arrival.change for arrival in self._arrivals}

    def _counting(self) -> set[tuple[str, int]]:
        return {change for change, at in self._changed_at.items() if self._case.warm_up <= at < self._ends_at}

    def _change(self, key: TaskKey, number: int) -> None:
        if self._timeline.seconds() >= self._ends_at:
            return
        self._changed_at[key.task_id, number] = self._timeline.seconds()
        if self._case.period:
            self._timeline.call_later(gap(self._case.period, self._draw), partial(self._change, key, number + 1))
        self._timeline.wait_for_all()
        with self._around():
            self._agent.change(key.task_id, number, self._timeline.now())
            self._timeline.wait_for_all()  # so that what it costs is not mixed with another's
        told = json.dumps(self._agent.status_update(key.task_id)).encode()
        if self._case.strategy is Strategy.REPORT:
            self._tell("/reports", told, self._report_token)
        elif callback := self._agent.callbacks.get(key.task_id):
            self._tell(urlsplit(callback.url).path, told, callback.token)

    def _tell(self, path: str, told: bytes, token: str) -> None:
        answer = self._relay.request(path, told, token)
        if answer.status != 202:
            raise RuntimeError(f"the relay answered {answer.status}: {answer.body!r}")

    def _take(self, post: Post) -> None:
        task = json.loads(post.body)["task"]
        headers = {name.lower(): value for name, value in post.headers}
        key, revision = TaskKey(DEFAULT_OWNER, DEFAULT_AGENT, "", task["id"]), int(headers["a2a-relay-revision"])
        change = task["id"], number_in(task)
        self._arrivals.append(Arrival(change, key.partition, revision, self._timeline.seconds(), self._meter.so_far()))

    def _result(self, counted: Counted, held: float) -> dict[str, Any]:
        case = self._case
        return {
            "name": case.name,
            "tasks": case.tasks,
            "seconds": case.seconds,
            "period": case.period,
            "changes": len(self._counting()),
            "not_told": len(self._missing()),
            "upstream": _named(counted.upstream),
            "calls": _named(counted.calls),
            "kinds": dict(by_kind(counted.calls)),
            "units": dict(counted.units),
            "functions": {
                name: {
                    "invocations": ran.invocations,
                    "records": ran.records,
                    "own_cpu_seconds": round(ran.spent.own, 3),
                    "stand_ins_cpu_seconds": round(ran.spent.stand_ins, 3),
                }
                for name, ran in sorted(counted.ran.items())
            },
            "stream_seconds": round(held, 1),
            **self._latency(),
        }

    def _latency(self) -> dict[str, Any]:
        """From a change to its first POST: what it waited by the clock, and what functions and stand-ins spent on the way."""
        first: dict[tuple[str, int], Arrival] = {}
        for arrival in self._arrivals:
            first.setdefault(arrival.change, arrival)
        counting = self._counting()
        found = [arrival for change, arrival in first.items() if change in counting]
        spent = [self._path(arrival) for arrival in found]
        return {
            "wait_seconds": _shown([arrival.at - self._changed_at[arrival.change] for arrival in found], 1),
            "function_ms": _shown([each.own * 1000 for each in spent], 1),
            "stand_ins_ms": _shown([each.stand_ins * 1000 for each in spent], 1),
        }

    def _path(self, arrival: Arrival) -> Spent:
        revision = arrival.partition, arrival.revision
        return self._meter.put[revision] + self._meter.fanned[revision] + arrival.spent


def _named(counts: Counter[tuple[str, str]]) -> dict[str, int]:
    return {f"{function} {operation}": count for (function, operation), count in sorted(counts.items())}


def _shown(values: list[float], digits: int) -> list[float]:
    """The percentiles of `_PARTS`; nothing without values."""
    return [round(percentile(values, part), digits) for part in _PARTS] if values else []
