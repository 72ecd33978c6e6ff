"""The deployed functions, invoked as the template says, between an AWS, an agent and receivers in memory.

What Lambda does is done here by `relay_dev`'s own event sources, on one thread: pollers take what is due at one moment in batches of the
template's size, as many at once as there are. The stream function runs on a thread of its own for as long as it has streams, in at most
`StreamConcurrency` environments; what they have in common here, as one process, are clients, settings and what is known of agents.
"""

import importlib
import io
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, redirect_stdout
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, Self, TypeVar

import boto3

import relay.adapters.upstream
import relay.adapters.webhook
import relay.use_cases.hold_streams
from bench.scale.agent import URL, Agent
from bench.scale.aws import SimulatedAws
from bench.scale.meter import Meter
from bench.scale.timeline import CountedThread, Timeline
from relay.adapters.webhook import Post, at_once
from relay.clock import clock
from relay.domain.batches import Unanswered
from relay.domain.outcome import Outcome as PostOutcome
from relay.domain.outcome import OutcomeKind
from relay_dev import execution_environment
from relay_dev.definition import Definition, QueueMapping, ScheduleMapping, StreamMapping
from relay_dev.embedded import ENVIRONMENT
from relay_dev.event_loop import Source
from relay_dev.front_door import FrontDoor
from relay_dev.http_event import HttpAnswer, HttpRequest
from relay_dev.invoker import Outcome
from relay_dev.place import Place
from relay_dev.queues import QueueSource
from relay_dev.schedules import ScheduleSource
from relay_dev.stream_batches import Record
from relay_dev.streams import StreamSource
from relay_dev.template import TEMPLATE, read_template

PUBLIC_URL = "https://relay.example"
STREAM = "StreamFunction"
T = TypeVar("T")
Told = Callable[[Post], None]


class SimulatedRelay:
    """A context manager; one at a time in a process. `on_post` is called with each POST, which then has been answered with 200."""

    def __init__(self, timeline: Timeline, meter: Meter, agent: Agent, *, on_post: Told, parameters: Mapping[str, str]) -> None:
        given = {"UpstreamAgentUrl": URL, "PublicUrl": PUBLIC_URL, "AllowedWebhookHosts": "127.0.0.1", **parameters}
        self.definition: Definition = read_template(TEMPLATE, place=Place(), overrides=given)
        self.aws = SimulatedAws(timeline, meter)
        self.held: list[tuple[float, list[float]]] = []  # when a stream function's environment began, and, once it has, ended
        self._timeline = timeline
        self._meter = meter
        self._agent = agent
        self._on_post = on_post
        self._front_door = FrontDoor(self.definition.routes, invoke=self._invoke, place=Place(), now=timeline.now)
        self._sources: Sequence[Source] = []
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            ends.enter_context(execution_environment.restored())
            execution_environment.set_variables(
                {**ENVIRONMENT, **self.definition.environment, "CLIENT_AUTHENTICATION": "none", "POWERTOOLS_METRICS_DISABLED": "true"}
            )
            execution_environment.forget()
            ends.callback(execution_environment.forget)
            ends.enter_context(clock(self._timeline.now))
            boto3.setup_default_session()
            boto3.DEFAULT_SESSION.events.register("before-send", self.aws.answer)  # type: ignore[union-attr]
            ends.callback(setattr, boto3, "DEFAULT_SESSION", None)
            for place, name, instead in self._replaced():
                ends.callback(setattr, place, name, getattr(place, name))
                setattr(place, name, instead)
            _log.meter = self._meter
            ends.enter_context(redirect_stdout(_log))
            self._sources = list(self._make_sources())
            ends.callback(self._timeline.end)
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def settle(self) -> None:
        """Does all that is due now, and what follows from it."""
        is_busy = True
        while is_busy:
            works = [work for source in self._sources if (work := source.take())]
            for work in works:
                work()
            is_busy = bool(works)

    def request(self, path: str, body: bytes, token: str) -> HttpAnswer:
        """A POST through API Gateway."""
        headers = {"host": "relay.example", "content-type": "application/json", "x-a2a-notification-token": token}
        return self._front_door.answer(HttpRequest("POST", path, "", list(headers.items()), body))

    def held_seconds(self, since: float, until: float) -> float:
        """How long all environments of the stream function ran together."""
        return sum(max(0.0, min([until, *ended]) - max(since, began)) for began, ended in self.held)

    def _replaced(self) -> Iterator[tuple[Any, str, Any]]:
        """Where functions would reach the outside, or wait."""
        yield relay.adapters.upstream, "upstream_client", self._agent.client
        yield relay.adapters.webhook, "WebhookClient", partial(_Client, self._on_post, self._meter)
        yield relay.use_cases.hold_streams, "time", SimpleNamespace(sleep=self._timeline.sleep, monotonic=time.monotonic)
        threads = SimpleNamespace(Thread=partial(CountedThread, self._timeline), Event=threading.Event)
        yield relay.use_cases.hold_streams, "threading", threads

    def _make_sources(self) -> Iterator[Source]:
        sqs: Any = self.aws
        common: dict[str, Any] = {"sqs": sqs, "invoke": self._invoke}

        def stream(mapping: StreamMapping) -> Source:
            reader: Any = _Reader(self.aws, self._timeline)
            function = self.definition.functions[mapping.function]
            return StreamSource(mapping, function, reader=reader, on_failure_queue_url="", now=self._timeline.now, **common)

        def queue(mapping: QueueMapping) -> Source:
            found = self.definition.queue(mapping.queue_arn)

            def is_due() -> bool:
                has_room = mapping.function != STREAM or sum(not ended for _, ended in self.held) < (mapping.max_concurrency or 1000)
                return has_room and self.aws.queue(found.url).is_due

            return QueueSource(mapping, found, region=Place().region, due=is_due, **common)

        def schedule(mapping: ScheduleMapping) -> Source:
            function = self.definition.functions[mapping.function]
            return ScheduleSource(mapping, function, place=Place(), on_failure_queue_url="", now=self._timeline.now, **common)

        yield from map(stream, self.definition.streams)
        yield from map(queue, self.definition.queue_mappings)
        yield from map(schedule, self.definition.schedules)

    def _invoke(self, function: str, event: Mapping[str, Any]) -> Outcome:
        """What a handler raises is raised; whatever it could not do, too: here nothing fails."""
        defined = self.definition.functions[function]
        handler = getattr(importlib.import_module(defined.module), defined.attribute)
        context = _Context(self._timeline, defined.timeout)
        records = event.get("Records", [event])
        with self._meter.at_work(function, records=len(records), invocations=1):
            if function == STREAM:
                return self._hold(partial(handler, event, context))
            answer = handler(event, context)
        if isinstance(answer, dict) and answer.get("batchItemFailures"):
            raise RuntimeError(f"{function} failed: {answer}, {_log.last}")
        for record in records if function == "FanOutFunction" else ():
            keys = record["dynamodb"]["Keys"]
            if keys["sk"]["S"].startswith("REVISION#"):
                self._meter.fanned[keys["pk"]["S"], int(keys["sk"]["S"][-10:])] = self._meter.last
        return Outcome("", answer=answer)

    def _hold(self, run: Callable[[], Any]) -> Outcome:
        """Its messages count as done with: should it fail, their watches ask again."""
        ended: list[float] = []
        self.held.append((self._timeline.seconds(), ended))

        def held() -> None:
            try:
                run()
            finally:
                ended.append(self._timeline.seconds())

        CountedThread(self._timeline, target=held, daemon=True).start()
        self._timeline.wait_for_all()
        return Outcome("", answer={"batchItemFailures": []})


