"""The one tree of errors, against the drawing in its docstring."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from relay.domain import errors
from relay.domain.errors import InvalidParamsError, RelayError, UpstreamBusyError, UpstreamRefusedError

HTTP_STATUSES_BY_GRPC = {
    "INVALID_ARGUMENT": {400, 413, 415},
    "FAILED_PRECONDITION": {400},
    "RESOURCE_EXHAUSTED": {429},
    "NOT_FOUND": {404},
    "UNAUTHENTICATED": {401},
    "PERMISSION_DENIED": {403},
    "INTERNAL": {500, 502},
    "UNAVAILABLE": {502, 503},
    "DEADLINE_EXCEEDED": {504},
}


def tree(of: type[RelayError] = RelayError) -> Iterator[type[RelayError]]:
    """An adapter may have a narrower error of its own: that is not in the drawing."""
    yield of
    for each in of.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from tree(each)


@pytest.mark.parametrize("error", list(tree()), ids=lambda error: error.__name__)
def test_every_error_is_in_the_drawing(error: type[RelayError]) -> None:
    line = next(line for line in str(errors.__doc__).splitlines() if line.strip(" │├└─").split(" ")[0] == error.__name__)
    for number in [word for word in line.split() if word.startswith("-32")]:
        assert error.code == int(number)
    if "HTTP" in line and "HTTP 429" not in line:
        assert error.http_status == int(line.split("HTTP ")[1][:3])
    if "reason " in line:
        assert error.reason == line.split("reason ")[1].split(" ")[0]


@pytest.mark.parametrize("error", list(tree()), ids=lambda error: error.__name__)
def test_http_and_grpc_status_say_the_same(error: type[RelayError]) -> None:
    assert error.http_status in HTTP_STATUSES_BY_GRPC[error.grpc_status]


def test_error_without_a_code_of_its_own_is_an_internal_one() -> None:
    assert {error.code for error in tree() if "code" not in vars(error)} == {-32603}


def test_error_has_its_message_and_what_belongs_to_it() -> None:
    error = RelayError("All is lost.", metadata={"a": "b"})
    assert (str(error), error.message, error.metadata) == ("All is lost.", "All is lost.", {"a": "b"})
    assert RelayError("All is lost.").metadata == {}


def test_wrong_parameter_is_named() -> None:
    error = InvalidParamsError("url is required.", field="url")
    assert (error.message, error.field, error.metadata) == ("url is required.", "url", {"field": "url"})


def test_busy_agent_says_when_to_come_back() -> None:
    error = UpstreamBusyError("The agent is busy.", retry_after=timedelta(seconds=3), metadata={"a": "b"})
    assert (error.message, error.retry_after, error.metadata) == ("The agent is busy.", timedelta(seconds=3), {"a": "b"})


def test_refusals_words_stay_out_of_the_message() -> None:
    error = UpstreamRefusedError("The agent refused.", agent_code=-32000, agent_message="a secret")
    assert (error.message, error.agent_code, error.agent_message) == ("The agent refused.", -32000, "a secret")
    assert error.metadata == {"code": "-32000"}
