"""Where `isolation` runs in simulated time: the template's settings and the functions' own code; AWS, receivers and Lambda in memory.

In place of libcurl a POST only waits; AWS answers each request after its delay. Waits of the relay's own that have a limit (for a turn at a
receiver, for a batch) are the simulated clock's, too. See `simulated_time` for what takes time and what does not.
"""

import importlib
import os
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, redirect_stdout
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse

import relay.adapters.webhook
import relay.use_cases.deliver_batches
import relay.use_cases.receiver_gate
from bench.aws import VISIBILITY_SECONDS, delays, of_keys, of_queue
from bench.in_place import answered
from bench.processes import Arrival
from bench.queues import Queue
from bench.simulated_time import SimulatedTime, Wake
from bench.stage import Stage
from bench.table import Table
from relay.adapters.webhook import Post, at_once
from relay.clock import clock
from relay.domain.batches import Unanswered
from relay.domain.outcome import Outcome as PostOutcome
from relay.domain.outcome import OutcomeKind
from relay_dev import execution_environment
from relay_dev.embedded import ENVIRONMENT
from relay_dev.invoker import Outcome

T = TypeVar("T")


class SimulatedStage(Stage):
    """As `Stage`. All threads of the process but the one that moves the time belong to what is simulated."""

    def __init__(
        self,
        *,
        time: SimulatedTime,
        answers_after: float,
        aws_delay_ms: float,
        is_fair: bool,
        answering: int,
        hanging: int,
        parameters: Mapping[str, str],
    ) -> None:
        """`answers_after`: seconds that the receivers who answer take."""
        super().__init__(aws_delay_ms=aws_delay_ms, is_fair=is_fair, parameters=parameters)
        self.time = time
        self.invoke = self._invoke
        self.answering, self.hanging = list(range(1, answering + 1)), list(range(answering + 1, answering + hanging + 1))
        self._simulated_aws = _Aws(time, delay_seconds=aws_delay_ms / 1000, is_fair=is_fair)
        self._simulated_receivers = _Receivers(time, set(self.hanging), answers_after=answers_after)

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            ends.enter_context(execution_environment.restored())
            execution_environment.set_variables({**ENVIRONMENT, **self.definition.environment})
            execution_environment.forget()
            ends.callback(execution_environment.forget)
            ends.enter_context(clock(self.time.now))
            boto3.setup_default_session()
            boto3.DEFAULT_SESSION.events.register("before-send", self._simulated_aws.answer)  # type: ignore[union-attr,arg-type]
            ends.callback(setattr, boto3, "DEFAULT_SESSION", None)
            for place, name, instead in (
                (relay.adapters.webhook, "WebhookClient", partial(_Client, self._simulated_receivers)),
                (relay.use_cases.receiver_gate, "BoundedSemaphore", partial(_Turns, self.time)),
                (relay.use_cases.deliver_batches, "wait", partial(_wait, self.time)),
            ):
                ends.callback(setattr, place, name, getattr(place, name))
                setattr(place, name, instead)
            ends.enter_context(redirect_stdout(ends.enter_context(Path(os.devnull).open("w"))))
            self._ends = ends.pop_all()
        return self

    def now(self) -> datetime:
        return self.time.now()

    def sleep(self, seconds: float) -> None:
        self.time.sleep(seconds)

    def _invoke(self, function: str, event: Mapping[str, Any]) -> Outcome:
        """What a handler raises is raised."""
        defined = self.definition.functions[function]
        handler = getattr(importlib.import_module(defined.module), defined.attribute)
        return Outcome("", answer=handler(event, _Context(self.time, defined.timeout)))

    def ask_queue(self, operation: str, **asked: Any) -> dict[str, Any]:
        return self._simulated_aws.ask(operation, asked)

    def arrivals(self) -> list[Arrival]:
        return list(self._simulated_receivers.arrivals)

    def release(self) -> None:
        self._simulated_receivers.release()


class _Context:
    """The handler's second argument, as far as the relay's functions look at it."""

    aws_request_id = ""

    def __init__(self, time: SimulatedTime, timeout: timedelta) -> None:
        self._time = time
        self._ends = time.seconds() + timeout.total_seconds()

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._ends - self._time.seconds()) * 1000))