class _Log(io.StringIO):
    """The functions' log lines, for all runs of a process, since a logger writes where it was made: counted, and the last is kept."""

    last = ""
    meter = Meter()

    def write(self, text: str) -> int:
        self.meter.spend_units("logged bytes", len(text))
        self.last = text.strip() or self.last
        return len(text)


_log = _Log()


class _Context:
    """The handler's second argument, as far as the relay's functions look at it."""

    aws_request_id = ""

    def __init__(self, timeline: Timeline, timeout: timedelta) -> None:
        self._timeline = timeline
        self._ends = timeline.seconds() + timeout.total_seconds()

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._ends - self._timeline.seconds()) * 1000))


class _Reader:
    """The table's stream, for a `StreamSource`: one shard that is always open."""

    stream_arn = "stream"
    partition_key = "pk"

    def __init__(self, aws: SimulatedAws, timeline: Timeline) -> None:
        self._aws = aws
        self._timeline = timeline
        self._count = 0

    def read(self, _: Callable[[str], bool]) -> Iterator[tuple[str, Record]]:
        while self._aws.records:
            name, keys = self._aws.records.popleft()
            self._count += 1
            number = str(self._count)
            event = {"eventName": name, "dynamodb": {"SequenceNumber": number, "Keys": keys}}
            yield "shard", Record(number, self._timeline.now(), event)


class _Client:
    """In place of the `WebhookClient`: each POST is answered at once."""

    def __init__(self, on_post: Told, meter: Meter, **_: object) -> None:
        self._on_post = on_post
        self._meter = meter

    def run(self, jobs: Sequence[Callable[[], T]]) -> list[T | BaseException]:
        return at_once(jobs)

    def post(self, post: Post) -> PostOutcome:
        with self._meter.stands_in():
            self._on_post(post)
        return PostOutcome(OutcomeKind.DELIVERED, status=200)

    def unanswered(self) -> Unanswered:
        return Unanswered()
