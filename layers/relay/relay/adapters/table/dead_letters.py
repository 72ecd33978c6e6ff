"""DEAD# and ATTEMPT# items: what was given up, and the failed attempts that led there.

What a receiver answered is sealed: many repeat the request in it, with the token and the credentials that came along.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from relay.adapters.table import items
from relay.adapters.table.configs import Seal, seal_context
from relay.adapters.table.connection import Connection
from relay.adapters.table.items import Item
from relay.domain.dead_letter import DeadLetter, FailedAttempt
from relay.domain.keys import DEAD_PREFIX, ConfigKey, TaskKey
from relay.domain.retention import ATTEMPT, DEAD_LETTER


class Attempts:
    """`seal` and `open_sealed` encrypt and decrypt under the stack's key, bound to a context."""

    def __init__(self, connection: Connection, *, seal: Seal, open_sealed: Seal) -> None:
        self._connection = connection
        self._seal = seal
        self._open = open_sealed

    def put(self, key: ConfigKey, attempt: FailedAttempt) -> None:
        sealed = self._seal(attempt.answer.encode(), _context(key)) if attempt.answer else b""
        self._connection.put(
            {
                "pk": items.text(key.task.partition),
                "sk": items.text(key.attempt(f"{attempt.at.isoformat(timespec='milliseconds')}#{uuid4().hex[:8]}")),
                "v": items.version(),
                "at": items.moment(attempt.at),
                "revision": items.number(attempt.revision),
                "attempt": items.number(attempt.attempt),
                "webhook_id": items.text(attempt.webhook_id),
                "outcome": items.text(attempt.kind),
                "detail": items.text(attempt.detail),
                "phases": items.text(attempt.phases),
                "ttl": items.seconds(attempt.at + ATTEMPT),
                **({"status": items.number(attempt.status)} if attempt.status is not None else {}),
                **({"sealed": items.binary(sealed)} if sealed else {}),
            }
        )

    def last(self, key: ConfigKey, *, most: int) -> tuple[FailedAttempt, ...]:
        """The newest first, without their answers."""
        return tuple(_attempt(item) for item in self._items(key, most))

    def last_with_answers(self, key: ConfigKey, *, most: int) -> tuple[FailedAttempt, ...]:
        """The newest first; for an operator's eyes alone."""
        return tuple(replace(_attempt(item), answer=self._answer(key, item)) for item in self._items(key, most))

    def _items(self, key: ConfigKey, most: int) -> Iterator[Item]:
        return self._connection.query(key.task.partition, prefix=key.attempt(""), limit=most, newest_first=True)

    def _answer(self, key: ConfigKey, item: Item) -> str:
        return self._open(items.read_binary(item, "sealed"), _context(key)).decode() if "sealed" in item else ""


class DeadLetters:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, letter: DeadLetter) -> None:
        """One letter per config and first revision: giving up again after a crash writes the same item.

        Nothing happens when one that goes further is there: a worker that lost its claim long ago knows fewer revisions than who took it.
        """
        self._connection.put(
            {
                "pk": items.text(letter.key.task.partition),
                "sk": items.text(letter.key.dead_letter(letter.first)),
                "v": items.version(),
                "config": items.text(letter.key.config_id),
                "first": items.number(letter.first),
                "last": items.number(letter.last),
                "reason": items.text(letter.reason),
                "receiver": items.text(letter.receiver),
                "webhook_id": items.text(letter.webhook_id),
                "written_at": items.moment(letter.written_at),
                "ttl": items.seconds(letter.written_at + DEAD_LETTER),
            },
            condition="attribute_not_exists(sk) OR #last <= :last",
            values={":last": items.number(letter.last)},
            names={"#last": "last"},
        )

    def all(self, *, task: TaskKey | None = None, now: datetime) -> Iterator[DeadLetter]:
        """Of one task by a query; of all tasks by a scan: an operator's command, never on a hot path."""
        found = self._connection.query(task.partition, prefix=DEAD_PREFIX) if task else self._connection.scan_prefix(DEAD_PREFIX)
        for item in found:
            if not items.is_expired(item, now):
                yield _dead_letter(item)

    def delete(self, letter: DeadLetter) -> None:
        """Only as it was read: one that was written anew meanwhile, by a config that was given up again, stays."""
        self._connection.delete_if(
            letter.key.task.partition,
            letter.key.dead_letter(letter.first),
            condition="written_at = :written_at",
            values={":written_at": items.moment(letter.written_at)},
        )

    def shorten(self, letter: DeadLetter, *, asked_to: int) -> None:
        """Remembers that a redrive has asked for the revisions up to this one; again only of a letter that is as it was read."""
        self._connection.update(
            letter.key.task.partition,
            letter.key.dead_letter(letter.first),
            expression="SET asked_to = :asked_to",
            condition="written_at = :written_at",
            values={":asked_to": items.number(asked_to), ":written_at": items.moment(letter.written_at)},
        )


def _context(key: ConfigKey) -> dict[str, str]:
    """Another one than that of the config's own secrets."""
    return {**seal_context(key), "item": "attempt"}


def _attempt(item: Item) -> FailedAttempt:
    items.checked(item)
    return FailedAttempt(
        at=items.read_given_moment(item, "at"),
        revision=items.read_int(item, "revision"),
        attempt=items.read_int(item, "attempt"),
        webhook_id=items.read_text(item, "webhook_id"),
        kind=items.read_text(item, "outcome"),
        status=items.read_int(item, "status") if "status" in item else None,
        detail=items.read_text(item, "detail"),
        phases=items.read_text(item, "phases"),
    )


def _dead_letter(item: Item) -> DeadLetter:
    items.checked(item)
    return DeadLetter(
        key=ConfigKey(TaskKey.from_partition(items.read_text(item, "pk")), items.read_text(item, "config")),
        first=items.read_int(item, "first"),
        last=items.read_int(item, "last"),
        reason=items.read_text(item, "reason"),
        receiver=items.read_text(item, "receiver"),
        webhook_id=items.read_text(item, "webhook_id"),
        written_at=items.read_given_moment(item, "written_at"),
        asked_to=items.read_int(item, "asked_to"),
    )
