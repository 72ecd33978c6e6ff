"""Strategies: by which one an agent's tasks are followed now: the operator's choice or the best of its card's that works."""

from collections.abc import Callable
from datetime import datetime

from relay import observability
from relay.adapters.table.strategies import StrategyRecords
from relay.domain.agent import Agent
from relay.domain.keys import AgentKey
from relay.domain.strategy import GIVEN_UP_FOR, MAX_MISSED, Strategy, first_that_works
from relay.use_cases.agents import Agents
from relay.use_cases.known_reach import KnownReach


class Strategies:
    """`has_address`: agents can be told where the relay is."""

    def __init__(
        self, agents: Agents, records: StrategyRecords, reach: KnownReach, *, has_address: bool, now: Callable[[], datetime]
    ) -> None:
        self._agents = agents
        self._records = records
        self._reach = reach
        self._has_address = has_address
        self._now = now

    def of(self, key: AgentKey) -> Strategy:
        """Raises: RelayError when the agent's card cannot be read."""
        agent = self._agents.find(key)
        return first_that_works(agent.strategies, works=lambda strategy: self._works(agent, strategy))

    def could_list(self, key: AgentKey) -> bool:
        """Whether the relay may choose to list its tasks: nobody has chosen, and it speaks A2A 1.0. Nothing is asked for that.

        Raises: RelayError when the agent's card cannot be read.
        """
        return self._agents.find(key).could_be_listed

    def may_list(self, key: AgentKey) -> bool:
        """Whether its tasks may be listed now: by the operator's choice, or as they would be polled. Raises: RelayError, likewise."""
        strategy = self.of(key)
        if strategy is not Strategy.POLL:
            return strategy is Strategy.LIST
        return self.could_list(key) and Strategy.LIST not in self._records.given_up(key)

    def probes(self, key: AgentKey) -> bool:
        """Whether the agent gets a callback for one task that is polled, as its card says that it pushes. Raises: RelayError."""
        agent = self._agents.find(key)
        return self._may_push(agent) and Strategy.PUSH not in self._records.given_up(key) and self._reach.probes(key)

    def give_up(self, key: AgentKey, strategy: Strategy, *, reason: str) -> None:
        """For some minutes: the agent, or its card, may change."""
        self._records.give_up(key, strategy, until=self._now() + GIVEN_UP_FOR)
        if strategy is Strategy.PUSH:
            self._reach.lost(key)
        observability.strategy_given_up(key, strategy, reason=reason)

    def missed(self, key: AgentKey, strategy: Strategy) -> None:
        """The agent did not tell of a change. One is an accident."""
        if self._records.count_missed(key, strategy, until=self._now() + GIVEN_UP_FOR) >= MAX_MISSED:
            self.give_up(key, strategy, reason="the agent does not tell of every change")

    def _works(self, agent: Agent, strategy: Strategy) -> bool:
        """What the operator has chosen is tried without being asked whether it could work."""
        if strategy in self._records.given_up(agent.key):
            return False
        return strategy is not Strategy.PUSH or agent.follow is not None or (self._may_push(agent) and self._reach.is_heard(agent.key))

    def _may_push(self, agent: Agent) -> bool:
        return agent.follow is None and self._has_address and Strategy.PUSH in agent.strategies
