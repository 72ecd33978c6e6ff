"""`relay demo` as a user starts it: all processes, real sockets, and its own verdict."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from relay_dev.demo.child import Child

pytestmark = pytest.mark.e2e

COMMAND = (sys.executable, "-m", "relay_dev.cli", "demo")


def end_of(demo: Child, *, seconds: float) -> int:
    """The exit code, once it has ended by itself."""
    deadline = time.monotonic() + seconds
    while demo.exit_code is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert demo.exit_code is not None, f"not ended within {seconds} s:\n{demo.last_output}"
    demo.end()
    return demo.exit_code


def is_listening(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@pytest.fixture
def shown() -> list[str]:
    return []


@pytest.fixture
def demo(shown: list[str]) -> Iterator[Child]:
    with Child("demo", COMMAND, show=lambda _, line: shown.append(line)) as child:
        yield child


def test_the_demo_shows_every_notification_and_a_retry_and_ends_well(demo: Child, shown: list[str]) -> None:
    assert end_of(demo, seconds=90) == 0, "\n".join(shown)
    received = [line for line in shown if "receiver |" in line and "webhook-id" in line]
    assert [re.findall(r"(submitted|working|completed) .* (\d) artifact.*-> (\d+)", line)[0] for line in received] == [
        ("submitted", "0", "503"),
        ("submitted", "0", "200"),
        ("working", "0", "200"),
        ("working", "1", "200"),
        ("completed", "1", "200"),
    ]
    assert all("token ok  signature verified  v1a verified" in line for line in received)
    assert "attempt 2" in received[1]
    assert any("says pushNotifications: true" in line for line in shown)
    assert not is_listening(demo.wait_for_line(r"agent: (http\S+)", deadline=0)[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_ends_all_its_processes(demo: Child, number: signal.Signals) -> None:
    deadline = time.monotonic() + 60
    agent = demo.wait_for_line(r"agent: (http\S+)", deadline=deadline)[1]
    receiver = demo.wait_for_line(r"listening on (http\S+)", deadline=deadline)[1]
    assert is_listening(agent)
    demo.send(number)
    assert end_of(demo, seconds=30) == 130
    assert not is_listening(agent)
    assert not is_listening(receiver)


def test_a_demo_that_nobody_reads_any_more_ends_all_its_processes() -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        assert demo.stderr
        agent = next(found[1] for line in demo.stdout if (found := re.search(r"agent: (http\S+)", line)))
        demo.stdout.close()
        assert demo.stderr.read() == "\nInterrupted.\n"
        assert demo.wait(30) == 130
    assert not is_listening(agent)


def test_a_demo_that_misses_its_deadline_says_what_was_missing() -> None:
    with Child("demo", [*COMMAND, "--deadline", "5", "--step-seconds", "30"]) as demo:
        assert end_of(demo, seconds=60) == 1
        demo.wait_for_line("completed: arrived 0 times instead of once", deadline=0)
        demo.wait_for_line("last output", deadline=0)
