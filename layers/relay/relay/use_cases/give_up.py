"""Give up: one dead letter for all that a config has not got, then the cursor moves past it.

The order makes it safe to die anywhere: letter, announcement, cursor. A repeat writes the same letter and announces it once more.
"""

from collections.abc import Callable
from datetime import datetime

from relay import observability
from relay.adapters.queues import DeadLetterQueue
from relay.adapters.table.configs import Configs
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.dead_letters import Attempts, DeadLetters
from relay.adapters.table.revisions import Revisions
from relay.domain.dead_letter import DeadLetter
from relay.domain.notification import webhook_id
from relay.domain.push_config import Cursor, PushConfig
from relay.domain.webhook_url import origin

_ATTEMPTS_TOLD = 5


class GiveUp:
    def __init__(
        self,
        *,
        configs: Configs,
        cursors: Cursors,
        revisions: Revisions,
        attempts: Attempts,
        dead_letters: DeadLetters,
        queue: DeadLetterQueue,
        now: Callable[[], datetime],
    ) -> None:
        self._configs = configs
        self._cursors = cursors
        self._revisions = revisions
        self._attempts = attempts
        self._dead_letters = dead_letters
        self._queue = queue
        self._now = now

    def all_that_is_left(self, config: PushConfig, cursor: Cursor, token: str, *, outcome: str) -> bool:
        """The schedule is over: everything up to the newest revision is given up, the config is failing. False: the claim was lost."""
        last = self._write_all(config, cursor, reason=outcome)
        return self._cursors.give_up(cursor.key, token, last, outcome=outcome, resend=cursor.resend)

    def is_current(self, config: PushConfig) -> bool:
        """Whether the config is still registered as it was when the POST began: a new URL has not been asked yet."""
        registered = self._configs.get(config.key, now=self._now())
        return registered is None or registered.registered_at == config.registered_at

    def the_config(self, config: PushConfig, cursor: Cursor, token: str, *, outcome: str) -> bool:
        """The receiver is gone for good: what is left is given up, and the config ends, cursor first.

        False: the claim was lost, or it has just been registered anew, perhaps with another URL, and goes on.
        """
        self._write_all(config, cursor, reason=outcome)
        if not self._cursors.delete_gone(cursor.key, token):
            return False
        self._configs.delete_unless_newer(config)
        return True

    def one_that_is_missing(self, config: PushConfig, number: int) -> None:
        """A revision that is not in the table any more is told to the operator, never skipped in silence."""
        self._write(config, first=number, last=number, reason="revision-missing")

    def _write_all(self, config: PushConfig, cursor: Cursor, *, reason: str) -> int:
        newest = self._revisions.newest(cursor.key.task)
        last = max(newest.number if newest else 0, cursor.position)
        self._write(config, first=min([cursor.position + 1, *cursor.resend]), last=max([last, *cursor.resend]), reason=reason)
        return last

    def _write(self, config: PushConfig, *, first: int, last: int, reason: str) -> None:
        letter = DeadLetter(
            key=config.key,
            first=first,
            last=last,
            reason=reason,
            receiver=origin(config.url),
            webhook_id=webhook_id(config.key, first),
            written_at=self._now(),
            attempts=self._attempts.last(config.key, most=_ATTEMPTS_TOLD),
        )
        self._dead_letters.put(letter)
        self._queue.announce(letter.announcement())
        observability.dead_lettered(letter)
