# mypy: ignore-errors
"""A worker of a2akit's that cannot push: `.venv-compat-a2akit/bin/python tests/compat/a2akit_agent.py [jsonrpc|http+json] [stream]`.

As the server of its push example, but for `push_notifications=False`: working, then completed with the report. `slow N` in the message
makes a step last N seconds, `ask` asks for input first. The first line it prints is `agent: http://127.0.0.1:PORT`.
"""

import asyncio
import re
import socket
import sys

import uvicorn
from a2akit import A2AServer, AgentCardConfig, CapabilitiesConfig, TaskContext, Worker

STEP_SECONDS = 2.0


class ReportWorker(Worker):
    async def handle(self, ctx: TaskContext) -> None:
        slow = re.search(r"\bslow (\d+(?:\.\d+)?)", ctx.user_text)
        seconds = float(slow[1]) if slow else STEP_SECONDS
        if "reply" in ctx.user_text:
            await ctx.reply_directly(f"You said: {ctx.user_text}")
            return
        if await self._is_cancelled_within(seconds, ctx):
            return
        if "ask" in ctx.user_text and not ctx.history:
            await ctx.request_input("Which quarter?")
            return
        await ctx.send_status("Generating report…")
        if await self._is_cancelled_within(seconds, ctx):
            return
        await ctx.complete(f"Report: {ctx.user_text}")

    async def _is_cancelled_within(self, seconds: float, ctx: TaskContext) -> bool:
        """A worker of a2akit's is not stopped: it looks, and returns."""
        ends = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < ends and not ctx.is_cancelled:
            await asyncio.sleep(0.05)
        return ctx.is_cancelled


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    card = AgentCardConfig(
        name="Report agent",
        description="Writes reports, and cannot push.",
        version="1.0.0",
        protocol=sys.argv[1] if len(sys.argv) > 1 else "jsonrpc",
        capabilities=CapabilitiesConfig(streaming="stream" in sys.argv, push_notifications=False),
    )
    app = A2AServer(worker=ReportWorker(), agent_card=card).as_fastapi_app()
    print(f"agent: {url}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)).run(sockets=[listener])


if __name__ == "__main__":
    main()
