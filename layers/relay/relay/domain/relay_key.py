"""Relay keys: what a caller shows to be let in, of which the relay keeps only a digest.

A key is 256 random bits, so a plain SHA-256 of it can be looked up and still not be turned back: nothing shorter could be guessed first.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

TEXT_PREFIX = "rk_"  # so that a key is recognised where it was not meant to be
REPORT_TEXT_PREFIX = "rt_"  # of a report token
RANDOM_BYTES = 32
ID_LENGTH = 8  # characters of the digest: enough to tell an operator's keys apart


@dataclass(frozen=True)
class RelayKey:
    """One key as the relay knows it. `agents` are the names it opens, empty means all of its owner's.

    `replaced_by` is the id of the key that a rotation has made of it, empty when there is none.
    """

    digest: str
    owner: str
    agents: frozenset[str]
    label: str
    created_at: datetime
    expires_at: datetime | None = None
    replaced_by: str = ""

    @property
    def id(self) -> str:
        """What it is called in lists and log lines; nothing can be opened with it."""
        return self.digest[:ID_LENGTH]

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


def digest_of(text: str) -> str:
    """SHA-256 of a key's text, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def successor(old: RelayKey, digest: str, *, now: datetime) -> RelayKey:
    """The key that takes over: the same rights, and as long a life as the old one was given, counted from now."""
    expires_at = now + (old.expires_at - old.created_at) if old.expires_at else None
    return RelayKey(digest, old.owner, old.agents, old.label, created_at=now, expires_at=expires_at)


def end_of_overlap(old: RelayKey, until: datetime) -> datetime:
    """When a replaced key ends: after the overlap, and never later than it would have ended anyway."""
    return min(old.expires_at, until) if old.expires_at else until
