"""Name config: which push config a path of the HTTP+JSON binding means, when it may mean several.

What an HTTP API makes of an encoded id cannot be undone (`domain.path_ids`), so the ids that there are decide. What is read may be found by
what an id was before it was decoded: the answer names it. A delete takes ids only as they arrive, for the client may as well have meant one
that is not there; and it says that it is done only where no other config can have been meant.
"""

from collections.abc import Iterator
from dataclasses import replace

from relay.adapters.table.configs import Configs
from relay.adapters.table.revisions import Revisions
from relay.domain.errors import InvalidParamsError, TaskNotFoundError
from relay.domain.http_json import Target
from relay.domain.keys import AgentKey, TaskKey, fits_key
from relay.domain.path_ids import delivered, is_delivered_as_sent, sent_as
from relay.use_cases.agents import Agents


class NameConfig:
    def __init__(self, agents: Agents, configs: Configs, revisions: Revisions) -> None:
        self._agents = agents
        self._configs = configs
        self._revisions = revisions

    def to_get(self, target: Target, agent: AgentKey, tenant: str) -> Target:
        """The target with the ids of the one config that exists, or as it is when none does. Raises: InvalidParamsError when several do.

        What is there of an agent that is not is not looked for, and RelayError raised: its name may be too long for a partition's key.
        """
        found = self._one_found(target, agent, tenant)
        return replace(target, task_id=found[0], config_id=found[1]) if found else target

    def to_delete(self, target: Target, agent: AgentKey, tenant: str) -> Target:
        """As `to_get`, for ids that have arrived as they are. Raises: InvalidParamsError also when an id was another before it was decoded.

        Raises: TaskNotFoundError for a task that is not known here, if its id, or the tenant in the path, may have been another.
        """
        found = self._one_found(target, agent, tenant)
        if found is None:
            self._check_task(target, agent, tenant)
            return target
        if found not in target.readings:
            raise InvalidParamsError(
                "There is no push config of the very id that arrives here, and one that is delivered so: name it by JSON-RPC.", field="id"
            )
        return replace(target, task_id=found[0], config_id=found[1])

    def _one_found(self, target: Target, agent: AgentKey, tenant: str) -> tuple[str, str] | None:
        self._agents.find_for_callers(agent)
        if tenant and not fits_key(tenant):
            return None
        found = set(self._found(target, agent, tenant))
        if len(found) > 1:
            raise InvalidParamsError("The path means more than one push config, as it arrives here: name it by JSON-RPC.", field="id")
        return next(iter(found), None)

    def _found(self, target: Target, agent: AgentKey, tenant: str) -> Iterator[tuple[str, str]]:
        for read, config_id in target.readings:
            for task_id in sent_as(read):
                for known in self._configs.ids(TaskKey(agent.owner, agent.agent, tenant, task_id)):
                    if config_id in (known, delivered(known)):
                        yield task_id, known

    def _check_task(self, target: Target, agent: AgentKey, tenant: str) -> None:
        if is_delivered_as_sent(target.task_id + target.tenant) or not fits_key(tenant or "-"):
            return
        tasks = [TaskKey(agent.owner, agent.agent, tenant, task_id) for task_id, _ in target.readings]
        if not any(self._revisions.newest(task) for task in tasks):
            raise TaskNotFoundError(
                "No task is known by the id that arrives here, which may have been another: name it by JSON-RPC.",
                metadata={"taskId": target.task_id},
            )
