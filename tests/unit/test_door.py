from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relay.domain.door import (
    Caller,
    ClientAuthentication,
    admit_key,
    admit_reporter,
    admit_without_key,
    is_expected,
    keys_of,
    presented_key,
    presented_tokens,
)
from relay.domain.errors import AgentNotFoundError, ForbiddenError, UnauthenticatedError
from relay.domain.keys import MAX_ID_LENGTH, AgentKey
from relay.domain.relay_key import RelayKey, digest_of, end_of_overlap, successor

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TEXT = "rk_" + "k" * 43
KEY = RelayKey(digest_of(TEXT), "acme", frozenset({"writer"}), "for the build", created_at=NOW - timedelta(days=10))
IAM_CONTEXT = {"authorizer": {"iam": {"userArn": "arn:aws:iam::123456789012:user/me"}}}


def is_let_in(authentication: ClientAuthentication, context: Mapping[str, Any] | None = None) -> bool:
    try:
        return admit_without_key(authentication, context or {}) == Caller("default")
    except UnauthenticatedError:
        return False


def refusal(found: RelayKey | None) -> str:
    with pytest.raises(UnauthenticatedError) as raised:
        admit_key(found, now=NOW)
    return str(raised.value)


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


def test_a_key_lets_its_owner_s_caller_in_with_its_rights() -> None:
    assert admit_key(KEY, now=NOW) == Caller("acme", frozenset({"writer"}), key_id=KEY.digest[:8])


def test_a_key_ends_at_its_end() -> None:
    ending = RelayKey(KEY.digest, "acme", frozenset(), "", created_at=NOW, expires_at=NOW + timedelta(seconds=1))
    assert admit_key(ending, now=NOW) == Caller("acme", key_id=KEY.id)
    with pytest.raises(UnauthenticatedError):
        admit_key(ending, now=NOW + timedelta(seconds=1))


def test_an_unknown_key_and_an_expired_one_are_refused_in_the_same_words() -> None:
    expired = RelayKey(KEY.digest, "acme", frozenset(), "a label", created_at=NOW, expires_at=NOW)
    assert refusal(None) == refusal(expired)
    assert not any(told in refusal(expired) for told in (TEXT, KEY.id, "acme", "a label"))


def test_a_key_s_digest_is_its_sha256() -> None:
    assert digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1


def test_a_caller_s_agents_are_its_owner_s() -> None:
    assert Caller("acme").agent_key("writer") == AgentKey("acme", "writer")
    assert Caller("other").agent_key("writer") == AgentKey("other", "writer")


def test_a_key_for_some_agents_finds_no_other() -> None:
    caller = Caller("acme", frozenset({"writer", "reader"}))
    assert [caller.agent_key(name).agent for name in ("writer", "reader")] == ["writer", "reader"]
    with pytest.raises(AgentNotFoundError) as raised:
        caller.agent_key("default")
    assert str(raised.value) == str(AgentNotFoundError("default"))


@pytest.mark.parametrize("name", ["", "x" * (MAX_ID_LENGTH + 1), "half of a pair \ud800"])
def test_what_cannot_be_a_name_is_no_agent(name: str) -> None:
    with pytest.raises(AgentNotFoundError):
        Caller("acme").agent_key(name)


def test_the_stack_s_own_key_is_expected() -> None:
    assert is_expected("a-key", ["a-key"])
    assert not is_expected("wrong", ["a-key"])


def test_a_relay_without_a_key_expects_none() -> None:
    assert not is_expected("a-key", [])
    assert not is_expected("", [""])


def test_each_of_several_keys_is_expected_while_one_replaces_another() -> None:
    expected = keys_of(" old-key\nnew-key \n")
    assert [is_expected(key, expected) for key in ("old-key", "new-key", "")] == [True, True, False]


def test_a_key_that_is_not_ascii_is_compared_and_not_choked_on() -> None:
    assert is_expected("grüße\ud800", ["grüße\ud800"])
    assert not is_expected("grüße\ud800", ["a-key"])


def test_iam_lets_in_only_what_api_gateway_has_checked() -> None:
    assert is_let_in(ClientAuthentication.IAM, IAM_CONTEXT)
    elsewhere: list[dict[str, Any]] = [
        {},
        {"authorizer": None},
        {"authorizer": {"iam": None}},
        {"authorizer": {"jwt": {}}},
        {"iam": {"a": 1}},
    ]
    assert not any(is_let_in(ClientAuthentication.IAM, context) for context in elsewhere)


