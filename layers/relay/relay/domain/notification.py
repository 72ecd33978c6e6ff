"""One revision told to one push config: the POST's id, body and headers.

Source: A2A 1.0 §4.3.3 and 0.3 §9.5 (bodies, content types, Authorization); Standard Webhooks 1.0.0, "Webhook metadata" and
"Signature scheme" (`v1` is HMAC-SHA256, `v1a` ed25519). A 1.0 body holds nothing that the specification does not name: what the relay has
to say travels in headers.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from relay.domain import evo_ai, evo_webhook, praisonai
from relay.domain.conversion import convert
from relay.domain.endings import ENDED
from relay.domain.evo_webhook import EVO_NAMES, EvoNames
from relay.domain.keys import ConfigKey
from relay.domain.push_config import Dialect, PushConfig, Updates
from relay.domain.signer import NO_SIGNER, Signer, SigningKey, notification_jwt
from relay.domain.signing_secret import signing_key as signing_key
from relay.domain.task import Ending, Json, ProtocolVersion, Revision, RevisionHead
from relay.domain.update_events import Fingerprint, event_since
from relay.domain.webhook_url import origin

_EVENTS_VERSIONS = {Dialect.A2A_V10: ProtocolVersion.V10, Dialect.A2A_V03: ProtocolVersion.V03}
_CONTENT_TYPE_10, _CONTENT_TYPE = "application/a2a+json", "application/json"

REVISION_HEADER = "A2A-Relay-Revision"  # the revision's number: a receiver that keeps the highest per task sees order and gaps
ATTEMPT_HEADER = "A2A-Relay-Attempt"  # 1 for the first POST of this notification
TRUNCATED_HEADER = "A2A-Relay-Truncated"  # "true" when the task was too large to be told whole, else absent
REDRIVEN_HEADER = "A2A-Relay-Redriven"  # "true" when an operator sends it again, else absent: an older state may follow a newer one

_ID_BYTES = 18  # 144 bits, and no padding in base64
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]+")  # RFC 9110: visible ASCII, space, tab; no CR, LF, NUL

Header = tuple[str, str]


@dataclass(frozen=True)
class Notification:
    """One revision told to one push config, ready for its POST. `is_truncated`: the task was too large to be told whole."""

    webhook_id: str
    head: RevisionHead
    body: bytes = field(repr=False)
    is_truncated: bool = False


def webhook_id(key: ConfigKey, revision: int) -> str:
    """The notification's name: the same for every attempt, in every process and release; another one for any other config or revision."""
    named = json.dumps([*key.task, key.config_id, revision], separators=(",", ":"))
    digest = hashlib.sha256(named.encode("ascii")).digest()[:_ID_BYTES]
    return "msg_" + base64.urlsafe_b64encode(digest).decode("ascii")


def events_version(config: PushConfig) -> ProtocolVersion | None:
    """In which version the config is told events; None: it is told tasks, as it wishes or as its dialect has it."""
    return _EVENTS_VERSIONS.get(config.dialect) if config.updates is Updates.EVENTS else None


def body(
    config: PushConfig,
    revision: Revision,
    before: Fingerprint | None = None,
    *,
    names: EvoNames = EVO_NAMES,
    lasted: timedelta | None = None,
) -> bytes:
    """The task, or the event since `before`, in the dialect of the config, as compact UTF-8 JSON; equal ones give equal bytes.

    `lasted`: how long the task took, where that is known and the dialect tells it.

    Always valid JSON in valid UTF-8, whatever the agent wrote: half a surrogate pair becomes U+FFFD, NaN and Infinity become null.
    """
    version = events_version(config)
    event = event_since(before, revision.snapshot, version) if version else None
    return _encode(event or _document(config, revision, names, lasted))


def headers(
    config: PushConfig,
    *,
    webhook_id: str,
    timestamp: datetime,
    body: bytes,
    attempt: int,
    revision: RevisionHead,
    signer: Signer = NO_SIGNER,
    traceparent: str = "",
    is_truncated: bool = False,
    is_resent: bool = False,
    ending: Ending | None = None,
    names: EvoNames = EVO_NAMES,
) -> tuple[Header, ...]:
    """Every header of one attempt, signed over exactly `body`, also by the keys of `signer`; `timestamp` is the attempt's own time, aware.

    Raises: ValueError when something registered cannot be a header's value; the message names the header, never the value.
    """
    found: list[Header] = [("Content-Type", _CONTENT_TYPE_10 if config.dialect is Dialect.A2A_V10 else _CONTENT_TYPE)]
    found += _authorization(config, webhook_id, timestamp, body=body, signer=signer)
    if config.token:  # A2A's Python, JS and Java read the first name, Go and Rust the second
        found += [("X-A2A-Notification-Token", config.token), ("A2A-Notification-Token", config.token)]
    if config.dialect is Dialect.PRAISONAI:
        found += praisonai.headers(config, body)
    if config.dialect is Dialect.EVO_AI_EVENTS:
        found += evo_webhook.headers(config, body, revision=revision, delivery_id=webhook_id, at=timestamp, names=names)
    found += signature_headers(config, webhook_id=webhook_id, timestamp=timestamp, body=body, signer=signer)
    if traceparent:
        found.append(("traceparent", traceparent))
    found += [(REVISION_HEADER, str(revision.number)), (ATTEMPT_HEADER, str(attempt))]
    found += [(name, "true") for name, is_so in ((TRUNCATED_HEADER, is_truncated), (REDRIVEN_HEADER, is_resent)) if is_so]
    if ending:
        found.append((ENDED, ending.value))
    ours = {name.lower() for name, _ in found}
    found += [(name, value) for name, value in config.headers if name.lower() not in ours]
    return tuple(_checked(header) for header in found)


