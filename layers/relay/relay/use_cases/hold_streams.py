"""Hold streams: one running function follows many tasks, each on a thread of its own, until their streams end or its own time does.

A task is followed under a claim that is renewed. Before the time ends each claim is offered to others by a wake-up of its own, and only
then let go. Whatever is lost on the way, the watch of the task finds no live claim and goes on by polling.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

from relay import observability
from relay.adapters.queues import Queue, Sending, SourceQueue
from relay.adapters.table.stream_claims import StreamClaims
from relay.domain import stream as rules
from relay.domain.keys import TaskKey
from relay.domain.strategy import Strategy
from relay.domain.stream import Ending
from relay.domain.wakeup import StreamWakeup, UnknownMessageError, WatchWakeup
from relay.use_cases.follow_stream import FollowStream
from relay.use_cases.strategies import Strategies

_TURN_SECONDS = 0.25
_JOIN_SECONDS = 12.0  # a thread that stops ends its question to the agent first


@dataclass(eq=False)
class _Held:
    """One task that is followed here."""

    task: TaskKey
    token: str
    renew_at: datetime
    stopping: threading.Event = field(default_factory=threading.Event)
    ending: Ending = Ending.LOST
    thread: threading.Thread | None = None

    @property
    def has_ended(self) -> bool:
        return self.thread is not None and not self.thread.is_alive()


Guarded = Callable[[Callable[[], None], TaskKey | None], bool]


class HoldStreams:
    """One for each invocation.

    `guarded` does a step, for a task or for all, and says whether it succeeded: its trouble must not end the streams of the others.
    """

    def __init__(
        self,
        *,
        follow: FollowStream,
        claims: StreamClaims,
        strategies: Strategies,
        stream_queue: SourceQueue,
        watch_queue: Queue,
        guarded: Guarded,
        now: Callable[[], datetime],
    ) -> None:
        self._follow = follow
        self._claims = claims
        self._strategies = strategies
        self._stream_queue = stream_queue
        self._watch_queue = watch_queue
        self._guarded = guarded
        self._now = now
        self._held: list[_Held] = []
        self._receive_at: datetime | None = None

    def __call__(self, messages: Sequence[tuple[str, StreamWakeup]], *, remaining: Callable[[], timedelta]) -> list[str]:
        """Returns when none of its tasks is followed any more. The ids of the messages that must come back because we failed."""
        failed = [message_id for message_id, wakeup in messages if not self._guarded(partial(self._begin, wakeup), wakeup.task)]
        try:
            while self._held and remaining() > rules.HANDOVER:
                self._turn(may_receive=True)
            if self._held:
                self._guarded(self._hand_over, None)
            while self._held and remaining() > rules.STOP:
                self._turn(may_receive=False)
        finally:
            self._let_go()
        return failed

    def _turn(self, *, may_receive: bool) -> None:
        time.sleep(_TURN_SECONDS)
        for held in [each for each in self._held if each.has_ended]:
            self._end(held)
        if may_receive and len(self._held) < rules.MAX_STREAMS and self._is_time_to_receive():
            self._guarded(self._receive, None)
        now = self._now()
        for held in self._held:
            if now >= held.renew_at:
                self._guarded(partial(self._renew, held), held.task)

    def _begin(self, wakeup: StreamWakeup) -> None:
        """Unless somebody follows the task already: then there is nothing to do."""
        now, token = self._now(), uuid4().hex
        if self._claims.claim(wakeup.task, token, instead_of=wakeup.instead_of, now=now, until=now + rules.CLAIM):
            held = _Held(wakeup.task, token, renew_at=now + rules.RENEW_EVERY)
            held.thread = threading.Thread(target=copy_context().run, args=(self._run, held), daemon=True)  # must not outlive the process
            self._held.append(held)
            held.thread.start()

    def _run(self, held: _Held) -> None:
        def follow() -> None:
            held.ending = self._follow(held.task, wait=held.stopping.wait)

        self._guarded(follow, held.task)

    def _end(self, held: _Held) -> None:
        """The claim first: the watch, once it is woken, must find none."""
        self._held.remove(held)
        self._guarded(partial(self._release, held), held.task)

    def _release(self, held: _Held) -> None:
        observability.stream_ended(held.task, held.ending)
        if held.ending is Ending.UNSUPPORTED:
            self._strategies.give_up(held.task.agent_key, Strategy.STREAM, reason="the agent has no streams")
        was_ours = self._claims.release(held.task, held.token)
        if was_ours and held.ending is not Ending.SETTLED:
            self._watch_queue.send(WatchWakeup(held.task, asked_at=self._now()))

    def _renew(self, held: _Held) -> None:
        now = self._now()
        held.renew_at = now + rules.RENEW_EVERY
        if not self._claims.renew(held.task, held.token, until=now + rules.CLAIM):
            held.stopping.set()

    def _is_time_to_receive(self) -> bool:
        now = self._now()
        if self._receive_at is not None and now < self._receive_at:
            return False
        self._receive_at = now + rules.RECEIVE_EVERY
        return True

    def _receive(self) -> None:
        for received in self._stream_queue.receive(rules.MAX_STREAMS - len(self._held)):
            try:
                wakeup = StreamWakeup.load(received.body)
            except UnknownMessageError as error:
                observability.fault("message not understood", error=error)  # it comes back, for a newer function
                continue
            if self._guarded(partial(self._begin, wakeup), wakeup.task):
                self._stream_queue.delete(received)

    def _hand_over(self) -> None:
        observability.log("streams handed over", count=len(self._held))
        self._stream_queue.send_all([Sending(StreamWakeup(held.task, instead_of=held.token)) for held in self._held])
        for held in self._held:  # so that one who took over is noticed soon
            held.renew_at = self._now() + timedelta(seconds=5)

    def _let_go(self) -> None:
        for held in self._held:
            held.stopping.set()
        until = time.monotonic() + _JOIN_SECONDS
        for held in list(self._held):
            if held.thread is not None:
                held.thread.join(max(0.0, until - time.monotonic()))
            self._end(held)
