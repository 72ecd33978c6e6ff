"""`relay demo`: agent, relay, receiver and client as processes of their own on free ports of loopback, watched from the outside.

Only the standard library is imported here, so that the first line is on the screen at once; the children import the rest.
"""

import argparse
import json
import os
import re
import secrets
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from relay_dev.demo import verdict
from relay_dev.demo.child import Child, ChildError

POLL_SECONDS = 1  # how often the relay asks the agent; SQS delays are whole seconds
STEP_SECONDS = 3.5  # how long the agent stays in a state
POLLS = 3  # and at least until it was asked so often, however slow the machine is
FAILING_ONCE = ("--status", "503", "--times", "1")
PARAMETERS = ("--parameter-overrides", f"WatchMinSeconds={POLL_SECONDS}", f"WatchMaxSeconds={POLL_SECONDS}", "RetrySchedule=1,2,4,8")
START_SECONDS = 120  # until all processes are ready, on however slow a machine
LINGER_SECONDS = 1.5  # after the last notification, for a second one that should not come

INTRODUCTION = """\
a2a-push-relay: an agent that cannot push gets push notifications. Four processes on this machine:

  agent     built with a2a-sdk; its card says pushNotifications: false
  relay     `relay dev`: the functions of the AWS stack on an embedded AWS, in front of the agent
  receiver  `relay listen`: a webhook that verifies token and signature; it answers 503 once, to show a retry
  client    a2a-sdk's own: sends one message to the relay, with a push config, and does not wait

The client is gone after a second; the task takes {seconds:.0f}. Every change of it reaches the receiver.
"""

NEXT = """\
What to try next, each in a terminal of its own:
  {bin}python -m relay_dev.demo.agent --port 9800
  {bin}relay dev --upstream http://127.0.0.1:9800      (or your own agent)
  {bin}relay listen
and then the curl that `relay dev` prints. `make test` runs all tests."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--step-seconds", type=float, default=STEP_SECONDS, help="how long a state of the task lasts (default: %(default)s)"
    )
    parser.add_argument(
        "--deadline",
        type=float,
        default=60.0,
        help="seconds after which the demo gives up, from when the relay is ready (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """0 only if every expected notification arrived as it should; ends all its processes in every case."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    _tell(INTRODUCTION.format(seconds=3 * args.step_seconds))
    demo = _Demo(args.step_seconds, args.deadline)
    try:
        return demo.play()
    except ChildError as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    finally:
        demo.end()


