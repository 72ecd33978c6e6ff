"""An agent's credential, and a caller's own: who may use it, and what an answer is told on without; what the relay says to an agent."""

from typing import Any

import pytest

from relay.domain.agent import Agent, FollowAs
from relay.domain.keys import AgentKey

OPERATORS = (("Authorization", "Bearer operators-0123456789"),)
CALLERS = (("authorization", "Bearer callers-0123456789"),)
OPERATORS_TEXTS = {"Bearer operators-0123456789", "operators-0123456789"}
CALLERS_TEXTS = {"Bearer callers-0123456789", "callers-0123456789"}


def agent(follow_as: FollowAs) -> Agent:
    return Agent(AgentKey("owner", "agent"), "https://agent.example", credential_headers=OPERATORS, follow_as=follow_as)


def test_a_caller_lends_its_credential_only_where_the_operator_has_said_so() -> None:
    assert agent(FollowAs.CALLER).lends(CALLERS) == CALLERS
    assert agent(FollowAs.OPERATOR).lends(CALLERS) == ()


@pytest.mark.parametrize(
    ("follow_as", "texts"),
    [(FollowAs.OPERATOR, OPERATORS_TEXTS), (FollowAs.CALLER, OPERATORS_TEXTS | CALLERS_TEXTS)],
    ids=["operator", "caller"],
)
def test_a_view_is_taken_without_every_credential_that_is_not_its_readers_own(follow_as: FollowAs, texts: set[str]) -> None:
    assert agent(follow_as).hidden == OPERATORS_TEXTS
    assert agent(follow_as).hides(CALLERS) == texts
    assert agent(follow_as).hides(()) == OPERATORS_TEXTS


def test_only_its_key_is_in_its_repr() -> None:
    assert "operators-0123456789" not in repr(agent(FollowAs.CALLER))
    assert "agent.example" not in repr(agent(FollowAs.CALLER))


def in_version(version: str, **capabilities: Any) -> Agent:
    interface = {"url": "/rpc", "protocolBinding": "JSONRPC", "protocolVersion": version}
    card = {"name": "Agent", "supportedInterfaces": [interface], "capabilities": capabilities}
    return Agent(AgentKey("owner", "agent"), "https://agent.example", OPERATORS, card, "https://agent.example/card")


@pytest.mark.parametrize(("version", "header"), [("1.0", "a2a-extensions"), ("0.3", "x-a2a-extensions")])
def test_the_relays_own_calls_name_the_extensions_that_every_client_must_support(version: str, header: str) -> None:
    extensions = [{"uri": "urn:a", "required": True}, {"uri": "urn:b"}, {"uri": "urn:c", "required": True}, {"required": True}, "no object"]
    headers = in_version(version, extensions=extensions).own_call_headers()
    assert (headers["a2a-version"], headers[header]) == (version, "urn:a,urn:c")


@pytest.mark.parametrize("extensions", [[], [{"uri": "urn:b"}], [{"uri": "urn:\r\nhost: b", "required": True}], {"uri": "urn:a"}])
def test_the_relays_own_calls_name_no_other_extension(extensions: Any) -> None:
    headers = in_version("1.0", extensions=extensions).own_call_headers()
    assert headers == {"a2a-version": "1.0", "authorization": "Bearer operators-0123456789"}


def test_the_relays_own_calls_show_a_lent_credential_rather_than_the_operators() -> None:
    assert in_version("1.0").own_call_headers(CALLERS) == {"a2a-version": "1.0", "authorization": "Bearer callers-0123456789"}
