"""Name config: which push config a path of the HTTP+JSON binding means, when it may mean several.

What an HTTP API makes of an encoded id cannot be undone (`domain.http_json`), so the ids that there are decide. A delete that says it is
done must have deleted, and never one of two that could be meant. Where only `a?b` is, one that meant `a` deletes it: both arrive as `a`.
"""

from dataclasses import replace

from relay.adapters.table.configs import Configs
from relay.domain.errors import InvalidParamsError
from relay.domain.http_json import Target, delivered
from relay.domain.keys import AgentKey, TaskKey, fits_key
from relay.use_cases.agents import Agents


class NameConfig:
    def __init__(self, agents: Agents, configs: Configs) -> None:
        self._agents = agents
        self._configs = configs

    def __call__(self, target: Target, agent: AgentKey, tenant: str) -> Target:
        """The target with the ids of the one config that exists, or as it is when none does. Raises: InvalidParamsError when several do.

        What is there of an agent that is not is not looked for, and RelayError raised: its name may be too long for a partition's key.
        """
        self._agents.find_for_callers(agent)
        if tenant and not fits_key(tenant):
            return target
        found = {
            (task_id, known)
            for task_id, config_id in target.readings
            for known in self._configs.ids(TaskKey(agent.owner, agent.agent, tenant, task_id))
            if config_id in (known, delivered(known))
        }
        if len(found) > 1:
            raise InvalidParamsError("The path means more than one push config, as it arrives here: name it by JSON-RPC.", field="id")
        return next((replace(target, task_id=task_id, config_id=config_id) for task_id, config_id in found), target)
