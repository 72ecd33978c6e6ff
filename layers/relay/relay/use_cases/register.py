"""Register: put, get, list and delete push configs.

Register = put CURSOR#, then put PUSH#: the second put is the commit, and its own stream record wakes the config and starts the watch. The
watch is put as well, so that the sweep finds it should that record or that wake-up be lost.
Delete takes CURSOR# first. Setting an existing id updates what was registered, never cursor, claim or wait (design §2 rule 1).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from relay.adapters.table.configs import Configs
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.directory import Directory
from relay.adapters.table.revisions import Revisions
from relay.domain.errors import InvalidParamsError
from relay.domain.forwarding import Headers
from relay.domain.keys import AgentKey, ConfigKey, ReceiverKey, TaskKey
from relay.domain.push_config import PushConfig, Start, start_position
from relay.domain.registration import Registration
from relay.domain.retention import config_expiry, revision_expiry
from relay.domain.task import RevisionHead
from relay.domain.webhook_hosts import WebhookHosts
from relay.domain.webhook_url import origin
from relay.use_cases.copies import Copies
from relay.use_cases.count_registrations import CountRegistrations
from relay.use_cases.follow_task import FollowTask

_ID_ROUNDS = 50_000  # some 20 ms


@dataclass(frozen=True)
class RegisterLimits:
    """What the operator allows: which hosts may be webhooks, configs and receivers per task, how long a task is followed,
    and how long a secret that was replaced signs on.

    Of registrations at the same moment each sees those before it: together they may exceed a cap by their number.
    """

    hosts: WebhookHosts
    max_configs: int
    max_receivers: int
    watch_deadline: timedelta
    secret_overlap: timedelta


class Register:
    def __init__(
        self,
        *,
        configs: Configs,
        cursors: Cursors,
        revisions: Revisions,
        directory: Directory,
        copies: Copies,
        follow: FollowTask,
        count: CountRegistrations,
        limits: RegisterLimits,
        now: Callable[[], datetime],
    ) -> None:
        self._configs = configs
        self._cursors = cursors
        self._revisions = revisions
        self._directory = directory
        self._copies = copies
        self._follow = follow
        self._count = count
        self._limits = limits
        self._now = now

    def check(self, registration: Registration, *, field: str) -> None:
        """What can be said without the task: nothing is resolved or called. Raises: InvalidParamsError."""
        self._limits.hosts.check(registration.url, field=field)

    def count(self, agent: AgentKey, registration: Registration) -> None:
        """Ahead of a put for a task that is still to be made: its config is counted to the owner. Raises: OwnerCapError."""
        self._count(agent, registration)

    def put(
        self,
        task: TaskKey,
        registration: Registration,
        *,
        start: Start,
        newest: RevisionHead | None,
        lent: Headers = (),
        is_counted: bool = False,
    ) -> PushConfig:
        """Idempotent. `lent` is the caller's own credential for the agent, to follow the task with: its watch keeps the newest one.

        Raises: InvalidParamsError when the task has as many configs, or receivers, as are allowed; OwnerCapError, unless it is counted.
        """
        now = self._now()
        known = self._configs.of_task(task, now=now)
        config_id = config_id_for(registration, known)
        key = ConfigKey(task, config_id)
        replaced = next((other for other in known if other.key == key), None)
        config = registration.as_config(key, now).succeeding(replaced, now=now, overlap=self._limits.secret_overlap)
        self._check_caps(known, config, registration)
        if not is_counted:
            self._count(task.agent_key, registration, replaced=replaced)
        self._commit(config, start_position(start, newest), newest)
        self._follow(task, lent)
        return config

    def knows(self, task: TaskKey, registration: Registration) -> bool:
        """Whether a put would only update a config that the task has."""
        known = self._configs.of_task(task, now=self._now())
        config_id = registration.config_id or _same(known, registration)
        return any(config.key.config_id == config_id for config in known)

    def get(self, key: ConfigKey) -> PushConfig | None:
        config = self._configs.get(key, now=self._now())
        return next(iter(self._copies.living([config])), None) if config else None

    def of_task(self, task: TaskKey) -> list[PushConfig]:
        """By config id."""
        return self._copies.living(self._configs.of_task(task, now=self._now()))

    def delete(self, key: ConfigKey) -> None:
        """Idempotent. After it returns, no POST of this config is claimed."""
        self._cursors.delete(key)
        dialect = self._configs.delete(key)
        if dialect is None or dialect.is_by_task:
            self._configs.delete_held(key)
            self._directory.remove(key)

    def _check_caps(self, known: list[PushConfig], config: PushConfig, registration: Registration) -> None:
        """What adds neither a config nor a receiver is never refused, though a cap be lower now than it was."""
        limits, others = self._limits, [other for other in known if other.key != config.key]
        if len(others) == len(known) >= limits.max_configs:
            raise InvalidParamsError(f"A task may have at most {limits.max_configs} push configs: delete one first.", field="taskId")
        is_new = origin(config.url) not in {origin(other.url) for other in known}
        if is_new and len({origin(other.url) for other in others}) >= limits.max_receivers:
            raise InvalidParamsError(
                f"The push configs of a task may name at most {limits.max_receivers} receivers: delete those of another one first.",
                field=registration.url_field,
            )

    def _commit(self, config: PushConfig, position: int, newest: RevisionHead | None) -> None:
        now = self._now()
        expires = config_expiry(now, self._limits.watch_deadline)
        group = receiver_group(config)
        if newest is not None:  # the newest revision outlives every config of its task: numbers never restart
            until = revision_expiry(now, self._limits.watch_deadline)
            self._revisions.keep(config.key.task, newest.number, until=until)
        if config.dialect.is_by_task:
            self._directory.add(config.key, expires=expires)
        while True:  # again whenever a delete at the same moment took the cursor: a config without one would never be told anything
            if not self._cursors.create(config.key, position, group=group, now=now, expires=expires):
                self._cursors.renew(config.key, group=group, expires=expires)
            self._configs.put(config, expires=expires)
            if self._cursors.get(config.key, now=now):
                break
        if config.dialect.is_by_task:  # it may have waited for this task
            self._configs.delete_held(config.key)


def config_id_for(registration: Registration, known: list[PushConfig]) -> str:
    """The id that a registration has in a task with those configs."""
    return registration.config_id or _same(known, registration) or _new_id(known, registration)


def receiver_group(config: PushConfig) -> str:
    """The message group of what is sent to the config's receiver."""
    return ReceiverKey(config.key.task.owner, origin(config.url)).group


def _same(known: list[PushConfig], registration: Registration) -> str:
    """A config without an id that equals one of the task's in url and token *is* that config."""
    equal = (config for config in known if config.url == registration.url and config.token == registration.token)
    return next((config.key.config_id for config in equal), "")


def _new_id(known: list[PushConfig], registration: Registration) -> str:
    """Two equal registrations at the same moment meet in one id. Slow on purpose: an id is no secret, the token in it is."""
    derived = hashlib.pbkdf2_hmac("sha256", registration.token.encode(), registration.url.encode(), _ID_ROUNDS, dklen=16).hex()
    return derived if all(config.key.config_id != derived for config in known) else uuid4().hex
