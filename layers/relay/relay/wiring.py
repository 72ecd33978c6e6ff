"""Builds the use cases: each on first use, with its imports, out of what is outside; kept for the life of the process."""

import os
import random
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from relay.adapters.table.batch import BatchReader
from relay.adapters.table.dead_letters import DeadLetters
from relay.adapters.table.proofs import Proofs
from relay.adapters.table.receivers import Receivers
from relay.clock import now
from relay.domain.door import ClientAuthentication
from relay.domain.schedule import RetryRules
from relay.domain.signer import Signer
from relay.doors import Doors
from relay.settings import settings

if TYPE_CHECKING:
    from relay.use_cases.agents import Agents
    from relay.use_cases.answer import AnswerCall
    from relay.use_cases.ask import Ask
    from relay.use_cases.call_agent import CallAgent
    from relay.use_cases.compose import Compose
    from relay.use_cases.deliver import Deliver
    from relay.use_cases.fan_out import FanOut
    from relay.use_cases.forward import Forward
    from relay.use_cases.observe import Observe
    from relay.use_cases.pending import Pending
    from relay.use_cases.poll import Poll
    from relay.use_cases.redrive import Redrive
    from relay.use_cases.register import RegisterLimits
    from relay.use_cases.report import Report
    from relay.use_cases.speak_proto import SpeakProto
    from relay.use_cases.sweep import Sweep
    from relay.use_cases.watch import FollowTasks


