"""Get, list and delete as PraisonAI and Evo AI call them: by the task, or of all tasks, where A2A names a config.

Who may see what is as in `push_configs`: a caller with a credential of its own for the agent sees the configs of tasks that it may see.
"""

from collections.abc import Sequence
from typing import Any

from relay.domain.errors import ConfigNotFoundError
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.paging import page
from relay.domain.push_config import Dialect, PushConfig
from relay.domain.push_methods import by_task_list_result, by_task_result
from relay.domain.registration import ConfigRef, ListRequest
from relay.domain.task import Json
from relay.use_cases.push_call import PushCall, SeeTask
from relay.use_cases.register import Register


class ConfigsByTask:
    def __init__(self, *, see: SeeTask, register: Register) -> None:
        self._see = see
        self._register = register

    def get(self, call: PushCall, ref: ConfigRef) -> Json:
        """The task's own one, if it has one, else its first. Raises: ConfigNotFoundError."""
        return by_task_result(min(self._named(call, ref), key=lambda config: config.dialect is not Dialect.PRAISONAI))

    def list(self, call: PushCall, wanted: ListRequest) -> Any:
        task = call.task_key(wanted.task_id, wanted.tenant)
        told, token = page(self._of_task(call, task), wanted.page_size, page_token=wanted.page_token, binding=task.partition)
        return by_task_list_result(told, token)

    def delete(self, call: PushCall, ref: ConfigRef) -> Json:
        """All configs of the task, or the one that is named. Raises: ConfigNotFoundError when there is none, as PraisonAI answers."""
        for config in self._named(call, ref):
            self._register.delete(config.key)
        return {"deleted": True}

    def _named(self, call: PushCall, ref: ConfigRef) -> Sequence[PushConfig]:
        task = call.task_key(ref.task_id, ref.tenant)
        meant = ConfigKey(task, ref.config_id)
        found = [config for config in self._of_task(call, task) if not ref.config_id or config.key == meant]
        if not found:
            raise ConfigNotFoundError("Config not found", metadata={"taskId": ref.task_id})
        return found

    def _of_task(self, call: PushCall, task: TaskKey) -> Sequence[PushConfig]:
        """Nothing of a task that the caller may not see."""
        if call.credential and self._see(call, task) is None:
            return []
        return self._register.of_task(task)
