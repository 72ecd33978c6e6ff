"""PraisonAI's dialect: how its calls are told apart, what is answered, what its receivers are told.

Receivers: the ones of PraisonAI's documentation, and what each other one reads of the same body (wire/dialect-matrix.txt).
"""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from a2a.compat.v0_3 import types as v03

from relay.domain import notification
from relay.domain.errors import InvalidParamsError
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.praisonai import members
from relay.domain.push_config import Authentication, Dialect, PushConfig
from relay.domain.push_methods import by_task_list_result, parse_delete, parse_get, parse_list, parse_set, set_result
from relay.domain.registration import ConfigRef, ListRequest, Registration
from relay.domain.task import ProtocolVersion, Revision, Snapshot, View

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
NOW = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
URL = "https://receiver.example/webhooks/a2a"


def registered(**members: Any) -> PushConfig:
    said = parse_set({"taskId": "task-1", "url": URL} | members, V03)
    return PushConfig(
        key=ConfigKey(TaskKey("owner", "default", "", said.task_id), said.config_id),
        url=said.url,
        dialect=said.dialect,
        token=said.token,
        authentication=said.authentication,
        secret=said.secret,
    )


def told(config: PushConfig, state: str, **status: Any) -> dict[str, Any]:
    task = {"id": "task-1", "contextId": "c", "status": {"state": state, **status}, "artifacts": []}
    body: dict[str, Any] = json.loads(notification.body(config, revision(task)))
    return body


def revision(task: dict[str, Any]) -> Revision:
    return Revision(3, View(Snapshot(V10, task), NOW, NOW, "poll"))


def headers(config: PushConfig, body: bytes = b"{}") -> dict[str, str]:
    return dict(
        notification.headers(config, webhook_id="msg_1", timestamp=NOW, body=body, attempt=1, revision=revision({"id": "task-1"}).head)
    )


def test_a_slash_set_with_its_url_at_the_top_is_praisonais() -> None:
    said = parse_set({"taskId": "t", "url": URL, "token": "k", "authentication": {"scheme": "Bearer", "credentials": "c"}}, V03)
    assert said == Registration("t", "", "praisonai", URL, "k", Authentication("Bearer", "c"), Dialect.PRAISONAI)
    assert said.url_field == "url"


def test_the_same_members_under_1_0s_name_are_1_0s() -> None:
    assert parse_set({"taskId": "t", "url": URL}, V10).dialect is Dialect.A2A_V10


def test_a_nested_config_is_not_praisonais_whatever_stands_beside_it() -> None:
    params = {"taskId": "t", "url": URL, "pushNotificationConfig": {"url": "https://other.example"}}
    assert (parse_set(params, V03).dialect, parse_set(params, V03).url) == (Dialect.A2A_V03, "https://other.example")


def test_a_secret_and_an_id_of_its_own_may_be_said() -> None:
    said = parse_set({"taskId": "t", "url": URL, "id": "mine", "secret": "s"}, V03)
    assert (said.config_id, said.secret) == ("mine", "s")
    assert "secret='s'" not in repr(said)


@pytest.mark.parametrize("params", [{"url": URL}, {"taskId": "", "url": URL}, {"taskId": "t", "url": ""}])
def test_without_task_or_url_praisonais_own_words_refuse(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidParamsError, match=r"^taskId and url required$"):
        parse_set(params, V03)


@pytest.mark.parametrize(
    ("more", "field"), [({"url": 5}, "url"), ({"token": "a\n"}, "token"), ({"secret": 5}, "secret"), ({"secret": "whsec_!"}, "secret")]
)
def test_what_is_wrong_is_named(more: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidParamsError) as raised:
        parse_set({"taskId": "t", "url": URL} | more, V03)
    assert raised.value.field == field


def test_get_and_delete_name_the_task_alone_and_may_name_a_config() -> None:
    for parse in (parse_get, parse_delete):
        assert parse({"taskId": "t"}, V03) == ConfigRef("t", "", "", is_by_task=True)
        assert parse({"taskId": "t", "pushNotificationConfigId": "c"}, V03) == ConfigRef("t", "", "c", is_by_task=True)
        assert not parse({"id": "t", "taskId": "t", "pushNotificationConfigId": "c"}, V03).is_by_task


def test_a_list_names_a_task_or_none_and_may_have_pages() -> None:
    assert parse_list({}, V03) == ListRequest("", "", None, "", is_by_task=True)
    assert parse_list({"taskId": "t"}, V03) == ListRequest("t", "", None, "", is_by_task=True)
    assert parse_list({"taskId": "t", "pageSize": 5, "pageToken": "p"}, V03) == ListRequest("t", "", 5, "p", is_by_task=True)


