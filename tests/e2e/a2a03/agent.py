# mypy: ignore-errors
"""An agent that cannot push, built with a2a-sdk 0.3.26: `.venv-a2a03/bin/python tests/e2e/a2a03/agent.py [--step-seconds 3.5] [--polls 0]
[--port 0] [--report-to URL] [--push] [--rest]`.

Its card says `pushNotifications: false` unless `--push`, and `streaming: false` unless `--stream`. It takes the same course as
`relay_dev.demo.agent`: submitted, working, an artifact, completed, each for some seconds and until it was asked for so many times; `ask`,
`slow N`, `fail` and `reply` in the client's message mean the same. With `--report-to` it tells a relay of its tasks, as
docs/report-from-your-agent.md says; the token is RELAY_REPORT_TOKEN. With `--push` it has a2a-sdk's own push. The first line it prints is
`agent: http://127.0.0.1:PORT`.
"""

import argparse
import asyncio
import os
import re
import runpy
import socket
from collections import Counter
from functools import partial
from pathlib import Path

import uvicorn
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.apps import A2ARESTFastAPIApplication, A2AStarletteApplication
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.tasks import BasePushNotificationSender, InMemoryPushNotificationConfigStore, InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentSkill, Message, Part, Task, TaskQueryParams, TaskState, TaskStatus, TextPart
from a2a.utils import new_agent_text_message
from httpx import AsyncClient

REPORTS = Path(__file__).parents[3] / "docs" / "report" / "a2a_sdk_03.py"


class CountingHandler(DefaultRequestHandler):
    def __init__(self, executor: AgentExecutor, asked: Counter[str], **push: object) -> None:
        super().__init__(executor, InMemoryTaskStore(), **push)
        self._asked = asked

    async def on_get_task(self, params: TaskQueryParams, context: ServerCallContext | None = None) -> Task | None:
        task = await super().on_get_task(params, context)
        self._asked[params.id] += 1
        return task


class Executor(AgentExecutor):
    def __init__(self, step_seconds: float, polls: int, asked: Counter[str]) -> None:
        self._step_seconds = step_seconds
        self._polls = polls
        self._asked = asked

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        text = context.get_user_input()
        if re.search(r"\breply\b", text):
            await event_queue.enqueue_event(new_agent_text_message(f"You said: {text}", context.context_id))
            return
        slow = re.search(r"\bslow (\d+(?:\.\d+)?)", text)
        stay = partial(self._stay, context.task_id, *((float(slow[1]), 0) if slow else (self._step_seconds, self._polls)))
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        if context.current_task is None:
            await event_queue.enqueue_event(_submitted(context))
            await stay()
        await updater.update_status(TaskState.working, _says(updater, "step 1 of 1"))
        await stay()
        if re.search(r"\bask\b", text):
            await updater.update_status(TaskState.input_required, _says(updater, "What else?"), final=True)
        elif re.search(r"\bfail\b", text):
            await updater.update_status(TaskState.failed, _says(updater, "done"), final=True)
        else:
            await updater.add_artifact([Part(root=TextPart(text=f"An answer to: {text}"))], artifact_id="answer", name="answer")
            await stay()
            await updater.update_status(TaskState.completed, _says(updater, "done"), final=True)

    async def _stay(self, task_id: str, seconds: float, polls: int) -> None:
        until = self._asked[task_id] + polls
        await asyncio.sleep(seconds)
        while self._asked[task_id] < until:
            await asyncio.sleep(0.05)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def _submitted(context: RequestContext) -> Task:
    status = TaskStatus(state=TaskState.submitted)
    return Task(id=context.task_id, context_id=context.context_id, status=status, history=[context.message])


def _says(updater: TaskUpdater, text: str) -> Message:
    return updater.new_agent_message([Part(root=TextPart(text=text))])


def _push(report_to: str, *, is_own: bool) -> dict[str, object]:
    if report_to:
        return {"push_sender": runpy.run_path(str(REPORTS))["RelayReports"](report_to, os.environ["RELAY_REPORT_TOKEN"])}
    store = InMemoryPushNotificationConfigStore()
    return {"push_config_store": store, "push_sender": BasePushNotificationSender(AsyncClient(), store)} if is_own else {}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--step-seconds", type=float, default=3.5)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--polls", type=int, default=0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--report-to", default="", metavar="URL")
    parser.add_argument("--push", action="store_true")
    parser.add_argument("--rest", action="store_true", help="speaks HTTP+JSON, and nothing else")
    args = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", args.port), backlog=128)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    print(f"agent: {url}", flush=True)
    card = AgentCard(
        name="Agent of A2A 0.3",
        description="Takes some seconds over a task, and cannot push.",
        version="1.0.0",
        url=url if args.rest else f"{url}/",
        preferred_transport="HTTP+JSON" if args.rest else "JSONRPC",
        capabilities=AgentCapabilities(streaming=args.stream, push_notifications=args.push),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="answer", name="Answer", description="Answers a question slowly.", tags=["demo"])],
    )
    asked = Counter()
    handler = CountingHandler(Executor(args.step_seconds, args.polls, asked), asked, **_push(args.report_to, is_own=args.push))
    app = (A2ARESTFastAPIApplication if args.rest else A2AStarletteApplication)(card, handler).build()
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
