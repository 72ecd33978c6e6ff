"""What an agent POSTs of a task by itself: to `/reports`, and to the callback of one task."""

import json
from typing import Any

import pytest

from relay.domain.errors import (
    BodyTooLargeError,
    ForbiddenError,
    InvalidParamsError,
    InvalidRequestError,
    ParseError,
    UnsupportedMediaTypeError,
)
from relay.domain.json_body import MAX_FORWARDED_BODY_BYTES
from relay.domain.keys import AgentKey, TaskKey
from relay.domain.report import read_push, read_report
from relay.domain.task_events import ArtifactUpdate, WholeTask

REPORTER = AgentKey("owner", "agent")
TASK = TaskKey("owner", "agent", "t1", "task-1")
JSON = "application/json"
TOLD: dict[str, Any] = {"task": {"id": "task-1", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}}
MESSAGE = {"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "hello"}]}}


def body(told: Any) -> bytes:
    return json.dumps(told).encode()


@pytest.mark.parametrize("content_type", [JSON, "application/a2a+json", "application/json; charset=utf-8"])
def test_a_report_is_of_a_task_of_the_reporters_own_agent(content_type: str) -> None:
    reported = read_report(REPORTER, body(TOLD), content_type=content_type, query={})
    assert reported is not None
    assert reported.task == TaskKey("owner", "agent", "", "task-1")
    assert isinstance(reported.event, WholeTask)


def test_the_query_of_a_report_names_the_tenant() -> None:
    reported = read_report(REPORTER, body(TOLD), content_type=JSON, query={"tenant": "t1"})
    assert reported is not None
    assert reported.task == TASK


def test_a_tenant_that_fits_no_key_is_refused() -> None:
    with pytest.raises(InvalidParamsError) as refused:
        read_report(REPORTER, body(TOLD), content_type=JSON, query={"tenant": "#" * 300})
    assert refused.value.field == "tenant"


def test_what_is_pushed_to_a_callback_is_of_its_task_whatever_the_tenant() -> None:
    reported = read_push(TASK, body(TOLD), content_type=JSON)
    assert reported is not None
    assert (reported.task, reported.event.task_id) == (TASK, "task-1")


def test_a_callback_takes_nothing_of_another_task() -> None:
    with pytest.raises(ForbiddenError, match="This callback is for another task"):
        read_push(TASK._replace(task_id="task-2"), body(TOLD), content_type=JSON)


def test_a_callback_whose_task_has_no_name_yet_takes_the_first_it_is_told_of() -> None:
    reported = read_push(TASK._replace(task_id=""), body(TOLD), content_type=JSON)
    assert reported is not None
    assert reported.task == TASK


def test_a_message_tells_of_no_task() -> None:
    assert read_report(REPORTER, body(MESSAGE), content_type=JSON, query={}) is None
    assert read_push(TASK, body(MESSAGE), content_type=JSON) is None


@pytest.mark.parametrize(
    ("sent", "content_type", "error"),
    [
        (body(TOLD), "text/plain", UnsupportedMediaTypeError),
        (b"{", JSON, ParseError),
        (body({"id": "task-1"}), JSON, InvalidRequestError),
        (b" " * (MAX_FORWARDED_BODY_BYTES + 1), JSON, BodyTooLargeError),
    ],
)
def test_what_is_no_report_is_refused_at_both_doors(sent: bytes, content_type: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_report(REPORTER, sent, content_type=content_type, query={})
    with pytest.raises(error):
        read_push(TASK, sent, content_type=content_type)


def status_update(state: object) -> bytes:
    return body(
        {
            "statusUpdate": {
                "taskId": "task-1",
                "contextId": "c",
                "status": {"state": state} if state is not None else {"timestamp": "2026-11-27T12:00:00Z"},
            }
        }
    )


@pytest.mark.parametrize("state", ["complete", "BANANA", "TASK_STATE_DONE", 3, ["working"]])
def test_a_state_that_does_not_exist_is_refused_to_who_reports_and_read_from_who_pushes(state: object) -> None:
    for sent in (status_update(state), body({"id": "task-1", "kind": "task", "status": {"state": state}})):
        with pytest.raises(InvalidRequestError, match="no state of a task"):
            read_report(REPORTER, sent, content_type=JSON, query={})
    assert read_push(TASK, status_update(state), content_type=JSON) is not None


@pytest.mark.parametrize("state", [None, "unknown", "TASK_STATE_UNSPECIFIED", "working", "TASK_STATE_WORKING", "cancelled", "WORKING"])
def test_each_spelling_of_a_state_may_be_reported_and_none(state: str | None) -> None:
    assert read_report(REPORTER, status_update(state), content_type=JSON, query={}) is not None


def test_what_tells_of_an_artifact_has_no_state_to_be_refused() -> None:
    update = {"artifactUpdate": {"taskId": "task-1", "contextId": "c", "artifact": {"artifactId": "a", "parts": [{"text": "half of it"}]}}}
    reported = read_report(REPORTER, body(update), content_type=JSON, query={})
    assert reported is not None
    assert (reported.task.task_id, type(reported.event)) == ("task-1", ArtifactUpdate)


def test_the_refusal_says_what_a_report_may_be() -> None:
    with pytest.raises(InvalidRequestError, match=r"This is neither a task nor an event of one\. A report is a Task, a StreamResponse, or"):
        read_report(REPORTER, body({"kind": "weather"}), content_type=JSON, query={})