def signature_headers(config: PushConfig, *, webhook_id: str, timestamp: datetime, body: bytes, signer: Signer) -> list[Header]:
    """Standard Webhooks' three, or two where there is nothing to sign with."""
    signatures = " ".join(_signatures(config, webhook_id, timestamp, body=body, signer=signer))
    found = [("webhook-id", webhook_id), ("webhook-timestamp", _seconds(timestamp))]
    return [*found, ("webhook-signature", signatures)] if signatures else found


def sign_v1(secret: str, webhook_id: str, timestamp: datetime, body: bytes) -> str:
    """Standard Webhooks' symmetric signature: `v1,` and base64 of HMAC-SHA256 over `{id}.{seconds}.{body}`.

    Raises: ValueError when the secret cannot be a key, see `signing_key`.
    """
    return "v1," + base64.b64encode(hmac.digest(signing_key(secret), _signed(webhook_id, timestamp, body), "sha256")).decode("ascii")


def sign_v1a(key: SigningKey, webhook_id: str, timestamp: datetime, body: bytes) -> str:
    """Standard Webhooks' asymmetric signature: `v1a,` and base64 of ed25519 over the same bytes as `v1`."""
    return "v1a," + base64.b64encode(key.sign(_signed(webhook_id, timestamp, body))).decode("ascii")


def _document(config: PushConfig, revision: Revision, names: EvoNames, lasted: timedelta | None) -> Json:
    match config.dialect:
        case Dialect.A2A_V03:
            return convert(revision.snapshot, ProtocolVersion.V03).document
        case Dialect.PRAISONAI:
            return praisonai.document(revision)
        case Dialect.EVO_AI:
            return evo_ai.task_document(revision)
        case Dialect.EVO_AI_EVENTS:
            delivery_id = webhook_id(config.key, revision.number)
            return evo_webhook.document(revision, delivery_id=delivery_id, names=names, lasted=lasted)
        case _:  # A2A 1.0's
            return {"task": convert(revision.snapshot, ProtocolVersion.V10).document}


def _authorization(config: PushConfig, webhook_id: str, timestamp: datetime, *, body: bytes, signer: Signer) -> list[Header]:
    """Bearer without credentials asks for the relay's JWT; any other scheme alone says nothing to send."""
    authentication = config.authentication
    if authentication is None or authentication.is_signing_secret:
        return []
    if authentication.header:
        return [authentication.header]
    if authentication.credentials:
        return [("Authorization", f"{authentication.scheme} {authentication.credentials}")]
    if not authentication.asks_for_jwt or not signer.keys:
        return []
    task_id, audience = config.key.task.task_id, origin(config.url)
    jwt = notification_jwt(signer, webhook_id=webhook_id, task_id=task_id, audience=audience, issued_at=timestamp, body=body)
    return [("Authorization", f"Bearer {jwt}")]


def _signatures(config: PushConfig, webhook_id: str, timestamp: datetime, *, body: bytes, signer: Signer) -> Iterator[str]:
    """In the order of the header. `v1` stays first: stock verifiers read on only past well-formed signatures, and skip `v1a`."""
    for secret in config.signing_secrets(timestamp):
        yield sign_v1(secret, webhook_id, timestamp, body)
    for key in signer.keys:
        yield sign_v1a(key, webhook_id, timestamp, body)


def _signed(webhook_id: str, timestamp: datetime, body: bytes) -> bytes:
    return b".".join([webhook_id.encode("ascii"), _seconds(timestamp).encode("ascii"), body])


def _checked(header: Header) -> Header:
    """Registration refuses such values; here they would start a header, or a request, of somebody's own."""
    name, value = header
    if not _HEADER_VALUE.fullmatch(value):
        raise ValueError(f"the value of {name} cannot be a header")
    return header


def _seconds(timestamp: datetime) -> str:
    if timestamp.tzinfo is None:
        raise ValueError("an attempt's time has a zone: a naive one would sign another instant")
    return str(int(timestamp.timestamp()))


def _encode(document: Json) -> bytes:
    try:
        text = _compact(document)
    except ValueError:  # Python's parser takes NaN and Infinity from an agent; JSON has neither
        text = _compact(json.loads(json.dumps(document), parse_constant=lambda _: None))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("utf-8")


def _compact(document: Json) -> str:
    return json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False, allow_nan=False)
