"""Deliver batches: the one that Lambda gave, and, while its POSTs have no answer, further ones from the same queue beside it.

So an environment never stands still because a receiver hangs. Each batch goes the way of every batch; only who takes it from the queue and
deletes its messages is another. To the protocol it is as if there were more environments.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from relay import observability
from relay.adapters.queues import Received, SourceQueue
from relay.adapters.webhook import WebhookClient
from relay.domain.batches import BATCH, HIDDEN_FOR, LONGEST_LOOK, MAX_CONFIGS, takes_more
from relay.domain.wakeup import DeliveryWakeup, UnknownMessageError
from relay.use_cases.deliver import Deliver

_TURN_SECONDS = 0.05  # how often it is asked whether it is time to take more

T = TypeVar("T")
Messages = Sequence[tuple[str, DeliveryWakeup]]


class DeliverBatches:
    """One call at a time, for `client` has one run at a time."""

    def __init__(
        self, *, deliver: Deliver, client: WebhookClient, queue: SourceQueue, timeout: timedelta, now: Callable[[], datetime]
    ) -> None:
        """`timeout`: of a POST."""
        self._deliver = deliver
        self._client = client
        self._queue = queue
        self._timeout = timeout
        self._now = now

    def __call__(self, messages: Messages, *, remaining: Callable[[], timedelta]) -> list[str]:
        """Of these messages the ids of those that must come back because we failed; all that was taken beside them is done with, too.

        `remaining`: how long this function may still run.
        """
        [failed] = self._client.run([partial(self._all, messages, remaining)])
        if isinstance(failed, BaseException):
            raise failed
        return failed

    def _all(self, messages: Messages, remaining: Callable[[], timedelta]) -> list[str]:
        with ThreadPoolExecutor(MAX_CONFIGS + 1, "deliver-batch") as threads:  # one looks for messages
            given = _start(threads, partial(self._deliver, messages, remaining=remaining))
            under_way, may_look = _UnderWay(given, len(messages), self._now()), True
            while under_way.sizes:
                if may_look and self._takes_more(under_way, remaining()):
                    may_look = self._take(threads, under_way, remaining)
                for ended in under_way.wait() - {given}:
                    _raise_or_tell(ended.exception())
        return given.result()

    def _takes_more(self, under_way: "_UnderWay", remaining: timedelta) -> bool:
        configs, newest = sum(under_way.sizes.values()), under_way.age_of_newest(self._now())
        return takes_more(self._client.unanswered(), configs=configs, newest=newest, remaining=remaining, timeout=self._timeout)

    def _take(self, threads: Executor, under_way: "_UnderWay", remaining: Callable[[], timedelta]) -> bool:
        """A batch of what is in the queue, or comes within a second. False: the queue does not answer, so do not ask again."""
        look = _start(threads, partial(self._queue.receive, BATCH, wait=LONGEST_LOOK, hidden_for=HIDDEN_FOR))
        error = look.exception()
        _raise_or_tell(error)
        if not error and (found := look.result()):
            under_way.add(_start(threads, partial(self._deliver_taken, found, remaining)), len(found), self._now())
        return error is None

    def _deliver_taken(self, found: Sequence[Received], remaining: Callable[[], timedelta]) -> None:
        """What is not deleted comes back, as if Lambda had been told of its failure."""
        observability.log("took more wake-ups while receivers do not answer", count=len(found))
        messages = [(received.receipt, wakeup) for received in found if (wakeup := _read(received))]
        failed = set(self._deliver(messages, remaining=remaining))
        self._queue.delete_all([receipt for receipt, _ in messages if receipt not in failed])


class _UnderWay:
    """The batches that have not ended, and how many wake-ups each has."""

    def __init__(self, batch: Future[Any], size: int, began: datetime) -> None:
        self.sizes: dict[Future[Any], int] = {}
        self.add(batch, size, began)

    def add(self, batch: Future[Any], size: int, began: datetime) -> None:
        self.sizes[batch] = size
        self._newest, self._newest_began = batch, began

    def age_of_newest(self, now: datetime) -> timedelta | None:
        """None: it has ended."""
        return None if self._newest.done() else now - self._newest_began

    def wait(self) -> set[Future[Any]]:
        """Which have ended, as soon as one has; none when a turn is over."""
        ended, _ = wait(self.sizes, _TURN_SECONDS, FIRST_COMPLETED)
        for batch in ended:
            del self.sizes[batch]
        return ended


def _start(threads: Executor, job: Callable[[], T]) -> Future[T]:
    return threads.submit(copy_context().run, job)


def _raise_or_tell(error: BaseException | None) -> None:
    """What goes wrong with what was taken leaves it in the queue, and is no reason to fail what was given; the process's own end is."""
    if isinstance(error, Exception):
        observability.fault("wake-ups taken from the queue were not delivered", error=error)
    elif error is not None:
        raise error


def _read(received: Received) -> DeliveryWakeup | None:
    try:
        return DeliveryWakeup.load(received.body)
    except UnknownMessageError as error:
        observability.fault("message not understood", error=error)  # it comes back, for a newer function
        return None
