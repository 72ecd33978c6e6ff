"""Admit: who a caller is, by the relay key it shows; and whose agent reports, by its report token."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from relay.adapters.table.callbacks import Callbacks
from relay.domain.callback import admit_agent
from relay.domain.door import (
    DEFAULT_CALLER,
    Caller,
    ClientAuthentication,
    admit_key,
    admit_reporter,
    admit_without_key,
    is_expected,
    presented_key,
    presented_tokens,
)
from relay.domain.keys import AgentKey, TaskKey
from relay.domain.relay_key import digest_of
from relay.use_cases.known_keys import KnownKeys


class Admit:
    """`first_keys` are those of the stack's own secret: they open every agent of the owner `default`."""

    def __init__(
        self,
        authentication: ClientAuthentication,
        *,
        first_keys: Callable[[], Collection[str]],
        keys: KnownKeys,
        now: Callable[[], datetime],
    ) -> None:
        self._authentication = authentication
        self._first_keys = first_keys
        self._keys = keys
        self._now = now

    def __call__(self, headers: Mapping[str, str], request_context: Mapping[str, Any]) -> Caller:
        """The caller of a method. Raises: UnauthenticatedError; a relay without a key is closed, not open."""
        if self._authentication is not ClientAuthentication.RELAY_KEY:
            return admit_without_key(self._authentication, request_context)
        presented = presented_key(headers)
        if presented is None:
            return admit_key(None, now=self._now())
        if is_expected(presented, self._first_keys()):
            return DEFAULT_CALLER
        return admit_key(self._keys.find(digest_of(presented)), now=self._now())

    def to_cards(self, headers: Mapping[str, str]) -> Caller:
        """The reader of a card: cards of the owner `default` are open to all, another owner's to its keys. Raises: UnauthenticatedError."""
        if self._authentication is not ClientAuthentication.RELAY_KEY or presented_key(headers) is None:
            return DEFAULT_CALLER
        return self(headers, {})


class AdmitCallback:
    """An agent that pushes has the token of its task's callback."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks

    def __call__(self, headers: Mapping[str, str], callback_id: str) -> TaskKey:
        """The one task it may tell of. Raises: UnauthenticatedError."""
        return admit_agent(self._callbacks.get(callback_id), presented_tokens(headers))


class AdmitReporter:
    """However callers prove themselves: agents have report tokens only."""

    def __init__(self, tokens: KnownKeys, *, now: Callable[[], datetime]) -> None:
        self._tokens = tokens
        self._now = now

    def __call__(self, headers: Mapping[str, str], agent: str) -> AgentKey:
        """Whose agent reports, at the address of the agent of that name. Raises: UnauthenticatedError, ForbiddenError."""
        found = (self._tokens.find(digest_of(token)) for token in presented_tokens(headers))
        return admit_reporter(found, agent, now=self._now())
