"""What a function's answer says about the records of its batch.

Source: Lambda Developer Guide, "Implementing partial batch responses", for SQS and for DynamoDB Streams: an empty answer is success of all;
an identifier that is empty, null, of another name or unknown is failure of all.
"""

from collections.abc import Collection
from typing import Any


def failed_identifiers(answer: Any, known: Collection[str]) -> frozenset[str]:
    """The records that failed: none, some, or all that are known."""
    if answer is None or answer == {}:
        return frozenset()
    if not isinstance(answer, dict):
        return frozenset(known)
    failures = answer.get("batchItemFailures")
    if failures is None or failures == []:
        return frozenset()
    if not isinstance(failures, list):
        return frozenset(known)
    identifiers = [failure.get("itemIdentifier") if isinstance(failure, dict) else None for failure in failures]
    if any(identifier not in known for identifier in identifiers):
        return frozenset(known)
    return frozenset(str(identifier) for identifier in identifiers)
