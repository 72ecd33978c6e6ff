"""Handler's own commands as processes of their own, its receiver, and its MCP server over standard input and output."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from relay_dev.demo.child import Child
from tests.compat.remote import ROOT

COMMAND_SECONDS = 100
READY_SECONDS = 60


@dataclass(frozen=True)
class Handler:
    """One version's `handler` command. `home` keeps its sessions, so that it leaves nothing in the user's own."""

    version: str
    home: Path

    @property
    def command(self) -> str:
        return str(ROOT / f".venv-compat-handler-{self.version}" / "bin" / "handler")

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "HOME": str(self.home), "COLUMNS": "200", "NO_COLOR": "1"}

    def run(self, *arguments: str) -> str:
        """What it prints. Raises: HandlerError when it says that it failed."""
        done = subprocess.run(
            [self.command, *arguments], env=self.environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
        if done.returncode:
            raise HandlerError(done.stdout + done.stderr)
        return done.stdout

    def run_json(self, *arguments: str) -> Any:
        return json.loads(self.run("--output", "json", *arguments))

    def receiver(self, port: int, *options: str) -> Child:
        """`handler server run push`, or `handler server push` as it was once called."""
        server = ["server", "push"] if self.version == "0.1.16" else ["server", "run", "push"]
        arguments = [self.command, *server, "--port", str(port), *options]
        return Child(f"handler {self.version}", ["env", f"HOME={self.home}", "COLUMNS=200", *arguments])


class HandlerError(Exception):
    """The command failed; the message is all that it printed."""


class McpServer:
    """`handler mcp`: MCP over standard input and output. A context manager."""

    def __init__(self, handler: Handler) -> None:
        self._process = subprocess.Popen(
            [handler.command, "mcp"],
            env=handler.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._number = 0
        about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
        self._ask("initialize", about)
        self._say({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()

    def tool(self, name: str, **arguments: Any) -> Any:
        """What the tool returns, as JSON."""
        result = self._ask("tools/call", {"name": name, "arguments": arguments})
        text = "".join(part["text"] for part in result["content"])
        assert not result.get("isError"), text
        return json.loads(text)

    def _ask(self, method: str, params: Any) -> Any:
        self._number += 1
        self._say({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        assert self._process.stdout
        for line in self._process.stdout:
            told = json.loads(line)
            if told.get("id") == self._number:
                assert "result" in told, told
                return told["result"]
        raise AssertionError(f"handler mcp ended with {self._process.wait()}")

    def _say(self, message: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()


def wait_for_notifications(url: str, holds: Callable[[Sequence[Any]], bool], *, seconds: float = READY_SECONDS) -> list[Any]:
    """What `GET /notifications` of a Handler receiver lists, once that holds for it."""
    deadline = time.monotonic() + seconds
    while True:
        listed: list[Any] = httpx.get(f"{url}/notifications", trust_env=False).json()["notifications"]
        if holds(listed):
            return listed
        assert time.monotonic() < deadline, listed
        time.sleep(0.2)


def wait_until_listening(url: str, child: Child) -> None:
    """Until its receiver answers the validation check."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        child.check()
        try:
            httpx.get(f"{url}/webhook", trust_env=False)
        except httpx.ConnectError:
            assert time.monotonic() < deadline, child.last_output
            time.sleep(0.1)
        else:
            return
