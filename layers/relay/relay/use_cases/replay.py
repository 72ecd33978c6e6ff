"""Replay: of what was observed in some time, each push config is sent its part again, whether its receiver had taken it or not.

An operator's command, for a receiver that has lost what it got, or has dealt with it wrongly. What a config has not been sent yet is on
its way anyway and not replayed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from relay.adapters.table.configs import Configs
from relay.adapters.table.cursors import MAX_RESEND, Cursors
from relay.adapters.table.revisions import Revisions
from relay.domain.evo_ai import wants
from relay.domain.keys import ConfigKey, ReceiverKey
from relay.domain.push_config import Cursor
from relay.domain.task import RevisionHead
from relay.use_cases.send_again import Filter, SendAgain


@dataclass(frozen=True)
class Part:
    """What of one config is replayed, the oldest first. `rest`: when the first was observed that did not fit in; None: all did."""

    key: ConfigKey
    revisions: tuple[int, ...]
    rest: datetime | None = None


class Replay:
    def __init__(
        self, *, configs: Configs, cursors: Cursors, revisions: Revisions, send_again: SendAgain, now: Callable[[], datetime]
    ) -> None:
        self._configs = configs
        self._cursors = cursors
        self._revisions = revisions
        self._send_again = send_again
        self._now = now

    def find(self, wanted: Filter, *, every: bool) -> Iterator[Part]:
        """Config by config, as the table is read, all of it. Only the newest state of each that its filter lets through, unless `every`."""
        for cursor in self._cursors.all(now=self._now()):
            if _is_wanted(cursor, wanted) and (heads := self._observed(cursor, wanted)):
                chosen = heads[:MAX_RESEND] if every else heads[-1:]
                rest = heads[MAX_RESEND].arrived_at if every and len(heads) > MAX_RESEND else None
                yield Part(cursor.key, tuple(head.number for head in chosen), rest)

    def __call__(self, part: Part) -> bool:
        """False: the config is gone, busy with them, or has too many waiting.

        One that was deleted and registered anew since it was found is another: what was observed before it is none of its receiver's.
        """
        cursor = self._cursors.get(part.key, now=self._now())
        return cursor is not None and cursor.start < part.revisions[0] and self._send_again(part.key, part.revisions)

    def _observed(self, cursor: Cursor, wanted: Filter) -> list[RevisionHead]:
        """From the config's start to its cursor, the oldest first."""
        if cursor.position <= cursor.start:
            return []
        found = self._revisions.heads(cursor.key.task, first=cursor.start + 1, last=cursor.position)
        heads = [head for head in found if wanted.covers(head.arrived_at)]
        events = self._configs.events(cursor.key) if heads else ()
        return [head for head in reversed(heads) if wants(events, head)]


def _is_wanted(cursor: Cursor, wanted: Filter) -> bool:
    """A cursor knows its receiver by its group."""
    is_receiver = not wanted.receiver or cursor.group == ReceiverKey(cursor.key.task.owner, wanted.receiver).group
    return is_receiver and wanted.names(cursor.key)
