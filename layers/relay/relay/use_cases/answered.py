"""Answered: the agent has answered a call, and it is the relay that fails now. A caller that is told of a failure alone sends again.

A function that dies is no failure in this sense: nothing here catches it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

from relay import observability
from relay.adapters.aws_errors import AWS_ERRORS
from relay.adapters.blobs import BlobMissingError
from relay.adapters.queues import NotSentError
from relay.adapters.table.connection import TableBusyError
from relay.adapters.table.items import UnknownItemError
from relay.adapters.vault import VaultError
from relay.domain.errors import InternalError
from relay.domain.keys import AgentKey, TaskKey
from relay.use_cases.observe import ContentionError

OUR_FAILURES = (*AWS_ERRORS, BlobMissingError, ContentionError, NotSentError, TableBusyError, UnknownItemError, VaultError)


@contextmanager
def only_sooner(what_failed: LiteralString, *, agent: AgentKey, task: TaskKey | None = None) -> Iterator[None]:
    """A step without which the watch, the sweep or a later call does the same: when it fails, a log line and the metric say so."""
    try:
        yield
    except OUR_FAILURES as error:
        observability.fault("the agent's answer goes on without a later step", reason=what_failed, agent_key=agent, task=task, error=error)


@contextmanager
def owed(task: TaskKey, told: str) -> Iterator[None]:
    """Steps that are promised to the caller. Raises: InternalError with `told`, which says what the agent has and what to do."""
    try:
        yield
    except OUR_FAILURES as error:
        observability.fault("the agent has answered, and the relay has failed", task=task, error=error)
        raise InternalError(told, metadata={"outcome": "taken", "taskId": task.task_id}) from error
