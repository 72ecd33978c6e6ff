"""Between the functions and AWS: every request is seen here, and may be disturbed in the ways that networks and AWS disturb requests."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
import botocore.endpoint
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.retries.quota import RetryQuota
from moto.core.botocore_stubber import BotocoreStubber

from relay_dev.embedded import Call
from relay_dev.invoker import Invoke, Outcome


class Died(BaseException):
    """The function's process is gone."""


class Effect(StrEnum):
    """What happens to one request."""

    NONE = "nothing"
    DIES_BEFORE = "the function dies before it"
    DIES_AFTER = "the function dies after it took effect"
    THROTTLED = "AWS throttles it once"
    TIMES_OUT = "its answer is lost"  # the SDK asks again
    TWICE = "it takes effect twice"
    FAILS = "AWS fails it, and its retries"


@dataclass(frozen=True)
class AwsRequest:
    """One request of a function to AWS. `number` counts from 1; `name` is `PutItem`, `SendMessageBatch`, …; S3's are `GET` and `PUT`."""

    number: int
    function: str
    name: str
    body: Mapping[str, Any]


Answer = Mapping[str, Any]  # given in place of AWS's own, which then does nothing
Decide = Callable[[AwsRequest], Effect | Answer]


def undisturbed(_: AwsRequest) -> Effect:
    return Effect.NONE


def once(effect: Effect | Answer, *, function: str = "", name: str = "") -> Decide:
    """Disturbs the first request of that function and name."""
    left = [effect]

    def decide(request: AwsRequest) -> Effect | Answer:
        is_meant = function in ("", request.function) and name in ("", request.name)
        return left.pop() if left and is_meant else Effect.NONE

    return decide


def each(effect: Effect, *, function: str) -> Decide:
    """Disturbs every request of that function, but not what the SDK asks again."""
    seen: set[tuple[str, str]] = set()

    def decide(request: AwsRequest) -> Effect:
        asked = request.name, json.dumps(request.body, sort_keys=True)
        if request.function != function or asked in seen:
            return Effect.NONE
        seen.add(asked)
        return effect

    return decide


@dataclass(eq=False)
class Life:
    """One process of a function. When it is dead, nobody sees what it does."""

    function: str
    is_dead: bool = False


_own: ContextVar[Life | None] = ContextVar("life", default=None)


class Wire:
    """`decide` says what happens to each request; `requests` are all of them. Functions run one after the other, their threads at once;
    those that run `apart` beside them.
    """

    def __init__(self) -> None:
        self.decide: Decide = undisturbed
        self.requests: list[AwsRequest] = []
        self.deaths = 0
        self._main = Life("")
        self._count = 0
        self._lock = threading.Lock()
        self._now = threading.local()  # what happens to the request of this thread

    def on_call(self, moment: str, call: Call) -> None:
        """For the Runner."""
        if moment == "before":
            self._before(call)
        else:
            self._after()

    def around_invoke(self, invoke: Invoke) -> Invoke:
        """For the Runner: each invocation is a life of its own."""

        def noted(function: str, event: Mapping[str, Any]) -> Outcome:
            with self.life(function.removesuffix("Function").lower()):
                return invoke(function, event)

        return noted

    @property
    def is_dead(self) -> bool:
        """Whether the process that runs now, not apart, is dead."""
        return self._main.is_dead

    @contextmanager
    def life(self, function: str) -> Iterator[None]:
        """A process of that name runs; when it is over, nobody is dead any more."""
        self._main = Life(function)
        try:
            with self.apart(self._main):
                yield
        finally:
            self._main = Life("")

    @contextmanager
    def apart(self, life: Life) -> Iterator[None]:
        """On this thread, and on those that inherit its context, all is done by that process."""
        token = _own.set(life)
        try:
            yield
        finally:
            _own.reset(token)

    def die(self, life: Life | None = None) -> None:
        """From now on the process does nothing that anybody could see; the one that runs, unless another is named."""
        dying = life or _own.get() or self._main
        self.deaths += not dying.is_dead
        dying.is_dead = True

    def asked(self, function: str = "", name: str = "") -> list[AwsRequest]:
        return [each for each in self.requests if function in ("", each.function) and name in ("", each.name)]

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Must be entered before the Runner, which wraps moto in its own way."""
        with (
            patch.object(BotocoreStubber, "process_request", self._answering(BotocoreStubber.process_request)),
            # The pauses between botocore's own retries are no part of any story.
            patch.object(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _seconds: None)),
            # Nor is its budget of retries, which a process that is disturbed at every request would soon have spent.
            patch.object(RetryQuota, "acquire", lambda _self, _amount: True),
            # A process that begins anew makes new clients; here it gets the old ones, for to make one takes longer than most stories.
            patch.object(boto3, "client", cache(boto3.client)),
        ):
            yield

    def _before(self, call: Call) -> None:
        life = _own.get() or self._main
        if life.is_dead:
            raise Died
        with self._lock:
            self._count += 1
            request = AwsRequest(self._count, life.function, call.operation.rpartition(".")[2], _read(call.body))
            self.requests.append(request)
        self._now.effect = effect = self.decide(request)  # outside of the lock: it may wait for other threads, or make requests
        if effect is Effect.DIES_BEFORE:
            self.die()
            raise Died
        if effect is Effect.FAILS:
            raise ClientError({"Error": {"Code": "InternalServerError", "Message": "by the test"}}, request.name)

    def _after(self) -> None:
        effect, self._now.effect = self._now.effect, Effect.NONE
        if effect is Effect.DIES_AFTER:
            self.die()
        if (_own.get() or self._main).is_dead:
            raise Died
        if effect is Effect.TIMES_OUT:
            raise ReadTimeoutError(endpoint_url="by the test")

    def _answering(self, handle: Callable[..., Any]) -> Callable[..., Any]:
        def process_request(stubber: BotocoreStubber, request: Any) -> Any:
            effect = getattr(self._now, "effect", Effect.NONE)
            if effect is Effect.THROTTLED:
                return 400, {}, json.dumps({"__type": "ThrottlingException", "message": "by the test"})
            if isinstance(effect, Mapping):
                return 200, {}, json.dumps(effect)
            answer = handle(stubber, request)
            if effect is Effect.TWICE:
                handle(stubber, request)
            return answer

        return process_request


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
