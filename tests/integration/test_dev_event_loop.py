"""By threads: what is written arrives at once, batches run side by side, and the end is orderly."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from relay_dev.queues import MOST_AT_ONCE
from tests.integration.dev_parts import Script, put, running, send

DEADLINE_SECONDS = 10


def _serve(runner: Any) -> None:
    runner.serve(socket.create_server(("127.0.0.1", 0)))


def _wait(script: Script, condition: Callable[[], bool]) -> None:
    with script.changed:
        assert script.changed.wait_for(condition, DEADLINE_SECONDS)


def test_what_is_written_reaches_its_functions(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        _serve(runner)
        put(runner, "a")
        send(runner, "b")
        _wait(script, lambda: script.batches("Stream") == [["a"]] and script.batches("Worker") == [["b"]])


def test_a_message_that_was_delayed_is_noticed_without_any_other_change(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        _serve(runner)
        send(runner, "later", DelaySeconds=1)
        _wait(script, lambda: script.batches("Worker") == [["later"]])


def test_slow_batches_run_side_by_side_up_to_the_bound(tmp_path: Path) -> None:
    script = Script()
    released = threading.Event()
    with running(tmp_path, script) as runner:
        script.then(*[lambda _: released.wait(DEADLINE_SECONDS) and None] * MOST_AT_ONCE)
        send(runner, *(str(number) for number in range(10 * (MOST_AT_ONCE + 1))))
        _serve(runner)
        _wait(script, lambda: len(script.events) == MOST_AT_ONCE)
        released.set()
        _wait(script, lambda: len(script.events) > MOST_AT_ONCE)


def test_an_error_in_the_loop_itself_does_not_end_it(tmp_path: Path) -> None:
    script = Script()
    failing = threading.Event()

    def has_messages(queue: str) -> bool:
        if not failing.is_set():
            failing.set()
            raise ConnectionError
        return True

    with running(tmp_path, script) as runner:
        runner.aws.has_messages = has_messages  # type: ignore[method-assign]
        send(runner, "a")
        _serve(runner)
        _wait(script, lambda: script.batches("Worker") == [["a"]])
        assert failing.is_set()


def test_the_end_waits_for_batches_in_flight_and_leaves_no_thread(tmp_path: Path) -> None:
    script = Script()
    before = set(threading.enumerate())
    done = threading.Event()

    def slow(_: Any) -> None:
        time.sleep(0.2)
        done.set()

    with running(tmp_path, script) as runner:
        script.then(slow)
        _serve(runner)
        send(runner, "a")
        _wait(script, lambda: bool(script.events))
    assert done.is_set()
    assert set(threading.enumerate()) <= before
