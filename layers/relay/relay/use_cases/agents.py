"""Agents: which upstream agent an owner's name means, with its card as it is now.

The agent named `default` of the owner `default` is the stack's own parameter unless an operator has registered one of that name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from relay.adapters.table.agents import AgentRecords, RegisteredAgent
from relay.adapters.upstream import Upstream
from relay.domain.agent import Agent, FollowAs
from relay.domain.blocking import Blocks
from relay.domain.errors import AgentNotFoundError, RelayError
from relay.domain.forwarding import credential_texts
from relay.domain.keys import DEFAULT_AGENT, DEFAULT_OWNER, AgentKey
from relay.domain.strategy import Strategy
from relay.domain.task import Json

_BUSY = timedelta(seconds=20)  # to ask for a card may take 10
_FRESH = timedelta(minutes=1)  # how long a card is used without asking; after that a failed refresh keeps the old one


@dataclass(frozen=True)
class DefaultUpstream:
    """The stack's own agent: `credential` reads `Header-Name: value`, or is empty."""

    url: str
    credential: Callable[[], str]
    challenges_receivers: bool = False
    follow: Strategy | None = None
    follow_as: FollowAs = FollowAs.OPERATOR
    blocks: Blocks = Blocks.AUTO


class Agents:
    def __init__(self, records: AgentRecords, upstream: Upstream, *, default: DefaultUpstream, now: Callable[[], datetime]) -> None:
        self._records = records
        self._upstream = upstream
        self._default = default
        self._now = now
        self._known: dict[AgentKey, tuple[datetime, Agent]] = {}  # replaced whole, never changed: threads may share it
        self._busy: dict[AgentKey, tuple[datetime, Agent]] = {}  # likewise
        self._hidden: dict[AgentKey, tuple[datetime, frozenset[str]]] = {}  # likewise

    def find(self, key: AgentKey) -> Agent:
        """Raises: AgentNotFoundError; UpstreamUnavailableError and its kin when the card was never seen and cannot be fetched."""
        now = self._now()
        read_at, known = self._known.get(key, (None, None))
        if known is not None and read_at is not None and now - read_at < _FRESH:
            return known
        registered = self._registered(key)
        try:
            agent = self._with_card(registered)
        except RelayError:
            if known is None or known.url != registered.url:
                raise
            agent = known
        self._known = {**self._known, key: (now, agent)}
        return agent

    def find_for_callers(self, key: AgentKey) -> Agent:
        """As `find`; but one that is said to block is found without its card when that cannot be had: it may be busy with a single call,
        and what callers ask about its tasks is answered without it.
        """
        now = self._now()
        seen_at, busy = self._busy.get(key, (None, None))
        if busy is not None and seen_at is not None and now - seen_at < _BUSY:
            return busy
        try:
            return self.find(key)
        except RelayError:
            registered = self._registered(key)
            if registered.blocks is not Blocks.ALWAYS:
                raise
        agent = _agent(registered, {}, "")
        self._busy = {**self._busy, key: (self._now(), agent)}
        return agent

    def hidden(self, key: AgentKey) -> frozenset[str]:
        """What the agent's own words are told on without. It is not called for that; one that is registered no more hides nothing."""
        now = self._now()
        read_at, hidden = self._hidden.get(key, (None, frozenset[str]()))
        if read_at is not None and now - read_at < _FRESH:
            return hidden
        try:
            hidden = credential_texts(self._registered(key).credential_headers)
        except AgentNotFoundError:
            hidden = frozenset()
        self._hidden = {**self._hidden, key: (now, hidden)}
        return hidden

    def _registered(self, key: AgentKey) -> RegisteredAgent:
        if registered := self._records.get(key):
            return registered
        if key != AgentKey(DEFAULT_OWNER, DEFAULT_AGENT) or not self._default.url:
            raise AgentNotFoundError(key.agent)
        default = self._default
        return RegisteredAgent(
            key,
            default.url,
            parse_header(default.credential()),
            challenges_receivers=default.challenges_receivers,
            follow=default.follow,
            follow_as=default.follow_as,
            blocks=default.blocks,
        )

    def _with_card(self, registered: RegisteredAgent) -> Agent:
        headers = registered.credential_headers
        card, card_url = self._upstream.fetch_card(registered.url, dict(headers), hidden=credential_texts(headers))
        return _agent(registered, card, card_url)


def _agent(registered: RegisteredAgent, card: Json, card_url: str) -> Agent:
    return Agent(
        registered.key,
        registered.url,
        registered.credential_headers,
        card,
        card_url,
        challenges_receivers=registered.challenges_receivers,
        follow=registered.follow,
        follow_as=registered.follow_as,
        blocks=registered.blocks,
    )


def parse_header(text: str) -> tuple[tuple[str, str], ...]:
    """`Header-Name: value` as one header; nothing for an empty text."""
    name, separator, value = text.partition(":")
    return ((name.strip(), value.strip()),) if separator and name.strip() and value.strip() else ()
