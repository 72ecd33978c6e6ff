"""Sends on their way to the agent, and answers on their way back: design §7 "Sends"."""

import copy
import json
from typing import Any

import pytest
from a2a.compat.v0_3 import types as v03
from a2a.types import Message, Part, Role, SendMessageConfiguration, SendMessageRequest, SendMessageResponse, TaskPushNotificationConfig
from google.protobuf.json_format import MessageToDict, ParseDict

from relay.domain.bridge_params import bridge_params
from relay.domain.callback import CONFIG_ID, inline_config
from relay.domain.errors import InvalidAgentResponseError, InvalidParamsError
from relay.domain.protocol import METHODS, Kind
from relay.domain.push_config import Authentication, Dialect
from relay.domain.registration import Registration
from relay.domain.sends import answer_with, cut_history, parse_send, task_of_answer, with_callback
from relay.domain.task import ProtocolVersion, TaskState

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
HOOK = {"url": "https://x.example/hook", "token": "k"}
TASK: dict[str, Any] = {"id": "t", "contextId": "c", "status": {"state": "working"}, "history": [{"messageId": str(n)} for n in range(4)]}


def send(configuration: dict[str, Any] | None = None, *, tenant: str = "", **message: Any) -> dict[str, Any]:
    params: dict[str, Any] = {"message": {"messageId": "m", "role": "user", "parts": [{"text": "hi"}]} | message}
    return params | ({"configuration": configuration} if configuration is not None else {}) | ({"tenant": tenant} if tenant else {})


def wrong_field(params: dict[str, Any], version: ProtocolVersion) -> str:
    with pytest.raises(InvalidParamsError) as raised:
        parse_send(params, version)
    return raised.value.field


def test_a_send_names_its_message_and_the_task_it_continues() -> None:
    found = parse_send(send(taskId="t", tenant="acme"), V10)
    assert (found.message_id, found.task_id, found.tenant) == ("m", "t", "acme")


def test_an_empty_task_id_means_a_new_task() -> None:
    assert parse_send(send(taskId=""), V10).task_id == ""


@pytest.mark.parametrize("name", ["taskPushNotificationConfig", "pushNotificationConfig"])
@pytest.mark.parametrize("version", ProtocolVersion)
def test_an_inline_config_is_a_registration_for_the_task_of_the_send(version: ProtocolVersion, name: str) -> None:
    authentication = {"scheme": "Bearer", "credentials": "j"}
    params = send({name: HOOK | {"id": "c", "taskId": "of no account", "authentication": authentication}}, taskId="t")
    dialect = Dialect.A2A_V10 if version is V10 else Dialect.A2A_V03
    expected = Registration("t", "", "c", "https://x.example/hook", "k", Authentication("Bearer", "j"), dialect)
    assert parse_send(params, version).inline == expected


def test_an_inline_config_belongs_to_the_tenant_of_the_send() -> None:
    inline = parse_send(send({"taskPushNotificationConfig": HOOK | {"tenant": "other"}}, tenant="acme"), V10).inline
    assert inline is not None
    assert inline.tenant == "acme"


def test_a_send_without_an_inline_config_registers_nothing() -> None:
    assert parse_send(send({"taskPushNotificationConfig": None}), V10).inline is None
    assert parse_send(send(), V03).inline is None


@pytest.mark.parametrize(
    ("configuration", "waits"),
    [
        (None, True),
        ({}, True),
        ({"returnImmediately": False}, True),
        ({"returnImmediately": True}, False),
        ({"return_immediately": True}, False),
        ({"taskPushNotificationConfig": HOOK}, True),
        ({"blocking": False}, False),
    ],
)
def test_a_send_of_1_0_waits_unless_it_shall_return_immediately(configuration: dict[str, Any] | None, waits: bool) -> None:
    assert parse_send(send(configuration), V10).waits is waits


@pytest.mark.parametrize(
    ("configuration", "waits"),
    [
        (None, True),
        ({}, True),
        ({"blocking": True}, True),
        ({"blocking": False}, False),
        ({"blocking": None}, True),
        ({"pushNotificationConfig": HOOK}, False),
        ({"pushNotificationConfig": HOOK, "blocking": True}, True),
        ({"returnImmediately": True}, False),
        ({"return_immediately": True, "blocking": True}, False),
        ({"returnImmediately": False}, True),
    ],
)
def test_a_send_of_0_3_waits_unless_it_says_otherwise_or_carries_a_config(configuration: dict[str, Any] | None, waits: bool) -> None:
    assert parse_send(send(configuration), V03).waits is waits


