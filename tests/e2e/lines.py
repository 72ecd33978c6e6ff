"""A process that is told on standard input what to do: a JSON object per line, answered by a JSON object per line."""

import json
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from itertools import count
from typing import Any, Self

from tests.e2e.face import RefusedError

ANSWER_SECONDS = 40  # a blocking send may take 25, and a client's own timeout is 30


class LineProcess:
    """`{"id": 1, "call": "send", "arguments": {…}}` is answered `{"id": 1, "result": …}`, or
    `{"id": 1, "error": {"code", "message", "data"}}`.

    Threads may call at the same time. A context manager: it ends the process.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self._numbers = count(1)
        self._answers: dict[int, Future[Any]] = {}
        self._writing = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._reader.join(10)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()

    def call(self, name: str, **arguments: Any) -> Any:
        """Raises: RefusedError with what the process says."""
        number, answer = next(self._numbers), Future[Any]()
        self._answers[number] = answer
        with self._writing:
            assert self._process.stdin
            self._process.stdin.write(json.dumps({"id": number, "call": name, "arguments": arguments}) + "\n")
        return answer.result(ANSWER_SECONDS)

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            told = json.loads(line)
            answer = self._answers.pop(told["id"])
            if error := told.get("error"):
                answer.set_exception(RefusedError(error["code"], error["message"], error.get("data")))
            else:
                answer.set_result(told["result"])
        for answer in self._answers.values():
            answer.set_exception(RuntimeError(f"the process ended with {self._process.wait()}"))
