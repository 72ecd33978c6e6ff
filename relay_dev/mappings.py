"""The events of a SAM function as event source mappings.

Source: AWS SAM specification, "DynamoDB", "SQS", "Schedule"; Lambda's own defaults where the template is silent.
"""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from relay_dev.cloudformation import TemplateError
from relay_dev.definition import QueueMapping, ScheduleMapping, StreamMapping
from relay_dev.filters import check_pattern

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_PARTIAL = "ReportBatchItemFailures"
_NO_LIMIT = -1


def stream_mapping(function: str, given: Mapping[str, Any]) -> StreamMapping:
    """Raises: TemplateError."""
    filters = tuple(json.loads(each["Pattern"]) for each in given.get("FilterCriteria", {}).get("Filters", ()))
    for pattern in filters:
        check_pattern(pattern)
    max_record_age = int(given.get("MaximumRecordAgeInSeconds", _NO_LIMIT))
    max_retries = int(given.get("MaximumRetryAttempts", _NO_LIMIT))
    return StreamMapping(
        function=function,
        table=given["Stream"].split("/")[1],
        from_beginning=given["StartingPosition"] == "TRIM_HORIZON",
        batch_size=int(given.get("BatchSize", 100)),
        window=timedelta(seconds=float(given.get("MaximumBatchingWindowInSeconds", 0))),
        parallelization=int(given.get("ParallelizationFactor", 1)),
        max_retries=None if max_retries == _NO_LIMIT else max_retries,
        max_record_age=None if max_record_age == _NO_LIMIT else timedelta(seconds=max_record_age),
        bisect=bool(given.get("BisectBatchOnFunctionError", False)),
        partial_failures=_PARTIAL in given.get("FunctionResponseTypes", ()),
        filters=filters,
        on_failure_queue_arn=_on_failure(given),
    )


def queue_mapping(function: str, given: Mapping[str, Any]) -> QueueMapping:
    """Raises: TemplateError. A batching window is not waited for: locally nothing is gained by it."""
    if "FilterCriteria" in given:
        raise TemplateError(f"`relay dev` does not know filters on the queue of {function}.")
    concurrency = given.get("ScalingConfig", {}).get("MaximumConcurrency")
    return QueueMapping(
        function=function,
        queue_arn=given["Queue"],
        enabled=bool(given.get("Enabled", True)),
        batch_size=int(given.get("BatchSize", 10)),
        partial_failures=_PARTIAL in given.get("FunctionResponseTypes", ()),
        max_concurrency=None if concurrency is None else int(concurrency),
    )


def schedule_mapping(name: str, given: Mapping[str, Any], function: Mapping[str, Any]) -> ScheduleMapping:
    """Raises: TemplateError."""
    found = _RATE.fullmatch(given["Schedule"])
    if not found:
        raise TemplateError(f"`relay dev` knows rate(…) schedules only, not {given['Schedule']!r} of {name}.")
    invoke = function.get("EventInvokeConfig", {})
    return ScheduleMapping(
        function=name,
        rate=timedelta(**{f"{found.group(2)}s": int(found.group(1))}),
        enabled=bool(given.get("Enabled", True)),
        max_retries=int(invoke.get("MaximumRetryAttempts", 2)),  # Lambda's default for asynchronous invocations
        on_failure_queue_arn=_on_failure(invoke),
    )


def _on_failure(given: Mapping[str, Any]) -> str:
    destination: str = given.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
    if destination and destination.split(":")[2] != "sqs":
        raise TemplateError(f"`relay dev` knows queues as on-failure destinations only, not {destination}.")
    return destination