def test_without_authentication_all_come_in() -> None:
    assert is_let_in(ClientAuthentication.NONE)


def test_a_relay_with_keys_lets_nobody_in_without_one() -> None:
    assert not is_let_in(ClientAuthentication.RELAY_KEY, IAM_CONTEXT)


def test_a_successor_has_the_same_rights_and_as_long_a_life() -> None:
    old = RelayKey(KEY.digest, "acme", KEY.agents, KEY.label, created_at=NOW - timedelta(days=80), expires_at=NOW + timedelta(days=10))
    new = successor(old, "d" * 64, now=NOW)
    assert (new.owner, new.agents, new.label) == (old.owner, old.agents, old.label)
    assert (new.created_at, new.expires_at) == (NOW, NOW + timedelta(days=90))
    assert successor(KEY, "d" * 64, now=NOW).expires_at is None


def test_a_replaced_key_ends_after_the_overlap_but_never_later_than_before() -> None:
    tomorrow, next_week = NOW + timedelta(days=1), NOW + timedelta(days=7)
    assert end_of_overlap(KEY, tomorrow) == tomorrow
    ending = RelayKey(KEY.digest, "acme", frozenset(), "", created_at=NOW, expires_at=tomorrow)
    assert end_of_overlap(ending, next_week) == tomorrow


def test_jwt_lets_in_only_what_api_gateway_has_checked() -> None:
    checked = {"authorizer": {"jwt": {"claims": {"sub": "me"}, "scopes": None}}}
    assert admit_without_key(ClientAuthentication.JWT, checked) == Caller("default")
    refused: list[Mapping[str, Any]] = [{}, {"authorizer": {}}, {"authorizer": {"jwt": None}}, IAM_CONTEXT]
    for context in refused:
        with pytest.raises(UnauthenticatedError, match="token of its issuer"):
            admit_without_key(ClientAuthentication.JWT, context)


@pytest.mark.parametrize(
    ("headers", "tokens"),
    [
        ({}, ()),
        ({"authorization": "Bearer t1"}, ("t1",)),
        ({"Authorization": "Whatever t1"}, ("t1",)),
        ({"authorization": "t1"}, ()),
        ({"X-A2A-Notification-Token": "t2"}, ("t2",)),
        ({"a2a-notification-token": " t3 "}, ("t3",)),
        ({"authorization": "Bearer t1", "x-a2a-notification-token": "t2", "a2a-notification-token": "t2"}, ("t2", "t1")),
    ],
)
def test_a_report_token_may_be_in_any_of_three_headers(headers: dict[str, str], tokens: tuple[str, ...]) -> None:
    assert presented_tokens(headers) == tokens


def test_a_report_token_is_for_its_own_agent() -> None:
    ended = RelayKey("0", "globex", frozenset({"writer"}), "", created_at=NOW - timedelta(days=1), expires_at=NOW)
    assert admit_reporter([None, ended, KEY], "writer", now=NOW) == AgentKey("acme", "writer")
    with pytest.raises(ForbiddenError, match=r"^This report token is for another agent's address\.$"):
        admit_reporter([KEY], "reader", now=NOW)


def test_without_a_report_token_that_is_good_nobody_reports() -> None:
    ended = RelayKey("0", "acme", frozenset({"writer"}), "", created_at=NOW - timedelta(days=1), expires_at=NOW)
    for found in ([], [None], [ended]):
        with pytest.raises(UnauthenticatedError) as refused:
            admit_reporter(found, "writer", now=NOW)
        assert refused.value.message == "Show this agent's report token: X-A2A-Notification-Token, or Authorization: Bearer TOKEN."


def test_who_shows_no_key_is_told_how_one_is_shown() -> None:
    assert refusal(None) == "Show this relay's key as `Authorization: Bearer KEY` or `X-API-Key`."


def test_a_reporter_reads_which_headers_may_hold_its_token() -> None:
    assert presented_tokens({"Authorization": "Bearer a b", "x-a2a-notification-token": "one", "A2A-NOTIFICATION-TOKEN": "two"}) == (
        "one",
        "two",
        "a b",
    )
    assert presented_tokens({}) == ()
