"""The ownership challenge: before its first notification a receiver repeats a nonce, so that nobody can have the relay POST at a stranger.

    POST the webhook's URL, A2A-Relay-Challenge: NONCE, {"challenge": "NONCE"}
    any 2xx, {"challenge": "NONCE"} or NONCE as plain text

The relay signs it as it signs notifications; token and credentials it does not carry, for it may go to anybody.
"""

import hmac
import json
from dataclasses import dataclass, replace
from datetime import timedelta

from relay.domain.notification import Header
from relay.domain.outcome import Outcome, OutcomeKind

CHALLENGE_HEADER = "A2A-Relay-Challenge"
PROOF_LASTS = timedelta(days=30)
NONCE_BYTES = 24


@dataclass(frozen=True)
class Challenge:
    """One question to one receiver. The nonce is printable ASCII that nobody can foretell."""

    nonce: str

    @property
    def webhook_id(self) -> str:
        """Another than any notification's, and another each time."""
        return f"chl_{self.nonce}"

    @property
    def body(self) -> bytes:
        return json.dumps({"challenge": self.nonce}).encode("ascii")

    @property
    def headers(self) -> tuple[Header, ...]:
        return (("Content-Type", "application/json"), (CHALLENGE_HEADER, self.nonce))

    def judged(self, outcome: Outcome) -> Outcome | None:
        """None: the receiver has proved itself. Else what became of the attempt; where nobody answered, or the webhook is gone, that."""
        if outcome.is_delivered and self._is_echoed(outcome.answer):
            return None
        if outcome.status is None or outcome.kind is OutcomeKind.GONE:
            return outcome
        told = f"The receiver answered {outcome.status} to the ownership challenge, without its nonce."
        return replace(outcome, kind=OutcomeKind.UNVERIFIED, detail=told)

    def _is_echoed(self, answer: str) -> bool:
        try:
            told = json.loads(answer)
        except (ValueError, RecursionError):
            told = answer.strip()
        echoed = told.get("challenge") if isinstance(told, dict) else told
        return isinstance(echoed, str) and hmac.compare_digest(echoed.encode("utf-8", "replace"), self.nonce.encode())