@pytest.mark.parametrize(
    ("configuration", "waits"), [(None, False), ({}, False), ({"blocking": True}, True), ({"acceptedOutputModes": []}, True)]
)
def test_a_send_of_a2akits_client_that_leaves_its_configuration_out_does_not_wait(
    configuration: dict[str, Any] | None, waits: bool
) -> None:
    assert parse_send(send(configuration), V03, is_a2akits=True).waits is waits


def test_a_send_of_1_0_is_forwarded_non_blocking_whole_and_without_what_is_ours() -> None:
    params = send({"taskPushNotificationConfig": HOOK, "historyLength": 3, "acceptedOutputModes": ["text"]}, tenant="acme")
    expected = params | {"configuration": {"acceptedOutputModes": ["text"], "returnImmediately": True}}
    assert parse_send(params, V10).forwarded == expected


def test_a_send_of_0_3_is_forwarded_non_blocking_in_both_spellings() -> None:
    params = send({"pushNotificationConfig": HOOK, "historyLength": 3, "blocking": True}) | {"metadata": {"a": 1}}
    assert parse_send(params, V03).forwarded == params | {"configuration": {"blocking": False, "returnImmediately": True}}


def test_nothing_of_ours_is_forwarded_in_snake_case_either() -> None:
    configuration = {"task_push_notification_config": HOOK, "history_length": 1, "return_immediately": False}
    assert parse_send(send(configuration), V10).forwarded["configuration"] == {"returnImmediately": True}


def test_the_call_itself_is_left_as_it_was() -> None:
    params = send({"pushNotificationConfig": HOOK, "historyLength": 3})
    before = copy.deepcopy(params)
    parse_send(params, V03)
    assert params == before


@pytest.mark.parametrize(("given", "length"), [(None, None), (0, 0), (5, 5), ("5", 5), (5.0, 5)])
def test_history_length_is_read(given: Any, length: int | None) -> None:
    assert parse_send(send({"historyLength": given}), V10).history_length == length


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "message"),
        ({"message": "hi"}, "message"),
        (send(messageId=5), "message.messageId"),
        (send(taskId=["t"]), "message.taskId"),
        (send(taskId="t" * 257), "message.taskId"),
        (send() | {"configuration": []}, "configuration"),
        (send({"historyLength": -1}), "configuration.historyLength"),
        (send({"historyLength": True}), "configuration.historyLength"),
        (send({"history_length": "x"}), "configuration.history_length"),
        (send({"blocking": "no"}), "configuration.blocking"),
        (send({"returnImmediately": 1}), "configuration.returnImmediately"),
        (send({"pushNotificationConfig": "x"}), "configuration.pushNotificationConfig"),
        (send({"pushNotificationConfig": {}}), "configuration.pushNotificationConfig.url"),
        (send({"taskPushNotificationConfig": {"url": 5}}), "configuration.taskPushNotificationConfig.url"),
    ],
)
@pytest.mark.parametrize("version", ProtocolVersion)
def test_wrong_params_are_named(params: dict[str, Any], version: ProtocolVersion, field: str) -> None:
    assert wrong_field(params, version) == field


def test_a_tenant_of_1_0_must_be_one() -> None:
    assert wrong_field(send() | {"tenant": 5}, V10) == "tenant"


def test_what_is_forwarded_of_a_call_of_the_sdk_is_what_its_servers_parse() -> None:
    request = SendMessageRequest(
        message=Message(message_id="m", role=Role.ROLE_USER, parts=[Part(text="hi")]),
        configuration=SendMessageConfiguration(
            task_push_notification_config=TaskPushNotificationConfig(url="https://x.example/hook", token="k"), history_length=2
        ),
    )
    found = parse_send(MessageToDict(request), V10)
    forwarded = ParseDict(found.forwarded, SendMessageRequest())
    assert forwarded == SendMessageRequest(message=request.message, configuration=SendMessageConfiguration(return_immediately=True))
    assert (found.history_length, found.waits) == (2, True)


def test_what_is_forwarded_of_a_recorded_send_of_0_3_is_what_the_sdk_parses(recorded_send: dict[str, Any]) -> None:
    request = json.loads(recorded_send["request"])
    found = parse_send(request["params"], METHODS[request["method"]].version)
    assert found.message_id == request["params"]["message"]["messageId"]
    if METHODS[request["method"]].version is V10:
        ParseDict(found.forwarded, SendMessageRequest())
    elif not recorded_send["recorded"].startswith(("praisonai/01", "praisonai/02", "praisonai/03")):  # its parts have no `kind`
        assert v03.MessageSendParams.model_validate(found.forwarded).configuration == v03.MessageSendConfiguration.model_validate(
            {"blocking": False, "acceptedOutputModes": request["params"].get("configuration", {}).get("acceptedOutputModes")}
        )


