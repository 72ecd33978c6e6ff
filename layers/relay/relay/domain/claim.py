"""What a refused claim means for the wake-up that asked for it (design §2 rule 3).

The names are the model's (tests/model): "nothing to do, acknowledge"; "claim taken, return".
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from relay.domain.push_config import Cursor

CLAIM = timedelta(seconds=20)
OVERDUE = timedelta(seconds=120)  # a timer that late is taken for lost: anyone may claim, and the sweep wakes
RETURN_DELAY_SECONDS = (1, 5)  # a returned wake-up comes back after this long
MAX_POSTS = 10  # on one config in one run; the rest goes to a new wake-up
MAX_RUN = timedelta(seconds=20)  # likewise


class Verdict(StrEnum):
    """What becomes of a wake-up."""

    ACKNOWLEDGE = "acknowledge"
    RETURN = "return"  # send a fresh copy, then acknowledge


def refused(cursor: Cursor | None, *, revision: int | None, timers: Collection[str], now: datetime) -> Verdict:
    """`cursor` is what the failed condition saw: None when the config is deleted. `revision` None: the wake-up looks for itself."""
    if cursor is None:
        return Verdict.ACKNOWLEDGE
    if revision is not None and not timers and cursor.position >= revision:
        return Verdict.ACKNOWLEDGE
    waits_for_another = bool(cursor.waits_for) and cursor.waits_for not in timers
    if waits_for_another and not is_overdue(cursor, now):
        return Verdict.ACKNOWLEDGE
    return Verdict.RETURN


def is_overdue(cursor: Cursor, now: datetime) -> bool:
    return cursor.due is not None and cursor.due + OVERDUE < now
