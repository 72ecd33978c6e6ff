"""`relay keys`: make, list, revoke and rotate the relay keys that callers show; on this machine and against a deployed stack."""

import argparse
import re
import sys
from datetime import datetime, timedelta
from functools import partial

from relay.clock import now
from relay.domain.door import ClientAuthentication
from relay.domain.keys import DEFAULT_OWNER, AgentKey
from relay.domain.relay_key import ID_LENGTH, RelayKey
from relay.use_cases.issue_keys import Issued
from relay.wiring import wiring
from relay_dev import arguments, signing_key
from relay_dev.failure import DevError
from relay_dev.operate import run, runs
from relay_dev.registered import may_be_there
from relay_dev.shown import counted, shown_moment
from relay_dev.signing_key import SIGNING

_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH},64}}")
_OVERLAP = timedelta(hours=24)
_DELAY = "processes that have just used it may let it in for another minute"


def add_keys(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("keys", help="make, list, revoke and rotate relay keys")
    verbs = parser.add_subparsers(required=True, metavar="create|list|revoke|rotate")
    create = verbs.add_parser("create", help="make a key; it is printed once, and kept nowhere")
    create.add_argument("--owner", type=arguments.name, default=DEFAULT_OWNER, help="whose agents it opens (default: %(default)s)")
    create.add_argument(
        "--agent", action="append", default=[], type=arguments.name, metavar="NAME", help="only this one of the owner's agents; repeatable"
    )
    create.add_argument("--expires", type=arguments.end, metavar="END", help="such as 90d, or an ISO 8601 time; without it, never")
    create.add_argument("--label", default="", type=_label, metavar="TEXT", help="for you, in lists: whose it is, what for")
    runs(create, _create)
    runs(verbs.add_parser("list", help="list the keys, without their text"), _list)
    revoke = verbs.add_parser("revoke", help=f"end a key now: {_DELAY}")
    revoke.add_argument("id", type=_id, help="as in the list")
    runs(revoke, _revoke)
    rotate = verbs.add_parser(
        "rotate",
        help=f"make a key with the same rights, and let the old one end after a while; {SIGNING!r}: the key that the relay signs with",
    )
    rotate.add_argument("id", type=_rotatable, help=f"as in the list; or {SIGNING!r}")
    rotate.add_argument("--finish", action="store_true", help=f"with {SIGNING!r}: the old one signs no more")
    rotate.add_argument(
        "--now", action="store_true", help="with --finish: even if receivers may not know the new one; for a key that leaked"
    )
    rotate.add_argument("--overlap", type=arguments.length, metavar="LENGTH", help="both relay keys are good for so long (default: 24h)")
    runs(rotate, _rotate)
    rotate.set_defaults(run=partial(_run_rotate, rotate))


def _create(args: argparse.Namespace) -> int:
    expires_at = now() + args.expires if isinstance(args.expires, timedelta) else args.expires
    if expires_at and expires_at <= now():
        raise DevError(f"{shown_moment(expires_at)} is over already")
    _tell(wiring().issue_keys.create(args.owner, agents=frozenset(args.agent), label=args.label, expires_at=expires_at))
    for name in sorted(set(args.agent)):
        if not may_be_there(AgentKey(args.owner, name)):
            print(
                f"No agent of the owner {args.owner} is registered as {name}: until one is, the key opens nothing there.", file=sys.stderr
            )
    return 0


def _list(args: argparse.Namespace) -> int:
    del args
    keys = wiring().issue_keys.starting_with()
    for key in keys:
        print(_line(key))
    first = f", beside the stack's first in Secrets Manager, of the owner {DEFAULT_OWNER}" if _asks_for_keys() else ""
    print(f"{counted(len(keys), 'key')}{first}")
    return 0


def _revoke(args: argparse.Namespace) -> int:
    key = _found(args.id)
    wiring().issue_keys.revoke(key)
    print(f"{key.id} is revoked; {_DELAY}")
    return 0


def _run_rotate(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    """An option that would not be heeded is an error of the command line: no relay is looked for."""
    is_signing = args.id == SIGNING
    if is_signing and args.overlap is not None:
        parser.error(f"argument --overlap: it is for a relay key; of {SIGNING!r} both sign until --finish")
    if args.finish and not is_signing:
        parser.error(f"argument --finish: it is for {SIGNING!r}; a relay key ends by itself, after --overlap")
    if args.now and not args.finish:
        parser.error(f"argument --now: it is for {SIGNING!r} with --finish")
    return run(args)


def _rotate(args: argparse.Namespace) -> int:
    if args.id == SIGNING:
        return signing_key.finish(at_once=args.now) if args.finish else signing_key.begin()
    old = _found(args.id)
    if old.replaced_by:
        raise DevError(f"{old.id} was rotated already: {old.replaced_by} has replaced it; rotate that one")
    issued = wiring().issue_keys.rotate(old, overlap=_OVERLAP if args.overlap is None else args.overlap)
    if issued is None:
        raise DevError(f"{old.id} was revoked or rotated at this moment; list the keys again")
    _tell(issued)
    print(_line(_found(old.digest)), file=sys.stderr)
    return 0


def _found(key_id: str) -> RelayKey:
    """Raises: DevError."""
    found = wiring().issue_keys.starting_with(key_id)
    if not found:
        raise DevError(f"no key has the id {key_id}")
    if len(found) > 1:
        raise DevError(f"several keys begin with {key_id}; say more of it: {', '.join(key.digest for key in found)}")
    return found[0]


def _tell(issued: Issued) -> None:
    """The key alone on stdout, for `RELAY_KEY=$(relay keys create)`."""
    print(issued.text)
    print(_line(issued.key), file=sys.stderr)
    print("Keep it now: it is not shown again. Callers send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`.", file=sys.stderr)
    if not _asks_for_keys():
        print("This relay asks for no key as it is: its ClientAuthentication is not relay-key.", file=sys.stderr)


def _asks_for_keys() -> bool:
    return wiring().settings.client_authentication is ClientAuthentication.RELAY_KEY


def _line(key: RelayKey) -> str:
    agents = ", ".join(sorted(key.agents)) or "all agents"
    ends = "never ends" if key.expires_at is None else f"{_ends(key.expires_at)} {shown_moment(key.expires_at)}"
    replaced = f", replaced by {key.replaced_by}" if key.replaced_by else ""
    label = f"  {key.label}" if key.label else ""
    return f"{key.id}  owner {key.owner}  {agents}  made {shown_moment(key.created_at)}, {ends}{replaced}{label}"


def _ends(at: datetime) -> str:
    return "ended" if at <= now() else "ends"


def _id(text: str) -> str:
    if not _ID.fullmatch(text.lower()):
        raise argparse.ArgumentTypeError(f"an id is {ID_LENGTH} characters of 0-9 and a-f, as `relay keys list` shows it")
    return text.lower()


def _rotatable(text: str) -> str:
    return text if text == SIGNING else _id(text)


def _label(text: str) -> str:
    if len(text) > 200 or not text.isprintable():
        raise argparse.ArgumentTypeError("a label has at most 200 printable characters")
    return text
