"""`relay replay`: what was observed in some time is sent again, whether it had been delivered or not."""

import argparse
import sys

from relay.use_cases.replay import Part
from relay.wiring import wiring
from relay_dev.operate import filter_of, filters, runs
from relay_dev.shown import counted, shown


def add_replay(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "replay",
        help="send webhooks again, delivered ones too",
        description="Of each config only the newest state that was observed in that time, unless --every. Reads the whole table.",
    )
    filters(parser, "observed")
    parser.add_argument("--every", action="store_true", help="every revision, not only the newest of each config; the oldest first")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be sent")
    runs(parser, _replay)


def _replay(args: argparse.Namespace) -> int:
    if args.since is None and not args.task:
        print("relay: say from when on, or of which task: --since TIME or --task ID", file=sys.stderr)
        return 2
    if args.since and args.until and args.until <= args.since:
        print("relay: --until is not after --since: nothing can lie between them", file=sys.stderr)
        return 2
    replay, sent, left, rests = wiring().replay, 0, 0, []
    for part in replay.find(filter_of(args), every=args.every):
        if args.dry_run or replay(part):
            sent += 1
            rests += [part.rest] if part.rest else []
            print(f"{'would send ' if args.dry_run else ''}{_what(part)}", flush=True)
        else:
            left += 1
            print(f"{_config(part)}: left alone: the config is gone, busy, or has too many waiting", flush=True)
    if rests:
        print(f"more than fit in at once: when these are sent, replay again --since {min(rests):%Y-%m-%dT%H:%M:%S.%fZ}")
    print(f"{counted(sent, 'config')}; nothing was sent" if args.dry_run else f"{counted(sent, 'config')} replayed, {left} left")
    return 1 if left else 0


def _what(part: Part) -> str:
    numbers = part.revisions
    revisions = f"revision {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} revisions, {numbers[0]} to {numbers[-1]}"
    return f"{_config(part)}: {revisions}"


def _config(part: Part) -> str:
    task = part.key.task
    return f"task {shown(task.task_id)}  config {shown(part.key.config_id)}  agent {task.agent}  owner {task.owner}"
