"""The agents named with `--upstream`: registered as an operator would, and looked at before the relay says that it is ready."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass

from relay_dev.arguments import agent_url
from relay_dev.failure import DevError

DEFAULT = "default"
_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})=(.+)", re.ASCII | re.DOTALL)


@dataclass(frozen=True)
class UpstreamOption:
    """`name` is empty for a bare URL."""

    name: str
    url: str


def upstream_option(text: str) -> UpstreamOption:
    """`URL`, or `NAME=URL`. Raises: argparse.ArgumentTypeError."""
    named = _NAMED.fullmatch(text)
    return UpstreamOption(named[1], agent_url(named[2])) if named else UpstreamOption("", agent_url(text))


def with_parameter(options: Sequence[UpstreamOption], url: str) -> list[UpstreamOption]:
    """The template's own parameter for the agent at the relay's address counts as one without a name. Raises: DevError."""
    if not url or any(not option.name and option.url == url for option in options):
        return list(options)
    try:
        return [UpstreamOption("", agent_url(url)), *options]
    except argparse.ArgumentTypeError as error:
        raise DevError(f"UpstreamAgentUrl cannot be used: {error}") from error


def default_upstream(options: Sequence[UpstreamOption]) -> UpstreamOption | None:
    """The agent at the relay's own address: the one without a name, or the first. Raises: DevError."""
    names = [option.name for option in options if option.name]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise DevError(f"Two agents are named {twice}: give each --upstream a name of its own.")
    bare = [option for option in options if not option.name]
    if len(bare) > 1:
        raise DevError(
            f"Only one --upstream can go without a name; write the others as NAME=URL: {', '.join(each.url for each in bare[1:])}."
        )
    return next(iter(bare or options), None)


def register(options: Sequence[UpstreamOption]) -> None:
    """Makes the named ones the relay's agents. Within the functions' environment."""
    from relay.adapters.table.agents import RegisteredAgent
    from relay.domain.keys import DEFAULT_OWNER, AgentKey
    from relay.wiring import wiring

    for option in options:
        if option.name:
            wiring().agent_records.put(RegisteredAgent(AgentKey(DEFAULT_OWNER, option.name), option.url))


def check(options: Sequence[UpstreamOption]) -> None:
    """Whether each has a card and an interface that the relay speaks. Within the functions' environment. Raises: DevError."""
    from relay.domain.errors import RelayError, UpstreamUnavailableError
    from relay.domain.keys import DEFAULT_OWNER, AgentKey
    from relay.wiring import wiring

    for option in options:
        try:
            _ = wiring().agents.find(AgentKey(DEFAULT_OWNER, option.name or DEFAULT)).endpoint
        except RelayError as error:
            hint = " Is it running? Start it first." if isinstance(error, UpstreamUnavailableError) else ""
            raise DevError(f"The agent at {option.url} cannot be used: {error.message}{hint}") from error


def speaks_only_0_3(option: UpstreamOption) -> bool:
    """Whether a client has to use 0.3's methods with it. Within the functions' environment, after `check`."""
    from relay.domain.keys import DEFAULT_OWNER, AgentKey
    from relay.domain.task import ProtocolVersion
    from relay.wiring import wiring

    return ProtocolVersion.V10 not in wiring().agents.find(AgentKey(DEFAULT_OWNER, option.name or DEFAULT)).versions
