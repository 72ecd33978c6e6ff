"""The operator's commands: `relay agents`, `relay dead-letters`, `relay redrive`; on this machine and against a deployed stack.

They run the functions' own use cases with the operator's own AWS rights.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence

from relay.adapters.table.agents import RegisteredAgent
from relay.domain.agent import FollowAs
from relay.domain.blocking import Blocks
from relay.domain.dead_letter import DeadLetter
from relay.domain.errors import RelayError
from relay.domain.keys import DEFAULT_AGENT, DEFAULT_OWNER, AgentKey, ConfigKey
from relay.domain.strategy import AUTOMATIC, Strategy, parse_strategy
from relay.domain.webhook_url import origin
from relay.use_cases.send_again import Filter
from relay.wiring import wiring
from relay_dev import arguments, follow_remarks, report_tokens, stack, troubles
from relay_dev.failure import DevError
from relay_dev.shown import counted, shown

_ATTEMPTS_TOLD = 10  # of a config
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([!-~](?:[ -~\t]*[!-~])?)", re.ASCII)  # RFC 9110: a token, visible ASCII


def add_agents(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("agents", help="register, list and remove upstream agents")
    verbs = parser.add_subparsers(required=True, metavar="add|list|remove|report-token")
    add = verbs.add_parser("add", help="register an agent, or replace it whole, headers too: it lives at {relay}/agents/NAME")
    add.add_argument("name", type=arguments.name)
    add.add_argument("url", type=arguments.agent_url, help="base URL: its card is at URL/.well-known/agent-card.json")
    add.add_argument("--header", action="append", default=[], type=_header, metavar="'NAME: VALUE'", help="shown to the agent; encrypted")
    add.add_argument("--challenge", action="store_true", help="receivers must echo a nonce before their first notification")
    add.add_argument(
        "--follow",
        choices=[AUTOMATIC, *(each.value for each in Strategy)],
        default=AUTOMATIC,
        help="how its tasks are followed (default: the best that works)",
    )
    add.add_argument(
        "--follow-as",
        choices=[each.value for each in FollowAs],
        default=FollowAs.OPERATOR.value,
        help="whose credential its tasks are followed with: --header, or what the registering caller shows (default: operator)",
    )
    blocks = add.add_mutually_exclusive_group()
    blocks.add_argument(
        "--blocking",
        dest="blocks",
        action="store_const",
        const=Blocks.ALWAYS,
        default=Blocks.AUTO,
        help="it can only block: the relay makes its tasks (default: found out)",
    )
    blocks.add_argument("--never-blocking", dest="blocks", action="store_const", const=Blocks.NEVER, help="its own tasks, always")
    runs(add, _agents_add)
    listing = verbs.add_parser("list", help="list the registered agents of an owner")
    runs(listing, _agents_list)
    remove = verbs.add_parser("remove", help="forget an agent; its tasks are no longer followed")
    remove.add_argument("name", type=arguments.name)
    runs(remove, _agents_remove)
    report_token = verbs.add_parser("report-token", help="make the token by which an agent tells of its tasks at {its address}/reports")
    report_token.add_argument("name", type=arguments.name)
    report_tokens.add_arguments(report_token)
    runs(report_token, report_tokens.make)
    for verb in (add, listing, remove, report_token):
        verb.add_argument("--owner", type=arguments.name, default=DEFAULT_OWNER, help="whose agent (default: %(default)s)")


def add_dead_letters(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("dead-letters", help="list the webhooks that were given up")
    filters(parser, "given up")
    parser.add_argument(
        "--answers",
        action="store_true",
        help="with the last attempts, and what was answered to them: it may quote what the receiver was sent",
    )
    runs(parser, _dead_letters)


def add_redrive(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "redrive",
        help="send given-up webhooks again",
        description="Only the newest state that was given up, of each config, unless --every. A receiver that has newer ones gets it too.",
    )
    filters(parser, "given up")
    parser.add_argument("--all", action="store_true", help="everything; without it at least one filter is needed")
    parser.add_argument("--every", action="store_true", help="every revision that was given up, not only the newest of each config")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be sent")
    runs(parser, _redrive)


def run(args: argparse.Namespace) -> int:
    """Runs the command that was parsed; errors are one sentence."""
    try:
        stack.enter(args)
        command: Callable[[argparse.Namespace], int] = args.command
        return command(args)
    except (stack.StackNotFoundError, DevError) as error:
        print(f"relay: {error}", file=sys.stderr)
    except troubles.TROUBLES as error:
        print(f"relay: {troubles.told(error)}", file=sys.stderr)
    return 1


def _agents_add(args: argparse.Namespace) -> int:
    key = AgentKey(args.owner, args.name)
    follow = parse_strategy(args.follow)
    wiring().agent_records.put(
        RegisteredAgent(
            key,
            args.url,
            tuple(args.header),
            challenges_receivers=args.challenge,
            follow=follow,
            follow_as=FollowAs(args.follow_as),
            blocks=args.blocks,
        )
    )
    whose = "" if args.owner == DEFAULT_OWNER else f", with a key of the owner {args.owner}"
    print(f"{args.name} is registered: call it at the relay's /agents/{args.name}{whose}")
    if key == AgentKey(DEFAULT_OWNER, DEFAULT_AGENT):
        print("until it is removed it takes the place of UpstreamAgentUrl, at the relay's own address too")
    is_heeded = args.blocks is not Blocks.ALWAYS
    if follow and not is_heeded:
        print(follow_remarks.BLOCKING)
    elif follow is Strategy.PUSH and not args.stack and not wiring().settings.public_url:
        print(follow_remarks.NO_ADDRESS)
    try:
        agent = wiring().agents.find(key)
    except RelayError as error:
        print(f"but from here its card cannot be read: {error}")
        return 0
    versions = ", ".join(sorted(agent.versions)) or "in no version that the relay speaks"
    print(f"its card: {shown(str(agent.card.get('name', 'no name')))}, A2A {versions}")
    if is_heeded and (remark := follow_remarks.on_card(agent)):
        print(remark)
    return 0


def _agents_list(args: argparse.Namespace) -> int:
    agents = list(wiring().agent_records.of_owner(args.owner))
    for agent in agents:
        print(_agent_line(agent))
    has_own = args.owner == DEFAULT_OWNER and all(agent.key.agent != DEFAULT_AGENT for agent in agents)
    if args.stack:  # of which a command does not read the parameters
        own = f"; beside them {DEFAULT_AGENT}, if the stack's UpstreamAgentUrl names an agent" if has_own else ""
        print(f"{counted(len(agents), 'agent')} registered of the owner {args.owner}{own}")
        return 0
    own_url = wiring().settings.upstream_agent_url if has_own else ""
    if own_url:
        print(f"{DEFAULT_AGENT:<24} {own_url}  (of `relay dev` itself: --upstream, or UpstreamAgentUrl)")
    print(f"{counted(len(agents) + bool(own_url), 'agent')} of the owner {args.owner}")
    return 0


def _agent_line(agent: RegisteredAgent) -> str:
    headers = ", ".join(name for name, _ in agent.credential_headers) or "no header"
    challenged = ", receivers are challenged" if agent.challenges_receivers else ""
    followed = f", followed by {agent.follow}" if agent.follow else ""
    followed += ", followed as its callers" if agent.follow_as is FollowAs.CALLER else ""
    blocks = {Blocks.ALWAYS: ", blocking", Blocks.NEVER: ", never blocking"}.get(agent.blocks, "")
    return f"{agent.key.agent:<24} {agent.url}  ({headers}{challenged}{followed}{blocks})"


def _agents_remove(args: argparse.Namespace) -> int:
    key = AgentKey(args.owner, args.name)
    if wiring().agent_records.get(key) is None:
        print(f"relay: no agent of the owner {args.owner} is registered as {args.name}", file=sys.stderr)
        return 1
    wiring().agent_records.delete(key)
    report_tokens.revoke_all(key)
    print(f"{args.name} is removed")
    return 0


def _dead_letters(args: argparse.Namespace) -> int:
    letters = wiring().redrive.list(filter_of(args))
    for letter in letters:
        print(_line(letter))
        if args.answers:
            _tell_attempts(letter)
    print(counted(len(letters), "dead letter"))
    return 0


def _tell_attempts(letter: DeadLetter) -> None:
    """The oldest first; what a stranger answered cannot move the cursor of a terminal."""
    attempts = wiring().attempts.last_with_answers(letter.key, most=_ATTEMPTS_TOLD)
    for attempt in reversed([each for each in attempts if letter.first <= each.revision <= letter.last]):
        answer = "".join(character if character.isprintable() else " " for character in attempt.answer)
        print(f"    {attempt.at:%Y-%m-%d %H:%M:%S}Z  revision {attempt.revision}  attempt {attempt.attempt}  {attempt.detail}  {answer}")


def _redrive(args: argparse.Namespace) -> int:
    wanted = filter_of(args)
    if wanted == Filter() and not args.all:
        print("relay: say what: --task, --config, --receiver, --since, --until, or --all", file=sys.stderr)
        return 2
    letters = wiring().redrive.list(wanted)
    configs = sorted({letter.key for letter in letters})
    if args.dry_run:
        for key in configs:
            own = tuple(letter for letter in letters if letter.key == key)
            numbers = wiring().redrive.revisions_to_send(own, every=args.every)
            print(f"would send {_config(key)}: {_sent(own, numbers, every=args.every)}")
        print(f"{counted(len(configs), 'config')}, {counted(len(letters), 'dead letter')}; nothing was sent")
        return 0
    left = 0
    for place, done in enumerate(wiring().redrive.redrive(letters, every=args.every), start=1):
        key = done.letters[0].key
        left += not done.revisions
        what = "left alone: the config is gone, busy, or has too many waiting"
        if done.revisions:
            what = _sent(done.letters, done.revisions, every=args.every)
        print(f"{place} of {len(configs)}: {_config(key)}: {what}", flush=True)
    print(f"{counted(len(configs) - left, 'config')} redriven, {left} left")
    return 0 if not left else 1


def _sent(letters: Sequence[DeadLetter], revisions: tuple[int, ...], *, every: bool) -> str:
    """What is sent of the letters of one config, and what of them is not."""
    left = len({number for letter in letters for number in letter.open_revisions}) - len(revisions)
    if not left:
        return _range(revisions)
    return f"{_range(revisions)}; {left} more" + (
        " when these are sent: redrive again" if every else " passed over, which --every would send"
    )


def runs(parser: argparse.ArgumentParser, command: Callable[[argparse.Namespace], int]) -> None:
    stack.add_arguments(parser)
    parser.set_defaults(run=run, command=command)


def filters(parser: argparse.ArgumentParser, what: str) -> None:
    """`what`: what was done at those times."""
    parser.add_argument("--task", default="", metavar="ID", help="of this task")
    parser.add_argument("--config", default="", metavar="ID", help="of push configs with this id")
    parser.add_argument("--receiver", default="", type=receiver, metavar="ORIGIN", help="for this receiver, such as https://example.com")
    since = f"{what} at or after this time: ISO 8601, no zone means UTC; or 2h, so long ago"
    parser.add_argument("--since", type=arguments.past, metavar="TIME", help=since)
    parser.add_argument("--until", type=arguments.past, metavar="TIME", help=f"{what} before this time")


def filter_of(args: argparse.Namespace) -> Filter:
    return Filter(task_id=args.task, config_id=args.config, receiver=args.receiver, since=args.since, until=args.until)


def _line(letter: DeadLetter) -> str:
    revisions = _range(range(letter.first, letter.last + 1))
    key = letter.key
    return (
        f"{letter.written_at:%Y-%m-%d %H:%M:%S}Z  task {shown(key.task.task_id)}  config {shown(key.config_id)}  agent {key.task.agent}  "
        f"owner {key.task.owner}  {letter.receiver}  {revisions}  {letter.reason}  {letter.webhook_id}"
    )


def _config(key: ConfigKey) -> str:
    return f"task {shown(key.task.task_id)} config {shown(key.config_id)}"


def _range(numbers: "tuple[int, ...] | range") -> str:
    first, last = min(numbers), max(numbers)
    return f"revision {first}" if first == last else f"revisions {first} to {last}"


def _header(text: str) -> tuple[str, str]:
    if not (parsed := _HEADER.fullmatch(text.strip())):
        raise argparse.ArgumentTypeError("a header reads 'Name: value', in printable ASCII")
    return parsed[1], parsed[2]


def receiver(text: str) -> str:
    """Raises: argparse.ArgumentTypeError."""
    try:
        return origin(text) if text else ""
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no receiver's origin, such as https://you.example") from error
