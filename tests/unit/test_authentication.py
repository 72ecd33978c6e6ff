"""Authentication: the forms in which it is said, what cannot be sent, and signing secrets."""

import base64
import json
from typing import Any

import pytest

from relay.domain.authentication import authentication_result, evo_ai_result, read_authentication
from relay.domain.errors import InvalidParamsError
from relay.domain.fields import Fields
from relay.domain.push_config import Authentication
from relay.domain.task import ProtocolVersion

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
SECRET = "a secret of at least 24 bytes"


def read(given: dict[str, Any], version: ProtocolVersion = V10) -> Authentication | None:
    return read_authentication(Fields(given, "config.authentication"), version)


def refusal(given: dict[str, Any], version: ProtocolVersion = V10) -> InvalidParamsError:
    with pytest.raises(InvalidParamsError) as raised:
        read(given, version)
    return raised.value


@pytest.mark.parametrize("version", ProtocolVersion)
@pytest.mark.parametrize(
    "scheme", [{"scheme": "Bearer"}, {"schemes": ["Bearer"]}, {"schemes": ["Bearer", "Basic"]}, {"schemes": ["Bearer", 5]}]
)
def test_both_forms_are_taken_in_both_versions_and_the_first_scheme_counts(scheme: dict[str, Any], version: ProtocolVersion) -> None:
    assert read(scheme | {"credentials": "jwt"}, version) == Authentication("Bearer", "jwt")


def test_credentials_may_be_absent() -> None:
    assert read({"scheme": "Bearer"}) == Authentication("Bearer")


@pytest.mark.parametrize("given", [{}, {"scheme": "", "credentials": ""}, {"schemes": [], "credentials": None}])
def test_an_object_that_says_nothing_is_no_authentication(given: dict[str, Any]) -> None:
    assert read(given) is None
    assert read_authentication(None, V10) is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"credentials": "x"}, "scheme"),
        ({"type": "bearer", "token": "x\n"}, "token"),
        ({"type": 5}, "type"),
        ({"scheme": "ApiKey", "credentials": '{"in": "query", "name": "k", "value": "v"}'}, "credentials"),
        ({"scheme": "ApiKey", "credentials": '{"in": "header", "name": "Host", "value": "v"}'}, "credentials"),
        ({"scheme": "ApiKey", "credentials": '{"name": "X-Key", "value": "v\\r\\nX-Evil: 1"}'}, "credentials"),
        ({"scheme": "ApiKey", "credentials": '{"name": "X-Key"}'}, "credentials"),
        ({"type": "apiKey", "key": "v", "headerName": "Content-Length"}, "headerName"),
        ({"type": "apiKey", "key": "v", "headerName": "webhook-signature"}, "headerName"),
        ({"type": "apiKey", "key": "v", "headerName": "a b"}, "headerName"),
        ({"type": "apiKey", "key": "v", "headerName": 5}, "headerName"),
        ({"scheme": 5}, "scheme"),
        ({"scheme": "Bearer", "credentials": 0}, "credentials"),
        ({"scheme": "Be\rarer"}, "scheme"),
        ({"scheme": "x" * 65}, "scheme"),
        ({"schemes": "Bearer"}, "schemes"),
        ({"schemes": [5]}, "schemes[0]"),
        ({"schemes": ["a\nb"]}, "schemes[0]"),
        ({"scheme": "Bearer", "credentials": "a\nb"}, "credentials"),
        ({"scheme": "Bearer", "credentials": "schlüssel"}, "credentials"),
        ({"scheme": "Bearer", "credentials": "x" * 8193}, "credentials"),
        ({"scheme": "Bearer", "credentials": {"in": "header"}}, "credentials"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_name(given: dict[str, Any], field: str) -> None:
    error = refusal(given)
    assert error.field == f"config.authentication.{field}"
    assert error.field in error.message


def test_a_missing_scheme_is_named_in_the_words_of_the_version() -> None:
    assert refusal({"schemes": [], "credentials": "x"}, V03).field == "config.authentication.schemes"


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(SECRET, id="text"),
        pytest.param("ü" * 12, id="twelve characters of two bytes"),
        pytest.param("line\nbreaks are no matter: it is never sent", id="not fit for a header"),
        pytest.param("whsec_" + base64.b64encode(bytes(24)).decode(), id="base64"),
    ],
)
def test_a_signing_secret_is_24_bytes_or_more(secret: str) -> None:
    assert read({"scheme": "hmac-sha256", "credentials": secret}) == Authentication("hmac-sha256", secret)


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("x" * 23, id="23 bytes"),
        pytest.param("", id="none"),
        pytest.param("whsec_" + "x" * 40 + "!", id="not base64"),
        pytest.param("whsec_" + base64.b64encode(bytes(23)).decode(), id="23 bytes in base64"),
        pytest.param("whsec_", id="an empty key"),
        pytest.param("\ud800" * 24, id="no Unicode"),
    ],
)
@pytest.mark.parametrize("scheme", [{"scheme": "HMAC-SHA256"}, {"schemes": ["HMAC-SHA256"]}])
def test_a_shorter_signing_secret_is_refused(scheme: dict[str, Any], secret: str) -> None:
    assert refusal(scheme | {"credentials": secret}).field == "config.authentication.credentials"


