# mypy: ignore-errors
"""The secure webhook handler of PraisonAI's documentation, run as `praisonai_receiver.py TOKEN SECRET` in `.venv-compat-praisonai`.

401 unless `X-Webhook-Token` is the token, compared in constant time, and `X-Webhook-Signature` is `sha256=` and the HMAC of the raw body.
Then it reads `taskId` and `status.state`, and fails when they are not there. It prints `receiver: URL`, then one line for each POST.
"""

import hashlib
import hmac
import json
import socket
import sys

import uvicorn
from fastapi import FastAPI, HTTPException, Request

TOKEN, SECRET = sys.argv[1], sys.argv[2].encode()

app = FastAPI()


@app.post("/webhooks/a2a")
async def webhook(request: Request):
    body = await request.body()
    expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(request.headers.get("X-Webhook-Token", ""), TOKEN):
        print("refused: token", flush=True)
        raise HTTPException(401)
    if not hmac.compare_digest(request.headers.get("X-Webhook-Signature", ""), expected):
        print("refused: signature", flush=True)
        raise HTTPException(401)
    payload = json.loads(body)
    print(f"task {payload['taskId']} is {payload['status']['state']}", flush=True)
    return {"received": True}


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"receiver: http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])
