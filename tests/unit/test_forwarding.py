"""What of a call's headers reaches the agent."""

import pytest

from relay.domain.errors import InvalidRequestError
from relay.domain.forwarding import caller_credential, credential_for, credential_texts, fingerprint, forwarded_headers, passed_on
from relay.domain.task import ProtocolVersion

OPERATORS = (("X-API-Key", "operators"),)


def test_only_the_named_headers_go_on() -> None:
    incoming = {
        "Authorization": "Bearer relay-key",
        "X-API-Key": "relay-key",
        "Cookie": "a=b",
        "Host": "relay.example.com",
        "X-Forwarded-For": "192.0.2.1",
        "A2A-Version": "1.0",
        "A2A-Extensions": "https://example.com/ext",
        "X-A2A-Extensions": "https://example.com/old",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    assert forwarded_headers(incoming, (), ProtocolVersion.V10) == {
        "a2a-version": "1.0",
        "a2a-extensions": "https://example.com/ext",
        "x-a2a-extensions": "https://example.com/old",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }


def test_the_version_is_the_agents_not_the_callers() -> None:
    assert forwarded_headers({"A2A-Version": "1.0"}, (), ProtocolVersion.V03) == {"a2a-version": "0.3"}


@pytest.mark.parametrize(
    ("said", "version", "heard"),
    [
        ("A2A-Extensions", ProtocolVersion.V03, "x-a2a-extensions"),
        ("X-A2A-Extensions", ProtocolVersion.V10, "a2a-extensions"),
        ("A2A-Extensions", ProtocolVersion.V10, "a2a-extensions"),
    ],
)
def test_extensions_reach_an_agent_under_its_versions_name(said: str, version: ProtocolVersion, heard: str) -> None:
    assert forwarded_headers({said: "https://example.com/ext"}, (), version)[heard] == "https://example.com/ext"


def test_a_header_that_cannot_be_sent_stays_behind() -> None:
    assert forwarded_headers({"traceparent": "a\r\nhost: b"}, (), ProtocolVersion.V10) == {"a2a-version": "1.0"}


def test_the_operators_credential_goes_with_a_call_that_brings_none() -> None:
    headers = forwarded_headers({}, credential_for({"Authorization": "Bearer relay-key"}, OPERATORS), ProtocolVersion.V10)
    assert headers == {"a2a-version": "1.0", "x-api-key": "operators"}


def test_the_callers_credential_takes_the_place_of_the_operators() -> None:
    headers = forwarded_headers({}, credential_for({"x-upstream-authorization": " Bearer callers "}, OPERATORS), ProtocolVersion.V10)
    assert headers == {"a2a-version": "1.0", "authorization": "Bearer callers"}


def test_a_caller_without_a_credential_has_none() -> None:
    assert caller_credential({"X-Upstream-Authorization": " "}) == ()


@pytest.mark.parametrize("credential", ["Bearer sécret", "Bearer secret\r\nx: y", "\x00"])
def test_a_credential_that_no_header_can_carry_is_refused_without_repeating_it(credential: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        caller_credential({"X-Upstream-Authorization": credential})
    assert credential not in str(refused.value)


def test_a_credential_is_hidden_whole_and_without_its_scheme() -> None:
    headers = (("Authorization", "Bearer 0123456789abcdef"), ("X-Key", "fedcba9876543210"))
    assert credential_texts(headers) == {"Bearer 0123456789abcdef", "0123456789abcdef", "fedcba9876543210"}


def test_a_short_credential_is_not_looked_for_as_it_may_be_a_word() -> None:
    assert credential_texts((("Authorization", "Bearer completed"), ("X-Key", ""))) == {"Bearer completed"}


def test_a_call_that_is_made_later_keeps_the_headers_that_any_version_may_get() -> None:
    incoming = {"A2A-Extensions": "e", "X-A2A-Extensions": "x", "Traceparent": "00-1", "A2A-Version": "1.0", "Authorization": "Bearer key"}
    assert passed_on(incoming) == {"a2a-extensions": "e", "x-a2a-extensions": "x", "traceparent": "00-1"}
    assert passed_on({}) == {}


def test_callers_are_told_apart_by_their_own_credential_without_showing_it() -> None:
    one, other = (("authorization", "Bearer one"),), (("authorization", "Bearer other"),)
    assert fingerprint(one) == fingerprint((("authorization", "Bearer one"),))
    assert fingerprint(one) != fingerprint(other)
    assert "one" not in fingerprint(one)
    assert fingerprint(()) == ""


def test_what_follows_the_scheme_of_a_credential_is_the_rest_of_it() -> None:
    secret = "one-part-of-it and-another-part"
    assert credential_texts((("authorization", f"Bearer {secret}"),)) == {f"Bearer {secret}", secret}