def test_every_recorded_answer_to_a_send_is_a_task(recorded_send: dict[str, Any]) -> None:
    request, result = json.loads(recorded_send["request"]), recorded_send["response"]["result"]
    found = task_of_answer(result, METHODS[request["method"]].version)
    assert found is not None
    assert found.state is not TaskState.UNKNOWN
    assert answer_with(found) == result


@pytest.mark.parametrize(("length", "kept"), [(1, ["3"]), (3, ["1", "2", "3"]), (4, ["0", "1", "2", "3"]), (9, ["0", "1", "2", "3"])])
def test_the_last_messages_of_the_history_are_kept(length: int, kept: list[str]) -> None:
    assert [message["messageId"] for message in cut_history(TASK, length)["history"]] == kept


def test_no_history_length_leaves_the_history_and_0_takes_it_away() -> None:
    assert cut_history(TASK, None) is TASK
    assert cut_history(TASK, 0) == {name: value for name, value in TASK.items() if name != "history"}


def test_a_task_without_history_is_left_as_it_is() -> None:
    assert cut_history({"id": "t"}, 0) == {"id": "t"}
    assert cut_history({"id": "t", "history": None}, 3) == {"id": "t", "history": None}


@pytest.mark.parametrize(
    ("result", "version"),
    [
        ({"task": TASK}, V10),
        (TASK, V10),
        (TASK | {"kind": "task"}, V03),
        (TASK, V03),
        ({"task": TASK}, V03),
        (TASK | {"kind": "task", "message": {}}, V03),
    ],
)
def test_a_task_is_known_in_any_wrapping(result: Any, version: ProtocolVersion) -> None:
    found = task_of_answer(result, version)
    assert found is not None
    assert (found.task_id, found.version, found.state) == ("t", version, TaskState.WORKING)


@pytest.mark.parametrize(
    ("result", "version"),
    [
        ({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": []}}, V10),
        ({"kind": "message", "messageId": "m", "role": "agent", "parts": []}, V03),
        ({"messageId": "m", "role": "agent", "parts": []}, V03),
        ({"message": {"role": "assistant", "parts": [{"type": "text", "text": "hi"}]}}, V03),
    ],
)
def test_a_message_is_no_task(result: Any, version: ProtocolVersion) -> None:
    assert task_of_answer(result, version) is None


@pytest.mark.parametrize(
    "result",
    [
        None,
        "done",
        [],
        {},
        [TASK],
        {"task": {}},
        {"task": None},
        {"kind": "task"},
        {"kind": "status-update", "taskId": "t"},
        {"kind": ["task"]},
        {"id": 5, "status": {}},
        {"id": "", "status": {}},
        {"id": "x" * 300, "status": {}},
        {"id": "\ud800", "status": {}},
        {"id": "t", "status": "done"},
    ],
)
@pytest.mark.parametrize("version", ProtocolVersion)
def test_nonsense_is_an_invalid_agent_response(result: Any, version: ProtocolVersion) -> None:
    with pytest.raises(InvalidAgentResponseError):
        task_of_answer(result, version)


def test_a_task_is_answered_in_its_own_version() -> None:
    document = {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}
    found = task_of_answer({"task": document}, V10)
    assert found is not None
    assert ParseDict(answer_with(found), SendMessageResponse()).task.id == "t"
    bare = task_of_answer(TASK, V03)
    assert bare is not None
    assert answer_with(bare) == TASK


# --- the relay's own callback, beside the message

CALLBACK = inline_config("https://relay.example/callbacks/x", "t")


def test_the_relays_callback_takes_the_place_of_the_clients_config_in_1_0() -> None:
    sent = parse_send(send({"taskPushNotificationConfig": {"url": "https://client.example", "token": "c"}}), V10).forwarded
    configuration = ParseDict(with_callback(sent, V10, CALLBACK)["configuration"], SendMessageConfiguration())
    config = configuration.task_push_notification_config
    assert (config.id, config.url, config.token) == (CONFIG_ID, "https://relay.example/callbacks/x", "t")


def test_the_relays_callback_crosses_to_an_agent_of_the_other_version() -> None:
    sent = with_callback(parse_send(send(), V10).forwarded, V10, CALLBACK)
    to_03 = v03.MessageSendParams.model_validate(bridge_params(Kind.SEND, sent, V03))
    assert to_03.configuration is not None
    assert to_03.configuration.push_notification_config is not None
    assert to_03.configuration.push_notification_config.url == "https://relay.example/callbacks/x"
    message = {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "hello"}]}
    sent = with_callback(parse_send({"message": message}, V03).forwarded, V03, CALLBACK)
    to_10 = ParseDict(bridge_params(Kind.SEND, sent, V10), SendMessageRequest())
    assert to_10.configuration.task_push_notification_config.token == "t"
