"""Holding the streams of many tasks in one function: how many, for how long, and what a stream that ends means.

The watch asks for a stream and looks at its claim: where there is none, or one that was not renewed, it polls often again. So a stream may
end at any moment, and nothing is lost.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from relay.domain.errors import InvalidAgentResponseError, RelayError, UpstreamRefusedError

MAX_STREAMS = 200  # of one running function; each is a thread that mostly waits, and a connection: Lambda allows 1,024 open files
CLAIM = timedelta(seconds=120)  # a holder that died is missed after it; until then the watch looks at its slowest pace
RENEW_EVERY = timedelta(seconds=40)
RECEIVE_EVERY = timedelta(seconds=1)  # a function that has room takes more tasks from the queue
HANDOVER = timedelta(seconds=60)  # before the function's time ends, its tasks are offered to others
STOP = timedelta(seconds=25)  # before it ends, it lets go of them
ASK_AGAIN = timedelta(seconds=60)  # after a stream was asked for, and nobody holds it
FIRST_EVENT = timedelta(seconds=5)  # 1.0's streams begin with the task; one that has not by then is asked for
RECONNECTS = 2  # in a row; then the watch follows, and asks for a stream again in its own time
LASTED = timedelta(seconds=30)  # a connection that stood for so long, or told something, was a good one

_PAUSES = (timedelta(seconds=0.3), timedelta(seconds=1), timedelta(seconds=2))
_SPREAD = 0.5
_METHOD_NOT_FOUND, _UNSUPPORTED = -32601, -32004


class Ending(StrEnum):
    """Why a task's stream is held no longer."""

    SETTLED = "settled"  # the task has ended, or waits for somebody: the client's next message asks for a stream anew
    STOPPED = "stopped"  # the function lets go of it, or the claim was lost
    LOST = "lost"  # the agent cannot be reached, or ends its streams at once
    UNSUPPORTED = "unsupported"  # the agent has no streams, whatever its card says


@dataclass(frozen=True)
class StreamClaim:
    """Who holds a task's stream, and until when it is believed."""

    token: str
    until: datetime

    def is_live(self, now: datetime) -> bool:
        return now < self.until


def is_unsupported(error: RelayError) -> bool:
    """Whether the answer to a subscription says that there are no streams; a task that has just ended is refused in the same words."""
    if isinstance(error, UpstreamRefusedError):
        return error.agent_code in (_METHOD_NOT_FOUND, _UNSUPPORTED)
    return isinstance(error, InvalidAgentResponseError)


def reconnect_pause(failures: int, jitter: float) -> timedelta:
    """`failures` connections in a row came to nothing, from 0 on; `jitter` in [0, 1)."""
    return _PAUSES[min(failures, len(_PAUSES) - 1)] * (1 + _SPREAD * jitter)
