# mypy: ignore-errors
"""PraisonAI's A2A server with a stub in place of the model: `.venv-compat-praisonai/bin/python tests/compat/praisonai_agent.py`.

`slow N` in the message makes the stub think for N seconds. The first line it prints is `agent: http://127.0.0.1:PORT`.
"""

import re
import socket
import time

import uvicorn
from fastapi import FastAPI
from praisonaiagents.ui.a2a import A2A

THINKING_SECONDS = 3.0


class Stub:
    """What `A2A` asks of an agent: a name, a role and `chat`."""

    name = "Assistant"
    role = "Helper"
    goal = "Help users"
    tools = ()

    def chat(self, text: str) -> str:
        slow = re.search(r"\bslow (\d+(?:\.\d+)?)", text)
        time.sleep(float(slow[1]) if slow else THINKING_SECONDS)
        return f"An answer to: {text}"


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = FastAPI()
    app.include_router(A2A(agent=Stub(), url=f"{url}/a2a").get_router())
    print(f"agent: {url}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)).run(sockets=[listener])


if __name__ == "__main__":
    main()
