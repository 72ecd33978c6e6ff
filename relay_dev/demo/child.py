"""A child process of the demo: its lines are shown as they come, its last ones remembered, and it is ended in every case."""

import os
import re
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

LAST_LINES = 25  # of its output, shown when it failed
END_SECONDS = 5.0  # what a child has to end by itself before it is killed


class ChildError(Exception):
    """A child did not do what was expected of it; the message says what, and with which last output."""

    def __init__(self, child: "Child", what: str) -> None:
        super().__init__(f"{child.name} {what}\nIts last output:\n{child.last_output}")


class Child:
    """Started on construction, in a process group of its own: a Ctrl-C in the terminal reaches only its parent, which then ends it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        show: Callable[[str, str], None] | None = None,
        folder: Path | None = None,
        end_seconds: float = END_SECONDS,
    ) -> None:
        self.name = name
        self._show = show
        self._end_seconds = end_seconds
        self._is_asked_to_end = False
        self._lines: list[str] = []
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            cwd=folder,
            text=True,
            errors="replace",
            process_group=0,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def last_output(self) -> str:
        with self._changed:
            return "\n".join(f"    {line}" for line in self._last) or "    (none)"

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def wait_for_line(self, pattern: str, *, deadline: float) -> re.Match[str]:
        """The first line, of those so far or to come, in which the pattern is found. `deadline` is a `time.monotonic()`.

        Raises: ChildError when the child ends, or the deadline passes, before there is one.
        """
        searched = 0
        with self._changed:
            while True:
                for line in self._lines[searched:]:
                    if found := re.search(pattern, line):
                        return found
                searched = len(self._lines)
                if not self._reader.is_alive():
                    raise ChildError(self, f"ended with exit code {self._process.wait()} before it was ready.")
                if not self._changed.wait(min(0.1, max(0.0, deadline - time.monotonic()))) and time.monotonic() >= deadline:
                    raise ChildError(self, "was not ready in time.")

    def check(self) -> None:
        """Raises: ChildError when it has ended."""
        if self.exit_code is not None:
            self._reader.join(self._end_seconds)
            raise ChildError(self, f"ended with exit code {self.exit_code}.")

    def send(self, number: signal.Signals) -> None:
        """The signal goes to the child, and to what it started in the same process group. Harmless when it has ended."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def terminate(self) -> None:
        """Ask it to end, once: a second signal could cut short what it does to end well."""
        if not self._is_asked_to_end:
            self._is_asked_to_end = True
            self.send(signal.SIGTERM)

    def end(self) -> None:
        """Return when it has ended, if need be by force. Harmless when it has ended already."""
        self.terminate()
        try:
            self._process.wait(self._end_seconds)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self._process.wait()
        self._reader.join(self._end_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  (it is a pipe)
        for line in self._process.stdout:
            text = line.rstrip()
            with self._changed:
                self._lines.append(text)
                self._last.append(text)
                self._changed.notify_all()
            if self._show and text:
                self._show(self.name, text)
