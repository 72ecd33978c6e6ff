"""Compose: a packed revision becomes a notification. Of large tasks a process unpacks one at a time, just before its POST.

Unpacked, a task takes up to twenty times the size of its JSON; a notification holds the body alone. So what a batch holds is at most one
unpacked task, and one body per config, however many revisions its configs are behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock

from relay.adapters.blobs import BlobMissingError
from relay.adapters.table.revisions import Revisions
from relay.domain import notification
from relay.domain.evo_webhook import EvoNames, lasted, tells_duration
from relay.domain.notification import Notification
from relay.domain.packing import PackedRevision
from relay.domain.push_config import PushConfig
from relay.domain.update_events import Fingerprint, fingerprint

_TURN_SECONDS = 3.0  # how long a large task waits for those before it; the claim allows no more


class Compose:
    """Threads share it, and all that deliver in a process share one."""

    def __init__(self, revisions: Revisions, names: EvoNames) -> None:
        self._revisions = revisions
        self._names = names
        self._turn = Lock()

    def __call__(self, config: PushConfig, packed: PackedRevision) -> Notification | None:
        """None: its turn did not come in time. Raises: BlobMissingError when the task is not where it was put."""
        with self._unpacking(packed) as may:
            if not may:
                return None
            before = self._before(config, packed)
            revision = self._revisions.open(packed)
            return Notification(
                webhook_id=notification.webhook_id(config.key, packed.number),
                head=packed.head,
                body=notification.body(config, revision, before, names=self._names, lasted=self._lasted(config, packed)),
                is_truncated=revision.snapshot.is_cut,
            )

    def _before(self, config: PushConfig, packed: PackedRevision) -> Fingerprint | None:
        """Of the revision before, where events are told: it is opened and let go first, so that one task at a time is held.

        None, too, where its task is gone from the bucket: then the whole task is told.
        """
        version, key = notification.events_version(config), (config.key.task, packed.number - 1)
        earlier = self._revisions.read([key]).get(key) if version and packed.number > 1 else None
        try:
            return fingerprint(self._revisions.open(earlier).snapshot, version) if version and earlier else None
        except BlobMissingError:
            return None

    def _lasted(self, config: PushConfig, packed: PackedRevision) -> timedelta | None:
        if not tells_duration(config, packed.head):
            return None
        key = (config.key.task, 1)
        first = packed if packed.number == 1 else self._revisions.read([key]).get(key)
        return lasted(first, packed) if first else None

    @contextmanager
    def _unpacking(self, packed: PackedRevision) -> Iterator[bool]:
        """Small ones wait for nobody."""
        if not packed.is_large:
            yield True
            return
        may = self._turn.acquire(timeout=_TURN_SECONDS)
        try:
            yield may
        finally:
            if may:
                self._turn.release()