class _Aws:
    def __init__(self, time: SimulatedTime, *, delay_seconds: float, is_fair: bool) -> None:
        self._time = time
        self._delay = delay_seconds
        self._is_fair = is_fair
        self._table = Table()
        self._queues: dict[str, Queue] = {}
        self._polls: deque[Wake] = deque()
        self._lock = threading.Lock()

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        """In place of the network, for botocore."""
        return answered(request, self.ask)

    def ask(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Raises: ConditionFailedError."""
        if operation == "ReceiveMessage":
            return self._receive(asked)
        self._time.sleep(self._delay)
        with self._lock:
            if "QueueUrl" in asked:
                answer = of_queue(self._queue(asked), operation, asked)
            else:
                answer = of_keys(operation, asked) or self._table.answer(operation, asked)
        for delay in delays(operation, asked):
            self._time.call_later(delay, self._tell_one)
        return answer

    def _receive(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        until = self._time.seconds() + asked.get("WaitTimeSeconds", 0)
        while True:
            poll = Wake(self._time)
            with self._lock:
                answer = of_queue(self._queue(asked), "ReceiveMessage", asked)
                left = until - self._time.seconds()
                if answer or left <= 0:
                    return answer
                self._polls.append(poll)
            poll.wait(left)

    def _queue(self, asked: Mapping[str, Any]) -> Queue:
        url = asked["QueueUrl"]
        if url not in self._queues:
            self._queues[url] = Queue(is_fair=self._is_fair, visibility_seconds=VISIBILITY_SECONDS, clock=self._time.seconds)
        return self._queues[url]

    def _tell_one(self) -> None:
        """One long poll that still waits looks."""
        while self._polls:
            poll = self._polls.popleft()
            if not poll.is_set:
                poll.set()
                return


class _Receivers:
    def __init__(self, time: SimulatedTime, hanging: set[int], *, answers_after: float) -> None:
        self.time = time
        self.arrivals: list[Arrival] = []
        self._hanging = hanging
        self._answers_after = answers_after
        self._hung: list[Wake] = []

    def take(self, post: Post) -> bool:
        """Whether it is answered within its timeout."""
        split, headers = urlsplit(post.url), {name.lower(): value for name, value in post.headers}
        revision, attempt = (int(headers[f"a2a-relay-{name}"]) for name in ("revision", "attempt"))
        self.arrivals.append(Arrival(split.path[1:], revision, attempt, "", self.time.now().timestamp()))
        if split.port not in self._hanging:
            self.time.sleep(self._answers_after)
            return True
        began, wake = self.time.seconds(), Wake(self.time)
        self._hung.append(wake)
        wake.wait(post.timeout.total_seconds())
        return self.time.seconds() < began + post.timeout.total_seconds()

    def release(self) -> None:
        self._hanging.clear()
        for wake in self._hung:
            wake.set()


class _Client:
    """In place of the `WebhookClient`."""

    def __init__(self, receivers: _Receivers, **_: object) -> None:
        self._receivers = receivers
        self._unanswered: dict[int, tuple[float, int]] = {}

    def run(self, jobs: Sequence[Callable[[], T]]) -> list[T | BaseException]:
        return at_once(jobs)

    def post(self, post: Post) -> PostOutcome:
        own = threading.get_ident()
        self._unanswered[own] = self._receivers.time.seconds(), len(post.body)
        is_answered = self._receivers.take(post)
        del self._unanswered[own]
        return PostOutcome(OutcomeKind.DELIVERED, status=200) if is_answered else PostOutcome(OutcomeKind.TIMEOUT)

    def unanswered(self) -> Unanswered:
        posts = list(self._unanswered.values())
        if not posts:
            return Unanswered()
        longest = self._receivers.time.seconds() - min(since for since, _ in posts)
        return Unanswered(timedelta(seconds=longest), sum(size for _, size in posts))


class _Turns:
    """In place of the semaphore that counts the POSTs to one receiver."""

    def __init__(self, time: SimulatedTime, most: int) -> None:
        self._time = time
        self._free = most
        self._queue: list[Wake] = []
        self._lock = threading.Lock()

    def acquire(self, timeout: float) -> bool:
        until = self._time.seconds() + timeout
        while True:
            turn = Wake(self._time)
            with self._lock:
                if self._free:
                    self._free -= 1
                    return True
                if (left := until - self._time.seconds()) <= 0:
                    return False
                self._queue.append(turn)
            turn.wait(left)

    def release(self) -> None:
        with self._lock:
            self._free += 1
            waiting, self._queue = self._queue, []
        for turn in waiting:
            turn.set()


def _wait(time: SimulatedTime, futures: Collection[Future[T]], seconds: float, _: str) -> tuple[set[Future[T]], set[Future[T]]]:
    """In place of `concurrent.futures.wait`, for the first that ends."""
    first = Wake(time)
    for future in futures:
        future.add_done_callback(lambda _: first.set())
    first.wait(seconds)
    ended = {future for future in futures if future.done()}
    return ended, set(futures) - ended
