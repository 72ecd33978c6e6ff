"""Stories of one task that are told again and again, each time disturbed at another point, and what must hold at their end (design §6)."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from botocore.exceptions import ClientError

from relay.domain.task import RevisionHead
from relay.use_cases.send_again import Filter
from relay.wiring import wiring
from relay_dev import execution_environment
from relay_dev.received import Notification
from tests.support.mortal import Moment, MortalReceiver
from tests.support.wire import AwsRequest, Died, Effect, undisturbed
from tests.support.world import DELIVERY, FAULTS, SWEEP, VISIBILITY, WATCHING, World, config_key, task_key

POLL = 11  # seconds: more than the watch's interval
_ROUNDS = 12  # of recovery, at most
_LONGEST_STORY = timedelta(seconds=120)
_serial = itertools.count(1)


@dataclass(frozen=True)
class Disturbance:
    """What happens at the `point`-th request of the functions to AWS, or at the `point`-th POST: nothing at point 0.

    `is_everywhere`: at every request, but not when the SDK repeats it.
    """

    effect: Effect = Effect.NONE
    moment: Moment = Moment.NEVER
    point: int = 0
    is_everywhere: bool = False

    @property
    def is_death(self) -> bool:
        return self.moment is not Moment.NEVER or self.effect in (Effect.DIES_BEFORE, Effect.DIES_AFTER)

    @property
    def duplicates(self) -> int:
        """How many POSTs more than needed a config may get (promise 2). What AWS disturbs alone must not be seen by a receiver at all."""
        return 1 if self.is_death or self.effect is Effect.FAILS else 0

    def __str__(self) -> str:
        return f"{self.moment if self.effect is Effect.NONE else self.effect}, {'everywhere' if self.is_everywhere else self.point}"


@dataclass
class Counter:
    """Counts the requests and POSTs of one story, and brings the disturbance about when it comes to its point."""

    disturbance: Disturbance
    requests: int = 0
    posts: int = 0
    what_was_disturbed: str = ""
    _asked: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def effect(self, request: AwsRequest) -> Effect:
        """Of several threads' requests one after the other."""
        with self._lock:
            return self._effect(request)

    def _effect(self, request: AwsRequest) -> Effect:
        self.requests += 1
        given = self.disturbance
        asked = f"{request.name} {json.dumps(request.body, sort_keys=True)}"
        is_meant = asked not in self._asked if given.is_everywhere else given.moment is Moment.NEVER and self.requests == given.point
        self._asked.add(asked)
        if not is_meant:
            return Effect.NONE
        self.what_was_disturbed = f"{request.function} {request.name}"
        return given.effect

    def moment(self) -> Moment:
        self.posts += 1
        if self.posts != self.disturbance.point or self.disturbance.moment is Moment.NEVER:
            return Moment.NEVER
        self.what_was_disturbed = "a POST"
        return self.disturbance.moment

    @property
    def is_missed(self) -> bool:
        return self.disturbance != Disturbance() and not self.what_was_disturbed


class Stage:
    """One world for many stories, one after the other: each has a task of its own and finds the relay idle, no sweep due."""

    reaches_every_point = True  # a story that is told again asks AWS for the same

    def __init__(self, *, counted: Callable[[AwsRequest], bool] = lambda _request: True, **parameters: str) -> None:
        """`counted`: which requests are disturbed. Parameters are the template's."""
        self.world = World(**{"WatchMinSeconds": "10", "WatchMaxSeconds": "10", "RetrySchedule": "5,10", **parameters})
        self._counted = counted
        self.counter = Counter(Disturbance())
        self._swept_at: datetime | None = None
        self.steady: MortalReceiver
        self.failing: MortalReceiver

    def __enter__(self) -> Self:
        self.world.__enter__()
        self.steady, self.failing = (MortalReceiver(self.world.wire, moment_of=lambda: self.counter.moment()).start() for _ in range(2))
        return self

    def __exit__(self, *_: object) -> None:
        self.steady.stop()
        self.failing.stop()
        self.world.__exit__()

    @contextmanager
    def disturbed(self, disturbance: Disturbance) -> Iterator[Counter]:
        self._make_idle()
        self.counter = Counter(disturbance)
        self.world.wire.decide = self._decide
        try:
            yield self.counter
        except AssertionError:
            self.world.reset()
            raise
        finally:
            self.world.wire.decide = undisturbed
            self.counter = Counter(Disturbance())

    def _decide(self, request: AwsRequest) -> Effect:
        if request.function == "sweep":
            self._swept_at = self.world.runner.clock.now()
        return self.counter.effect(request) if self._counted(request) else Effect.NONE

    def _make_idle(self) -> None:
        self.world.empty_the_table()
        if self._swept_at is None or self.world.runner.clock.now() - self._swept_at > _LONGEST_STORY:
            self.world.advance(SWEEP)
        self.world.wire.requests.clear()
        self.world.wire.deaths = 0
        for receiver in (self.steady, self.failing):
            receiver.clear()
            receiver.heal()


