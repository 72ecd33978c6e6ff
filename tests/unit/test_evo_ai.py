"""Evo AI's two dialects: its code's and its documentation's, how they are told apart, answered and told."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relay.domain import evo_ai, notification
from relay.domain.errors import InvalidParamsError
from relay.domain.evo_webhook import EvoNames, lasted, tells_duration
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.packing import PackedRevision
from relay.domain.protocol import Kind
from relay.domain.push_config import Authentication, Dialect, PushConfig, RetryPolicy
from relay.domain.push_methods import by_task_result, parse_set, set_result
from relay.domain.registration import Registration
from relay.domain.sends import parse_send
from relay.domain.task import Ending, ProtocolVersion, Revision, RevisionHead, Snapshot, TaskState, View

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
NOW = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
URL = "https://receiver.example/hook"


def as_config(said: Registration) -> PushConfig:
    return said.as_config(ConfigKey(TaskKey("owner", "default", "", said.task_id), said.config_id or "cfg-1"), NOW)


def code_config(**members: Any) -> PushConfig:
    return as_config(parse_set({"taskId": "t1", "pushNotificationConfig": members}, V03))


def documented(**members: Any) -> PushConfig:
    return as_config(parse_set({"taskId": "t1", "config": {"url": URL} | members}, V03))


def revision(state: str, **task: Any) -> Revision:
    document = {"id": "t1", "contextId": "c", "status": {"state": f"TASK_STATE_{state}"}} | task
    return Revision(3, View(Snapshot(V10, document), NOW, NOW, "poll"))


def wrong_field(config: dict[str, Any]) -> str:
    with pytest.raises(InvalidParamsError) as raised:
        parse_set({"taskId": "t1", "config": {"url": URL} | config}, V03)
    assert raised.value.field in raised.value.message
    return raised.value.field


# --- the code's dialect


@pytest.mark.parametrize(
    "members",
    [
        {"webhookUrl": URL},
        {"url": URL, "webhookAuthenticationInfo": {"type": "none"}},
        {"url": URL, "authentication": {"type": "none"}},
    ],
)
def test_names_of_its_own_make_a_nested_config_evo_ais(members: dict[str, Any]) -> None:
    assert code_config(**members).dialect is Dialect.EVO_AI
    assert code_config(**members).url == URL


@pytest.mark.parametrize("members", [{"url": URL}, {"url": URL, "authentication": {"schemes": ["Bearer"], "type": "bearer"}}])
def test_what_0_3_says_too_is_0_3s_and_its_answer_holds_what_evo_ais_clients_read(members: dict[str, Any]) -> None:
    config = code_config(**members)
    assert config.dialect is Dialect.A2A_V03
    assert set_result(config, V03)["success"] is True


def test_the_answer_of_1_0_holds_nothing_of_the_sort() -> None:
    assert set(set_result(as_config(parse_set({"taskId": "t1", "url": URL}, V10)), V10)) == {"taskId", "id", "url"}


def test_a_config_of_the_codes_is_answered_as_the_code_does() -> None:
    config = code_config(webhookUrl=URL, token="k", webhookAuthenticationInfo={"type": "bearer", "token": "jwt"})
    assert set_result(config, V03) == {"success": True, "taskId": "t1"}
    described = {"url": URL, "token": "k", "authentication": {"type": "bearer", "token": "jwt"}}
    assert by_task_result(config) == {"taskId": "t1", "pushNotificationConfig": described}


def test_what_is_wrong_is_named_in_evo_ais_words() -> None:
    with pytest.raises(InvalidParamsError) as raised:
        code_config(webhookUrl=5)
    assert raised.value.field == "pushNotificationConfig.webhookUrl"
    assert code_config(webhookUrl=URL).key.config_id == "evo-ai"


def test_a_receiver_of_the_codes_reads_parts_by_type() -> None:
    message = {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "hi"}]}
    task = {"artifacts": [{"artifactId": "a", "parts": [{"text": "the answer"}]}], "history": [message]}
    told = revision("COMPLETED", status={"state": "TASK_STATE_COMPLETED", "message": message}, **task)
    body = json.loads(notification.body(code_config(webhookUrl=URL), told))
    part = {"kind": "text", "type": "text"}
    assert body["artifacts"][0]["parts"] == [part | {"text": "the answer"}]
    assert body["history"][0]["parts"] == body["status"]["message"]["parts"] == [part | {"text": "hi"}]
    assert (body["id"], body["kind"], body["status"]["state"]) == ("t1", "task", "completed")


@pytest.mark.parametrize(
    "params",
    [
        {"configuration": {"pushNotificationConfig": {"webhookUrl": URL}}},
        {"pushNotificationConfig": {"url": URL}},
        {"pushNotificationConfig": {"webhookUrl": URL}},
    ],
)
def test_an_inline_config_may_stand_beside_the_message_and_does_not_go_on_to_the_agent(params: dict[str, Any]) -> None:
    message = {"messageId": "m", "role": "user", "parts": [{"type": "text", "text": "hi"}]}
    found = parse_send({"message": message, **params}, V03)
    assert found.inline is not None
    assert (found.inline.dialect, found.inline.url, found.waits) == (Dialect.EVO_AI, URL, True)
    assert URL not in json.dumps(found.forwarded)


def test_1_0_has_no_config_beside_the_message() -> None:
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
    assert parse_send({"message": message, "pushNotificationConfig": {"url": URL}}, V10).inline is None


# --- the documentation's dialect


def test_a_documented_config_is_registered_with_all_it_says() -> None:
    config = {
        "url": URL,
        "headers": {"Authorization": "Bearer t", "X-Custom": "v"},
        "events": ["task.failed", "task.completed"],
        "retryPolicy": {"maxRetries": 5, "backoffMultiplier": 2.0, "initialDelay": 2},
        "secret": "s",
    }
    said = parse_set({"config": config, "taskId": "t1"}, V03)
    assert (said.dialect, said.task_id, said.secret) == (Dialect.EVO_AI_EVENTS, "t1", "s")
    assert said.headers == (("Authorization", "Bearer t"), ("X-Custom", "v"))
    assert (said.events, said.retry_policy) == (("task.completed", "task.failed"), RetryPolicy(5, 2.0, 2))
    assert "Bearer t" not in repr(said)
    assert said.url_field == "config.url"


def test_it_is_answered_as_the_page_says_and_never_with_its_secret() -> None:
    config = documented(events=["task.completed"], secret="s3cret", headers={"X-Custom": "v"}, retryPolicy={"maxRetries": 1})
    assert set_result(config, V03) == {"configured": True, "configId": "cfg-1", "url": URL, "events": ["task.completed"]}
    assert set_result(documented(), V03)["events"] == list(evo_ai.EVENTS)
    told = by_task_result(config)
    assert (told["taskId"], told["headers"], told["retryPolicy"]["maxRetries"]) == ("t1", {"X-Custom": "v"}, 1)
    assert "s3cret" not in json.dumps(told)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"url": ""}, "config.url"),
        ({"events": ["task.started"]}, "config.events"),
        ({"events": "task.completed"}, "config.events"),
        ({"secret": 5}, "config.secret"),
        ({"retryPolicy": {"maxRetries": 11}}, "config.retryPolicy.maxRetries"),
        ({"headers": []}, "config.headers"),
        *(
            ({"headers": {name: "v"}}, f"config.headers.{name}")
            for name in (
                *("Host", "content-type", "Content-Length", "Connection", "Transfer-Encoding", "Proxy-Authorization", "TE", "Upgrade"),
                *("webhook-id", "Webhook-Signature", "X-Webhook-Signature", "X-A2A-Notification-Token", "A2A-Relay-Attempt", "traceparent"),
                *("User-Agent", "a b", "a:b", "na\u00efve", "a\r\nb"),
            )
        ),
        *(({"headers": {"X-Custom": value}}, "config.headers.X-Custom") for value in ("a\r\nX-Evil: 1", "a\n", "caf\u00e9", "", 5, None)),
        ({"headers": {"X-Custom": "a" * 4097}}, "config.headers.X-Custom"),
        ({"headers": {"X-A": "a" * 4000, "X-B": "a" * 4000, "X-C": "a" * 4000}}, "config.headers.X-C"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "config.headers.x-a"),
        ({"headers": {f"X-{n}": "v" for n in range(21)}}, "config.headers.X-20"),
    ],
)
def test_what_is_wrong_in_a_documented_config_is_named(config: dict[str, Any], field: str) -> None:
    assert wrong_field(config) == field


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (TaskState.SUBMITTED, "task.submitted"),
        (TaskState.WORKING, "task.working"),
        (TaskState.INPUT_REQUIRED, "task.working"),
        (TaskState.AUTH_REQUIRED, "task.working"),
        (TaskState.UNKNOWN, "task.working"),
        (TaskState.COMPLETED, "task.completed"),
        (TaskState.FAILED, "task.failed"),
        (TaskState.REJECTED, "task.failed"),
        (TaskState.CANCELED, "task.canceled"),
    ],
)
def test_each_state_is_an_event_and_the_filter_goes_by_it(state: TaskState, event: str) -> None:
    assert evo_ai.event_of(state) == event
    head = revision(state.name).head
    assert evo_ai.wants(documented(events=[event]).events, head)
    assert evo_ai.wants(documented().events, head)
    others = [other for other in evo_ai.EVENTS if other != event]
    assert not evo_ai.wants(documented(events=others).events, head)
    assert evo_ai.wants(documented(events=others).events, replace(head, ending=Ending.DEADLINE)), "nothing more may come"


def told(state: str, **task: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(notification.body(documented(), revision(state, **task)))
    return body


def test_an_envelope_is_around_the_task_of_0_3() -> None:
    body = told("COMPLETED", artifacts=[])
    moment = "2026-11-20T12:00:30Z"
    assert (body["event"], body["timestamp"], body["deliveryId"]) == (
        "task.completed",
        moment,
        notification.webhook_id(documented().key, 3),
    )
    assert body["data"] == {"taskId": "t1", "contextId": "c", "status": {"state": "completed"}, "completedAt": moment}
    assert (body["id"], body["taskId"], body["kind"], body["status"]["state"]) == ("t1", "t1", "task", "completed")


@pytest.mark.parametrize(
    ("state", "data"),
    [
        ("SUBMITTED", {"submittedAt": "T", "estimatedDuration": 5}),
        ("WORKING", {"startedAt": "T", "progress": 0.5}),
        ("COMPLETED", {"completedAt": "T", "status": {"state": "completed", "message": "words"}}),
        ("FAILED", {"failedAt": "T", "status": {"state": "failed", "message": "words", "error": "words"}}),
        ("CANCELED", {"canceledAt": "T", "reason": "words"}),
    ],
)
def test_the_data_of_an_event_are_those_that_the_page_names(state: str, data: dict[str, Any]) -> None:
    message = {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "words"}]}
    status = {"state": f"TASK_STATE_{state}", "message": message, "timestamp": "2026-11-20T11:00:00Z"}
    found = told(state, status=status, metadata={"estimatedDuration": 5, "progress": 0.5})["data"]
    expected = {name: "2026-11-20T11:00:00Z" if value == "T" else value for name, value in data.items()}
    assert {name: found[name] for name in expected} == expected


def seen(state: TaskState, arrived_at: datetime, *, by: str = "poll", says: datetime | None = None) -> PackedRevision:
    """A request takes a second."""
    head = RevisionHead(1, state, "", "", arrived_at, says)
    return PackedRevision(head, V10, asked_at=arrived_at - timedelta(seconds=1), learnt_by=by)


@pytest.mark.parametrize(
    ("first", "last", "seconds"),
    [
        pytest.param(seen(TaskState.SUBMITTED, NOW, says=NOW), seen(TaskState.COMPLETED, NOW + 9 * SECOND, says=NOW + 5 * SECOND), 5),
        pytest.param(seen(TaskState.SUBMITTED, NOW), seen(TaskState.COMPLETED, NOW + 9 * SECOND, says=NOW + 5 * SECOND), 9),
        pytest.param(seen(TaskState.WORKING, NOW, by="send"), seen(TaskState.FAILED, NOW + 9 * SECOND), 10, id="from the send"),
        pytest.param(seen(TaskState.COMPLETED, NOW, by="send", says=NOW), seen(TaskState.COMPLETED, NOW, says=NOW), 1, id="in the answer"),
        pytest.param(seen(TaskState.SUBMITTED, NOW, says=NOW + SECOND), seen(TaskState.FAILED, NOW, says=NOW), 0, id="never negative"),
        pytest.param(seen(TaskState.WORKING, NOW), seen(TaskState.COMPLETED, NOW + 9 * SECOND), None, id="its beginning was not seen"),
    ],
)
def test_a_task_lasted_from_its_beginning_to_its_end(first: PackedRevision, last: PackedRevision, seconds: float | None) -> None:
    assert lasted(first, last) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(("state", "is_told"), [("COMPLETED", True), ("FAILED", True), ("CANCELED", False), ("WORKING", False)])
def test_only_what_ended_by_itself_has_a_duration(state: str, is_told: bool) -> None:
    body = json.loads(notification.body(documented(), revision(state), lasted=timedelta(seconds=1.5)))
    assert body["data"].get("duration") == (1.5 if is_told else None)
    assert tells_duration(documented(), revision(state).head) is is_told
    assert not tells_duration(code_config(webhookUrl=URL), revision(state).head)


def test_headers_say_event_delivery_time_and_signature() -> None:
    config, at = documented(secret="s", headers={"X-Custom": "v", "Authorization": "Bearer t"}), NOW + timedelta(hours=1)
    body = notification.body(config, revision("WORKING"))
    found = dict(notification.headers(config, webhook_id="msg_1", timestamp=at, body=body, attempt=2, revision=revision("WORKING").head))
    assert (found["X-Webhook-Event"], found["X-Webhook-Delivery"]) == ("task.working", "msg_1")
    assert found["X-Webhook-Timestamp"] == found["webhook-timestamp"]
    assert found["X-Webhook-Signature"] == "sha256=" + hmac.new(b"s", body, hashlib.sha256).hexdigest()
    assert (found["X-Custom"], found["Authorization"]) == ("v", "Bearer t")


def test_a_header_of_the_clients_never_takes_the_place_of_one_of_ours() -> None:
    config = documented(headers={"X-Hook-Event": "mine", "authorization": "mine"}, authentication={"scheme": "Bearer", "credentials": "c"})
    names = EvoNames(event_header="X-Hook-Event")
    found = notification.headers(
        config, webhook_id="msg_1", timestamp=NOW, body=b"{}", attempt=1, revision=revision("WORKING").head, names=names
    )
    assert [value for name, value in found if name.lower() in ("x-hook-event", "authorization")] == ["Bearer c", "task.working"]


def test_the_names_can_be_set() -> None:
    names = EvoNames("Event", "Delivery", "At", "Signature", "e", "t", "d", "x")
    body = json.loads(notification.body(documented(), revision("WORKING"), names=names))
    assert (body["e"], set(body) & {"event", "deliveryId", "data"}) == ("task.working", set())


def test_authentication_of_any_form_is_shown_to_the_receiver() -> None:
    config = documented(authentication={"type": "apiKey", "key": "k", "headerName": "X-Client-Key"})
    assert config.authentication is not None
    assert config.authentication.header == ("X-Client-Key", "k")
    assert documented(authentication={"scheme": "Bearer", "credentials": "c"}).authentication == Authentication("Bearer", "c")


# --- its other calls


@pytest.mark.parametrize("kind", [Kind.GET_TASK, Kind.CANCEL])
def test_a_task_may_be_named_by_task_id(kind: Kind) -> None:
    assert evo_ai.in_03s_words(kind, {"taskId": "t1"})["id"] == "t1"
    assert evo_ai.in_03s_words(kind, {"id": "t2", "taskId": "t1"})["id"] == "t2"
    assert evo_ai.in_03s_words(kind, {"taskId": 5}) == {"taskId": 5}


def test_a_part_may_bear_its_kind_as_type() -> None:
    parts = [{"type": "text", "text": "hi"}, {"kind": "text", "text": "hi"}, {"type": "?"}, 5]
    told = evo_ai.in_03s_words(Kind.SEND, {"message": {"messageId": "m", "parts": parts}})["message"]
    assert told == {"messageId": "m", "parts": [{"type": "text", "kind": "text", "text": "hi"}, *parts[1:]]}


@pytest.mark.parametrize("params", [{}, {"message": None}, {"message": {"parts": None}}, {"message": {"parts": [{"kind": "text"}]}}])
def test_what_is_in_0_3s_words_is_left_as_it_is(params: dict[str, Any]) -> None:
    assert evo_ai.in_03s_words(Kind.SEND, params) is params


def test_a_config_without_a_schedule_of_its_own_is_shown_without_one() -> None:
    assert "retryPolicy" not in by_task_result(documented())


def test_a_config_of_the_documentations_may_have_an_id_and_shows_its_schedule() -> None:
    policy = {"maxRetries": 2, "backoffMultiplier": 3.0, "initialDelay": 4.0}
    config = documented(configId="own", retryPolicy=policy)
    assert config.key.config_id == "own"
    assert evo_ai.members(config)["retryPolicy"] == policy
    assert documented(id="id").key.config_id == "id"


def test_neither_dialect_knows_a_tenant() -> None:
    assert parse_set({"taskId": "t1", "config": {"url": URL}}, V03).tenant == ""
    assert parse_set({"taskId": "t1", "pushNotificationConfig": {"webhookUrl": URL}}, V03).tenant == ""


def test_a_url_that_is_missing_is_missed_by_its_first_name() -> None:
    with pytest.raises(InvalidParamsError) as raised:
        code_config(webhookAuthenticationInfo={"type": "apiKey"})
    assert raised.value.field.endswith("url")


def test_an_event_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidParamsError, match=r"may hold task\.submitted, task\.working, "):
        documented(events=["task.moved"])


@pytest.mark.parametrize("name", ["text", "file", "data"])
def test_each_kind_of_part_may_be_named_by_type_and_kind_wins(name: str) -> None:
    params = {"message": {"parts": [{"type": name}, {"kind": "text", "type": "data"}]}}
    kinds = [part.get("kind") for part in evo_ai.in_03s_words(Kind.SEND, params)["message"]["parts"]]
    assert kinds == [name, "text"]


def test_the_error_of_an_end_without_words_says_which_end() -> None:
    errors = {}
    for state in ("REJECTED", "FAILED"):
        body = json.loads(notification.body(documented(), revision(state)))
        errors[state] = body["data"]["status"]["error"]
    assert errors == {"REJECTED": "The task was rejected.", "FAILED": "The task failed."}


def test_the_texts_of_a_message_are_lines() -> None:
    message = {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "one"}, {"data": {}}, {"text": "two"}]}
    status = {"state": "TASK_STATE_WORKING", "message": message}
    body = json.loads(notification.body(documented(), revision("WORKING", status=status)))
    assert body["data"]["status"]["message"] == "one\ntwo"


def test_a_duration_is_told_to_the_millisecond() -> None:
    body = json.loads(notification.body(documented(), revision("COMPLETED"), lasted=timedelta(seconds=1.23456)))
    assert body["data"]["duration"] == 1.235


def test_without_a_secret_there_is_no_signature_and_each_state_has_its_event() -> None:
    found = dict(
        notification.headers(documented(), webhook_id="msg_1", timestamp=NOW, body=b"{}", attempt=1, revision=revision("COMPLETED").head)
    )
    assert "X-Webhook-Signature" not in found
    assert found["X-Webhook-Event"] == "task.completed"
