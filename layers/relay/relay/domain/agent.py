"""An upstream agent as an owner has registered it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from relay.domain.blocking import Blocks
from relay.domain.card import required_extensions
from relay.domain.endpoint import Endpoint, endpoints, rpc_endpoint
from relay.domain.forwarding import EXTENSIONS_HEADER, Headers, credential_texts, forwarded_headers
from relay.domain.keys import AgentKey
from relay.domain.strategy import Strategy, offered
from relay.domain.task import Json, ProtocolVersion


class FollowAs(StrEnum):
    """Under whose credential the relay asks for a task that it follows."""

    OPERATOR = "operator"
    CALLER = "caller"  # who registered a push config of it last, or sent it a message; the operator, for one that showed none


@dataclass(frozen=True)
class Agent:
    """One agent, its card as it was fetched from `card_url`, and the operator's credential for it.

    Only the key is in its `repr`: credentials are secrets, and a URL may hold one.
    """

    key: AgentKey
    url: str = field(repr=False)
    credential_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    card: Json = field(default_factory=dict, repr=False)
    card_url: str = field(default="", repr=False)
    challenges_receivers: bool = False  # of push configs that are registered from now on
    follow_as: FollowAs = FollowAs.OPERATOR
    follow: Strategy | None = None  # how the operator wants its tasks followed; None: by the best that works
    blocks: Blocks = Blocks.AUTO

    @cached_property
    def endpoints(self) -> Mapping[ProtocolVersion, Endpoint]:
        """Where each version that it speaks is called, the preferred one first."""
        return endpoints(self.card, self.card_url)

    @cached_property
    def hidden(self) -> frozenset[str]:
        """What its answers are told on without."""
        return credential_texts(self.credential_headers)

    def lends(self, credential: Headers) -> Headers:
        """What of a caller's credential the watch may use."""
        return credential if self.follow_as is FollowAs.CALLER else ()

    def hides(self, credential: Headers) -> frozenset[str]:
        """What a view is taken without that the agent gave for this credential: where it is lent, others get the view too."""
        return self.hidden | credential_texts(self.lends(credential))

    @property
    def versions(self) -> frozenset[ProtocolVersion]:
        return frozenset(self.endpoints)

    @property
    def endpoint(self) -> Endpoint:
        """Where the relay asks for its tasks. Raises: InvalidAgentResponseError when its card offers nothing that can be called."""
        return rpc_endpoint(self.card, self.card_url)

    def own_call_headers(self, credential: Headers = ()) -> dict[str, str]:
        """Of a call that the relay makes by itself, with the operator's credential where there is no other.

        It names the extensions that the card requires of every client (A2A 1.0 §3.3.4), or the agent might hold its tasks back.
        Raises: InvalidAgentResponseError.
        """
        required = {EXTENSIONS_HEADER: ",".join(required_extensions(self.card))}
        return forwarded_headers(required, credential or self.credential_headers, self.endpoint.version)

    @property
    def could_be_listed(self) -> bool:
        """Whether the relay may choose to list its tasks. Raises: InvalidAgentResponseError."""
        return self.follow is None and self.endpoint.version is ProtocolVersion.V10

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """How its tasks are followed, the best first; polls are the last."""
        return (self.follow, Strategy.POLL) if self.follow else offered(self.card)
