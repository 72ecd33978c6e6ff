"""Keys by their digest, as this process has last read them: relay keys, and agents' report tokens.

One that is let in is known to this process for a minute: a revoked one, or one whose end was moved, may be let in for so long. What is
refused is remembered never: each unknown, revoked or expired key costs the same one read.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from relay.adapters.table.relay_keys import RelayKeys
from relay.domain.relay_key import RelayKey

REVOCATION_DELAY = timedelta(seconds=60)


class KnownKeys:
    def __init__(self, records: RelayKeys, *, now: Callable[[], datetime]) -> None:
        self._records = records
        self._now = now
        self._known: dict[str, tuple[datetime, RelayKey]] = {}  # by digest; replaced whole, never changed: threads may share it

    def find(self, digest: str) -> RelayKey | None:
        """An expired one may be found."""
        now = self._now()
        fresh = {known: entry for known, entry in self._known.items() if timedelta(0) <= now - entry[0] < REVOCATION_DELAY}
        if digest in fresh and not fresh[digest][1].is_expired(now):
            return fresh[digest][1]
        found = self._records.get(digest)
        if found is not None and not found.is_expired(now):
            self._known = {**fresh, digest: (now, found)}
        return found
