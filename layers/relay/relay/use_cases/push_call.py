"""One call of a push-config method, and the question that decides what it may see: does the agent show its caller the task?"""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from relay.domain.agent import Agent
from relay.domain.forwarding import Headers, fingerprint
from relay.domain.keys import TaskKey
from relay.domain.push_config import Updates
from relay.domain.registration import Registration
from relay.domain.task import Json, ProtocolVersion, View
from relay.use_cases.ask import Ask

_ASK_TIMEOUT = timedelta(seconds=20)


@dataclass(frozen=True)
class PushCall:
    """Of which agent, in which version, under which credential."""

    agent: Agent
    version: ProtocolVersion
    params: Json = field(repr=False)
    credential: Headers = field(repr=False)
    updates: Updates | None = None

    def task_key(self, task_id: str, tenant: str) -> TaskKey:
        return TaskKey(self.agent.key.owner, self.agent.key.agent, tenant, task_id)

    @property
    def caller(self) -> str:
        return fingerprint(self.credential)

    def registering(self, registration: Registration) -> Registration:
        """The registration with all that is known from elsewhere than its params."""
        is_challenged = self.agent.challenges_receivers
        return replace(registration, updates=self.updates, is_challenged=is_challenged, caller=self.caller)


class SeeTask:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def __call__(self, call: PushCall, task: TaskKey) -> View | None:
        """The task as the agent shows it to the caller; None when it does not. Raises: RelayError when it cannot be asked."""
        return self._ask(task, timeout=_ASK_TIMEOUT, credential=call.credential)
