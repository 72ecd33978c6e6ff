"""Builds the use cases: each on first use, with its imports, out of what is outside; kept for the life of the process."""

import os
import time
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from relay.clock import now
from relay.domain.door import ClientAuthentication
from relay.following import Following
from relay.settings import settings

if TYPE_CHECKING:
    from relay.use_cases.answer import AnswerCall
    from relay.use_cases.call_agent import CallAgent
    from relay.use_cases.callback_in_send import CallbackInSend
    from relay.use_cases.count_registrations import CountRegistrations
    from relay.use_cases.fan_out import FanOut
    from relay.use_cases.follow_task import FollowTask
    from relay.use_cases.forward import Forward
    from relay.use_cases.habits import KnownHabits
    from relay.use_cases.name_config import NameConfig
    from relay.use_cases.pending import Pending
    from relay.use_cases.register import RegisterLimits
    from relay.use_cases.report import Report
    from relay.use_cases.speak_proto import SpeakProto
    from relay.use_cases.sweep import Sweep
    from relay.use_cases.templates import Templates
    from relay.use_cases.work import Work


@dataclass(frozen=True)
class Wiring(Following):
    """Every use case of one process, by the settings it was started with."""

    @cached_property
    def call_agent(self) -> "CallAgent":
        from relay.use_cases.call_agent import CallAgent

        return CallAgent(self._upstream)

    @cached_property
    def report(self) -> "Report":
        from relay.use_cases.report import Report

        return Report(
            revisions=self.revisions,
            cursors=self.cursors,
            relay_tasks=self.relay_tasks,
            observe=self.observe,
            last_words=self.last_words,
            watch_queue=self.watch_queue,
            now=now,
        )

    @cached_property
    def callback_in_send(self) -> "CallbackInSend":
        from relay.use_cases.callback_in_send import CallbackInSend

        return CallbackInSend(
            strategies=self.strategies,
            reach=self.known_reach,
            callbacks=self.callbacks,
            watches=self.watches,
            report=self.report,
            public_url=self.settings.public_url,
            random=os.urandom,
            now=now,
        )

    @cached_property
    def answer(self) -> "AnswerCall":
        from relay.use_cases.answer import AnswerCall
        from relay.use_cases.configs_by_task import ConfigsByTask
        from relay.use_cases.own_tasks import OwnTasks
        from relay.use_cases.push_call import SeeTask
        from relay.use_cases.push_configs import PushConfigs
        from relay.use_cases.register import Register
        from relay.use_cases.send import SendMessage
        from relay.use_cases.take_over import TakeOver

        register = Register(
            configs=self.configs,
            cursors=self.cursors,
            revisions=self.revisions,
            directory=self.directory,
            copies=self.copies,
            follow=self._follow_task,
            count=self._count_registrations,
            limits=self._register_limits,
            now=now,
        )
        take_over = TakeOver(
            habits=self._habits,
            relay_tasks=self.relay_tasks,
            log=self.log,
            register=register,
            queue=self.worker_queue,
            watch_deadline=self.settings.watch_deadline,
            now=now,
        )
        send = SendMessage(
            call_agent=self.call_agent,
            ask=self.ask,
            observe=self.observe,
            register=register,
            pending=self.pending,
            templates=self._templates,
            watches=self.watches,
            watch_queue=self.watch_queue,
            take_over=take_over,
            callback_in_send=self.callback_in_send,
            now=now,
            sleep=time.sleep,
        )
        own_tasks = OwnTasks(
            relay_tasks=self.relay_tasks,
            take_over=take_over,
            ask=self.ask,
            observe=self.observe,
            log=self.log,
            call_agent=self.call_agent,
            now=now,
        )
        see = SeeTask(self.ask)
        by_task = ConfigsByTask(
            see=see,
            register=register,
            pending=self.pending,
            templates=self._templates,
            copies=self.copies,
            configs=self.configs,
            directory=self.directory,
            now=now,
        )
        push_configs = PushConfigs(
            see=see, observe=self.observe, register=register, pending=self.pending, templates=self._templates, by_task=by_task
        )
        return AnswerCall(agents=self.agents, push_configs=push_configs, send=send, own_tasks=own_tasks, forward=self.forward, now=now)

    @cached_property
    def speak_proto(self) -> "SpeakProto":
        from relay.use_cases.speak_proto import SpeakProto

        return SpeakProto(self.forms)

    @cached_property
    def name_config(self) -> "NameConfig":
        from relay.use_cases.name_config import NameConfig

        return NameConfig(self.agents, self.configs, self.revisions)

    @cached_property
    def _templates(self) -> "Templates":
        from relay.use_cases.templates import Templates

        return Templates(
            configs=self.configs,
            cursors=self.cursors,
            directory=self.directory,
            follow=self._follow_task,
            count=self._count_registrations,
            watch_deadline=self.settings.watch_deadline,
            secret_overlap=self.settings.secret_overlap,
            now=now,
        )

    @cached_property
    def pending(self) -> "Pending":
        from relay.use_cases.pending import Pending

        return Pending(
            configs=self.configs,
            cursors=self.cursors,
            revisions=self.revisions,
            directory=self.directory,
            follow=self._follow_task,
            count=self._count_registrations,
            limits=self._register_limits,
            now=now,
        )

    @cached_property
    def _follow_task(self) -> "FollowTask":
        from relay.use_cases.follow_task import FollowTask

        return FollowTask(watches=self.watches, watch_queue=self.watch_queue, deadline=self.settings.watch_deadline, now=now)

    @cached_property
    def _count_registrations(self) -> "CountRegistrations":
        from relay.adapters.table.owner_days import OwnerDays
        from relay.domain.owner_caps import OwnerCaps
        from relay.use_cases.count_registrations import CountRegistrations

        given = self.settings
        caps = OwnerCaps(configs=given.max_daily_configs_per_owner, receivers=given.max_daily_receivers_per_owner)
        return CountRegistrations(OwnerDays(self.connection), caps, now=now)

    @cached_property
    def _register_limits(self) -> "RegisterLimits":
        from relay.use_cases.register import RegisterLimits

        given = self.settings
        return RegisterLimits(
            given.webhook_hosts,
            max_configs=given.max_configs_per_task,
            max_receivers=given.max_receivers_per_task,
            watch_deadline=given.watch_deadline,
            secret_overlap=given.secret_overlap,
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
    def _habits(self) -> "KnownHabits":
        from relay.adapters.table.habits import Habits
        from relay.use_cases.habits import KnownHabits

        return KnownHabits(Habits(self.connection), now=now)

    @cached_property
    def work(self) -> "Work":
        from relay.use_cases.work import Work

        return Work(
            relay_tasks=self.relay_tasks,
            agents=self.agents,
            call_agent=self.call_agent,
            log=self.log,
            habits=self._habits,
            queue=self.worker_queue,
            watch_queue=self.watch_queue,
            watch_deadline=self.settings.watch_deadline,
            now=now,
        )

    @cached_property
    def fan_out(self) -> "FanOut":
        from relay.use_cases.fan_out import FanOut

        return FanOut(self.cursors, self.delivery_queue, self.watch_queue)

    @cached_property
    def sweep(self) -> "Sweep":
        from relay.use_cases.sweep import Sweep

        return Sweep(
            cursors=self.cursors,
            watches=self.watches,
            listers=self.listers,
            relay_tasks=self.relay_tasks,
            delivery_queue=self.delivery_queue,
            watch_queue=self.watch_queue,
            worker_queue=self.worker_queue,
            now=now,
        )


@cache
def wiring() -> Wiring:
    """This process's wiring, made at the first event."""
    return Wiring(settings())
