"""What `relay agents add` remarks on `--follow`: that it comes to nothing, as far as the options and the agent's card show."""

from relay.domain.agent import Agent
from relay.domain.strategy import CAPABILITIES, Strategy, offered
from relay.domain.task import ProtocolVersion

BLOCKING = "but --follow has no effect with --blocking: its tasks are the relay's own, and the agent is not asked for them"
NO_ADDRESS = "but this relay does not know its own address, so --follow push comes to polls: set PublicUrl"


def on_card(agent: Agent) -> str:
    """Of an agent that does not block; empty when there is nothing to remark. No refusal: a card may be wrong, or change."""
    follow = agent.follow
    if follow in CAPABILITIES and follow not in offered(agent.card):
        return f"but its card does not say {CAPABILITIES[follow]}: where --follow {follow} does not work its tasks are polled"
    if follow is Strategy.LIST and agent.versions == {ProtocolVersion.V03}:
        return "but A2A 0.3 lists no tasks: with --follow list they are polled"
    return ""
