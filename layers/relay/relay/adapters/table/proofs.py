"""VERIFIED items: which receivers have echoed the ownership challenge, per owner and origin."""

from collections.abc import Callable
from datetime import datetime, timedelta

from relay.adapters.table import items
from relay.adapters.table.connection import Connection
from relay.domain.challenge import PROOF_LASTS
from relay.domain.keys import VERIFIED, ReceiverKey

_FRESH = timedelta(hours=1)  # a process looks at most that often; a proof that an operator takes back holds for so long


class Proofs:
    """Threads may share it; what is remembered is replaced whole. A proof that is not there is looked for each time."""

    def __init__(self, connection: Connection, *, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now
        self._known: dict[ReceiverKey, datetime] = {}

    def holds(self, key: ReceiverKey) -> bool:
        now = self._now()
        if (until := self._known.get(key)) is not None and now < until:
            return True
        item = self._connection.get(key.partition, VERIFIED)
        expires = items.read_moment(items.checked(item), "ttl") if item else None
        if expires is None or expires <= now:
            return False
        self._known = {**self._known, key: min(expires, now + _FRESH)}
        return True

    def put(self, key: ReceiverKey) -> None:
        now = self._now()
        self._connection.put(
            {
                "pk": items.text(key.partition),
                "sk": items.text(VERIFIED),
                "v": items.version(),
                "verified_at": items.moment(now),
                "ttl": items.seconds(now + PROOF_LASTS),
            }
        )
        self._known = {**self._known, key: now + _FRESH}
