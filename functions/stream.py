"""The stream function: wake-ups of the stream queue; it follows their tasks over connections to their agents, for as long as it may run."""

from collections.abc import Callable
from typing import Any

from relay import observability
from relay.domain.keys import TaskKey
from relay.domain.wakeup import StreamWakeup
from relay.sqs_event import Batch, failures, remaining, wakeups
from relay.wiring import wiring


def handler(event: dict[str, Any], context: object) -> Batch:
    with observability.unit_of_work("stream", context):
        known, unknown = wakeups(event, StreamWakeup.load)
        return failures(unknown + wiring().hold_streams(_guarded)(known, remaining=remaining(context)))


def _guarded(step: Callable[[], None], task: TaskKey | None) -> bool:
    """What fails here is ours; the task's watch goes on, and so do the other tasks' streams."""
    try:
        step()
    except Exception as error:
        observability.stream_failed(task, error)
        return False
    return True
