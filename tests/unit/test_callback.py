import pytest
from a2a.compat.v0_3 import types as types_03
from a2a.types import DeleteTaskPushNotificationConfigRequest, TaskPushNotificationConfig
from google.protobuf.json_format import ParseDict

from relay.domain.callback import CONFIG_ID, Callback, admit_agent, registration, removal
from relay.domain.errors import UnauthenticatedError
from relay.domain.relay_key import digest_of
from relay.domain.task import ProtocolVersion
from tests.support.samples import TASK


def test_a_callback_is_registered_in_1_0s_words() -> None:
    method, params = registration(TASK, ProtocolVersion.V10, url="https://relay.example/callbacks/x", token="t", tenant="acme")
    read = ParseDict(params, TaskPushNotificationConfig())
    assert (method, read.task_id, read.url, read.token, read.tenant) == (
        "CreateTaskPushNotificationConfig",
        "task-1",
        "https://relay.example/callbacks/x",
        "t",
        "acme",
    )


def test_a_callback_is_registered_in_0_3s_words() -> None:
    method, params = registration(TASK, ProtocolVersion.V03, url="https://relay.example/callbacks/x", token="t", tenant="acme")
    read = types_03.TaskPushNotificationConfig.model_validate(params)
    assert (method, read.task_id, read.push_notification_config.url, read.push_notification_config.token) == (
        "tasks/pushNotificationConfig/set",
        "task-1",
        "https://relay.example/callbacks/x",
        "t",
    )


def test_only_the_token_of_the_callback_opens_it() -> None:
    callback = Callback("x", TASK, digest_of("t"))
    assert admit_agent(callback, ["other", "t"]) == TASK
    for found, tokens in ((callback, ["other"]), (callback, []), (None, ["t"]), (Callback("x", TASK, ""), [""])):
        with pytest.raises(UnauthenticatedError):
            admit_agent(found, tokens)


def test_a_callback_is_removed_in_1_0s_words() -> None:
    method, params = removal(TASK, ProtocolVersion.V10, tenant="acme")
    read = ParseDict(params, DeleteTaskPushNotificationConfigRequest())
    assert (method, read.task_id, read.id, read.tenant) == ("DeleteTaskPushNotificationConfig", "task-1", CONFIG_ID, "acme")
    assert "tenant" not in removal(TASK, ProtocolVersion.V10, tenant="")[1]


def test_a_callback_is_removed_in_0_3s_words() -> None:
    method, params = removal(TASK, ProtocolVersion.V03, tenant="acme")
    read = types_03.DeleteTaskPushNotificationConfigParams.model_validate(params)
    assert (method, read.id, read.push_notification_config_id) == ("tasks/pushNotificationConfig/delete", "task-1", CONFIG_ID)


def test_a_callback_of_no_tenant_names_none() -> None:
    _, params = registration(TASK, ProtocolVersion.V10, url="https://relay.example/callbacks/x", token="t", tenant="")
    assert "tenant" not in params
