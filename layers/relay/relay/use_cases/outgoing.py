"""One send on its way: what the caller wants, of which agent, under which credential and headers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from relay.domain.agent import Agent
from relay.domain.forwarding import Headers
from relay.domain.keys import TaskKey
from relay.domain.protocol import Method
from relay.domain.sends import Send


@dataclass(frozen=True)
class Outgoing:
    send: Send
    agent: Agent
    method: Method
    request_id: Any
    incoming: dict[str, str]
    credential: Headers
    started: datetime

    @property
    def lent(self) -> Headers:
        """What of the caller's credential the task may be followed with."""
        return self.agent.lends(self.credential)

    def task_key(self, task_id: str) -> TaskKey:
        return TaskKey(self.agent.key.owner, self.agent.key.agent, self.send.tenant, task_id)
