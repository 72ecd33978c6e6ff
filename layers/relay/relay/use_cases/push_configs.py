"""The four push-config methods as a caller sees them: who may register, what is answered.

The relay first asks the agent for the task, with the caller's right to see it; it never calls the webhook (design §7 "Who may register").
"""

from typing import Any

from relay.domain.errors import TaskNotFoundError
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.paging import page
from relay.domain.push_config import Start
from relay.domain.push_methods import config_result, list_result, parse_delete, parse_get, parse_list, parse_set, set_result
from relay.domain.task import Json, View
from relay.use_cases.configs_by_task import ConfigsByTask
from relay.use_cases.observe import Observe
from relay.use_cases.pending import Pending
from relay.use_cases.push_call import PushCall, SeeTask
from relay.use_cases.register import Register
from relay.use_cases.templates import Templates


class PushConfigs:
    def __init__(
        self,
        *,
        see: SeeTask,
        observe: Observe,
        register: Register,
        pending: Pending,
        templates: Templates,
        by_task: ConfigsByTask,
    ) -> None:
        self._see = see
        self._observe = observe
        self._register = register
        self._pending = pending
        self._templates = templates
        self._by_task = by_task

    def set(self, call: PushCall) -> Json:
        """The answer about the task is a full view, so it is observed, and decides where the cursor starts."""
        registration = call.registering(parse_set(call.params, call.version))
        self._register.check(registration, field=registration.url_field)
        if not registration.task_id:  # Evo AI's, for the whole agent
            return set_result(self._templates.set(call.agent.key, registration), call.version)
        task = call.task_key(registration.task_id, registration.tenant)
        view = self._see(call, task)
        if view is None:
            if not registration.dialect.is_by_task:
                raise _no_such_task(task)
            return set_result(self._pending.hold(task, registration), call.version)
        newest = self._observe(task, view).head
        lent = call.agent.lends(call.credential)
        return set_result(self._register.put(task, registration, start=Start.LATER, newest=newest, lent=lent), call.version)

    def get(self, call: PushCall) -> Json:
        """Without a config id the task's first one. Raises: TaskNotFoundError also when the config does not exist (A2A 1.0 §3.1.8)."""
        ref = parse_get(call.params, call.version)
        if ref.is_by_task:
            return self._by_task.get(call, ref)
        task = call.task_key(ref.task_id, ref.tenant)
        self._check_credential(call, task)
        named = [self._register.get(ConfigKey(task, ref.config_id))] if ref.config_id else self._register.of_task(task)
        config = next(iter(named), None)
        if config is None:
            raise TaskNotFoundError("There is no such push config, or no such task.", metadata={"taskId": ref.task_id})
        return config_result(config.as_told_to(call.caller), call.version)

    def list(self, call: PushCall) -> Any:
        """Raises: TaskNotFoundError when the task has no push configs and the agent does not know it either."""
        wanted = parse_list(call.params, call.version)
        if wanted.is_by_task:
            return self._by_task.list(call, wanted)
        task = call.task_key(wanted.task_id, wanted.tenant)
        configs = self._register.of_task(task)
        if not configs or call.credential:
            self._seen(call, task)
        told, next_page_token = page(configs, wanted.page_size, page_token=wanted.page_token, binding=task.partition)
        return list_result([config.as_told_to(call.caller) for config in told], next_page_token, call.version)

    def delete(self, call: PushCall) -> Json | None:
        """Idempotent in A2A's own form: a config that is not there is deleted."""
        ref = parse_delete(call.params, call.version)
        if ref.is_by_task:
            return self._by_task.delete(call, ref)
        task = call.task_key(ref.task_id, ref.tenant)
        self._check_credential(call, task)
        self._register.delete(ConfigKey(task, ref.config_id))
        return None

    def _check_credential(self, call: PushCall, task: TaskKey) -> None:
        """A caller with a credential of its own for the agent is one of several: only who may see the task may see its configs."""
        if call.credential:
            self._seen(call, task)

    def _seen(self, call: PushCall, task: TaskKey) -> View:
        view = self._see(call, task)
        if view is None:
            raise _no_such_task(task)
        return view


def _no_such_task(task: TaskKey) -> TaskNotFoundError:
    return TaskNotFoundError("There is no such task.", metadata={"taskId": task.task_id})
