"""Issue relay keys and report tokens: make, list, revoke, rotate.

An operator's commands; a key's text exists only in what `create` and `rotate` answer.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relay.adapters.table.relay_keys import RelayKeys
from relay.domain.relay_key import RANDOM_BYTES, TEXT_PREFIX, RelayKey, digest_of, end_of_overlap, successor


@dataclass(frozen=True)
class Issued:
    """A key just made: its text is told once, here."""

    key: RelayKey
    text: str = field(repr=False)


class IssueKeys:
    """`random` gives so many bytes that nobody can foretell; a text begins with `text_prefix`."""

    def __init__(
        self, records: RelayKeys, *, now: Callable[[], datetime], random: Callable[[int], bytes], text_prefix: str = TEXT_PREFIX
    ) -> None:
        self._text_prefix = text_prefix
        self._records = records
        self._now = now
        self._random = random

    def create(self, owner: str, *, agents: frozenset[str], label: str, expires_at: datetime | None) -> Issued:
        text = self._text()
        key = RelayKey(digest_of(text), owner, agents, label, created_at=self._now(), expires_at=expires_at)
        self._records.put(key)
        return Issued(key, text)

    def starting_with(self, key_id: str = "") -> list[RelayKey]:
        """The keys with this id, or all; by owner, the oldest first. An expired one is among them until DynamoDB deletes it."""
        return sorted(self._records.starting_with(key_id), key=lambda key: (key.owner, key.created_at, key.digest))

    def revoke(self, key: RelayKey) -> None:
        """Idempotent. Processes that know the key let it in for another minute at most."""
        self._records.delete(key.digest)

    def rotate(self, old: RelayKey, *, overlap: timedelta) -> Issued | None:
        """A new key with the same rights; the old one ends after the overlap. None: it is gone, or was rotated already.

        The new key is put first: whatever fails, the old one still opens, or the new one does.
        """
        text, now = self._text(), self._now()
        new = successor(old, digest_of(text), now=now)
        self._records.put(new)
        if not self._records.replace(old, new, until=end_of_overlap(old, now + overlap)):
            self._records.delete(new.digest)
            return None
        return Issued(new, text)

    def end(self, key: RelayKey, *, at: datetime) -> None:
        """Then, unless it was to end before."""
        self._records.end(key.digest, at=at)

    def _text(self) -> str:
        return self._text_prefix + urlsafe_b64encode(self._random(RANDOM_BYTES)).decode().rstrip("=")