def test_one_answer_satisfies_the_readers_of_praisonai_and_of_0_3() -> None:
    result = set_result(registered(token="k", authentication={"scheme": "Bearer", "credentials": "c"}), V03)
    flat = {"taskId": "task-1", "url": URL, "token": "k", "authentication": {"scheme": "Bearer", "credentials": "c"}}
    assert {name: result[name] for name in flat} == flat
    parsed = v03.TaskPushNotificationConfig.model_validate(result)
    assert (parsed.task_id, parsed.push_notification_config.url, parsed.push_notification_config.token) == ("task-1", URL, "k")


def test_what_was_not_said_is_null_or_empty_as_praisonais_server_answers() -> None:
    result = set_result(registered(), V03)
    assert (result["token"], result["authentication"]) == (None, {})


def test_a_secret_is_never_given_back() -> None:
    result = set_result(registered(secret="s3cret" * 5), V03)
    assert "s3cret" not in json.dumps(result)


def test_a_list_is_under_configs() -> None:
    result = set_result(registered(), V03)
    assert by_task_list_result([result], "") == {"configs": [result]}
    assert by_task_list_result([], "next") == {"configs": [], "nextPageToken": "next"}


@pytest.mark.parametrize(
    ("state", "spelled"),
    [
        ("TASK_STATE_SUBMITTED", "submitted"),
        ("TASK_STATE_WORKING", "working"),
        ("TASK_STATE_COMPLETED", "completed"),
        ("TASK_STATE_CANCELED", "cancelled"),
        ("TASK_STATE_FAILED", "failed"),
        ("TASK_STATE_INPUT_REQUIRED", "input_required"),
        ("TASK_STATE_AUTH_REQUIRED", "auth_required"),
        ("TASK_STATE_REJECTED", "rejected"),
    ],
)
def test_a_receiver_reads_task_state_and_time_at_the_top(state: str, spelled: str) -> None:
    body = told(registered(), state, timestamp="2026-11-20T11:00:00Z")
    assert (body["taskId"], body["status"]["state"], body["timestamp"]) == ("task-1", spelled, "2026-11-20T11:00:00Z")


def test_a_body_is_also_the_task_of_0_3_that_other_receivers_read() -> None:
    body = told(registered(), "TASK_STATE_COMPLETED")
    assert (body["id"], body["kind"], body["contextId"], body["status"]["state"]) == ("task-1", "task", "c", "completed")


def test_without_a_time_of_the_agents_the_views_own_is_told_the_same_at_every_attempt() -> None:
    assert told(registered(), "TASK_STATE_WORKING")["timestamp"] == NOW.isoformat()


def test_the_token_goes_under_praisonais_name_too() -> None:
    found = headers(registered(token="k"))
    assert (found["X-Webhook-Token"], found["X-A2A-Notification-Token"], found["Content-Type"]) == ("k", "k", "application/json")
    assert "X-Webhook-Token" not in headers(registered())


@pytest.mark.parametrize(
    "members",
    [{"secret": "wébhook"}, {"secret": "whsec_" + "YWJj" * 8}, {"authentication": {"scheme": "HMAC-SHA256", "credentials": "x" * 24}}],
)
def test_a_secret_signs_exactly_the_body_as_praisonais_handler_checks_it(members: dict[str, Any]) -> None:
    secret = members.get("secret") or members["authentication"]["credentials"]
    body = notification.body(registered(**members), revision({"id": "task-1", "status": {"state": "working"}}))
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    found = headers(registered(**members), body)
    assert found["X-Webhook-Signature"] == expected
    assert found["webhook-signature"].startswith("v1,")
    assert all(secret not in value for value in found.values())


def test_without_a_secret_nothing_is_signed_by_it() -> None:
    assert "X-Webhook-Signature" not in headers(registered(token="k"))


@pytest.mark.parametrize("dialect", [Dialect.A2A_V10, Dialect.A2A_V03])
def test_other_dialects_have_none_of_these_headers(dialect: Dialect) -> None:
    config = PushConfig(ConfigKey(TaskKey("o", "a", "", "t"), "c"), URL, dialect, token="k")
    assert not {"X-Webhook-Token", "X-Webhook-Signature"} & set(headers(config))


def test_a_config_is_answered_with_every_member() -> None:
    config = registered()
    assert members(config) == {"taskId": "task-1", "url": URL, "token": None, "authentication": {}, "id": config.key.config_id}


def test_a_config_may_be_named_in_evo_ais_words_too() -> None:
    for name in ("pushNotificationConfigId", "configId"):
        assert parse_get({"taskId": "t", name: "c"}, V03).config_id == "c"
