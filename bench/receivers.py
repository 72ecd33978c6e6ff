"""Receivers as a process of their own: some answer at once, some never.

    python -m bench.receivers --answering 10 --hanging 10

Prints the ports of both kinds, then listens. `GET /arrivals` at any port: per POST its path, revision, attempt, the id of the status
message in it, and when its headers were in (epoch seconds). After `GET /release` nobody hangs any more.
"""

import argparse
import asyncio
import json
import time

from bench.http_server import Answer, Request, serve


class Receivers:
    def __init__(self) -> None:
        self.hanging: set[int] = set()
        self._released = asyncio.Event()
        self._arrivals: list[tuple[str, int, int, str, float]] = []

    async def __call__(self, request: Request) -> Answer:
        if request.path == "/release":
            self._released.set()
        if request.method == "GET":
            return 200, json.dumps(self._arrivals).encode()
        revision, attempt = (int(request.headers[f"a2a-relay-{name}"]) for name in ("revision", "attempt"))
        message = json.loads(request.body)["task"]["status"].get("message") or {}
        self._arrivals.append((request.path, revision, attempt, message.get("messageId", ""), request.arrived_at))
        if request.port in self.hanging:
            await self._released.wait()
        return 200, b"{}"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answering", type=int, default=1)
    parser.add_argument("--hanging", type=int, default=0)
    given = parser.parse_args()
    receivers = Receivers()
    ports = await serve(receivers, ports=given.answering + given.hanging, clock=time.time)
    receivers.hanging.update(ports[given.answering :])
    print(json.dumps({"answering": ports[: given.answering], "hanging": ports[given.answering :]}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