def test_a_complaint_never_quotes_a_secret() -> None:
    error = refusal({"scheme": "HMAC-SHA256", "credentials": "whsec_not-base64!"})
    assert "not-base64!" not in error.message
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize("version", ProtocolVersion)
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "none"}, None),
        ({"type": "bearer", "token": "jwt"}, Authentication("Bearer", "jwt")),
        ({"type": "BEARER", "credentials": "jwt"}, Authentication("Bearer", "jwt")),
        ({"type": "basic", "token": "dTpw"}, Authentication("Basic", "dTpw")),
        ({"type": "Digest", "token": "x"}, Authentication("Digest", "x")),
        ({"schemes": ["ApiKey"], "credentials": "plain"}, Authentication("ApiKey", "plain")),
        ({"type": "apiKey", "token": "plain"}, Authentication("ApiKey", "plain")),
        ({"type": "api_key", "token": "plain"}, Authentication("ApiKey", "plain")),
        ({"scheme": "ApiKey", "credentials": "{not json"}, Authentication("ApiKey", "{not json")),
    ],
)
def test_evo_ais_form_is_taken_everywhere(given: dict[str, Any], expected: Authentication | None, version: ProtocolVersion) -> None:
    assert read(given, version) == expected


@pytest.mark.parametrize("version", ProtocolVersion)
@pytest.mark.parametrize(
    ("given", "header"),
    [
        ({"type": "apiKey", "apiKey": "k", "headerName": "X-Client-Key"}, ("X-Client-Key", "k")),
        ({"type": "apiKey", "key": "k", "headerName": "X-Client-Key"}, ("X-Client-Key", "k")),
        ({"type": "apiKey", "key": "k"}, ("X-API-Key", "k")),
        ({"type": "apiKey", "apiKey": "k"}, ("X-API-Key", "k")),
        ({"headerName": "X-Client-Key", "token": "k"}, ("X-Client-Key", "k")),
        ({"type": "custom", "headerName": "Authorization", "token": "Token k"}, ("Authorization", "Token k")),
        ({"schemes": ["ApiKey"], "credentials": '{"in": "header", "name": "X-Client-Key", "value": "k"}'}, ("X-Client-Key", "k")),
        ({"scheme": "api_key", "credentials": '{"name": "X-Client-Key", "value": "k"}'}, ("X-Client-Key", "k")),
    ],
)
def test_a_key_under_a_header_of_its_own(given: dict[str, Any], header: tuple[str, str], version: ProtocolVersion) -> None:
    found = read(given, version)
    assert found is not None
    assert found.header == header
    assert evo_ai_result(found) == {"type": "apiKey", "headerName": header[0], "apiKey": header[1]}
    assert read(dict(authentication_result(found, version) or {}), version) == found, "what is given back can be said again"


def test_evo_ais_form_is_given_back_in_its_form() -> None:
    assert evo_ai_result(Authentication("Bearer", "jwt")) == {"type": "bearer", "token": "jwt"}
    assert evo_ai_result(Authentication("HMAC-SHA256", SECRET)) == {"type": "hmac-sha256"}
    assert evo_ai_result(None) is None


def test_authentication_is_told_in_the_form_of_the_version_that_asks() -> None:
    authentication = Authentication("Bearer", "jwt")
    assert authentication_result(authentication, V10) == {"scheme": "Bearer", "credentials": "jwt"}
    assert authentication_result(authentication, V03) == {"schemes": ["Bearer"], "credentials": "jwt"}
    assert authentication_result(Authentication("Bearer"), V10) == {"scheme": "Bearer"}
    assert authentication_result(None, V10) is None


@pytest.mark.parametrize("version", ProtocolVersion)
def test_a_signing_secret_is_never_given_back(version: ProtocolVersion) -> None:
    assert "credentials" not in (authentication_result(Authentication("HMAC-SHA256", SECRET), version) or {})


def test_an_own_header_is_given_back_as_evo_ais_clients_say_one() -> None:
    found = read({"type": "apiKey", "key": "k", "headerName": "X-Client-Key"})
    assert found is not None
    assert json.loads(found.credentials) == {"in": "header", "name": "X-Client-Key", "value": "k"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"type": "apiKey", "key": "v", "headerName": "Host"},
            "must name a header of at most 128 characters that the relay does not set itself",
        ),
        ({"scheme": "ApiKey", "credentials": '{"name": "X-Key"}'}, "must have a value for its header"),
        (
            {"scheme": "ApiKey", "credentials": '{"in": "query", "name": "k", "value": "v"}'},
            "must say `in`: `header`: a receiver is shown a key in a header only",
        ),
        ({"credentials": "x"}, "is required"),
        ({"scheme": "HMAC-SHA256", "credentials": "short"}, "must be a secret of at least 24 bytes for scheme HMAC-SHA256"),
        ({"scheme": "HMAC-SHA256", "credentials": "whsec_%"}, "begins with whsec_, but what follows is no base64"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_nothing_of_what_was_given(given: dict[str, Any], told: str) -> None:
    assert refusal(given).message.endswith(f" {told}.")
