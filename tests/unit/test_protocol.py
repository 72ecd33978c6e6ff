"""Methods and versions: design §7 "Versions"."""

import json
from typing import Any

import pytest
from a2a.server.routes.jsonrpc_dispatcher import JsonRpcDispatcher
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.errors import MethodNotFoundError, RelayError, VersionNotSupportedError
from relay.domain.json_body import MAX_FORWARDED_BODY_BYTES, MAX_PUSH_CONFIG_BODY_BYTES
from relay.domain.protocol import METHODS, Kind, answer_version, negotiate
from relay.domain.task import ProtocolVersion


def test_the_methods_of_1_0_are_those_of_the_sdk() -> None:
    assert {name for name, method in METHODS.items() if method.version is ProtocolVersion.V10} == set(JsonRpcDispatcher.METHOD_TO_MODEL)


@pytest.mark.parametrize("version", ProtocolVersion)
def test_each_version_can_ask_for_everything(version: ProtocolVersion) -> None:
    assert {method.kind for method in METHODS.values() if method.version is version} == set(Kind)


@pytest.mark.parametrize("header", ["1.0", "1.1", "1", " 1.0 ", "1.0.1", "1.27"])
def test_any_1_x_is_1_0(header: str) -> None:
    assert negotiate("GetTask", header) == ("GetTask", ProtocolVersion.V10, Kind.GET_TASK)


@pytest.mark.parametrize("header", [None, "", "  ", "0.3", "0.3.0", "0.3.7"])
def test_a_slash_method_is_0_3_by_itself(header: str | None) -> None:
    assert negotiate("tasks/get", header) == ("tasks/get", ProtocolVersion.V03, Kind.GET_TASK)


@pytest.mark.parametrize(
    "header", [None, "", "0.3", "0.3.0", "2.0", "2", "10.0", "0.2.6", "v1.0", "1.0, 1.0", "1.x", "-1.0", "１.0", "1.0\n2"]
)
def test_a_method_of_1_0_in_another_version_names_the_supported_ones(header: str | None) -> None:
    with pytest.raises(VersionNotSupportedError) as raised:
        negotiate("GetTask", header)
    assert raised.value.metadata["supportedVersions"] == "0.3, 1.0"
    assert "0.3, 1.0" in raised.value.message


@pytest.mark.parametrize("header", ["0.2.6", "0", "2.0", "garbage", "0.30"])
def test_a_slash_method_in_a_version_we_do_not_know_names_the_supported_ones(header: str) -> None:
    with pytest.raises(VersionNotSupportedError, match=r"0\.3, 1\.0"):
        negotiate("message/send", header)


def test_a_slash_method_called_as_1_0_is_not_found_and_told_its_present_name() -> None:
    with pytest.raises(MethodNotFoundError, match="CreateTaskPushNotificationConfig"):
        negotiate("tasks/pushNotificationConfig/set", "1.0")


@pytest.mark.parametrize("name", ["health", "getTask", "", "tasks/pushNotificationConfig", "SendMessage ", "x" * 5000])
@pytest.mark.parametrize("header", [None, "1.0", "garbage"])
def test_an_unknown_method_is_not_found_whatever_its_version(name: str, header: str | None) -> None:
    with pytest.raises(MethodNotFoundError) as raised:
        negotiate(name, header)
    assert len(raised.value.message) < 200


@pytest.mark.parametrize(
    "name", ["GetExtendedAgentCard", "agent/getAuthenticatedExtendedCard", "agent/authenticatedExtendedCard", "agent/getExtendedCard"]
)
def test_an_extended_card_is_one_under_all_its_names(name: str) -> None:
    assert METHODS[name].kind is Kind.EXTENDED_CARD


def test_push_config_calls_are_small_and_all_others_may_be_large() -> None:
    large = {kind for kind in Kind if kind.max_body_bytes == MAX_FORWARDED_BODY_BYTES}
    small = {kind for kind in Kind if kind.max_body_bytes == MAX_PUSH_CONFIG_BODY_BYTES}
    assert small == {Kind.SET_PUSH, Kind.GET_PUSH, Kind.LIST_PUSH, Kind.DELETE_PUSH}
    assert large | small == set(Kind)


def test_a_failed_call_is_answered_in_the_version_of_its_method() -> None:
    assert answer_version("GetTask", None) is ProtocolVersion.V10
    assert answer_version("tasks/get", "1.0") is ProtocolVersion.V03


def test_a_call_that_was_not_understood_is_answered_in_the_version_it_asked_for() -> None:
    assert answer_version("", "1.0") is ProtocolVersion.V10
    assert answer_version("", None) is ProtocolVersion.V03
    assert answer_version("nonsense", "nonsense") is ProtocolVersion.V03


def test_every_recorded_call_is_negotiated_as_its_client_meant_it(recorded_call: dict[str, Any]) -> None:
    name = json.loads(recorded_call["request"])["method"]
    header = recorded_call["a2a-version"]
    if name == "health" or (header, name) == ("1.0", "tasks/get") or (header is None and name[0].isupper()):
        with pytest.raises(RelayError):
            negotiate(name, header)
    else:
        assert negotiate(name, header).version is (ProtocolVersion.V10 if name[0].isupper() else ProtocolVersion.V03)


@given(
    st.sampled_from(sorted(METHODS)) | st.text(), st.none() | st.text() | st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}", fullmatch=True)
)
def test_any_version_of_any_method_is_negotiated_or_a_protocol_error(name: str, header: str | None) -> None:
    try:
        assert negotiate(name, header).name == name
    except (MethodNotFoundError, VersionNotSupportedError):
        assert answer_version(name, header) in ProtocolVersion


@pytest.mark.parametrize(
    ("header", "requested", "said"),
    [
        (None, "", "A missing A2A-Version means 0.3, which is not supported for GetTask"),
        (" 2.0 ", "2.0", "A2A-Version '2.0' is not supported for GetTask"),
        ("9" * 40, "9" * 32, f"A2A-Version '{'9' * 32}' is not supported for GetTask"),
    ],
)
def test_a_refused_version_is_told_as_far_as_it_is_a_version(header: str | None, requested: str, said: str) -> None:
    with pytest.raises(VersionNotSupportedError) as raised:
        negotiate("GetTask", header)
    assert raised.value.metadata == {"requestedVersion": requested, "supportedVersions": "0.3, 1.0"}
    assert raised.value.message == f"{said}: send A2A-Version: 1.0. Supported versions: 0.3, 1.0."


def test_an_unknown_method_is_told_in_a_hundred_characters() -> None:
    with pytest.raises(MethodNotFoundError) as raised:
        negotiate("x" * 200, "1.0")
    assert raised.value.message == f"There is no method '{'x' * 100}'."
