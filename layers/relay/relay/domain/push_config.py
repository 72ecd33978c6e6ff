"""What a client registers, and where it stands: the push config (cold) and its cursor (hot).

Source: A2A 1.0 `TaskPushNotificationConfig`, A2A 0.3 `PushNotificationConfig`; design §2 rules 1 and 2.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from relay.domain.errors import InvalidParamsError
from relay.domain.keys import ConfigKey
from relay.domain.secret_overlap import RetiredSecret, retired
from relay.domain.task import RevisionHead
from relay.domain.webhook_url import origin


class Dialect(StrEnum):
    """The wire form a config was registered in; it is answered and notified in it."""

    A2A_V10 = "a2a-1.0"  # D1
    A2A_V03 = "a2a-0.3"  # D2
    PRAISONAI = "praisonai"  # D3
    EVO_AI = "evo-ai"  # D4b, as its code has it
    EVO_AI_EVENTS = "evo-ai-events"  # D4a, as its documentation has it

    @property
    def is_by_task(self) -> bool:
        """Its configs are asked for by task, or of all tasks, and may name a task that is still to come."""
        return self in (Dialect.PRAISONAI, Dialect.EVO_AI, Dialect.EVO_AI_EVENTS)


class Updates(StrEnum):
    """What a config is told: each revision; after a failure only the newest of those that wait and every terminal or interrupted one; or
    each revision as the event that has made it.
    """

    EVERY_REVISION = "every-revision"
    LATEST_STATE = "latest-state"
    EVENTS = "events"


@dataclass(frozen=True)
class RetryPolicy:
    """A config's own schedule, in the words of Evo AI's documentation; bounded, so that nobody is hammered or kept for ever.

    `initial_delay` is in seconds; each later delay is `backoff_multiplier` times the one before, at most an hour.
    """

    max_retries: int = 3  # 0 to 10
    backoff_multiplier: float = 2.0  # 1 to 10
    initial_delay: float = 1.0  # 1 to 900

    @property
    def schedule(self) -> tuple[float, ...]:
        return tuple(min(self.initial_delay * self.backoff_multiplier**retry, MAX_RETRY_SECONDS) for retry in range(self.max_retries))


MAX_RETRY_SECONDS = 3600.0
UPDATES_HEADER = "A2A-Relay-Updates"  # on the call that registers; the specification's shapes have no place for it


API_KEY = "ApiKey"


@dataclass(frozen=True)
class Authentication:
    """`scheme` and `credentials` exactly as registered; `credentials` may be empty."""

    scheme: str
    credentials: str = field(default="", repr=False)

    @property
    def is_signing_secret(self) -> bool:
        """Scheme HMAC-SHA256: the credentials sign and are never sent (design §7)."""
        return self.scheme.upper() == "HMAC-SHA256"

    @property
    def is_api_key(self) -> bool:
        return self.scheme.replace("_", "").replace("-", "").upper() == "APIKEY"

    @property
    def credentials_object(self) -> Mapping[str, Any] | None:
        """The credentials where they are a JSON object."""
        try:
            found = json.loads(self.credentials) if self.credentials.startswith("{") else None
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    @property
    def header(self) -> tuple[str, str] | None:
        """Scheme ApiKey with a header of its own, as registration has checked it."""
        found = self.credentials_object if self.is_api_key else None
        name, value = (found.get("name"), found.get("value")) if found else (None, None)
        return (name, value) if isinstance(name, str) and isinstance(value, str) else None

    @property
    def asks_for_jwt(self) -> bool:
        """Bearer without credentials: A2A's JWT flow, in which the relay shows a token of its own making."""
        return self.scheme.upper() == "BEARER" and not self.credentials


