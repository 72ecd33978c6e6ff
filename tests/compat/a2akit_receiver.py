# mypy: ignore-errors
"""A receiver that does what the one of a2akit's push example was recorded to do, and lists what it read:
`.venv-compat-a2akit/bin/python tests/compat/a2akit_receiver.py`.

401 unless the header `X-A2A-Notification-Token` is `my-secret-token`; it reads `id`, `status.state` and the text of `artifacts`; 405 for a
GET of the webhook. The first line it prints is `receiver: http://127.0.0.1:PORT`, then one line for each POST.
"""

import socket

import uvicorn
from fastapi import FastAPI, HTTPException, Request

TOKEN = "my-secret-token"

app = FastAPI()
received = []


@app.post("/webhook")
async def webhook(request: Request):
    token = request.headers.get("X-A2A-Notification-Token")
    if token != TOKEN:
        print(f"[WEBHOOK] Invalid token: {token}", flush=True)
        raise HTTPException(401, "Invalid token")
    task = await request.json()
    received.append(task)
    artifacts = task.get("artifacts", [])
    state = task.get("status", {}).get("state", "unknown")
    print(f"[WEBHOOK] Task: {task.get('id', 'unknown')}  State: {state}  Artifacts: {len(artifacts)}", flush=True)
    for artifact in artifacts:
        for part in artifact.get("parts", []):
            if part.get("kind") == "text":
                print(f"[WEBHOOK]   {part['text']}", flush=True)
    return {"status": "received"}


@app.get("/notifications")
async def notifications():
    return {"count": len(received), "notifications": received}


@app.delete("/notifications")
async def clear():
    received.clear()
    return {"status": "cleared"}


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"receiver: http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])
