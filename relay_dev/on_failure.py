"""What Lambda tells an on-failure destination.

Source: Lambda Developer Guide, "Configuring destinations for failed invocations": for a stream only where the records were; for an
asynchronous invocation its event too.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from relay_dev.definition import Function
from relay_dev.invoker import Outcome
from relay_dev.stream_batches import GivenUp


def stream_failure(given_up: GivenUp, *, function: Function, request_id: str, shard_id: str, stream_arn: str, now: datetime) -> str:
    records = given_up.batch.records
    return json.dumps(
        {
            "requestContext": {
                "requestId": request_id,
                "functionArn": function.arn,
                "condition": given_up.condition,
                "approximateInvokeCount": given_up.batch.failures,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": _timestamp(now),
            "DDBStreamBatchInfo": {
                "shardId": shard_id,
                "startSequenceNumber": records[0].sequence_number,
                "endSequenceNumber": records[-1].sequence_number,
                "approximateArrivalOfFirstRecord": _timestamp(records[0].created_at),
                "approximateArrivalOfLastRecord": _timestamp(records[-1].created_at),
                "batchSize": len(records),
                "streamArn": stream_arn,
            },
        }
    )


def invocation_failure(event: Mapping[str, Any], outcome: Outcome, *, function: Function, invocations: int, now: datetime) -> str:
    error = outcome.error
    return json.dumps(
        {
            "version": "1.0",
            "timestamp": _timestamp(now),
            "requestContext": {
                "requestId": outcome.request_id,
                "functionArn": f"{function.arn}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": invocations,
            },
            "requestPayload": dict(event),
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": {"errorMessage": str(error), "errorType": type(error).__name__},
        }
    )


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
