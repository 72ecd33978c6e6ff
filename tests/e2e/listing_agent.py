"""The demo agent, which says how often it was asked: `python -m tests.e2e.listing_agent STEP_SECONDS`.

`GET /asked` tells how many `GetTask` and `ListTasks` there were. Its list is a2a-sdk's own, over its store in memory. The first line it
prints is `agent: http://127.0.0.1:PORT`.
"""

import socket
import sys
from collections import Counter

import uvicorn
from a2a.server.agent_execution import AgentExecutor
from a2a.server.context import ServerCallContext
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import AgentCard, GetTaskRequest, ListTasksRequest, ListTasksResponse, Task
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from relay_dev.demo.agent import DemoExecutor, agent_card


class _CountingHandler(DefaultRequestHandler):
    def __init__(self, executor: AgentExecutor, card: AgentCard) -> None:
        super().__init__(executor, InMemoryTaskStore(), card)
        self.asked: Counter[str] = Counter()

    async def on_get_task(self, params: GetTaskRequest, context: ServerCallContext) -> Task | None:
        self.asked["GetTask"] += 1
        task: Task | None = await super().on_get_task(params, context)
        return task

    async def on_list_tasks(self, params: ListTasksRequest, context: ServerCallContext) -> ListTasksResponse:
        self.asked["ListTasks"] += 1
        page: ListTasksResponse = await super().on_list_tasks(params, context)
        return page


def main(step_seconds: float) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    print(f"agent: {url}", flush=True)
    card = agent_card(url)
    handler = _CountingHandler(DemoExecutor(step_seconds, 0, Counter()), card)

    async def asked(_: Request) -> JSONResponse:
        return JSONResponse(handler.asked)

    app = Starlette(routes=[Route("/asked", asked), *create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/")])
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)).run(sockets=[listener])


if __name__ == "__main__":
    main(float(sys.argv[1]))
