"""An agent's credential, and a caller's own: who may use it, and what an answer is told on without."""

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
