"""`relay agents report-token`: make, replace and revoke the token by which an agent tells the relay of its tasks."""

import argparse
import sys
from datetime import timedelta

from relay.clock import now
from relay.domain.keys import AgentKey
from relay.domain.relay_key import RelayKey
from relay.wiring import wiring
from relay_dev import arguments
from relay_dev.failure import DevError
from relay_dev.registered import may_be_there
from relay_dev.shown import counted

_OVERLAP = timedelta(hours=24)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--overlap",
        type=arguments.length,
        default=_OVERLAP,
        metavar="LENGTH",
        help="the tokens before it are good for so long (default: 24h)",
    )
    what.add_argument("--revoke", action="store_true", help="make none, and end all now; within a minute no process takes them")


def make(args: argparse.Namespace) -> int:
    """The token alone on stdout, for `RELAY_REPORT_TOKEN=$(relay agents report-token NAME)`."""
    agent = AgentKey(args.owner, args.name)
    if args.revoke:
        count = revoke_all(agent)
        print(f"{counted(count, 'report token')} of {args.name} revoked")
        return 0
    if not may_be_there(agent):
        raise DevError(f"no agent of the owner {args.owner} is registered as {args.name}")
    issue, before = wiring().issue_report_tokens, _of(agent)
    issued = issue.create(args.owner, agents=frozenset({args.name}), label="", expires_at=None)
    for token in before:
        issue.end(token, at=now() + args.overlap)
    print(issued.text)
    print(f"Keep it now: it is not shown again. {args.name} POSTs to {{its address at the relay}}/reports with it.", file=sys.stderr)
    if before:
        print(f"The tokens before it are good for {args.overlap} more at most.", file=sys.stderr)
    return 0


def revoke_all(agent: AgentKey) -> int:
    """How many there were."""
    tokens = _of(agent)
    for token in tokens:
        wiring().issue_report_tokens.revoke(token)
    return len(tokens)


def _of(agent: AgentKey) -> list[RelayKey]:
    tokens = wiring().issue_report_tokens.starting_with()
    return [token for token in tokens if token.owner == agent.owner and agent.agent in token.agents]
