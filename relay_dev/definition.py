"""What the template defines, as far as one machine runs it: stores, queues, functions, and what invokes them.

The names are AWS's own; local physical names are the logical ids (a bucket's in lower case).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Table:
    """`properties` are CreateTable's own."""

    name: str
    properties: Mapping[str, Any]
    ttl_attribute: str = ""


@dataclass(frozen=True)
class Queue:
    name: str
    url: str
    arn: str
    delay: timedelta
    visibility_timeout: timedelta
    retention: timedelta
    dead_letter_queue_arn: str = ""
    max_receive_count: int = 0


@dataclass(frozen=True)
class Secret:
    """Either a given value, or GetRandomPassword's arguments."""

    name: str
    value: str | None
    generate: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Function:
    """`module` and `attribute` name the handler; locally the code's folder is its package."""

    name: str
    arn: str
    module: str
    attribute: str
    timeout: timedelta
    memory_mb: int
    environment: Mapping[str, str]


@dataclass(frozen=True)
class StreamMapping:
    """A table's stream invokes a function. `max_retries` and `max_record_age` are None when there is no limit."""

    function: str
    table: str
    from_beginning: bool
    batch_size: int
    window: timedelta
    parallelization: int
    max_retries: int | None
    max_record_age: timedelta | None
    bisect: bool
    partial_failures: bool
    filters: tuple[Mapping[str, Any], ...]
    on_failure_queue_arn: str


@dataclass(frozen=True)
class QueueMapping:
    """A queue invokes a function. AWS's default is 1,000 batches at once; `max_concurrency` is None then."""

    function: str
    queue_arn: str
    enabled: bool
    batch_size: int
    partial_failures: bool
    max_concurrency: int | None


@dataclass(frozen=True)
class ScheduleMapping:
    """A clock invokes a function, asynchronously: a failed invocation is told to `on_failure_queue_arn` after `max_retries`."""

    function: str
    rate: timedelta
    enabled: bool
    max_retries: int
    on_failure_queue_arn: str


@dataclass(frozen=True)
class Route:
    """API Gateway sends what matches the key (`$default`, or a method and a path) to a function."""

    key: str
    function: str
    needs_iam: bool = False


@dataclass(frozen=True)
class Definition:
    parameters: Mapping[str, str]
    tables: tuple[Table, ...]
    queues: tuple[Queue, ...]
    buckets: tuple[str, ...]
    keys: tuple[str, ...]
    secrets: tuple[Secret, ...]
    functions: Mapping[str, Function]
    streams: tuple[StreamMapping, ...]
    queue_mappings: tuple[QueueMapping, ...]
    schedules: tuple[ScheduleMapping, ...]
    routes: tuple[Route, ...]

    def queue(self, arn: str) -> Queue:
        """Raises: KeyError."""
        for queue in self.queues:
            if queue.arn == arn:
                return queue
        raise KeyError(arn)

    @property
    def environment(self) -> dict[str, str]:
        """What the functions find in their environment. One process runs them all, so they share it."""
        return {name: value for function in self.functions.values() for name, value in function.environment.items()}
