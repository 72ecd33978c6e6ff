"""A report as an agent POSTs it to `{base}/reports`: of which task, and what of it."""

from collections.abc import Mapping
from typing import NamedTuple

from relay.domain.errors import ForbiddenError, InvalidAgentResponseError, InvalidRequestError, UnsupportedMediaTypeError
from relay.domain.fields import Fields
from relay.domain.json_body import MAX_FORWARDED_BODY_BYTES, check_size, is_json, parse_json
from relay.domain.keys import AgentKey, TaskKey
from relay.domain.lenient import mapping
from relay.domain.task import TaskState
from relay.domain.task_events import StatusUpdate, TaskEvent, WholeTask, parse_event

_SAYS_UNKNOWN = (None, "", "unknown", "TASK_STATE_UNSPECIFIED")  # absent: how proto3's JSON writes the last


class Reported(NamedTuple):
    task: TaskKey
    event: TaskEvent


def read_report(reporter: AgentKey, body: bytes, *, content_type: str | None, query: Mapping[str, str]) -> Reported | None:
    """None when it tells of no task: a2a-sdk's senders are given Messages too. `tenant` is in the query: no event names it.

    Raises: InvalidRequestError, ParseError, InvalidParamsError, UnsupportedMediaTypeError.
    """
    event = _event(body, content_type)
    if event is None:
        return None
    _check_state(event)
    tenant = Fields(query).identifier("tenant")
    return Reported(TaskKey(reporter.owner, reporter.agent, tenant, event.task_id), event)


def read_push(task: TaskKey, body: bytes, *, content_type: str | None) -> Reported | None:
    """What is pushed to the callback of a task; of one that has no name yet, whichever task it tells of.

    Raises: as `read_report`, and ForbiddenError when it tells of another task.
    """
    event = _event(body, content_type)
    if event is None:
        return None
    if task.task_id and event.task_id != task.task_id:
        raise ForbiddenError("This callback is for another task.")
    return Reported(task._replace(task_id=event.task_id), event)


def _check_state(event: TaskEvent) -> None:
    """What an agent answers is read as it comes; who reports can be told that there is no such state. Raises: InvalidRequestError."""
    if isinstance(event, StatusUpdate):
        state = event.status.get("state")
    elif isinstance(event, WholeTask):
        state = mapping(event.snapshot.document.get("status")).get("state")
    else:
        return
    if TaskState.parse(state) is TaskState.UNKNOWN and state not in _SAYS_UNKNOWN:
        raise InvalidRequestError("The report's status.state is no state of a task, such as TASK_STATE_WORKING or working.")


def _event(body: bytes, content_type: str | None) -> TaskEvent | None:
    check_size(body, MAX_FORWARDED_BODY_BYTES)
    if not is_json(content_type):
        raise UnsupportedMediaTypeError("A report is JSON: application/a2a+json or application/json.")
    try:
        return parse_event(parse_json(body))
    except InvalidAgentResponseError as error:
        raise InvalidRequestError(f"{error.message} A report is a Task, a StreamResponse, or an event of 0.3.") from error
