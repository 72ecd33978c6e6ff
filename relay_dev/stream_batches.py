"""What becomes of a batch of stream records after an invocation. Nothing here does anything: it only decides.

Source: Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB", "Configuring partial batch response", "Error handling".
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from relay_dev.answers import failed_identifiers
from relay_dev.definition import StreamMapping
from relay_dev.invoker import Outcome

RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
AGE_EXCEEDED = "RecordAgeExceeded"

# AWS backs off without saying how; short enough to watch, long enough not to spin.
_FIRST_BACKOFF = timedelta(milliseconds=100)
_LONGEST_BACKOFF = timedelta(seconds=10)


@dataclass(frozen=True)
class Record:
    """`event` is the record as the function gets it."""

    sequence_number: str
    created_at: datetime
    event: Mapping[str, Any]


@dataclass(frozen=True)
class Batch:
    """`failures` counts the invocations that failed with it; it is not tried before `due_at`."""

    records: tuple[Record, ...]
    failures: int = 0
    due_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        return self.due_at is None or self.due_at <= now


@dataclass(frozen=True)
class GivenUp:
    """Records that are passed over, and why; the on-failure queue is told."""

    batch: Batch
    condition: str


@dataclass(frozen=True)
class Verdict:
    """`again` is to be invoked next, in this order, before anything newer."""

    again: tuple[Batch, ...] = ()
    given_up: GivenUp | None = None


def after_invocation(batch: Batch, outcome: Outcome, mapping: StreamMapping, now: datetime) -> Verdict:
    """Partial failures continue at the lowest that failed; an error splits the batch, or counts as a retry."""
    if outcome.error is None:
        if not mapping.partial_failures:
            return Verdict()
        failed = failed_identifiers(outcome.answer, {record.sequence_number for record in batch.records})
        if not failed:
            return Verdict()
        if failed != {record.sequence_number for record in batch.records}:
            first = next(position for position, record in enumerate(batch.records) if record.sequence_number in failed)
            return _retry(replace(batch, records=batch.records[first:]), mapping, now)
    if mapping.bisect and len(batch.records) > 1:
        return Verdict(again=_halves(batch))  # splitting spends no retry
    return _retry(batch, mapping, now)


def too_old(batch: Batch, mapping: StreamMapping, now: datetime) -> tuple[Batch | None, Batch | None]:
    """The batch in two: what is older than the maximum age, and the rest."""
    if mapping.max_record_age is None:
        return None, batch
    horizon = now - mapping.max_record_age
    old = tuple(record for record in batch.records if record.created_at < horizon)
    young = tuple(record for record in batch.records if record.created_at >= horizon)
    return (replace(batch, records=old) if old else None), (replace(batch, records=young) if young else None)


def _retry(batch: Batch, mapping: StreamMapping, now: datetime) -> Verdict:
    failures = batch.failures + 1
    if mapping.max_retries is not None and failures > mapping.max_retries:
        return Verdict(given_up=GivenUp(replace(batch, failures=failures), RETRIES_EXHAUSTED))
    backoff = min(_FIRST_BACKOFF * 2 ** min(batch.failures, 10), _LONGEST_BACKOFF)
    return Verdict(again=(replace(batch, failures=failures, due_at=now + backoff),))


def _halves(batch: Batch) -> tuple[Batch, Batch]:
    middle = len(batch.records) // 2
    return replace(batch, records=batch.records[:middle]), replace(batch, records=batch.records[middle:])


def read_record(found: Mapping[str, Any], stream_arn: str) -> Record:
    """A record of GetRecords as the event holds it: times as epoch seconds, binary as base64."""
    change = dict(found["dynamodb"])
    created_at: datetime = change["ApproximateCreationDateTime"]
    change["ApproximateCreationDateTime"] = int(created_at.timestamp())
    event = {
        "eventID": found["eventID"],
        "eventName": found["eventName"],
        "eventVersion": found["eventVersion"],
        "eventSource": found["eventSource"],
        "awsRegion": found["awsRegion"],
        "dynamodb": _plain(change),
        "eventSourceARN": stream_arn,
    }
    if identity := found.get("userIdentity"):  # who deletes: DynamoDB itself, when an item's time to live is over
        event["userIdentity"] = {"principalId": identity["PrincipalId"], "type": identity["Type"]}
    return Record(sequence_number=change["SequenceNumber"], created_at=created_at.astimezone(UTC), event=event)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | set | tuple):
        return [_plain(each) for each in value]
    return value
