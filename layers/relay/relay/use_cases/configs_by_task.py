"""Get, list and delete as PraisonAI and Evo AI call them: by the task, or of all tasks, where A2A names a config.

Who may see what is as in `push_configs`: a caller with a credential of its own for the agent sees the configs of tasks that it may see.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from relay.adapters.table.configs import Configs
from relay.adapters.table.directory import Directory
from relay.adapters.table.directory import place as directory_place
from relay.domain.errors import ConfigNotFoundError, InvalidParamsError
from relay.domain.keys import AgentKey, ConfigKey, TaskKey
from relay.domain.paging import check_page_size, page, place_of, token_of
from relay.domain.push_config import Dialect, PushConfig
from relay.domain.push_methods import by_task_list_result, by_task_result
from relay.domain.registration import ConfigRef, ListRequest
from relay.domain.task import Json
from relay.use_cases.copies import Copies
from relay.use_cases.pending import Pending
from relay.use_cases.push_call import PushCall, SeeTask
from relay.use_cases.register import Register
from relay.use_cases.templates import Templates

_READ_AT_ONCE = 50  # entries of the directory; two items are looked for per entry, DynamoDB reads 100 a batch
_MOST_READ = 2_000  # entries in one call
_MOST_TOLD = 1_000  # configs in one answer, and
_MOST_BYTES = 3 * 1024 * 1024  # what they are as JSON: Lambda answers with 6 MB at most


class ConfigsByTask:
    def __init__(
        self,
        *,
        see: SeeTask,
        register: Register,
        pending: Pending,
        templates: Templates,
        copies: Copies,
        configs: Configs,
        directory: Directory,
        now: Callable[[], datetime],
    ) -> None:
        self._see = see
        self._register = register
        self._pending = pending
        self._templates = templates
        self._copies = copies
        self._configs = configs
        self._directory = directory
        self._now = now

    def get(self, call: PushCall, ref: ConfigRef) -> Json:
        """The task's own one, if it has one, else its first. Raises: ConfigNotFoundError."""
        config = min(self._named(call, ref), key=lambda config: config.dialect is not Dialect.PRAISONAI)
        return by_task_result(config.as_told_to(call.caller))

    def list(self, call: PushCall, wanted: ListRequest) -> Any:
        """Of a task; or of all tasks, those that this caller has registered, as many as one answer holds."""
        check_page_size(wanted.page_size)
        if not wanted.task_id:
            return self._of_all_tasks(call, wanted)
        task = call.task_key(wanted.task_id, wanted.tenant)
        told, token = page(self._of_task(call, task), wanted.page_size, page_token=wanted.page_token, binding=task.partition)
        return by_task_list_result([by_task_result(config.as_told_to(call.caller)) for config in told], token)

    def _of_all_tasks(self, call: PushCall, wanted: ListRequest) -> Json:
        """In the order of the directory, so that pages stay stable when configs come and go."""
        binding, most = f"{call.agent.key.directory} {call.caller}", wanted.page_size or _MOST_TOLD
        last, told, size = place_of(wanted.page_token, binding), list[Json](), 0
        if not last:
            told += [by_task_result(config) for config in self._templates.of_caller(call.agent.key, caller=call.caller)]
        for read, (place, config) in enumerate(self._following(call.agent.key, last)):
            if read == _MOST_READ or len(told) >= most or size > _MOST_BYTES:
                return by_task_list_result(told, token_of(last, binding))
            last = place
            if config is not None and config.caller == call.caller:
                told.append(by_task_result(config))
                size += len(json.dumps(told[-1]))
        return by_task_list_result(told, "")

    def _following(self, agent: AgentKey, last: str) -> Iterator[tuple[str, PushConfig | None]]:
        """The entries of the directory after that place, each with its config; None when that is gone."""
        keys = self._directory.following(agent, after=last, limit=_READ_AT_ONCE)
        while keys:
            found = self._configs.each(keys, now=self._now())
            configs = {config.key: config for config in self._copies.living(found.values())}
            yield from ((directory_place(key), configs.get(key)) for key in keys)
            last = directory_place(keys[-1])
            keys = self._directory.following(agent, after=last, limit=_READ_AT_ONCE) if len(keys) == _READ_AT_ONCE else []

    def delete(self, call: PushCall, ref: ConfigRef) -> Json:
        """All configs of the task, or the one that is named. Raises: ConfigNotFoundError when there is none, as PraisonAI answers."""
        if not ref.task_id and not ref.config_id:
            raise InvalidParamsError("taskId is required, or configId.", field="taskId")
        for config in self._named(call, ref):
            if ref.task_id:
                self._register.delete(config.key)
            else:
                self._templates.delete(config)
        return {"deleted": True}

    def _named(self, call: PushCall, ref: ConfigRef) -> Sequence[PushConfig]:
        task = call.task_key(ref.task_id, ref.tenant)
        meant = ConfigKey(task, ref.config_id)
        found = [config for config in self._of_task(call, task) if not ref.config_id or config.key == meant]
        if not found:
            raise ConfigNotFoundError("Config not found", metadata={"taskId": ref.task_id})
        return found

    def _of_task(self, call: PushCall, task: TaskKey) -> Sequence[PushConfig]:
        """What is registered with a task that the caller may see, and what waits for it; without a task the caller's templates."""
        if not task.task_id:
            return self._templates.of_caller(task.agent_key, caller=call.caller)
        may_see = not call.credential or self._see(call, task) is not None
        registered = self._register.of_task(task) if may_see else []
        known = {config.key for config in registered}
        return [*registered, *(config for config in self._pending.of_task(task, caller=call.caller) if config.key not in known)]
