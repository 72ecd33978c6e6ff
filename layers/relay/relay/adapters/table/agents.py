"""AGENT items: upstream agents that an operator has registered, with their sealed credentials."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from relay.adapters.table import items
from relay.adapters.table.connection import Connection
from relay.adapters.table.items import Item
from relay.domain.agent import FollowAs
from relay.domain.blocking import Blocks
from relay.domain.keys import AGENT_PREFIX, AgentKey
from relay.domain.strategy import AUTOMATIC, Strategy, parse_strategy

Seal = Callable[[bytes, Mapping[str, str]], bytes]


@dataclass(frozen=True)
class RegisteredAgent:
    """Where an agent is, and what the relay shows it."""

    key: AgentKey
    url: str
    credential_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    challenges_receivers: bool = False
    follow: Strategy | None = None
    follow_as: FollowAs = FollowAs.OPERATOR
    blocks: Blocks = Blocks.AUTO


class AgentRecords:
    """`seal` and `open_sealed` encrypt and decrypt under the stack's key, bound to a context."""

    def __init__(self, connection: Connection, *, seal: Seal, open_sealed: Seal) -> None:
        self._connection = connection
        self._seal = seal
        self._open = open_sealed

    def put(self, agent: RegisteredAgent) -> None:
        sealed = self._seal(json.dumps(agent.credential_headers).encode(), agent.key._asdict())
        self._connection.put(
            {
                "pk": items.text(agent.key.partition),
                "sk": items.text(agent.key.sort_key),
                "v": items.version(),
                "url": items.text(agent.url),
                "sealed": items.binary(sealed),
                "challenges": items.flag(value=agent.challenges_receivers),
                "follow_as": items.text(agent.follow_as.value),
                "follow": items.text(agent.follow or AUTOMATIC),
                "blocks": items.text(agent.blocks.value),
            }
        )

    def get(self, key: AgentKey) -> RegisteredAgent | None:
        item = self._connection.get(key.partition, key.sort_key)
        return self._agent(key, item) if item else None

    def of_owner(self, owner: str) -> Iterator[RegisteredAgent]:
        """By name."""
        for item in self._connection.query(AgentKey(owner, "").partition, prefix=AGENT_PREFIX):
            yield self._agent(AgentKey(owner, unquote(items.read_text(item, "sk").removeprefix(AGENT_PREFIX))), item)

    def delete(self, key: AgentKey) -> None:
        self._connection.delete(key.partition, key.sort_key)

    def _agent(self, key: AgentKey, item: Item) -> RegisteredAgent:
        items.checked(item)
        headers = json.loads(self._open(items.read_binary(item, "sealed"), key._asdict()))
        return RegisteredAgent(
            key,
            items.read_text(item, "url"),
            tuple((name, value) for name, value in headers),
            challenges_receivers=items.read_flag(item, "challenges"),
            follow=parse_strategy(items.read_text(item, "follow")),
            follow_as=FollowAs(items.read_text(item, "follow_as") or FollowAs.OPERATOR),
            blocks=Blocks(items.read_text(item, "blocks") or Blocks.AUTO),
        )
