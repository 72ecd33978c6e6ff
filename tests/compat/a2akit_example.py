# mypy: ignore-errors
"""The worker of a2akit's own push example, from its source distribution, with `push_notifications=False`:
`.venv-compat-a2akit/bin/python tests/compat/a2akit_example.py SDIST`. The first line it prints is `agent: http://127.0.0.1:PORT`.
"""

import socket
import sys

import uvicorn
from a2akit import A2AServer

sys.path.insert(0, sys.argv[1])

from examples.push import server as example


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    card = example.server._card_config
    card = card.model_copy(update={"capabilities": card.capabilities.model_copy(update={"push_notifications": False})})
    app = A2AServer(worker=example.ReportWorker(), agent_card=card).as_fastapi_app()
    print(f"agent: http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)).run(sockets=[listener])


if __name__ == "__main__":
    main()
