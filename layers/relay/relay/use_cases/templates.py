"""Templates: push configs of a whole agent. Each new task of their caller gets a copy of its own, whose cursor begins at 0.

A copy is registered as any config is, before the first revision of its task, so nothing of it is lost. What ends with its template are all
copies, however many: before each POST of a copy the template is asked for, and the copy goes when that is gone, or lives another life.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from relay.adapters.table.configs import Configs
from relay.adapters.table.cursors import Cursors
from relay.adapters.table.directory import Directory
from relay.domain.errors import InvalidParamsError
from relay.domain.forwarding import Headers
from relay.domain.keys import AgentKey, ConfigKey, TaskKey
from relay.domain.push_config import PushConfig
from relay.domain.registration import Registration
from relay.domain.retention import config_expiry
from relay.use_cases.count_registrations import CountRegistrations
from relay.use_cases.follow_task import FollowTask
from relay.use_cases.register import receiver_group

MAX_TEMPLATES = 20  # per agent: every new task costs two writes for each


class Templates:
    def __init__(
        self,
        *,
        configs: Configs,
        cursors: Cursors,
        directory: Directory,
        follow: FollowTask,
        count: CountRegistrations,
        watch_deadline: timedelta,
        secret_overlap: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._configs = configs
        self._cursors = cursors
        self._directory = directory
        self._follow = follow
        self._count = count
        self._watch_deadline = watch_deadline
        self._secret_overlap = secret_overlap
        self._now = now

    def set(self, agent: AgentKey, registration: Registration) -> PushConfig:
        """The caller's template of that id, or of that URL, is set anew; tasks that have a copy keep it as it was.

        Raises: InvalidParamsError when the agent has as many as are allowed, or the id is another caller's; OwnerCapError.
        """
        while True:  # again whenever another call has put it at the same moment
            known = self._configs.templates(agent, now=self._now())
            before = _meant(known, registration)
            if before is None and len(known) >= MAX_TEMPLATES:
                raise InvalidParamsError(
                    f"An agent may have at most {MAX_TEMPLATES} configs without a task: delete one first.", field="taskId"
                )
            self._count(agent, registration, replaced=before)
            config_id = before.key.config_id if before else registration.config_id or uuid4().hex
            now = self._now()
            config = registration.as_config(ConfigKey(agent.no_task, config_id), now)
            config = config.succeeding(before, now=now, overlap=self._secret_overlap)
            config = replace(config, template=before.template if before else uuid4().hex)
            if self._configs.put_template(config):
                return config

    def of_caller(self, agent: AgentKey, *, caller: str) -> list[PushConfig]:
        """By config id."""
        return [config for config in self._configs.templates(agent, now=self._now()) if config.caller == caller]

    def delete(self, config: PushConfig) -> None:
        """After it returns, no POST of a copy begins, and no task gets one any more."""
        self._configs.delete_template(config.key)

    def expect(self, agent: AgentKey, *, caller: str) -> list[PushConfig]:
        """The templates that a new task of this caller will get a copy of; the copies are counted to the owner. Raises: OwnerCapError."""
        templates = self.of_caller(agent, caller=caller)
        if templates:
            self._count.copies(agent, len(templates))
        return templates

    def begin(self, task: TaskKey, templates: Sequence[PushConfig], *, lent: Headers) -> bool:
        """A task that these were expected for begins: whether it has got a copy. One that it has already is left alone.

        `lent` is the caller's own credential for the agent, to follow the task with.
        """
        if not templates:
            return False
        now = self._now()
        expires = config_expiry(now, self._watch_deadline)
        for template in templates:
            copy = replace(template, key=ConfigKey(task, template.key.config_id), registered_at=now)
            self._directory.add(copy.key, expires=expires)
            if self._cursors.create(copy.key, 0, group=receiver_group(copy), now=now, expires=expires):
                self._configs.put_unless_newer(copy, expires=expires)
        self._follow(task, lent)
        return True


def _meant(known: Iterable[PushConfig], registration: Registration) -> PushConfig | None:
    for config in known:
        is_own = config.caller == registration.caller
        if config.key.config_id == registration.config_id and not is_own:
            raise InvalidParamsError("config.id is another caller's.", field="config.id")
        if is_own and (config.key.config_id == registration.config_id if registration.config_id else config.url == registration.url):
            return config
    return None
