"""Runs jobs at the same time, one thread each, while the calling thread does all their POSTs through libcurl."""

import os
import select
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import certifi

from relay.adapters.webhook.lane import Lane
from relay.adapters.webhook.transfer import MAX_IDLE_SECONDS, Post, Transfer
from relay.domain.batches import Unanswered
from relay.domain.outcome import Outcome

T = TypeVar("T")

MAX_JOBS_AT_ONCE = 10  # threads; a deliver batch has at most as many configs


def _utc_now() -> datetime:
    return datetime.now(UTC)


def at_once(jobs: Sequence[Callable[[], T]]) -> list[T | BaseException]:
    """Each job's result, or the exception it raised, in the order of the jobs; returns when all have ended, and their threads too.

    A job has the caller's context variables. At most `MAX_JOBS_AT_ONCE` run at the same time, the rest in order as threads become free.
    """
    if not jobs:
        return []
    with _threads(len(jobs)) as threads:
        return _results([threads.submit(copy_context().run, job) for job in jobs])


def _threads(jobs: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(jobs, MAX_JOBS_AT_ONCE), "webhook-job")


def _results(futures: Sequence[Future[T]]) -> list[T | BaseException]:
    return [future.result() if (error := future.exception()) is None else error for future in futures]


class WebhookClient:
    """Keeps connections warm between runs, and no thread of ours: Lambda freezes the process between two invocations. (libcurl's own
    threads, one per name being looked up, end by themselves; they only wait.)

    Posts with and without `allow_private` never share a connection. A kept connection that died meanwhile does no harm: libcurl sends the
    request again on a fresh one if not a byte was answered. After an idle minute, by `now`, all are dropped: the clock by which libcurl
    counts their age may stand still while the process is frozen.
    """

    def __init__(
        self,
        *,
        ca_file: str | None = None,
        is_denied: Callable[[str, int], bool] = lambda _address, _port: False,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """`is_denied`: whether the operator denies an address and port; asked before each is dialled, not for a connection that is kept."""
        self._ca_file = ca_file or certifi.where()
        self._is_denied = is_denied
        self._now = now
        self._idle_since = now()
        self._poll = select.poll()
        self._wake_reader, self._wake_writer = os.pipe()
        for descriptor in (self._wake_reader, self._wake_writer):
            os.set_blocking(descriptor, False)
        self._poll.register(self._wake_reader, select.POLLIN)
        self._lanes = {allow_private: Lane(self._poll) for allow_private in (False, True)}
        self._inbox: deque[Transfer] = deque()
        self._unanswered: dict[Transfer, datetime] = {}  # since when
        self._is_running = False
        self._running = threading.Lock()  # held for a whole run
        self._gate = threading.Lock()  # held to look at or change `_is_running` and what follows from it

    def run(self, jobs: Sequence[Callable[[], T]]) -> list[T | BaseException]:
        """As `at_once`, while this thread sends their POSTs. Runs do not nest; a second one waits."""
        if not jobs:
            return []
        with self._running, _threads(len(jobs)) as threads:
            self._begin()
            try:
                futures = [threads.submit(copy_context().run, job) for job in jobs]
                self._drive(futures)
            finally:
                self._end()
        return _results(futures)

    def post(self, post: Post) -> Outcome:
        """Sends one POST and waits for its outcome; only for jobs of a run under way, and what they run `at_once`, from their threads.

        Whatever the receiver does is an outcome. Raises: RuntimeError outside of a run, or when libcurl cannot work at all.
        """
        transfer = Transfer(post, ca_file=self._ca_file, is_denied=self._is_denied, now=self._now)
        with self._gate:
            if not self._is_running:
                raise RuntimeError("a POST is sent by a job of a run")
            self._inbox.append(transfer)
            self._unanswered[transfer] = self._now()
        self._wake()
        try:
            return transfer.outcome.result()
        finally:
            with self._gate:
                del self._unanswered[transfer]

    def unanswered(self) -> Unanswered:
        """The POSTs of the run under way that have no outcome yet; any thread may ask."""
        with self._gate:
            posts = [(since, len(transfer.post.body)) for transfer, since in self._unanswered.items()]
        first = min((since for since, _ in posts), default=None)
        return Unanswered(self._now() - first, sum(size for _, size in posts)) if first else Unanswered()

    def close(self) -> None:
        """Closes all connections; the client is spent."""
        for lane in self._lanes.values():
            lane.close()
        for descriptor in (self._wake_reader, self._wake_writer):
            os.close(descriptor)

    def _begin(self) -> None:
        if self._now() - self._idle_since > timedelta(seconds=MAX_IDLE_SECONDS):
            for allow_private, lane in self._lanes.items():
                self._lanes[allow_private] = self._renewed(lane)
        with self._gate:
            self._is_running = True

    def _renewed(self, lane: Lane) -> Lane:
        if lane.has_hanging_lookup:  # closing would wait for it: keep the lane for this once
            lane.has_hanging_lookup = False
            return lane
        lane.close()
        return Lane(self._poll)

    def _end(self) -> None:
        """Leaves nobody waiting, even if the drive was broken off by an exception."""
        with self._gate:
            self._is_running = False
        while self._inbox:
            self._inbox.popleft().abandon()
        for lane in self._lanes.values():
            lane.abandon()
        self._idle_since = self._now()

    def _drive(self, futures: Sequence[Future[Any]]) -> None:
        pending = set(futures)

        def leave(future: Future[Any]) -> None:
            pending.discard(future)
            self._wake()

        for future in futures:
            future.add_done_callback(leave)
        while pending:
            self._wait()
            while self._inbox:
                transfer = self._inbox.popleft()
                self._lanes[transfer.post.allow_private].start(transfer)
            for lane in self._lanes.values():
                lane.advance()

    def _wait(self) -> None:
        """Until a socket is ready, libcurl's timer is due, or a job wakes us."""
        patience = [seconds for lane in self._lanes.values() if (seconds := lane.patience()) is not None]
        for descriptor, event in self._poll.poll(min(patience) * 1000 if patience else None):
            if descriptor == self._wake_reader:
                os.read(descriptor, 4096)
                continue
            for lane in self._lanes.values():
                if lane.owns(descriptor):
                    lane.ready(descriptor, event)

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # a full pipe wakes as well
            os.write(self._wake_writer, b"\0")
