"""Builds what sends notifications: on first use, with its imports, out of what is outside."""

import os
import random
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from relay.adapters.table.batch import BatchReader
from relay.adapters.table.dead_letters import DeadLetters
from relay.adapters.table.proofs import Proofs
from relay.adapters.table.receivers import Receivers
from relay.clock import now
from relay.domain.schedule import RetryRules
from relay.domain.signer import Signer
from relay.doors import Doors

if TYPE_CHECKING:
    from relay.use_cases.compose import Compose
    from relay.use_cases.copies import Copies
    from relay.use_cases.deliver_batches import DeliverBatches
    from relay.use_cases.redrive import Redrive
    from relay.use_cases.replay import Replay
    from relay.use_cases.send_again import SendAgain


@dataclass(frozen=True)
class Delivering(Doors):
    """The part of the wiring that the deliver function is made of, and the operator's commands that send again."""

    @contextmanager
    def deliver(self) -> "Iterator[DeliverBatches]":
        """One of its own for each invocation, for its HTTP client takes one at a time; on Lambda always the same, its connections warm."""
        try:
            deliver = self._idle.pop()
        except IndexError:
            deliver = self._new_deliver()
        try:
            yield deliver
        finally:
            self._idle.append(deliver)

    @cached_property
    def _idle(self) -> "deque[DeliverBatches]":
        return deque()

    @cached_property
    def copies(self) -> "Copies":
        from relay.use_cases.copies import Copies

        return Copies(configs=self.configs, cursors=self.cursors, directory=self.directory)

    @cached_property
    def compose(self) -> "Compose":
        from relay.use_cases.compose import Compose

        return Compose(self.revisions, self.settings.evo_names)

    @property
    def receivers(self) -> Receivers:
        """Each with a memory of its own."""
        return Receivers(self.connection, longest_pause=RetryRules(self.settings.retry_schedule).longest, now=now)

    def _new_deliver(self) -> "DeliverBatches":
        from relay.adapters.webhook import WebhookClient
        from relay.use_cases.attempt import Attempt
        from relay.use_cases.deliver import Deliver
        from relay.use_cases.deliver_batches import DeliverBatches
        from relay.use_cases.give_up import GiveUp
        from relay.use_cases.prove import Prove
        from relay.use_cases.receiver_gate import ReceiverGate
        from relay.use_cases.return_wakeups import ReturnWakeups
        from relay.use_cases.tell import Tell

        given, attempts, hosts = self.settings, self.attempts, self.settings.webhook_hosts
        client = WebhookClient(is_denied=hosts.denies_address, now=now)
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
        attempt = Attempt(client, attempts, timeout=timeout, hosts=hosts, prove=prove, names=given.evo_names, signer=self.signer, now=now)
        returns = ReturnWakeups(self.delivery_queue, random=random.random)
        tell = Tell(
            cursors=self.cursors,
            queue=self.delivery_queue,
            returns=returns,
            compose=self.compose,
            attempt=attempt,
            give_up=give_up,
            copies=self.copies,
            gate=ReceiverGate(self.receivers, timeout=timeout, now=now, random=random.random),
            rules=rules,
            timeout=timeout,
            now=now,
            random=random.random,
        )
        reader = BatchReader(self.connection, self.configs, self.revisions)
        deliver = Deliver(
            reader=reader,
            cursors=self.cursors,
            revisions=self.revisions,
            returns=returns,
            attempt=attempt,
            tell=tell,
            updates=given.updates_after_failure,
            now=now,
        )
        return DeliverBatches(deliver=deliver, client=client, queue=self.delivery_queue, timeout=timeout, now=now)

    def signer(self) -> Signer:
        """As whom the relay signs now; without a signing secret it has no keys."""
        return Signer(self._signing_keys.live(), issuer=self.settings.public_url.rstrip("/"))

    @cached_property
    def redrive(self) -> "Redrive":
        from relay.use_cases.redrive import Redrive

        return Redrive(
            dead_letters=DeadLetters(self.connection),
            configs=self.configs,
            revisions=self.revisions,
            send_again=self.send_again,
            now=now,
        )

    @cached_property
    def replay(self) -> "Replay":
        from relay.use_cases.replay import Replay

        return Replay(configs=self.configs, cursors=self.cursors, revisions=self.revisions, send_again=self.send_again, now=now)

    @cached_property
    def send_again(self) -> "SendAgain":
        from relay.use_cases.send_again import SendAgain

        return SendAgain(cursors=self.cursors, watches=self.watches, delivery_queue=self.delivery_queue, now=now)
