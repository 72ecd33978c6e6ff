"""Secrets stay secret: planted wherever a caller or an operator can put one, they are searched for in everything that the relay writes.

The agent and the receivers repeat all they are told, AWS quotes what it refuses, functions die. One drive for all tests, per form of log.
"""

import zlib
from base64 import b64encode
from binascii import hexlify
from collections.abc import Callable, Iterator

import pytest

from tests.support.gossip import RECEIVERS, Gossip
from tests.support.planted import Planted

pytestmark = pytest.mark.timeout(300)  # the drive is part of the first test

SILENT = ("answers", "commands", "requests to AWS", "log", "exceptions", "table", "bucket", "queues")
OF_THE_AGENT = {"upstream-credential", "agent-credential", "caller-credential", "lent-credential"}


@pytest.mark.parametrize("lead", [b"", b"x", b"xx", b"xxx"])
@pytest.mark.parametrize("written", [bytes, b64encode, hexlify, zlib.compress, lambda text: text[:-12], lambda text: text[12:]])
def test_search_finds_a_secret_however_it_is_written(lead: bytes, written: Callable[[bytes], bytes]) -> None:
    planted = Planted()
    assert planted.found_in(written(lead + planted["token"].encode())) == {"token"}
    assert planted.found_in(written(lead + b"token and no more")) == set()


def own(name: str) -> set[str]:
    """What was registered for one receiver, beside its credentials."""
    return {f"{part}-{name}" for part in ("token", "user", "password", "query")}


@pytest.fixture(scope="module", params=[False, True], ids=["as on Lambda", "as in relay dev"])
def gossip(request: pytest.FixtureRequest) -> Iterator[Gossip]:
    with Gossip(for_people=request.param) as gossip:
        gossip.happen()
        yield gossip


def found(gossip: Gossip, parts: list[bytes]) -> set[str]:
    return {name for part in parts for name in gossip.planted.found_in(part)}


@pytest.mark.parametrize("place", SILENT)
def test_no_secret_is_written(gossip: Gossip, place: str) -> None:
    assert gossip.said[place], "nothing was written here: the drive has missed it"
    assert found(gossip, gossip.said[place]) == set()


def test_what_an_agent_makes_of_a_callers_credential_comes_back_to_that_caller_only(gossip: Gossip) -> None:
    assert found(gossip, gossip.said["answers to own credentials"]) == {"caller-credential"}


def test_owner_is_shown_what_it_registered_but_no_signing_secret(gossip: Gossip) -> None:
    expected = {"credentials"}.union(*(own(name) for name in RECEIVERS))
    assert found(gossip, gossip.said["own configs"]) == expected


def test_agent_is_shown_the_credentials_for_it_alone(gossip: Gossip) -> None:
    assert found(gossip, gossip.agent.heard()) == OF_THE_AGENT


@pytest.mark.parametrize("name", RECEIVERS)
def test_receiver_is_shown_what_was_registered_for_it_alone(gossip: Gossip, name: str) -> None:
    expected = own(name) | ({"credentials"} if name == "bearer" else set())
    assert found(gossip, gossip.receivers[name].heard()) == expected


@pytest.mark.parametrize(
    "words", ["attempt failed", "dead-lettered", "delivery failed", "poll failed", "call failed", "notification delivered"]
)
def test_drive_has_been_through_it(gossip: Gossip, words: str) -> None:
    assert any(words.encode() in line for line in gossip.said["log"])
