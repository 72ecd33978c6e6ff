"""The event sources of the template, wired to an AWS."""

from collections.abc import Callable
from datetime import datetime

from relay_dev.definition import Definition, QueueMapping, ScheduleMapping, StreamMapping
from relay_dev.embedded import EmbeddedAws
from relay_dev.endpoint import EndpointAws
from relay_dev.event_loop import Source
from relay_dev.invoker import Invoke
from relay_dev.queues import QueueSource
from relay_dev.schedules import ScheduleSource
from relay_dev.shards import StreamReader
from relay_dev.streams import StreamSource


def make_sources(definition: Definition, aws: EmbeddedAws | EndpointAws, *, invoke: Invoke, now: Callable[[], datetime]) -> list[Source]:
    """In the order the data flows. Reads where the streams stand: the tables must exist."""
    sqs = aws.client("sqs")

    def queue_url(arn: str) -> str:
        return definition.queue(arn).url if arn else ""

    def stream(mapping: StreamMapping) -> Source:
        reader = StreamReader(
            mapping.table,
            from_beginning=mapping.from_beginning,
            dynamodb=aws.client("dynamodb"),
            streams=aws.client("dynamodbstreams"),
            has_more=lambda count: aws.has_records(mapping.table, count),
        )
        return StreamSource(
            mapping,
            definition.functions[mapping.function],
            reader=reader,
            sqs=sqs,
            on_failure_queue_url=queue_url(mapping.on_failure_queue_arn),
            invoke=invoke,
            now=now,
        )

    def queue(mapping: QueueMapping) -> Source:
        queue = definition.queue(mapping.queue_arn)
        return QueueSource(mapping, queue, region=aws.place.region, sqs=sqs, invoke=invoke, due=lambda: aws.has_messages(queue.name))

    def schedule(mapping: ScheduleMapping) -> Source:
        return ScheduleSource(
            mapping,
            definition.functions[mapping.function],
            place=aws.place,
            sqs=sqs,
            on_failure_queue_url=queue_url(mapping.on_failure_queue_arn),
            invoke=invoke,
            now=now,
        )

    return [*map(stream, definition.streams), *map(queue, definition.queue_mappings), *map(schedule, definition.schedules)]
