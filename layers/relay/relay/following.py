"""Builds what follows tasks, by questions to their agents and by streams: on first use, with its imports, out of what is outside."""

import os
import random
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from relay.adapters.table.reaches import Reaches
from relay.clock import now
from relay.delivering import Delivering

if TYPE_CHECKING:
    from relay.use_cases.agent_gate import AgentGate
    from relay.use_cases.agents import Agents
    from relay.use_cases.ask import Ask
    from relay.use_cases.hold_streams import Guarded, HoldStreams
    from relay.use_cases.known_reach import KnownReach
    from relay.use_cases.last_words import LastWords
    from relay.use_cases.log import Log
    from relay.use_cases.observe import Observe
    from relay.use_cases.poll import Poll
    from relay.use_cases.register_callback import RegisterCallback
    from relay.use_cases.strategies import Strategies
    from relay.use_cases.take_turns import TakeTurns
    from relay.use_cases.watch import FollowTasks


@dataclass(frozen=True)
class Following(Delivering):
    """The watch and stream functions' part of the wiring, and what asks agents for all functions."""

    @cached_property
    def agents(self) -> "Agents":
        from relay.use_cases.agents import Agents, DefaultUpstream

        given = self.settings
        default = DefaultUpstream(
            given.upstream_agent_url,
            lambda: self._secret(given.upstream_credential_secret_arn),
            challenges_receivers=given.ownership_challenge,
            follow=given.follow_strategy,
            follow_as=given.follow_as,
            blocks=given.upstream_blocks,
        )
        return Agents(self.agent_records, self._upstream, default=default, now=now)

    @cached_property
    def ask(self) -> "Ask":
        from relay.use_cases.ask import Ask

        return Ask(self.agents, self._upstream, relay_tasks=self.relay_tasks, log=self.log, now=now)

    @cached_property
    def log(self) -> "Log":
        from relay.use_cases.log import Log

        return Log(self.revisions, self.observe, now=now)

    @cached_property
    def poll(self) -> "Poll":
        from relay.use_cases.poll import Poll

        return Poll(ask=self.ask, watches=self.watches, gate=self._agent_gate, now=now)

    @cached_property
    def _agent_gate(self) -> "AgentGate":
        from relay.use_cases.agent_gate import AgentGate

        return AgentGate(longest=self.settings.watch_maximum, now=now, random=random.random)

    @cached_property
    def observe(self) -> "Observe":
        from relay.use_cases.observe import Observe

        return Observe(self.revisions, watch_deadline=self.settings.watch_deadline, now=now)

    @cached_property
    def last_words(self) -> "LastWords":
        from relay.use_cases.last_words import LastWords

        return LastWords(self.revisions, self.watches, self.observe, now=now)

    @cached_property
    def take_turns(self) -> "TakeTurns":
        from relay.use_cases.list_tasks import ListTasks
        from relay.use_cases.recall_tasks import RecallTasks
        from relay.use_cases.take_turns import TakeTurns

        list_tasks = ListTasks(
            agents=self.agents,
            strategies=self.strategies,
            lists=self._lists,
            listers=self.listers,
            watches=self.watches,
            gate=self._agent_gate,
            recall_tasks=RecallTasks(self.watches, self.watch_queue, self.settings.watch_maximum, now, random.random),
            watch_queue=self.watch_queue,
            interval=self.settings.list_interval,
            now=now,
            random=random.random,
        )
        return TakeTurns(self.follow_tasks, list_tasks)

    @cached_property
    def follow_tasks(self) -> "FollowTasks":
        from relay.domain.watch import Pace
        from relay.use_cases.accelerate import Accelerate
        from relay.use_cases.known_listers import KnownListers
        from relay.use_cases.list_where_it_pays import Crowds, ListWhereItPays
        from relay.use_cases.tell_ending import TellEnding
        from relay.use_cases.watch import FollowTasks

        given = self.settings
        listers = KnownListers(self.listers, self.watch_queue, slowest=given.list_sweep, now=now)
        list_where_it_pays = ListWhereItPays(self.strategies, listers, given.watch_maximum, given.list_sweep, Crowds(now=now), now)
        return FollowTasks(
            watches=self.watches,
            cursors=self.cursors,
            revisions=self.revisions,
            relay_tasks=self.relay_tasks,
            poll=self.poll,
            observe=self.observe,
            last_words=self.last_words,
            tell_ending=TellEnding(self.revisions, unreachable_limit=given.unreachable_limit, watch_deadline=given.watch_deadline, now=now),
            accelerate=Accelerate(
                self.strategies,
                self.stream_claims,
                self.stream_queue,
                listers,
                list_where_it_pays,
                self._register_callback,
                given.list_sweep,
                now,
            ),
            watch_queue=self.watch_queue,
            delivery_queue=self.delivery_queue,
            pace=Pace(given.watch_minimum, given.watch_maximum, given.watch_deadline),
            now=now,
            random=random.random,
        )

    @cached_property
    def _register_callback(self) -> "RegisterCallback":
        from relay.use_cases.register_callback import RegisterCallback

        return RegisterCallback(self.agents, self._upstream, self.callbacks, self.watches, self.settings.public_url, os.urandom)

    @cached_property
    def strategies(self) -> "Strategies":
        from relay.use_cases.strategies import Strategies

        return Strategies(self.agents, self.strategy_records, self.known_reach, has_address=bool(self.settings.public_url), now=now)

    @cached_property
    def known_reach(self) -> "KnownReach":
        from relay.use_cases.known_reach import KnownReach

        return KnownReach(Reaches(self.connection), now=now)

    def hold_streams(self, guarded: "Guarded") -> "HoldStreams":
        """One of its own for each invocation."""
        from relay.use_cases.follow_stream import FollowStream
        from relay.use_cases.hold_streams import HoldStreams

        follow = FollowStream(
            agents=self.agents,
            watches=self.watches,
            streams=self.streams,
            ask=self.ask,
            observe=self.observe,
            revisions=self.revisions,
            last_words=self.last_words,
            gate=self._agent_gate,
            now=now,
            random=random.random,
        )
        return HoldStreams(
            follow=follow,
            claims=self.stream_claims,
            strategies=self.strategies,
            stream_queue=self.stream_queue,
            watch_queue=self.watch_queue,
            guarded=guarded,
            now=now,
        )
