"""When a process that waits for receivers takes more wake-ups from its queue, beside those it was given.

Lambda gives an environment its next batch when the last POST of this one has ended. Receivers that hang would so hold all environments, and
whoever answers waits for one (docs/decisions/0012).
"""

from dataclasses import dataclass
from datetime import timedelta

PATIENCE = timedelta(milliseconds=500)  # an answer that takes longer is not waited for alone
FURTHER_PATIENCE = timedelta(milliseconds=100)  # for what was taken beside it: it may hang, too, and there is more to come
LONGEST_LOOK = timedelta(seconds=1)  # SQS: WaitTimeSeconds is whole; AWS clients give up reading after 2 s
HIDDEN_FOR = timedelta(seconds=120)  # longer than a function runs; the answer to a look may be lost, and what it took comes back then
BATCH = 10  # wake-ups at most, as in template.yaml
MAX_CONFIGS = 100  # under way at the same time in one process: a thread and a connection for each
MAX_BODY_BYTES = 100_000_000  # of POSTs without an answer; a batch holds up to 10 × 10 MB, a function has 1 GB
_TIME_FOR_A_BATCH = timedelta(seconds=15)  # beside the POST's own timeout: what `tell` asks for, and some more for the look and the claim


@dataclass(frozen=True)
class Unanswered:
    """A process's POSTs that have no answer yet: since when the longest of them, and how much they carry."""

    longest: timedelta = timedelta(0)
    body_bytes: int = 0


def takes_more(unanswered: Unanswered, *, configs: int, newest: timedelta | None, remaining: timedelta, timeout: timedelta) -> bool:
    """Whether a process that has so many configs under way takes another batch.

    Only while receivers keep it waiting: work that is slow because AWS is slow must not become more. `newest`: how long the newest batch
    has been worked on; until that is the further patience, or it has ended (None), it is the only new one. `timeout`: of a POST.
    """
    is_waiting = unanswered.longest >= PATIENCE and (newest is None or newest >= FURTHER_PATIENCE)
    has_room = configs + BATCH <= MAX_CONFIGS and unanswered.body_bytes < MAX_BODY_BYTES
    return is_waiting and has_room and remaining >= timeout + _TIME_FOR_A_BATCH
