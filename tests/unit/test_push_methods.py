"""Push-config methods: params in, results out, in both versions."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from a2a.compat.v0_3 import types as v03
from a2a.types import ListTaskPushNotificationConfigsResponse, TaskPushNotificationConfig
from google.protobuf.json_format import MessageToDict, ParseDict

from relay.domain.errors import InvalidParamsError
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.protocol import METHODS, Kind
from relay.domain.push_config import Authentication, Dialect, PushConfig
from relay.domain.push_methods import (
    config_result,
    list_result,
    parse_delete,
    parse_get,
    parse_list,
    parse_set,
)
from relay.domain.registration import ConfigRef, ListRequest, Registration
from relay.domain.task import ProtocolVersion

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
SECRET = "a secret of at least 24 bytes"
PARSERS: dict[Kind, Callable[[Any, ProtocolVersion], Any]] = {
    Kind.SET_PUSH: parse_set,
    Kind.GET_PUSH: parse_get,
    Kind.LIST_PUSH: parse_list,
    Kind.DELETE_PUSH: parse_delete,
}


def flat(**members: Any) -> dict[str, Any]:
    return {"taskId": "t", "url": "https://x.example/hook"} | members


def nested(**members: Any) -> dict[str, Any]:
    return {"taskId": "t", "pushNotificationConfig": {"url": "https://x.example/hook"} | members}


def config(registration: Registration, config_id: str = "") -> PushConfig:
    return PushConfig(
        key=ConfigKey(TaskKey("owner", "default", registration.tenant, registration.task_id), config_id or registration.config_id),
        url=registration.url,
        dialect=registration.dialect,
        token=registration.token,
        authentication=registration.authentication,
    )


def wrong_field(params: dict[str, Any], version: ProtocolVersion, kind: Kind = Kind.SET_PUSH) -> str:
    with pytest.raises(InvalidParamsError) as raised:
        PARSERS[kind](params, version)
    assert raised.value.field in raised.value.message
    return raised.value.field


def test_a_flat_config_of_1_0_is_registered() -> None:
    params = flat(tenant="acme", id="c", token="k", authentication={"scheme": "Bearer", "credentials": "jwt"})
    expected = Registration("t", "acme", "c", "https://x.example/hook", "k", Authentication("Bearer", "jwt"), Dialect.A2A_V10)
    assert parse_set(params, V10) == expected


def test_a_nested_config_of_0_3_is_registered() -> None:
    params = nested(id="c", token="k", authentication={"schemes": ["Bearer", "Basic"], "credentials": "jwt"})
    expected = Registration("t", "", "c", "https://x.example/hook", "k", Authentication("Bearer", "jwt"), Dialect.A2A_V03)
    assert parse_set(params, V03) == expected


def test_a_config_needs_nothing_but_a_task_and_a_url() -> None:
    assert parse_set(flat(), V10) == Registration("t", "", "", "https://x.example/hook", "", None, Dialect.A2A_V10)


def test_null_and_empty_members_count_as_absent() -> None:
    assert parse_set(flat(tenant="", id=None, token="", authentication=None), V10) == parse_set(flat(), V10)


def test_unknown_members_are_ignored() -> None:
    assert parse_set(flat(events=["x"], authentication={"scheme": "Bearer", "realm": 5}), V10).authentication == Authentication("Bearer")


def test_members_may_be_written_in_snake_case() -> None:
    assert parse_set({"task_id": "t", "push_notification_config": {"url": "https://x.example/hook"}}, V03).task_id == "t"


def test_the_registration_remembers_where_the_url_was_written() -> None:
    assert (parse_set(flat(), V10).url_field, parse_set(nested(), V03).url_field) == ("url", "pushNotificationConfig.url")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"url": "https://x.example"}, "taskId"),
        (flat(taskId=""), "taskId"),
        (flat(taskId=5), "taskId"),
        (flat(taskId="x" * 257), "taskId"),
        (flat(taskId="\u00fc" * 200), "taskId"),
        (flat(taskId="\ud800"), "taskId"),
        (flat(tenant="x" * 257), "tenant"),
        (flat(id=["c"]), "id"),
        ({"taskId": "t"}, "url"),
        (flat(url=""), "url"),
        (flat(url={}), "url"),
        (flat(url="https://x.example/" + "x" * 2048), "url"),
        (flat(token=7), "token"),
        (flat(token="a\r\nX-Evil: 1"), "token"),
        (flat(token="a\n"), "token"),
        (flat(token="a\tb"), "token"),
        (flat(token=" a"), "token"),
        (flat(token="schlüssel"), "token"),
        (flat(token="x" * 4097), "token"),
    ],
)
def test_wrong_params_of_1_0_are_named(params: dict[str, Any], field: str) -> None:
    assert wrong_field(params, V10) == field


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"taskId": "t"}, "pushNotificationConfig"),
        ({"taskId": "t", "pushNotificationConfig": None}, "pushNotificationConfig"),
        ({"taskId": "t", "pushNotificationConfig": []}, "pushNotificationConfig"),
        ({"taskId": "t", "pushNotificationConfig": {}}, "pushNotificationConfig.url"),
        ({"taskId": "t", "push_notification_config": {"url": 5}}, "push_notification_config.url"),
        ({"pushNotificationConfig": {"url": "https://x.example"}}, "taskId"),
        (nested(token="\x00"), "pushNotificationConfig.token"),
    ],
)
def test_wrong_params_of_0_3_are_named(params: dict[str, Any], field: str) -> None:
    assert wrong_field(params, V03) == field


def own_schedule(**policy: Any) -> tuple[float, ...]:
    """The schedule that the config brings with it, in both versions."""
    one, other = parse_set(flat(retryPolicy=policy), V10), parse_set(nested(retryPolicy=policy), V03)
    assert one.retry_policy is not None
    assert one.retry_policy == other.retry_policy
    return one.retry_policy.schedule


def test_a_config_may_bring_its_own_schedule() -> None:
    assert parse_set(flat(), V10).retry_policy is None
    assert own_schedule() == (1, 2, 4)
    assert own_schedule(maxRetries=2, backoffMultiplier=3, initialDelay=5) == (5, 15)
    assert own_schedule(maxRetries=0) == ()
    assert own_schedule(maxRetries=10, backoffMultiplier=10, initialDelay=900)[:2] == (900, 3600)
    assert own_schedule(maxRetries=1, backoffMultiplier=1, initialDelay=1) == (1,)


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        ({"maxRetries": -1}, "retryPolicy.maxRetries must be a number from 0 to 10"),
        ({"maxRetries": 11}, "retryPolicy.maxRetries must be a number from 0 to 10"),
        ({"maxRetries": True}, "retryPolicy.maxRetries must be a number from 0 to 10"),
        ({"maxRetries": "3"}, "retryPolicy.maxRetries must be a number from 0 to 10"),
        ({"backoffMultiplier": 0.9}, "retryPolicy.backoffMultiplier must be a number from 1 to 10"),
        ({"backoffMultiplier": 10.1}, "retryPolicy.backoffMultiplier must be a number from 1 to 10"),
        ({"initialDelay": 0.9}, "retryPolicy.initialDelay must be a number from 1 to 900"),
        ({"initialDelay": 901}, "retryPolicy.initialDelay must be a number from 1 to 900"),
    ],
)
def test_a_schedule_out_of_bounds_is_refused(policy: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidParamsError) as raised:
        parse_set(flat(retryPolicy=policy), V10)
    assert raised.value.message == f"{complaint}."


def test_secrets_are_in_no_repr() -> None:
    registered = parse_set(flat(token="t0ken", authentication={"scheme": "HMAC-SHA256", "credentials": SECRET}), V10)
    assert "t0ken" not in repr(registered)
    assert SECRET not in repr(registered)


def test_get_names_a_task_and_may_name_a_config() -> None:
    assert parse_get({"tenant": "acme", "taskId": "t", "id": "c"}, V10) == ConfigRef("t", "acme", "c")
    assert parse_get({"taskId": "t"}, V10) == ConfigRef("t", "", "")
    assert parse_get({"id": "t", "pushNotificationConfigId": "c"}, V03) == ConfigRef("t", "", "c")
    assert parse_get({"id": "t", "metadata": {}}, V03) == ConfigRef("t", "", "")


def test_delete_names_a_task_and_a_config() -> None:
    assert parse_delete({"taskId": "t", "id": "c"}, V10) == ConfigRef("t", "", "c")
    assert parse_delete({"id": "t", "pushNotificationConfigId": "c"}, V03) == ConfigRef("t", "", "c")


@pytest.mark.parametrize(
    ("kind", "params", "version", "field"),
    [
        (Kind.GET_PUSH, {"id": "c"}, V10, "taskId"),
        (Kind.GET_PUSH, {"id": "t", "pushNotificationConfigId": 5}, V03, "pushNotificationConfigId"),
        (Kind.DELETE_PUSH, {"taskId": "t"}, V10, "id"),
        (Kind.DELETE_PUSH, {"id": "t"}, V03, "pushNotificationConfigId"),
        (Kind.LIST_PUSH, {}, V10, "taskId"),
        (Kind.LIST_PUSH, {"taskId": "t", "pageSize": "many"}, V10, "pageSize"),
        (Kind.LIST_PUSH, {"taskId": "t", "pageSize": True}, V10, "pageSize"),
        (Kind.LIST_PUSH, {"taskId": "t", "pageSize": 1.5}, V10, "pageSize"),
        (Kind.LIST_PUSH, {"taskId": "t", "pageToken": 5}, V10, "pageToken"),
        (Kind.LIST_PUSH, {"taskId": "t", "page_token": 5}, V10, "page_token"),
    ],
)
def test_wrong_params_of_the_other_methods_are_named(kind: Kind, params: dict[str, Any], version: ProtocolVersion, field: str) -> None:
    assert wrong_field(params, version, kind) == field


@pytest.mark.parametrize(("given", "size"), [(50, 50), (0, 0), (None, 0), ("7", 7), (7.0, 7), (-1, -1)])
def test_a_list_of_1_0_comes_in_pages(given: Any, size: int) -> None:
    expected = ListRequest("t", "acme", size, "p")
    assert parse_list({"tenant": "acme", "taskId": "t", "pageSize": given, "pageToken": "p"}, V10) == expected


def test_a_list_of_0_3_is_whole() -> None:
    assert parse_list({"id": "t", "pageSize": 1}, V03) == ListRequest("t", "", None, "")


def test_a_result_of_1_0_is_flat_and_has_no_empty_member() -> None:
    assert config_result(config(parse_set(flat(), V10), "c"), V10) == {"taskId": "t", "id": "c", "url": "https://x.example/hook"}


def test_a_result_of_0_3_is_nested() -> None:
    registered = parse_set(nested(token="k", authentication={"schemes": ["Bearer"], "credentials": "j"}), V03)
    described = {"id": "c", "url": "https://x.example/hook", "token": "k", "authentication": {"schemes": ["Bearer"], "credentials": "j"}}
    assert config_result(config(registered, "c"), V03) == {"taskId": "t", "pushNotificationConfig": described}


def test_a_config_is_answered_in_the_version_of_the_call_that_asks() -> None:
    registered = parse_set(flat(authentication={"scheme": "Bearer"}), V10)
    assert config_result(config(registered, "c"), V03)["pushNotificationConfig"]["authentication"] == {"schemes": ["Bearer"]}


def test_a_last_page_names_no_next_one() -> None:
    assert list_result([], "", V10) == {"configs": []}
    assert list_result([], "next", V10)["nextPageToken"] == "next"
    assert list_result([config(parse_set(nested(), V03), "c")], "", V03)[0]["taskId"] == "t"


def test_results_of_1_0_are_what_the_strict_sdk_parses() -> None:
    registered = parse_set(flat(tenant="acme", token="k", authentication={"scheme": "Bearer", "credentials": "j"}), V10)
    result = config_result(config(registered, "c"), V10)
    parsed = ParseDict(result, TaskPushNotificationConfig())
    assert MessageToDict(parsed) == result
    listed = ParseDict(list_result([config(registered, "c")], "n", V10), ListTaskPushNotificationConfigsResponse())
    assert listed.configs[0] == parsed


def test_results_of_0_3_are_what_the_sdk_parses() -> None:
    registered = parse_set(nested(authentication={"schemes": ["Bearer"]}), V03)
    result = config_result(config(registered, "c"), V03)
    parsed = v03.TaskPushNotificationConfig.model_validate(result)
    assert parsed.model_dump(by_alias=True, exclude_none=True) == result


def test_what_the_sdk_sends_is_what_we_read() -> None:
    sent = TaskPushNotificationConfig(task_id="t", url="https://x.example/hook", token="k")
    assert parse_set(MessageToDict(sent), V10) == parse_set(flat(token="k"), V10)


def test_every_recorded_push_call_is_read(recorded_push_call: dict[str, Any]) -> None:
    request = json.loads(recorded_push_call["request"])
    method = METHODS[request["method"]]
    assert PARSERS[method.kind](request["params"], method.version).task_id in json.dumps(request["params"])


def test_every_recorded_registration_is_answered_as_its_agent_did(recorded_registration: dict[str, Any]) -> None:
    request, result = json.loads(recorded_registration["request"]), recorded_registration["response"]["result"]
    version = METHODS[request["method"]].version
    config_id = result.get("pushNotificationConfig", result)["id"]
    assert config_result(config(parse_set(request["params"], version), config_id), version) == result
