"""A function for the tests of the invoker: it does what the event says."""

import time
from typing import Any


def handler(event: dict[str, Any], context: Any) -> Any:
    if "raise" in event:
        raise ValueError(event["raise"])
    if "exit" in event:
        raise SystemExit(event["exit"])
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "unserializable" in event:
        return object()
    return {
        "name": context.function_name,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "request_id": context.aws_request_id,
        "remaining": context.get_remaining_time_in_millis(),
    }
