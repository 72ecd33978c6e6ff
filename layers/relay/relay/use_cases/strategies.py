"""Strategies: by which one an agent's tasks are followed now: the operator's or its card's choice, or what is left while that fails."""

from collections.abc import Callable
from datetime import datetime

from relay import observability
from relay.adapters.table.strategies import StrategyRecords
from relay.domain.keys import AgentKey
from relay.domain.strategy import GIVEN_UP_FOR, MAX_MISSED, Strategy, next_best
from relay.use_cases.agents import Agents


class Strategies:
    def __init__(self, agents: Agents, records: StrategyRecords, *, now: Callable[[], datetime]) -> None:
        self._agents = agents
        self._records = records
        self._now = now

    def of(self, key: AgentKey) -> Strategy:
        """Raises: RelayError when the agent's card cannot be read."""
        strategy = self._agents.find(key).strategy
        if strategy is Strategy.POLL:
            return strategy
        return next_best(strategy, given_up=self._records.given_up(key))

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

    def give_up(self, key: AgentKey, strategy: Strategy, *, reason: str) -> None:
        """For some minutes: the agent, or its card, may change."""
        self._records.give_up(key, strategy, until=self._now() + GIVEN_UP_FOR)
        observability.strategy_given_up(key, strategy, reason=reason)

    def missed(self, key: AgentKey, strategy: Strategy) -> None:
        """The agent did not tell of a change. One is an accident."""
        if self._records.count_missed(key, strategy, until=self._now() + GIVEN_UP_FOR) >= MAX_MISSED:
            self.give_up(key, strategy, reason="the agent does not tell of every change")
