"""An agent that cannot push, built with a2a-sdk 1.x: `python -m relay_dev.demo.agent` (`--help` has its options).

Its card says `pushNotifications: false` and, unless `--stream`, `streaming: false`; it answers JSON-RPC. A task goes through submitted,
working, an artifact and completed, and stays in each for a step: some seconds, and until it was asked for so
many times. The first line it prints is `agent: http://127.0.0.1:PORT`, then one line per change.

Words in the client's message change the course; they combine:

    ask           working, then input-required; the client's next message on the task goes on with working, artifact, completed
    steps N       working N times, each with another status message
    slow N        a step lasts N seconds, whoever asks
    big N         the artifact holds N KB of text
    fail, reject  failed or rejected instead of completed, without an artifact
    reply         no task at all: a Message
"""

import argparse
import asyncio
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import uvicorn
from a2a.helpers import new_text_message
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, GetTaskRequest, Message, Part, Task, TaskState, TaskStatus
from starlette.applications import Starlette

from relay_dev.failure import DevError
from relay_dev.ports import bound

_LOOK_SECONDS = 0.05  # how often a step looks whether its task was asked for often enough


@dataclass(frozen=True)
class Course:
    """How a task shall go, as the message's words say."""

    step_seconds: float
    polls: int = 0
    steps: int = 1
    artifact_kilobytes: int = 0
    asks: bool = False
    ending: TaskState = TaskState.TASK_STATE_COMPLETED

    @classmethod
    def from_text(cls, text: str, *, step_seconds: float, polls: int = 0) -> "Course":
        words = text.lower()
        ending = TaskState.TASK_STATE_COMPLETED
        if _has("fail", words):
            ending = TaskState.TASK_STATE_FAILED
        elif _has("reject", words):
            ending = TaskState.TASK_STATE_REJECTED
        return cls(
            step_seconds=_number("slow", words, step_seconds),
            polls=0 if _has("slow", words) else polls,
            steps=int(_number("steps", words, 1)),
            artifact_kilobytes=int(_number("big", words, 0)),
            asks=_has("ask", words),
            ending=ending,
        )


def _has(word: str, words: str) -> bool:
    return re.search(rf"\b{word}\b", words) is not None


def _number(word: str, words: str, default: float) -> float:
    found = re.search(rf"\b{word} (\d+(?:\.\d+)?)", words)
    return float(found[1]) if found else default


class _CountingHandler(DefaultRequestHandler):
    """Counts how often each task was asked for."""

    def __init__(self, executor: AgentExecutor, card: AgentCard, asked: Counter[str]) -> None:
        super().__init__(executor, InMemoryTaskStore(), card)
        self._asked = asked

    async def on_get_task(self, params: GetTaskRequest, context: ServerCallContext) -> Task | None:
        task: Task | None = await super().on_get_task(params, context)
        self._asked[params.id] += 1
        return task


class DemoExecutor(AgentExecutor):
    """Walks a task along its course and says so on standard output."""

    def __init__(self, step_seconds: float, polls: int, asked: Counter[str]) -> None:
        self._step_seconds = step_seconds
        self._polls = polls
        self._asked = asked

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        text = context.get_user_input()
        course = Course.from_text(text, step_seconds=self._step_seconds, polls=self._polls)
        if _has("reply", text.lower()):
            await event_queue.enqueue_event(new_text_message(f"You said: {text}", context_id=context.context_id))
            return
        walk = _Walk(_updater(context, event_queue), course, self._asked)
        if context.current_task is None:
            await walk.submit(context.message)
        await walk.work()
        if course.asks:
            await walk.ask()
        else:
            await walk.finish(text)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        updater = _updater(context, event_queue)
        await updater.cancel()
        _tell(updater.task_id, "canceled")


def _updater(context: RequestContext, event_queue: EventQueue) -> TaskUpdater:
    return TaskUpdater(event_queue, context.task_id or "", context.context_id or "")  # the SDK gives every request both


