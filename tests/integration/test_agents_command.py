"""What `relay agents add` remarks (nothing is refused, for an agent and its card may change), and what `relay agents list` shows."""

from collections.abc import Callable

import pytest

from relay.adapters.table.agents import RegisteredAgent
from relay.domain.keys import AgentKey
from relay.wiring import wiring
from relay_dev import follow_remarks
from relay_dev.cli import _parser
from tests.support.agent import FakeAgent
from tests.support.world import World

Add = Callable[..., list[str]]


@pytest.fixture
def add(world: World, capsys: pytest.CaptureFixture[str]) -> Add:
    """Its lines after the one that says that the agent is registered."""

    def lines(*options: str, url: str = world.agent.url, stack: str = "") -> list[str]:
        world.runner.cold_start()  # each command is a process of its own
        args = _parser("agents").parse_args(["agents", "add", "new", url, *options, *(["--stack", stack] if stack else [])])
        assert args.command(args) == 0
        assert wiring().agent_records.get(AgentKey("default", "new")) is not None
        return capsys.readouterr().out.splitlines()[1:]

    return lines


def test_follow_that_the_card_does_not_offer_is_remarked_on(add: Add) -> None:
    card, remark = add("--follow", "stream")
    assert card.startswith("its card: ")
    assert remark == "but its card does not say streaming: where --follow stream does not work its tasks are polled"
    with FakeAgent(streams=True) as agent:
        assert len(add("--follow", "stream", url=agent.url)) == 1


def test_follow_has_no_effect_with_blocking_whatever_the_card_says(add: Add) -> None:
    for follow in ("stream", "report"):
        assert add("--follow", follow, "--blocking")[0] == follow_remarks.BLOCKING
        assert len(add("--follow", follow, "--blocking")) == 2, "and the card"
    assert len(add("--blocking")) == 1
    assert follow_remarks.BLOCKING not in add("--follow", "poll", "--never-blocking")
    assert add("--follow", "stream", "--blocking", url="http://127.0.0.1:1")[0] == follow_remarks.BLOCKING, "without a card too"


def test_push_without_an_address_of_the_relays_own_is_remarked_on_where_that_is_known(add: Add) -> None:
    with FakeAgent(pushes=True) as agent:
        assert add("--follow", "push", url=agent.url)[0] == follow_remarks.NO_ADDRESS
        assert follow_remarks.NO_ADDRESS not in add("--follow", "push", url=agent.url, stack="deployed")


def listed(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    args = _parser("agents").parse_args(["agents", "list", *options])
    assert args.command(args) == 0
    return capsys.readouterr().out.splitlines()


def test_agent_that_relay_dev_was_started_with_is_listed(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    own = f"{'default':<24} {world.agent.url}  (of `relay dev` itself: --upstream, or UpstreamAgentUrl)"
    assert listed(capsys) == [own, "1 agent of the owner default"]
    wiring().agent_records.put(RegisteredAgent(AgentKey("default", "more"), "https://agent.example"))
    assert listed(capsys)[1:] == [own, "2 agents of the owner default"]
    assert listed(capsys, "--owner", "acme") == ["0 agents of the owner acme"]


def test_agent_that_takes_the_place_of_the_started_one_is_listed_alone(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    wiring().agent_records.put(RegisteredAgent(AgentKey("default", "default"), "https://agent.example"))
    assert listed(capsys) == [f"{'default':<24} https://agent.example  (no header)", "1 agent of the owner default"]
    assert world.agent.calls == []


def test_relay_dev_without_an_agent_lists_none(capsys: pytest.CaptureFixture[str]) -> None:
    with World(UpstreamAgentUrl=""):
        assert listed(capsys) == ["0 agents of the owner default"]


def test_of_a_stack_it_is_not_said_that_it_has_an_agent_of_its_own(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    del world
    expected = "0 agents registered of the owner default; beside them default, if the stack's UpstreamAgentUrl names an agent"
    assert listed(capsys, "--stack", "relay") == [expected]
    assert listed(capsys, "--stack", "relay", "--owner", "acme") == ["0 agents registered of the owner acme"]