class Story:
    """One task, several configs. A client whose call fails makes it again, as clients do."""

    def __init__(self, stage: Stage, disturbance: Disturbance) -> None:
        self.stage, self.world, self.disturbance = stage, stage.world, disturbance
        self.task_id = f"task {next(_serial)}"
        self.task = self.world.agent.task(self.task_id)
        self.starts: dict[str, int] = {}
        self.receivers: dict[str, MortalReceiver] = {}
        self.posted_before_delete: dict[str, int] = {}

    def register(self, config_id: str, receiver: MortalReceiver) -> None:
        params = {"taskId": self.task_id, "id": config_id, "url": f"{receiver.url}/{config_id}"}
        self.receivers[config_id] = receiver
        self._surely("CreateTaskPushNotificationConfig", params)
        self.starts[config_id] = self.world.cursor(self.task_id, config_id).position

    def delete(self, config_id: str) -> None:
        self._surely("DeleteTaskPushNotificationConfig", {"taskId": self.task_id, "id": config_id})
        self.posted_before_delete[config_id] = len(self.posts(config_id))
        del self.starts[config_id]

    def becomes(self, state: str, message: str = "") -> None:
        self.task.becomes(state, message=message)
        self.world.advance(POLL)

    def redrive(self) -> None:
        """An operator sends all that was given up again, and tries again when the command fails."""
        for _ in range(3):
            try:
                with self.world.wire.life("redrive"):
                    redrive = wiring().redrive
                    list(redrive.redrive(redrive.list(Filter(task_id=self.task_id)), every=True))
            except (Died, ClientError):
                execution_environment.forget()
            else:
                break

    def purge(self) -> None:
        """All messages are lost."""
        self.world.purge(DELIVERY)
        self.world.purge(WATCHING)

    def recovers(self) -> None:
        """AWS's own retries do their work: visibility timeouts, the stream's retries, the sweep. Ends when nothing is under way."""
        for seconds in (POLL, POLL, *itertools.repeat(VISIBILITY, _ROUNDS)):
            if self.is_quiet:
                return
            self.world.advance(seconds)
        raise AssertionError(f"still not quiet: {self.world.watch(self.task_id)} {[self._cursor(each) for each in self.starts]}")

    @property
    def is_quiet(self) -> bool:
        return self.world.watch(self.task_id) is None and not self.world.length(DELIVERY) and not self.world.length(WATCHING)

    def posts(self, config_id: str) -> list[Notification]:
        return self.world.posts(config_id, self.receivers[config_id])

    def _cursor(self, config_id: str) -> Any:
        return self.world.cursors.get(config_key(self.task_id, config_id), now=self.world.runner.clock.now())

    def _surely(self, method: str, params: dict[str, Any]) -> None:
        for _ in range(3):
            try:
                if "error" not in self.world.call(method, params):
                    return
            except ConnectionError:
                continue
        raise AssertionError(f"{method} fails again and again")

    # --- what must hold

    def faults(self) -> Iterator[str]:
        """Every promise that is broken, in a sentence."""
        yield from (f"{queue} holds messages" for queue in FAULTS if self.world.length(queue))
        yield from self._faults_of_end(self.world.revisions.newest(task_key(self.task_id)))
        for config_id in self.starts:
            yield from (f"{config_id}: {fault}" for fault in self._faults_of(config_id))
        for config_id, count in self.posted_before_delete.items():
            if len(self.posts(config_id)) > count:
                yield f"{config_id}: POSTed after its delete was answered"
            if self._cursor(config_id) is not None:
                yield f"{config_id}: deleted, and still has a cursor"

    def _faults_of_end(self, head: RevisionHead | None) -> Iterator[str]:
        if head is None or not head.state.is_terminal:
            yield f"the end of the task was not observed: {head}"

    def _faults_of(self, config_id: str) -> Iterator[str]:
        posts, newest = self.posts(config_id), self.world.newest(self.task_id)
        accepted = [int(post.revision) for post in posts if post.is_accepted]
        lost = set(range(self.starts[config_id] + 1, newest + 1)) - set(accepted) - self.given_up(config_id)
        if lost:
            yield f"lost {sorted(lost)} of {newest}"
        if len(accepted) - len(set(accepted)) > self.disturbance.duplicates:
            yield f"duplicates in {accepted}"
        numbers = [int(post.revision) for post in posts if "a2a-relay-redriven" not in post.headers]
        if numbers != sorted(numbers):
            yield f"order {numbers}"
        if len({(post.revision, post.webhook_id, post.body) for post in posts}) != len({post.revision for post in posts}):
            yield "one revision under two webhook-ids or with two bodies"
        cursor = self._cursor(config_id)
        if cursor is None or cursor.position != newest or cursor.claim_until or cursor.waits_for or cursor.resend:
            yield f"left behind: {cursor}"

    def given_up(self, config_id: str) -> set[int]:
        """The revisions that dead letters tell of."""
        letters = (letter for letter in self.world.dead_letters() if letter.key == config_key(self.task_id, config_id))
        return {number for letter in letters for number in range(letter.first, letter.last + 1)}