class _Walk:
    """One task, changed step by step."""

    def __init__(self, updater: TaskUpdater, course: Course, asked: Counter[str]) -> None:
        self._updater = updater
        self._course = course
        self._asked = asked

    async def submit(self, message: Message | None) -> None:
        status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
        status.timestamp.GetCurrentTime()
        task = Task(id=self._updater.task_id, context_id=self._updater.context_id, status=status, history=[message] if message else [])
        await self._updater.event_queue.enqueue_event(task)
        await self._stay("submitted")

    async def work(self) -> None:
        for step in range(1, self._course.steps + 1):
            await self._updater.start_work(self._message(f"step {step} of {self._course.steps}"))
            await self._stay("working")

    async def ask(self) -> None:
        await self._updater.requires_input(self._message("What else?"))
        _tell(self._updater.task_id, "input-required")

    async def finish(self, text: str) -> None:
        if self._course.ending == TaskState.TASK_STATE_COMPLETED:
            answer = "x" * (self._course.artifact_kilobytes * 1024) or f"An answer to: {text}"
            await self._updater.add_artifact([Part(text=answer)], artifact_id="answer", name="answer")
            await self._stay("artifact")
        await self._updater.update_status(self._course.ending, self._message("done"))
        _tell(self._updater.task_id, TaskState.Name(self._course.ending).removeprefix("TASK_STATE_").lower())

    async def _stay(self, state: str) -> None:
        _tell(self._updater.task_id, state)
        until = self._asked[self._updater.task_id] + self._course.polls
        await asyncio.sleep(self._course.step_seconds)
        while self._asked[self._updater.task_id] < until:
            await asyncio.sleep(_LOOK_SECONDS)

    def _message(self, text: str) -> Message:
        return self._updater.new_agent_message([Part(text=text)])


def _tell(task_id: str, state: str) -> None:
    print(f"{state:<14}  task {task_id}", flush=True)


def agent_card(url: str, *, speaks_v03: bool = False, streams: bool = False, binding: str = "JSONRPC") -> AgentCard:
    """With a 0.3 interface the SDK serves both versions' fields in one card."""
    versions = ("1.0", "0.3") if speaks_v03 else ("1.0",)
    return AgentCard(
        name="Demo agent",
        description="Takes some seconds over a task, and cannot push.",
        version="1.0.0",
        supported_interfaces=[AgentInterface(url=f"{url}/", protocol_binding=binding, protocol_version=version) for version in versions],
        capabilities=AgentCapabilities(streaming=streams, push_notifications=False),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="answer", name="Answer", description="Answers a question slowly.", tags=["demo"])],
    )


def application(
    url: str, *, step_seconds: float, polls: int = 0, speaks_v03: bool = False, streams: bool = False, binding: str = "JSONRPC"
) -> Starlette:
    """The agent as an ASGI application that is reached at `url`; `binding` may be `HTTP+JSON`."""
    card = agent_card(url, speaks_v03=speaks_v03, streams=streams, binding=binding)
    asked: Counter[str] = Counter()
    handler = _CountingHandler(DemoExecutor(step_seconds, polls, asked), card, asked)
    calls = create_jsonrpc_routes(handler, "/", enable_v0_3_compat=speaks_v03) if binding == "JSONRPC" else create_rest_routes(handler)
    return Starlette(routes=[*create_agent_card_routes(card), *calls])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="An agent that cannot push.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1, 0 for a free one (default: %(default)s)")
    parser.add_argument("--step-seconds", type=float, default=3.5, help="how long each state lasts (default: %(default)s)")
    parser.add_argument("--polls", type=int, default=0, help="how often it is asked for at least before it changes (default: %(default)s)")
    parser.add_argument("--v03", action="store_true", help="answer A2A 0.3 clients too")
    parser.add_argument("--stream", action="store_true", help="offer streams")
    args = parser.parse_args(arguments)
    try:
        listener = bound("127.0.0.1", args.port)
    except DevError as error:
        print(error, file=sys.stderr)
        return 1
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    print(f"agent: {url}", flush=True)  # the socket already listens: who connects now waits for the application
    app = application(url, step_seconds=args.step_seconds, polls=args.polls, speaks_v03=args.v03, streams=args.stream)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
