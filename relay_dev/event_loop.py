"""Drives the event sources: step by step, or by threads.

Each source has several workers. One of them at a time waits for a batch; the others work on theirs. So batches run side by side while each
source is asked by one thread only.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from relay_dev.changes import Changes

_log = logging.getLogger(__name__)
_PAUSE_AFTER_ERROR_SECONDS = 1.0


class Source(Protocol):
    name: str
    workers: int

    def take(self) -> Callable[[], None] | None: ...


class EventLoop:
    """`poll_seconds`: how often a source is asked when nothing tells of a change, for delays that run out."""

    def __init__(self, sources: Sequence[Source], *, changes: Changes, poll_seconds: float) -> None:
        self._sources = sources
        self._changes = changes
        self._poll_seconds = poll_seconds
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def step(self) -> bool:
        """Takes and does one batch of each source that has one due, on this thread; whether anything was done."""
        works = [work for source in self._sources if (work := source.take())]
        for work in works:
            work()
        return bool(works)

    def start(self) -> None:
        for source in self._sources:
            turn = threading.Lock()
            for number in range(source.workers):
                thread = threading.Thread(target=self._work, args=(source, turn), name=f"{source.name} {number + 1}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """No new batches; those in flight get the timeout to end, then they are left behind: the threads are daemons."""
        self._stopping.set()
        self._changes.tell()
        until = time.monotonic() + timeout_seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._threads.clear()

    def _work(self, source: Source, turn: threading.Lock) -> None:
        while not self._stopping.is_set():
            try:
                with turn:
                    work = self._wait_for(source)
                if work:
                    work()
                    self._changes.tell()
            except Exception:  # noqa: BLE001 an endpoint that is gone for a moment must not end the poller
                if not self._stopping.is_set():
                    _log.exception("%s: the event loop failed; it goes on", source.name)
                    self._stopping.wait(_PAUSE_AFTER_ERROR_SECONDS)

    def _wait_for(self, source: Source) -> Callable[[], None] | None:
        while not self._stopping.is_set():
            seen = self._changes.count
            if work := source.take():
                return work
            self._changes.wait(seen, self._poll_seconds)
        return None
