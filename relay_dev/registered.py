"""Whether an owner has an agent of that name, as far as a command can know."""

from relay.domain.keys import DEFAULT_AGENT, DEFAULT_OWNER, AgentKey
from relay.wiring import wiring


def may_be_there(agent: AgentKey) -> bool:
    """True for the stack's own agent, though it may have none: with --stack its parameter is not read."""
    return agent == AgentKey(DEFAULT_OWNER, DEFAULT_AGENT) or wiring().agent_records.get(agent) is not None
