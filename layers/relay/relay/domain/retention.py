"""How long items live, chosen so that what others need outlives them without being touched again.

A config outlives its watch by the retry schedule (18 h, or 9 days of the longest Retry-After) and is outlived by the newest revision
(design §2 rule 9: revision numbers never restart). A dead letter is written at most 9 days after its revisions and kept for 14.
DynamoDB deletes expired items days late, so expiry is checked on reading as well.
"""

from datetime import datetime, timedelta

from relay.domain.keys import OwnerDay

ATTEMPT = timedelta(days=14)
LAST_WORDS = timedelta(days=1)  # what an agent told of a task's end: the watch uses it within seconds
DEAD_LETTER = timedelta(days=14)  # the same as the dead-letter queue's retention
FORM_LASTS = timedelta(days=30)  # in which words a task's caller speaks; forgotten, it is told in 0.3's own
PENDING = timedelta(hours=24)  # how long a config waits for a task that is still to come
HABIT = timedelta(days=30)  # then an agent that was mended is found out anew
SENDING = timedelta(days=2)  # a message for an agent that waits longer is not sent any more
_CONFIG_AFTER_DEADLINE = timedelta(days=16)
_REVISION_AFTER_DEADLINE = timedelta(days=32)


def config_expiry(registered_at: datetime, watch_deadline: timedelta) -> datetime:
    """When a push config and its cursor end; each registration counts anew."""
    return registered_at + watch_deadline + _CONFIG_AFTER_DEADLINE


def revision_expiry(needed_at: datetime, watch_deadline: timedelta) -> datetime:
    """When a revision that was appended, or newest at a registration, at `needed_at` may go."""
    return needed_at + watch_deadline + _REVISION_AFTER_DEADLINE


def relay_task_expiry(sent_at: datetime, watch_deadline: timedelta) -> datetime:
    """When a task of the relay's own ends that got its last message at `sent_at`: with its revisions."""
    return revision_expiry(sent_at, watch_deadline)


def owner_day_expiry(day: OwnerDay) -> datetime:
    """A day after its end: no clock is so wrong that it still counts to it."""
    return day.end + timedelta(days=1)
