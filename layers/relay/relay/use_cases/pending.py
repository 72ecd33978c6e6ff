"""Pending: a config for a task that is still to come. It starts no watch, calls nobody, and is bound when its caller's task comes through.

Its cursor is put at 0 with it, and no step moves a cursor whose PUSH# is not there. To bind it is to commit it: renew the cursor (a delete
takes that first, so a config that is deleted is never bound), put PUSH#, end the wait.
"""

from collections.abc import Callable
from datetime import datetime

from relay.adapters.table.configs import Configs
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.directory import Directory
from relay.adapters.table.revisions import Revisions
from relay.domain.errors import InvalidParamsError
from relay.domain.forwarding import Headers
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.push_config import PushConfig
from relay.domain.registration import Registration
from relay.domain.retention import PENDING, config_expiry, revision_expiry
from relay.use_cases.count_registrations import CountRegistrations
from relay.use_cases.follow_task import FollowTask
from relay.use_cases.register import RegisterLimits, config_id_for, receiver_group


class Pending:
    def __init__(
        self,
        *,
        configs: Configs,
        cursors: Cursors,
        revisions: Revisions,
        directory: Directory,
        follow: FollowTask,
        count: CountRegistrations,
        limits: RegisterLimits,
        now: Callable[[], datetime],
    ) -> None:
        self._configs = configs
        self._cursors = cursors
        self._revisions = revisions
        self._directory = directory
        self._follow = follow
        self._count = count
        self._limits = limits
        self._now = now

    def hold(self, task: TaskKey, registration: Registration) -> PushConfig:
        """Kept for 24 hours from the last time it was said.

        Raises: InvalidParamsError when as many wait as a task may have configs; OwnerCapError.
        """
        now = self._now()
        held = self._configs.held(task, now=now)
        key = ConfigKey(task, config_id_for(registration, held))
        replaced = next((other for other in held if other.key == key), None)
        config = registration.as_config(key, now).succeeding(replaced, now=now, overlap=self._limits.secret_overlap)
        others = [other for other in held if other.key != key]
        if len(others) >= self._limits.max_configs:
            raise InvalidParamsError(f"A task may have at most {self._limits.max_configs} push configs: delete one first.", field="taskId")
        self._count(task.agent_key, registration, replaced=replaced)
        expires = now + PENDING
        self._directory.add(config.key, expires=expires)
        group = receiver_group(config)
        if not self._cursors.create(config.key, 0, group=group, now=now, expires=expires):
            self._cursors.renew(config.key, group=group, expires=expires)
        self._configs.hold(config, expires=expires)
        return config

    def of_task(self, task: TaskKey, *, caller: str) -> list[PushConfig]:
        """The configs of this caller that wait for the task."""
        return [config for config in self._configs.held(task, now=self._now()) if config.caller == caller]

    def bind(self, task: TaskKey, *, caller: str, lent: Headers) -> bool:
        """The task has come through for this caller: whether a config had waited for it. All of its revisions are told.

        `lent` is the caller's own credential for the agent, to follow the task with.
        """
        waiting = self.of_task(task, caller=caller)
        if not waiting:
            return False
        now, deadline = self._now(), self._limits.watch_deadline
        newest = self._revisions.newest(task)
        if newest is not None:  # it outlives every config of its task: numbers never restart
            self._revisions.keep(task, newest.number, until=revision_expiry(now, deadline))
        for config in waiting:
            self._commit(config, expires=config_expiry(now, deadline))
        self._follow(task, lent)
        return True

    def _commit(self, config: PushConfig, *, expires: datetime) -> None:
        if self._cursors.renew(config.key, group=receiver_group(config), expires=expires):
            self._directory.add(config.key, expires=expires)
            self._configs.put_unless_newer(config, expires=expires)
            if not self._cursors.get(config.key, now=self._now()):  # a delete at the same moment took it
                self._configs.delete(config.key)
        self._configs.let_go(config)
