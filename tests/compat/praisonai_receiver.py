# mypy: ignore-errors
"""The receivers of PraisonAI's page on push notifications: `.venv-compat-praisonai/bin/python praisonai_receiver.py TOKEN SECRET`.

They behave as the page (see `praisonai_client.py`) prints them. The page has one address for all, here each has its own: the plain
handler is at `/plain/webhooks/a2a`, the one that verifies the signature with SECRET below `/signed`, SecureWebhookHandler with TOKEN
below `/token`.
It prints `receiver: URL`, then a line for each POST that was taken, and one for each that was not.
"""

import hashlib
import hmac
import socket
import sys

import uvicorn
from fastapi import FastAPI, HTTPException, Request

TOKEN, SECRET = sys.argv[1], sys.argv[2]

app = FastAPI()


@app.post("/plain/webhooks/a2a")
async def handle_a2a_webhook(request: Request):
    payload = await request.json()
    task_id, status = payload["taskId"], payload["status"]
    print(f"plain: {task_id} is {status['state']}, authorized by {request.headers.get('Authorization')}", flush=True)
    if status["state"] == "completed":
        print(f"plain: {task_id} is processed", flush=True)
    return {"received": True}


async def verify_webhook_signature(request: Request, secret: str):
    signature = request.headers.get("X-Webhook-Signature")
    if not signature:
        raise refused("signed", "Missing signature")
    digest = hmac.new(secret.encode(), await request.body(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest("sha256=" + digest, signature):
        raise refused("signed", "Invalid signature")


@app.post("/signed/webhooks/a2a")
async def secure_webhook(request: Request):
    """The page ends its handler where the signature holds, and so answers `null`."""
    await verify_webhook_signature(request, SECRET)
    payload = await request.json()
    print(f"signed: {payload['taskId']} is {payload['status']['state']}", flush=True)


class SecureWebhookHandler:
    def __init__(self, secret_token: str):
        self.secret_token = secret_token

    def verify_token(self, request_token: str | None) -> bool:
        return hmac.compare_digest(self.secret_token, request_token or "")

    async def handle_webhook(self, payload: dict, token: str | None):
        if not self.verify_token(token):
            raise ValueError("Invalid webhook token")
        task_id = payload.get("taskId")
        if not task_id:
            raise ValueError("Missing taskId in webhook payload")
        await self.process_task_update(task_id, payload)


class Processing(SecureWebhookHandler):
    """What the page's handler ends with, and neither defines."""

    async def process_task_update(self, task_id: str, payload: dict):
        print(f"token: {task_id} is {payload['status']['state']}", flush=True)


handler = Processing(TOKEN)


@app.post("/token/webhooks/a2a")
async def token_webhook(request: Request):
    """The page names no header where it hands the token over; its own sender puts it into this one."""
    try:
        await handler.handle_webhook(await request.json(), request.headers.get("X-Webhook-Token"))
    except ValueError as error:
        raise refused("token", str(error)) from error
    return {"received": True}


def refused(which: str, why: str) -> HTTPException:
    print(f"{which}: refused: {why}", flush=True)
    return HTTPException(401, why)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"receiver: http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])
