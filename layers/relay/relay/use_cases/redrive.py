"""Redrive: add what dead letters hold to what their configs still have to send, through the claim like everything else.

An operator's command. Per dead letter: add to the cursor, put the watch, wake the config, delete the letter. Each step may be repeated; a
letter is deleted last, so a redrive that dies is run again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from relay.adapters.table.configs import Configs
from relay.adapters.table.cursors import MAX_RESEND
from relay.adapters.table.dead_letters import DeadLetters
from relay.adapters.table.revisions import Revisions
from relay.domain.dead_letter import DeadLetter
from relay.domain.evo_ai import wants
from relay.domain.keys import ConfigKey
from relay.use_cases.send_again import Filter, SendAgain


@dataclass(frozen=True)
class Redriven:
    """One config's part of a redrive. `revisions` empty: the config is gone, busy with them, or has too many waiting; its letters stay."""

    letters: tuple[DeadLetter, ...]
    revisions: tuple[int, ...]


class Redrive:
    def __init__(
        self,
        *,
        dead_letters: DeadLetters,
        configs: Configs,
        revisions: Revisions,
        send_again: SendAgain,
        now: Callable[[], datetime],
    ) -> None:
        self._dead_letters = dead_letters
        self._configs = configs
        self._revisions = revisions
        self._send_again = send_again
        self._now = now

    def list(self, wanted: Filter) -> list[DeadLetter]:
        """The oldest first."""
        found = (letter for letter in self._dead_letters.all(now=self._now()) if _is_wanted(letter, wanted))
        return sorted(found, key=lambda letter: (letter.written_at, letter.key, letter.first))

    def redrive(self, letters: Iterable[DeadLetter], *, every: bool) -> Iterator[Redriven]:
        """Config by config, as it is done. Only the newest state of each that its filter lets through, unless `every`."""
        by_config = sorted(letters, key=lambda letter: (letter.key, letter.first))
        for _, group in groupby(by_config, key=lambda letter: letter.key):
            yield self._redrive_config(tuple(group), every=every)

    def _redrive_config(self, letters: tuple[DeadLetter, ...], *, every: bool) -> Redriven:
        revisions = self.revisions_to_send(letters, every=every)
        if not self._send_again(letters[0].key, revisions):
            return Redriven(letters, ())
        self._settle(letters, asked_to=revisions[-1] if every else max(letter.last for letter in letters))
        return Redriven(letters, revisions)

    def revisions_to_send(self, letters: Sequence[DeadLetter], *, every: bool) -> tuple[int, ...]:
        """Of one config's letters: the newest revision that its filter lets through (the newest, where it lets through none), or all.

        At most what a cursor may hold at once; the oldest first.
        """
        numbers = sorted({number for letter in letters for number in letter.open_revisions})
        return tuple(numbers[:MAX_RESEND]) if every else (self._newest_wanted(letters[0].key, numbers),)

    def _newest_wanted(self, key: ConfigKey, numbers: Sequence[int]) -> int:
        if events := self._configs.events(key):
            given_up = set(numbers)
            heads = self._revisions.heads(key.task, first=numbers[0], last=numbers[-1])
            return next((head.number for head in heads if head.number in given_up and wants(events, head)), numbers[-1])
        return numbers[-1]

    def _settle(self, letters: tuple[DeadLetter, ...], *, asked_to: int) -> None:
        """A letter goes when all it holds was asked for; of one that a cursor had no room for, the rest is left to the next redrive."""
        for letter in letters:
            if letter.last <= asked_to:
                self._dead_letters.delete(letter)
            elif letter.open_revisions.start <= asked_to:
                self._dead_letters.shorten(letter, asked_to=asked_to)


def _is_wanted(letter: DeadLetter, wanted: Filter) -> bool:
    return wanted.names(letter.key) and wanted.receiver in ("", letter.receiver) and wanted.covers(letter.written_at)
