"""The outcome of one attempt, as a value: what a receiver does wrong is told, never raised.

Sources: RFC 9110 §15 (status codes) and §10.2.3 (`Retry-After`); Standard Webhooks 1.0.0, "Deliverability and reliability".
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

MAX_ANSWER_BYTES = 1024  # of the answer's body, kept for the operator
MIN_RETRY_AFTER = timedelta(seconds=1)
MAX_RETRY_AFTER = timedelta(hours=24)

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)  # nine digits are 31 years: more is no number of seconds anybody means


class OutcomeKind(StrEnum):
    """How one attempt ended. Only DELIVERED moves a cursor."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    GONE = "gone"
    TIMEOUT = "timeout"
    CONNECT_ERROR = "connect-error"
    TLS_ERROR = "tls-error"
    BLOCKED_ADDRESS = "blocked-address"
    PROTOCOL_ERROR = "protocol-error"
    UNVERIFIED = "unverified"  # answered the ownership challenge without its nonce


@dataclass(frozen=True)
class Phases:
    """How long each phase of a POST took; 0 for one that did not happen (a reused connection) or did not end."""

    name_lookup_ms: int = 0
    connect_ms: int = 0
    tls_ms: int = 0
    first_byte_ms: int = 0
    total_ms: int = 0


@dataclass(frozen=True)
class Outcome:
    """`status` is None if no status line and headers came in full; `retry_after` is set only when the receiver refused and named a time.

    `answer` is the start of the body, which may hold anything, so it is not in `repr`; `detail` is one sentence for the operator.
    """

    kind: OutcomeKind
    status: int | None = None
    retry_after: timedelta | None = None
    phases: Phases = Phases()
    answer: str = field(default="", repr=False)
    detail: str = ""

    @property
    def is_delivered(self) -> bool:
        return self.kind is OutcomeKind.DELIVERED


def classify(status: int) -> OutcomeKind:
    """What an HTTP status means: 2xx delivered, 410 gone, all else refused; a redirect is refused too, it is never followed."""
    if 200 <= status <= 299:
        return OutcomeKind.DELIVERED
    return OutcomeKind.GONE if status == 410 else OutcomeKind.REFUSED


def parse_retry_after(text: str, now: datetime) -> timedelta | None:
    """How long the receiver asks to wait, from seconds or an HTTP date, kept between 1 s and 24 h; None if the text is neither."""
    text = text.strip()
    if _SECONDS.fullmatch(text):
        wait = timedelta(seconds=int(text))
    elif (moment := _http_date(text)) is not None:
        wait = moment - now
    else:
        return None
    return max(MIN_RETRY_AFTER, min(wait, MAX_RETRY_AFTER))


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)  # asctime's form names no zone, and means UTC
