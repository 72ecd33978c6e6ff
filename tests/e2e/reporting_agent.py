"""The demo agent, which tells of its tasks: `python -m tests.e2e.reporting_agent PORT [URL]`.

With a URL it tells a relay, as docs/report-from-your-agent.md says; the token is RELAY_REPORT_TOKEN. Without one it has a2a-sdk's own push.
The first line it prints is `agent: http://127.0.0.1:PORT`.
"""

import os
import runpy
import socket
import sys
from collections import Counter
from pathlib import Path

import httpx
import uvicorn
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import BasePushNotificationSender, InMemoryPushNotificationConfigStore, InMemoryTaskStore
from starlette.applications import Starlette

from relay_dev.demo.agent import DemoExecutor, agent_card

REPORTS = Path(__file__).parents[2] / "docs" / "report" / "a2a_sdk_1.py"
STEP_SECONDS = 1.5  # more than the second in which artifacts may change only once


def main(port: int, report_to: str = "") -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    url = f"http://127.0.0.1:{port}"
    print(f"agent: {url}", flush=True)
    card, asked = agent_card(url), Counter[str]()
    store = None if report_to else InMemoryPushNotificationConfigStore()
    if store:
        card.capabilities.push_notifications = True
        sender = BasePushNotificationSender(httpx.AsyncClient(), store)
    else:
        sender = runpy.run_path(str(REPORTS))["RelayReports"](report_to, os.environ["RELAY_REPORT_TOKEN"])
    executor = DemoExecutor(STEP_SECONDS, 0, asked)
    handler = DefaultRequestHandler(executor, InMemoryTaskStore(), card, push_config_store=store, push_sender=sender)
    app = Starlette(routes=[*create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/")])
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)).run(sockets=[listener])


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
