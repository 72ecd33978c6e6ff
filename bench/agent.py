"""An agent without push as a process of its own, whose tasks change by the clock: everybody can tell when which change happened.

    python -m bench.agent --period 3 [--stream]

Prints its port. Task `k/n` is the k-th of n: its changes are `period` seconds apart, and a k-th of that later than the first task's.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from bench.http_server import Answer, Request, serve

_MARK = "change-"  # the id of the status message: with the number of the change


def change_number(task_id: str, period: float, at: float) -> int:
    """How many changes the task has seen by then (epoch seconds)."""
    return int((at - _phase(task_id, period)) // period)


def changed_at(task_id: str, period: float, number: int) -> float:
    return number * period + _phase(task_id, period)


def number_in(message_id: str) -> int:
    return int(message_id.removeprefix(_MARK))


def _phase(task_id: str, period: float) -> float:
    place, _, count = task_id.partition("/")
    return period * int(place) / int(count)


class Agent:
    def __init__(self, period: float, *, streams: bool) -> None:
        self._period = period
        self._streams = streams

    async def __call__(self, request: Request) -> Answer:
        if request.method == "GET":
            return 200, json.dumps(_card(request.port, streams=self._streams)).encode()
        call = json.loads(request.body)
        if call["method"] == "SubscribeToTask":
            return 200, self._told(call["params"]["id"], call["id"])
        answer = {"jsonrpc": "2.0", "id": call["id"], "result": self._task(call["params"]["id"])}
        return 200, json.dumps(answer).encode()

    async def _told(self, task_id: str, call_id: Any) -> AsyncIterator[bytes]:
        task = self._task(task_id)
        yield _event(call_id, {"task": task})
        while True:
            number = change_number(task_id, self._period, time.time())
            await asyncio.sleep(max(0.0, changed_at(task_id, self._period, number + 1) - time.time()))
            yield _event(call_id, {"statusUpdate": {"taskId": task_id, "contextId": "context", "status": self._task(task_id)["status"]}})

    def _task(self, task_id: str) -> dict[str, Any]:
        number = change_number(task_id, self._period, time.time())
        message = {"messageId": f"{_MARK}{number}", "role": "ROLE_AGENT", "parts": [{"text": f"{number}"}]}
        return {"id": task_id, "contextId": "context", "status": {"state": "TASK_STATE_WORKING", "message": message}}


def _event(call_id: Any, result: Any) -> bytes:
    return b"data: %b\n\n" % json.dumps({"jsonrpc": "2.0", "id": call_id, "result": result}).encode()


def _card(port: int, *, streams: bool) -> dict[str, Any]:
    return {
        "name": "An agent without push",
        "description": "For the bench",
        "version": "1",
        "supportedInterfaces": [{"url": f"http://127.0.0.1:{port}/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "capabilities": {"streaming": streams},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [],
    }


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--period", type=float, required=True, help="seconds between two changes of a task")
    parser.add_argument("--stream", action="store_true", help="offer streams")
    given = parser.parse_args()
    print(json.dumps(await serve(Agent(given.period, streams=given.stream), ports=1, clock=time.time)), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
