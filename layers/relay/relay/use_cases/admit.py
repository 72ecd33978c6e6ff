"""Admit: who a caller is, by the relay key it shows.

A key that is let in is known to this process for a minute: a revoked one, or one whose end was moved, may be let in for so long. What is
refused is remembered never: each unknown, revoked or expired key costs the same one read.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from relay.adapters.table.relay_keys import RelayKeys
from relay.domain.door import DEFAULT_CALLER, Caller, ClientAuthentication, admit_key, admit_without_key, is_expected, presented_key
from relay.domain.relay_key import RelayKey, digest_of

REVOCATION_DELAY = timedelta(seconds=60)


class Admit:
    """`first_keys` are those of the stack's own secret: they open every agent of the owner `default`."""

    def __init__(
        self,
        authentication: ClientAuthentication,
        *,
        first_keys: Callable[[], Collection[str]],
        records: RelayKeys,
        now: Callable[[], datetime],
    ) -> None:
        self._authentication = authentication
        self._first_keys = first_keys
        self._records = records
        self._now = now
        self._known: dict[str, tuple[datetime, RelayKey]] = {}  # by digest; replaced whole, never changed: threads may share it

    def __call__(self, headers: Mapping[str, str], request_context: Mapping[str, Any]) -> Caller:
        """The caller of a method. Raises: UnauthenticatedError; a relay without a key is closed, not open."""
        if self._authentication is not ClientAuthentication.RELAY_KEY:
            return admit_without_key(self._authentication, request_context)
        presented = presented_key(headers)
        if presented is None:
            return admit_key(None, now=self._now())
        if is_expected(presented, self._first_keys()):
            return DEFAULT_CALLER
        return admit_key(self._find(digest_of(presented)), now=self._now())

    def to_cards(self, headers: Mapping[str, str]) -> Caller:
        """The reader of a card: cards of the owner `default` are open to all, another owner's to its keys. Raises: UnauthenticatedError."""
        if self._authentication is not ClientAuthentication.RELAY_KEY or presented_key(headers) is None:
            return DEFAULT_CALLER
        return self(headers, {})

    def _find(self, digest: str) -> RelayKey | None:
        now = self._now()
        fresh = {known: entry for known, entry in self._known.items() if timedelta(0) <= now - entry[0] < REVOCATION_DELAY}
        if digest in fresh and not fresh[digest][1].is_expired(now):
            return fresh[digest][1]
        found = self._records.get(digest)
        if found is not None and not found.is_expired(now):
            self._known = {**fresh, digest: (now, found)}
        return found
