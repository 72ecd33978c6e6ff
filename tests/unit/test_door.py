from collections.abc import Mapping
from typing import Any

import pytest

from relay.domain.door import ClientAuthentication, admit, is_expected, keys_of, presented_key, upstream_authorization
from relay.domain.errors import UnauthenticatedError

KEY = "a-relay-key"
IAM_CONTEXT = {"authorizer": {"iam": {"userArn": "arn:aws:iam::123456789012:user/me"}}}


def is_admitted(
    authentication: ClientAuthentication,
    headers: Mapping[str, str] | None = None,
    *,
    expected: tuple[str, ...] = (KEY,),
    context: Mapping[str, Any] | None = None,
) -> bool:
    try:
        admit(authentication, headers or {}, expected_keys=expected, request_context=context or {})
    except UnauthenticatedError:
        return False
    return True


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"authorization": "Bearer k1"}, "k1"),
        ({"Authorization": "bearer   k1 "}, "k1"),
        ({"AUTHORIZATION": "BEARER k1"}, "k1"),
        ({"x-api-key": "k2"}, "k2"),
        ({"X-API-Key": " k2 "}, "k2"),
        ({"authorization": "Bearer k1", "x-api-key": "k2"}, "k1"),
        ({"authorization": "Basic dTpw", "x-api-key": "k2"}, "k2"),
        ({"authorization": "Bearer ", "x-api-key": "k2"}, "k2"),
        ({"authorization": "Bearer"}, None),
        ({"authorization": "Basic dTpw"}, None),
        ({"authorization": "k1"}, None),
        ({"x-api-key": "  "}, None),
        ({"x-upstream-authorization": "Bearer k1"}, None),
        ({}, None),
    ],
)
def test_presented_key_is_the_bearer_s_or_the_api_key(headers: dict[str, str], key: str | None) -> None:
    assert presented_key(headers) == key


def test_the_right_key_comes_in() -> None:
    assert is_admitted(ClientAuthentication.RELAY_KEY, {"authorization": f"Bearer {KEY}"})
    assert is_admitted(ClientAuthentication.RELAY_KEY, {"x-api-key": KEY})


def test_a_wrong_key_and_no_key_stay_out() -> None:
    assert not is_admitted(ClientAuthentication.RELAY_KEY, {"authorization": "Bearer wrong"})
    assert not is_admitted(ClientAuthentication.RELAY_KEY)


def test_what_is_refused_is_not_quoted() -> None:
    with pytest.raises(UnauthenticatedError) as raised:
        admit(ClientAuthentication.RELAY_KEY, {"x-api-key": "wrong-one"}, expected_keys=[KEY], request_context={})
    assert "wrong-one" not in str(raised.value)
    assert KEY not in str(raised.value)


def test_a_relay_without_a_key_is_closed() -> None:
    assert not is_admitted(ClientAuthentication.RELAY_KEY, {"x-api-key": KEY}, expected=())
    assert not is_admitted(ClientAuthentication.RELAY_KEY, {"x-api-key": ""}, expected=("",))
    assert not is_expected("", [""])


def test_each_of_several_keys_comes_in_while_one_replaces_another() -> None:
    expected = keys_of(" old-key\nnew-key \n")
    assert [is_admitted(ClientAuthentication.RELAY_KEY, {"x-api-key": key}, expected=expected) for key in ("old-key", "new-key", "")] == [
        True,
        True,
        False,
    ]


def test_a_key_that_is_not_ascii_is_compared_and_not_choked_on() -> None:
    assert is_expected("grüße\ud800", ["grüße\ud800"])
    assert not is_expected("grüße\ud800", [KEY])


def test_iam_admits_only_what_api_gateway_has_checked() -> None:
    assert is_admitted(ClientAuthentication.IAM, context=IAM_CONTEXT)
    elsewhere: list[dict[str, Any]] = [
        {},
        {"authorizer": None},
        {"authorizer": {"iam": None}},
        {"authorizer": {"jwt": {}}},
        {"iam": {"a": 1}},
    ]
    for context in elsewhere:
        assert not is_admitted(ClientAuthentication.IAM, {"authorization": f"Bearer {KEY}"}, context=context)


def test_a_signed_request_is_no_relay_key() -> None:
    assert not is_admitted(ClientAuthentication.RELAY_KEY, context=IAM_CONTEXT)


def test_without_authentication_all_come_in() -> None:
    assert is_admitted(ClientAuthentication.NONE, expected=())


@pytest.mark.parametrize(
    ("headers", "forwarded"),
    [
        ({"x-upstream-authorization": "Bearer for-the-agent"}, ("Authorization", "Bearer for-the-agent")),
        ({"X-Upstream-Authorization": "ApiKey x", "authorization": "Bearer k1"}, ("Authorization", "ApiKey x")),
        ({"x-upstream-authorization": " "}, None),
        ({"authorization": "Bearer k1", "x-api-key": "k2"}, None),
    ],
)
def test_only_the_caller_s_own_credential_for_the_agent_is_forwarded(headers: dict[str, str], forwarded: tuple[str, str] | None) -> None:
    assert upstream_authorization(headers) == forwarded