@dataclass(frozen=True)
class Wiring(Doors):
    """Every use case of one process, by the settings it was started with."""

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
        )
        return Agents(self.agent_records, self._upstream, default=default, now=now)

    @cached_property
    def ask(self) -> "Ask":
        from relay.use_cases.ask import Ask

        return Ask(self.agents, self._upstream)

    @cached_property
    def poll(self) -> "Poll":
        from relay.use_cases.poll import Poll

        return Poll(ask=self.ask, watches=self.watches, now=now)

    @cached_property
    def call_agent(self) -> "CallAgent":
        from relay.use_cases.call_agent import CallAgent

        return CallAgent(self._upstream)

    @cached_property
    def observe(self) -> "Observe":
        from relay.use_cases.observe import Observe

        return Observe(self.revisions, watch_deadline=self.settings.watch_deadline, now=now)

    @cached_property
    def report(self) -> "Report":
        from relay.use_cases.report import Report

        return Report(
            revisions=self.revisions,
            cursors=self.cursors,
            watches=self.watches,
            observe=self.observe,
            watch_queue=self.watch_queue,
            now=now,
        )

    @cached_property
    def answer(self) -> "AnswerCall":
        from relay.use_cases.answer import AnswerCall
        from relay.use_cases.configs_by_task import ConfigsByTask
        from relay.use_cases.push_call import SeeTask
        from relay.use_cases.push_configs import PushConfigs
        from relay.use_cases.register import Register
        from relay.use_cases.send import SendMessage

        register = Register(
            configs=self.configs,
            cursors=self.cursors,
            revisions=self.revisions,
            watches=self.watches,
            watch_queue=self.watch_queue,
            directory=self.directory,
            limits=self._register_limits,
            now=now,
        )
        send = SendMessage(
            call_agent=self.call_agent,
            ask=self.ask,
            observe=self.observe,
            register=register,
            pending=self.pending,
            watches=self.watches,
            watch_queue=self.watch_queue,
            now=now,
            sleep=time.sleep,
        )
        see = SeeTask(self.ask)
        by_task = ConfigsByTask(see=see, register=register, pending=self.pending, configs=self.configs, directory=self.directory, now=now)
        push_configs = PushConfigs(see=see, observe=self.observe, register=register, pending=self.pending, by_task=by_task)
        return AnswerCall(agents=self.agents, push_configs=push_configs, send=send, forward=self.forward, now=now)

    @cached_property
    def speak_proto(self) -> "SpeakProto":
        from relay.use_cases.speak_proto import SpeakProto

        return SpeakProto(self.forms)

    @cached_property
    def pending(self) -> "Pending":
        from relay.use_cases.pending import Pending

        return Pending(
            configs=self.configs,
            cursors=self.cursors,
            revisions=self.revisions,
            watches=self.watches,
            directory=self.directory,
            limits=self._register_limits,
            now=now,
        )

    @cached_property
    def _register_limits(self) -> "RegisterLimits":
        from relay.use_cases.register import RegisterLimits

        given = self.settings
        return RegisterLimits(
            given.webhook_hosts,
            max_configs=given.max_configs_per_task,
            max_receivers=given.max_receivers_per_task,
            watch_deadline=given.watch_deadline,
        )

    @cached_property
    def forward(self) -> "Forward":
        from relay.use_cases.forward import Forward

        requires_key = self.settings.client_authentication is ClientAuthentication.RELAY_KEY
        return Forward(
            call_agent=self.call_agent,
            pending=self.pending,
            watches=self.watches,
            watch_queue=self.watch_queue,
            requires_key=requires_key,
            now=now,
        )

    @cached_property
    def follow_tasks(self) -> "FollowTasks":
        from relay.domain.watch import Pace
        from relay.use_cases.last_words import LastWords
        from relay.use_cases.watch import FollowTasks

        return FollowTasks(
            watches=self.watches,
            cursors=self.cursors,
            revisions=self.revisions,
            poll=self.poll,
            observe=self.observe,
            last_words=LastWords(self.revisions, self.observe, now=now),
            watch_queue=self.watch_queue,
            delivery_queue=self.delivery_queue,
            pace=Pace(self.settings.watch_minimum, self.settings.watch_maximum, self.settings.watch_deadline),
            now=now,
            random=random.random,
        )

    @cached_property
    def fan_out(self) -> "FanOut":
        from relay.use_cases.fan_out import FanOut

        return FanOut(self.cursors, self.delivery_queue, self.watch_queue)

    @contextmanager
    def deliver(self) -> "Iterator[Deliver]":
        """One of its own for each batch, for its HTTP client takes one at a time; on Lambda always the same, its connections warm."""
        try:
            deliver = self._idle.pop()
        except IndexError:
            deliver = self._new_deliver()
        try:
            yield deliver
        finally:
            self._idle.append(deliver)

    @cached_property
    def _idle(self) -> "deque[Deliver]":
        return deque()

    @cached_property
    def compose(self) -> "Compose":
        from relay.use_cases.compose import Compose

        return Compose(self.revisions)

    def _new_deliver(self) -> "Deliver":
        from relay.adapters.webhook import WebhookClient
        from relay.use_cases.attempt import Attempt
        from relay.use_cases.deliver import Deliver
        from relay.use_cases.give_up import GiveUp
        from relay.use_cases.prove import Prove
        from relay.use_cases.receiver_gate import ReceiverGate
        from relay.use_cases.return_wakeups import ReturnWakeups
        from relay.use_cases.tell import Tell

        given, attempts, hosts = self.settings, self.attempts, self.settings.webhook_hosts
        client = WebhookClient(is_denied=hosts.denies_address)
        give_up = GiveUp(
            configs=self.configs,
            cursors=self.cursors,
            revisions=self.revisions,
            attempts=attempts,
            dead_letters=DeadLetters(self.connection),
            queue=self.dead_letter_queue,
            now=now,
        )
        timeout, rules = given.webhook_timeout, RetryRules(given.retry_schedule)
        prove = Prove(client, Proofs(self.connection, now=now), timeout=timeout / 2, random=os.urandom, now=now)
        attempt = Attempt(client, attempts, timeout=timeout, hosts=hosts, prove=prove, signer=self.signer, now=now)
        returns = ReturnWakeups(self.delivery_queue, random=random.random)
        receivers = Receivers(self.connection, longest_pause=rules.longest, now=now)
        tell = Tell(
            cursors=self.cursors,
            queue=self.delivery_queue,
            returns=returns,
            compose=self.compose,
            attempt=attempt,
            give_up=give_up,
            gate=ReceiverGate(receivers, timeout=timeout, now=now, random=random.random),
            rules=rules,
            timeout=timeout,
            now=now,
            random=random.random,
        )
        reader = BatchReader(self.connection, self.configs, self.revisions)
        return Deliver(
            client=client,
            reader=reader,
            cursors=self.cursors,
            revisions=self.revisions,
            returns=returns,
            attempt=attempt,
            tell=tell,
            updates=given.updates_after_failure,
            now=now,
        )

    @cached_property
    def sweep(self) -> "Sweep":
        from relay.use_cases.sweep import Sweep

        return Sweep(cursors=self.cursors, watches=self.watches, delivery_queue=self.delivery_queue, watch_queue=self.watch_queue, now=now)

    @cached_property
    def redrive(self) -> "Redrive":
        from relay.use_cases.redrive import Redrive

        return Redrive(
            dead_letters=DeadLetters(self.connection),
            cursors=self.cursors,
            watches=self.watches,
            delivery_queue=self.delivery_queue,
            now=now,
        )

    def signer(self) -> Signer:
        """As whom the relay signs now; without a signing secret it has no keys."""
        return Signer(self._signing_keys.live(), issuer=self.settings.public_url.rstrip("/"))


@cache
def wiring() -> Wiring:
    """This process's wiring, made at the first event."""
    return Wiring(settings())
