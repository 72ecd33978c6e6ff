"""What stands between the relay and a task that it follows: the troubles, and how long each of them must last to be more than a blip."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from relay.domain.errors import RelayError, TaskNotFoundError, UpstreamForbiddenError


class Ending(StrEnum):
    """Why nothing more may come of a task that has not ended."""

    UNREACHABLE = "unreachable"  # the agent, or an answer of it that can be used
    UNAUTHORIZED = "unauthorized"  # the agent refuses the credential
    VANISHED = "vanished"  # the agent knows no such task any more


@dataclass(frozen=True)
class Trouble:
    """Failed polls in a row: since when whatever has failed, as what the last one did, and how often in a row so.

    `refused` names the caller's own credential that the agent has refused: with it, it is asked no more.
    """

    kind: Ending
    since: datetime
    times: int = 1
    refused: str = ""


def trouble_after(before: Trouble | None, error: RelayError, *, lent: str, now: datetime) -> Trouble:
    """`lent` names the caller's own credential that the agent was shown, empty for the operator's."""
    kind = _kind(error)
    refused = lent if kind is Ending.UNAUTHORIZED else ""
    if before is None:
        return Trouble(kind, now, refused=refused)
    return Trouble(kind, before.since, before.times + 1 if before.kind is kind else 1, refused)


def _kind(error: RelayError) -> Ending:
    if isinstance(error, UpstreamForbiddenError):
        return Ending.UNAUTHORIZED
    return Ending.VANISHED if isinstance(error, TaskNotFoundError) else Ending.UNREACHABLE
