"""What is left when a webhook is given up: a record in the table, a message that announces it, and the attempts that led there."""

import json
from dataclasses import dataclass
from datetime import datetime

from relay.domain.keys import ConfigKey


@dataclass(frozen=True)
class FailedAttempt:
    """One POST that was no success: what the receiver answered, and how long each phase took (milliseconds)."""

    at: datetime
    revision: int
    attempt: int
    webhook_id: str
    kind: str
    status: int | None
    detail: str
    answer: str = ""
    phases: str = ""

    def summary(self) -> dict[str, object]:
        return {
            "at": self.at.isoformat(),
            "revision": self.revision,
            "attempt": self.attempt,
            "webhookId": self.webhook_id,
            "outcome": self.kind,
            "status": self.status,
            "detail": self.detail,
        }


@dataclass(frozen=True)
class DeadLetter:
    """The revisions `first` to `last` were not delivered to one config. `receiver` is an origin, never a whole URL.

    `asked_to`: a redrive has asked for those up to it, and had no room for the rest.
    """

    key: ConfigKey
    first: int
    last: int
    reason: str
    receiver: str
    webhook_id: str
    written_at: datetime
    attempts: tuple[FailedAttempt, ...] = ()
    asked_to: int = 0

    @property
    def open_revisions(self) -> range:
        return range(max(self.first, self.asked_to + 1), self.last + 1)

    def announcement(self) -> str:
        """The message on the dead-letter queue: no secret, no body."""
        return json.dumps(
            {
                "v": 1,
                "kind": "dead-letter",
                **self.key.task._asdict(),
                "config": self.key.config_id,
                "first": self.first,
                "last": self.last,
                "reason": self.reason,
                "receiver": self.receiver,
                "webhookId": self.webhook_id,
                "writtenAt": self.written_at.isoformat(),
                "attempts": [attempt.summary() for attempt in self.attempts],
            },
            separators=(",", ":"),
        )