@dataclass(frozen=True)
class PushConfig:
    """A registered push config. What is not in its `repr` is secret: encrypted at rest, and in no log."""

    key: ConfigKey
    url: str
    dialect: Dialect
    token: str = field(default="", repr=False)
    authentication: Authentication | None = field(default=None, repr=False)
    registered_at: datetime | None = None
    updates: Updates | None = None  # None: as the operator has set it for all
    retry_policy: RetryPolicy | None = None  # likewise
    is_challenged: bool = False  # its receiver must echo a nonce before its first notification
    secret: str = field(default="", repr=False)  # where the dialect has a member for it
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # of the client's own, as `custom_headers` allows them
    events: tuple[str, ...] = ()  # the only ones to be told, in the dialect's words; empty: all
    template: str = ""  # the life of the template that it is, or is a copy of; after a delete a template has another
    caller: str = field(default="", repr=False)  # who registered it: `fingerprint` of its own credential for the agent
    retired: tuple[RetiredSecret, ...] = field(default=(), repr=False)  # secrets that this caller has replaced, the latest first

    @property
    def template_key(self) -> ConfigKey:
        """Where the template is that it is a copy of: all copies bear its id."""
        return ConfigKey(self.key.task.agent_key.no_task, self.key.config_id)

    def as_told_to(self, caller: str) -> "PushConfig":
        """What that caller may read of it: token and credentials come back only to the one that set them (design §6, promise 7)."""
        if caller == self.caller:
            return self
        scheme = Authentication(self.authentication.scheme) if self.authentication else None
        return replace(self, token="", authentication=scheme, secret="", headers=(), retired=())

    @property
    def signing_secret(self) -> str:
        """What signs the body, or empty."""
        authentication = self.authentication
        return authentication.credentials if authentication and authentication.is_signing_secret else self.secret

    def signing_secrets(self, at: datetime) -> tuple[str, ...]:
        """All that sign at that time: the config's own first, then those that it has replaced lately."""
        earlier = tuple(each.text for each in self.retired if at < each.until)
        return (self.signing_secret, *earlier) if self.signing_secret else ()

    def succeeding(self, before: "PushConfig | None", *, now: datetime, overlap: timedelta) -> "PushConfig":
        """This config, set in place of `before`: its secrets sign on for the overlap, where the caller and the receiver are the same."""
        if before is None or before.caller != self.caller or not _lead_to_one_webhook(before.url, self.url):
            return self
        found = retired(before.retired, replaced=before.signing_secret, new=self.signing_secret, now=now, overlap=overlap)
        return replace(self, retired=found)


def _lead_to_one_webhook(one: str, other: str) -> bool:
    """Whatever their queries. The path counts: on a host of many, each may be somebody else's."""
    return (origin(one), urlsplit(one).path) == (origin(other), urlsplit(other).path)


@dataclass(frozen=True)
class Cursor:
    """Where a push config stands. All times are aware UTC.

    `waits_for` is the number of the timer that a failed attempt has sent. `behind_since` is set with it and stays until the config has
    caught up: while it is set, a reader looks for the newest revision itself, since wake-ups for it may have been acknowledged.
    `resend` holds the revisions a redrive or a replay asked for. `start` is where it began: it is owed what is past that.
    `claim_token` stays when the claim ends; without `claim_until` nobody holds it.
    """

    key: ConfigKey
    position: int
    claim_token: str = ""
    claim_until: datetime | None = None
    waits_for: str = ""
    due: datetime | None = None
    attempts: int = 0
    behind_since: datetime | None = None
    is_failing: bool = False
    last_outcome: str = ""
    group: str = ""
    resend: tuple[int, ...] = ()
    gone_checked: bool = False
    expires: datetime | None = None
    attempted: int = 0  # the revision that the last failed attempt was for
    start: int = 0

    def is_claimed(self, now: datetime) -> bool:
        return self.claim_until is not None and self.claim_until > now

    def is_behind(self, newest: int) -> bool:
        """Whether something is left to send; revisions up to `newest` exist."""
        return self.position < newest or bool(self.resend)


class Start(StrEnum):
    """How a config came to be, which decides where its cursor starts."""

    INLINE_NEW_TASK = "inline on a new task"
    INLINE_KNOWN_TASK = "inline on a known task"
    INLINE_ANSWERED = "inline on a known task that the answer has moved"
    LATER = "later registration"


def parse_updates(header: str | None) -> Updates | None:
    """Raises: InvalidParamsError for a value that is none."""
    text = (header or "").strip().lower()
    if not text:
        return None
    if text not in set(Updates):
        raise InvalidParamsError(f"{UPDATES_HEADER} must be one of {', '.join(Updates)}.", field=UPDATES_HEADER)
    return Updates(text)


def start_position(start: Start, newest: RevisionHead | None) -> int:
    """The revision a new cursor stands on: everything after it is told (design §2 rule 2)."""
    if start is Start.INLINE_NEW_TASK or newest is None:
        return 0
    if start is Start.INLINE_ANSWERED:
        return newest.number - 1
    nothing_else_may_come = newest.state.is_terminal or newest.state.is_interrupted
    if start is Start.LATER and nothing_else_may_come:
        return newest.number - 1
    return newest.number
