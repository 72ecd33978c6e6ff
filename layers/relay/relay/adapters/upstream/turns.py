"""Of large answers a process takes in one at a time: parsed, digested and packed, a task may need thirty times its JSON.

Ten tasks of 4 MB that one batch of wake-ups asks for would otherwise end a function of 512 MB, and with it the turns of everybody's tasks.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock

from relay.adapters.upstream.transport import postpone_deadline
from relay.domain.packing import LARGE_BYTES

_MOST_WAITING_BYTES = 4_000_000  # of an answer that waits for its turn: beyond it, it is read no further
_PATIENCE_SECONDS = 15.0  # a watch's claim of 40 s has no more to spare

_one = Lock()


class NoTurnError(Exception):
    """A large answer has waited too long for those before it. The agent did nothing wrong."""


@contextmanager
def one_large_answer_at_a_time() -> Iterator[None]:
    """A large answer that is read inside, on this thread, is taken in when no other is; the end of the block is the next one's turn.

    Raises: NoTurnError, from what reads the answer.
    """
    turn = _Turn()
    token = _turn.set(turn)
    try:
        yield
    finally:
        _turn.reset(token)
        turn.end()


def await_turn(size: int, *, is_whole: bool) -> None:
    """To be called with the bytes that were read so far, and once more with all.

    Small answers wait for nobody, nor does who is in no such block. Raises: NoTurnError.
    """
    turn = _turn.get()
    if turn is not None and size > (LARGE_BYTES if is_whole else _MOST_WAITING_BYTES):
        turn.take()


class _Turn:
    def __init__(self) -> None:
        self._is_taken = False

    def take(self) -> None:
        if self._is_taken:
            return
        since = time.monotonic()
        if not _one.acquire(timeout=_PATIENCE_SECONDS):
            raise NoTurnError("other large answers came before this one")
        self._is_taken = True
        postpone_deadline(time.monotonic() - since)

    def end(self) -> None:
        if self._is_taken:
            _one.release()


_turn: ContextVar[_Turn | None] = ContextVar("turn", default=None)
