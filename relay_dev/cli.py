"""The `relay` command. Only what the named command needs is imported."""

import argparse
import importlib
import sys
from collections.abc import Sequence

# Command -> its help; its module, relay_dev.NAME, has `add_arguments(parser)` and `run(args) -> int`.
_LOCAL = {
    "dev": "run the relay on this machine, in front of an agent",
    "listen": "a receiver for trying things: prints and verifies what arrives",
    "demo": "agent, relay, receiver and client on this machine: push for an agent that has none",
}
# Command -> its help; relay_dev.operate and the modules of the commands' names add them.
_OPERATE = {
    "agents": "register, list and remove upstream agents",
    "keys": "make, list, revoke and rotate relay keys",
    "dead-letters": "list the webhooks that were given up",
    "receivers": "list the receivers that fail, and the state of their breakers",
    "redrive": "send given-up webhooks again",
    "replay": "send webhooks again, delivered ones too",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command's exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    args = _parser(next((each for each in given if not each.startswith("-")), "")).parse_args(given)
    try:
        code: int = args.run(args)
    except KeyboardInterrupt:
        return 130
    return code


def _parser(wanted: str) -> argparse.ArgumentParser:
    """With the arguments of the wanted command, and the others by name only."""
    parser = argparse.ArgumentParser(prog="relay", description="Push notifications that can be relied on, for A2A agents that have none.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, text in _LOCAL.items():
        command = commands.add_parser(name, help=text)
        if name == wanted:
            module = importlib.import_module(f"relay_dev.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    if wanted in _OPERATE:
        operate = importlib.import_module("relay_dev.operate")
        operate.add_agents(commands)
        importlib.import_module("relay_dev.keys").add_keys(commands)
        operate.add_dead_letters(commands)
        importlib.import_module("relay_dev.receivers").add_receivers(commands)
        operate.add_redrive(commands)
        importlib.import_module("relay_dev.replay").add_replay(commands)
    else:
        for name, text in _OPERATE.items():
            commands.add_parser(name, help=text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
