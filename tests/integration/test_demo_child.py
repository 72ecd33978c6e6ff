"""The processes of `relay demo`: told when they fail, ended in every case."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from relay_dev.demo.child import Child, ChildError


def python(program: str) -> Child:
    return Child("child", [sys.executable, "-c", program])


def soon() -> float:
    return time.monotonic() + 20


def test_a_line_that_was_already_said_is_found() -> None:
    with python("print('ready: 1'); print('ready: 2'); input()") as child:
        assert child.wait_for_line(r"ready: (\d)", deadline=soon())[1] == "1"
        assert child.wait_for_line(r"ready: (2)", deadline=soon())[1] == "2"


def test_a_child_that_fails_to_start_is_told_with_its_last_output() -> None:
    with (
        python("import sys; sys.exit('no such luck')") as child,
        pytest.raises(ChildError, match=r"exit code 1 before it was ready.\n.*\n    no such luck"),
    ):
        child.wait_for_line("ready", deadline=soon())


def test_a_child_that_is_not_ready_in_time_is_told() -> None:
    with python("print('thinking', flush=True); import time; time.sleep(60)") as child:
        child.wait_for_line("thinking", deadline=soon())
        with pytest.raises(ChildError, match="child was not ready in time"):
            child.wait_for_line("ready", deadline=time.monotonic())


def test_a_child_that_has_ended_is_told() -> None:
    with python("print('bye')") as child:
        child.wait_for_line("bye", deadline=soon())
        child.end()
        with pytest.raises(ChildError, match="child ended with exit code"):
            child.check()


def test_a_child_that_ignores_sigterm_and_what_it_started_are_killed() -> None:
    program = """
import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)  # inherited by what it starts
print("grandchild", subprocess.Popen(["sleep", "60"]).pid, flush=True)
time.sleep(60)
"""
    with Child("child", [sys.executable, "-c", program], end_seconds=0.2) as child:
        grandchild = int(child.wait_for_line(r"grandchild (\d+)", deadline=soon())[1])
    assert child.exit_code == -signal.SIGKILL
    deadline = soon()
    while is_running(grandchild) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(grandchild)


def is_running(pid: int) -> bool:
    """Whether it runs; a zombie, which nobody has waited for, does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except ProcessLookupError:
        return False
    except OSError:
        return True  # no /proc on this system
    return state != "Z"
