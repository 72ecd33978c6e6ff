"""The fanout function: the table's stream; a new revision or a put config becomes wake-ups.

Source: AWS Lambda, "Using Lambda with DynamoDB streams"; the batch is read again from the lowest sequence number that is answered.
"""

from typing import Any

from relay import observability
from relay.clock import now
from relay.sqs_event import Batch, failures
from relay.use_cases.fan_out import StreamRecord
from relay.wiring import wiring


def handler(event: dict[str, Any], context: object) -> Batch:
    with observability.unit_of_work("fanout", context):
        first_failed = wiring().fan_out([_record(record) for record in event["Records"]], now=now())
        return failures([first_failed] if first_failed else [])


def _record(record: dict[str, Any]) -> StreamRecord:
    change = record["dynamodb"]
    return StreamRecord(
        sequence_number=change["SequenceNumber"],
        partition=change["Keys"]["pk"]["S"],
        sort_key=change["Keys"]["sk"]["S"],
        is_removal=record["eventName"] == "REMOVE",
    )