class _Demo:
    def __init__(self, step_seconds: float, deadline_seconds: float) -> None:
        self._step_seconds = step_seconds
        self._began = time.monotonic()
        self._seconds = deadline_seconds
        self._deadline = self._began + START_SECONDS
        self._children: list[Child] = []
        self._is_terminal = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def play(self) -> int:
        verified = ("--token", secrets.token_hex(16), "--secret", secrets.token_hex(32))
        steps = ("--step-seconds", str(self._step_seconds), "--polls", str(POLLS))
        agent = self._start("agent", "relay_dev.demo.agent", *steps)
        port = str(_free_port())
        relay_url = f"http://127.0.0.1:{port}"
        listening = ("--port", "0", "--relay", relay_url)
        receiver = self._start("receiver", "relay_dev.cli", "listen", *listening, *verified, *FAILING_ONCE)
        agent_url = agent.wait_for_line(r"^agent: (\S+)", deadline=self._deadline)[1]
        relay = self._start("relay", "relay_dev.cli", "dev", "--upstream", agent_url, "--port", port, *PARAMETERS)
        receiver_url = receiver.wait_for_line(r"http://127\.0\.0\.1:\d+", deadline=self._deadline)[0]
        self._wait_until_ready(relay, relay_url)
        self._deadline = time.monotonic() + self._seconds
        client = self._start("client", "relay_dev.demo.client", relay_url, "--webhook", f"{receiver_url}/webhook", *verified)
        return self._judge(self._wait_for_notifications(receiver_url, client))

    def end(self) -> None:
        """Every process is gone when this returns; what interrupts is no longer heard."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.end()

    def _start(self, name: str, module: str, *arguments: str) -> Child:
        self._say(name, "starts")
        child = Child(name, [sys.executable, "-m", module, *arguments], show=self._say)
        self._children.append(child)
        return child

    def _wait_until_ready(self, relay: Child, relay_url: str) -> None:
        while time.monotonic() < self._deadline:
            relay.check()
            if card := _fetch(f"{relay_url}/.well-known/agent-card.json"):
                push = json.dumps(card.get("capabilities", {}).get("pushNotifications"))
                self._say("relay", f"is ready; the card it serves for the agent says pushNotifications: {push}")
                return
            time.sleep(0.1)
        raise ChildError(relay, "was not ready in time.")

    def _wait_for_notifications(self, receiver_url: str, client: Child) -> Sequence[verdict.Listed]:
        """What arrived by the deadline, or a moment after the last expected one.

        Raises: ChildError when one of the processes ends before, other than the client after its work.
        """
        until = self._deadline
        listed: Sequence[verdict.Listed] = []
        while time.monotonic() < until:
            self._check(client)
            listed = (_fetch(f"{receiver_url}/notifications") or {}).get("notifications", listed)
            if until == self._deadline and verdict.has_ended(listed):
                until = min(until, time.monotonic() + LINGER_SECONDS)
            time.sleep(0.2)
        return listed

    def _check(self, client: Child) -> None:
        if client in self._children and client.exit_code == 0:
            self._children.remove(client)
            self._say("client", "ends; what follows is between agent, relay and receiver")
        for child in self._children:
            child.check()

    def _judge(self, listed: Sequence[verdict.Listed]) -> int:
        shortcomings = verdict.shortcomings(listed)
        _tell("\n" + "\n".join(verdict.table(listed)) + "\n")
        if shortcomings:
            _tell("Not as it should be:\n" + "\n".join(f"  {line}" for line in shortcomings))
            for child in self._children:
                _tell(f"\nThe last output of {child.name}:\n{child.last_output}")
            return 1
        changes = ", ".join(expected.name for expected in verdict.EXPECTED)
        _tell(f"Every change arrived once, in order, verified: {changes}.")
        _tell("The attempt that failed was repeated under the same webhook-id.\n")
        _tell(NEXT.format(bin=_bin()))
        return 0

    def _say(self, name: str, line: str) -> None:
        if not line.startswith(_NOT_SHOWN):
            text = f"{time.monotonic() - self._began:5.1f} s  {name:<8} | {_shortened(line)}"
            _tell(f"\x1b[1m{text}\x1b[0m" if name == "receiver" and self._is_terminal else text)


_NOT_SHOWN = ("curl ", "Register it", "Send a message")  # what `relay listen` and `relay dev` offer to copy would outlive them
_UUID = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_WEBHOOK_ID = re.compile(r"\b(msg_[\w-]{8})[\w-]+")  # the summary shows it whole
_SAID_ELSEWHERE = re.compile(r" (config|outcome|webhook_id|url)=\S+")


def _shortened(line: str) -> str:
    """A line of a process, so that it fits more screens."""
    return _WEBHOOK_ID.sub(r"\1…", _UUID.sub(r"\1…", _SAID_ELSEWHERE.sub("", line)))


def _tell(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # nobody reads any more, as after `| head`: the demo ends as if interrupted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        signal.raise_signal(signal.SIGTERM)


def _bin() -> str:
    """The folder of this Python as it would be typed, with its slash."""
    folder = os.path.relpath(Path(sys.executable).parent)
    return f"{folder}/"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def _fetch(url: str) -> dict[str, Any] | None:
    """The JSON object at a loopback URL, past any proxy; None while there is none."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
            found = json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return None
    return found if isinstance(found, dict) else None


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
