# mypy: ignore-errors
"""PraisonAI's own A2AClient, and what its documentation builds on it: `.venv-compat-praisonai/bin/python tests/compat/praisonai_client.py`.

The documentation calls `send_message(…, configuration=…)` and `call_method(…)`, which the client does not have: a subclass has them, and
they send what the documentation says. It answers with the whole JSON-RPC response, as the client does.
"""

import asyncio
import uuid

from praisonaiagents.ui.a2a import A2AClient
from served import serve

ENDS = ("completed", "failed", "cancelled")
SET, GET, LIST, DELETE = (f"tasks/pushNotificationConfig/{verb}" for verb in ("set", "get", "list", "delete"))


class DocumentedClient(A2AClient):
    async def call_method(self, method, params):
        return await self._jsonrpc_call(method, params)

    async def send_message(self, text, context_id=None, message_id=None, configuration=None):
        if configuration is None:
            return await super().send_message(text, context_id, message_id)
        message = {"messageId": message_id or str(uuid.uuid4()), "role": "user", "parts": [{"text": text}]}
        return await self._jsonrpc_call("message/send", {"message": message, "configuration": configuration})


class AdaptiveClient(DocumentedClient):
    """Webhooks where the agent takes them, polling where not; it finds out by registering one for a task that does not exist."""

    async def is_push_supported(self):
        probe = await self.call_method(SET, {"taskId": "test", "url": "https://test.example.com"})
        return "error" not in probe

    async def execute(self, text, webhook_url, token):
        sent = await self.send_message(text, configuration={"returnImmediately": True})
        task_id = sent["result"]["id"]
        if await self.is_push_supported():
            await self.call_method(SET, {"taskId": task_id, "url": webhook_url, "token": token})
            return {"mode": "webhook", "task_id": task_id}
        return {"mode": "polling", "task_id": task_id}

    async def poll(self, task_id):
        """Every state until the last, asked for with a growing interval."""
        states, seconds = [], 0.5
        while not states or states[-1] not in ENDS:
            await asyncio.sleep(seconds)
            states.append((await self.get_task(task_id))["result"]["status"]["state"])
            seconds = min(seconds * 1.5, 30)
        return states


class Calls:
    def card(self, url):
        async def read(client):
            return (await client.get_agent_card()).model_dump(by_alias=True, exclude_none=True)

        return self._ask(url, read)

    def send(self, url, text, configuration=None):
        return self._ask(url, lambda client: client.send_message(text, configuration=configuration))

    def get(self, url, task_id):
        return self._ask(url, lambda client: client.get_task(task_id))

    def list_tasks(self, url):
        return self._ask(url, lambda client: client.list_tasks())

    def cancel(self, url, task_id):
        return self._ask(url, lambda client: client.cancel_task(task_id))

    def call_method(self, url, method, params):
        return self._ask(url, lambda client: client.call_method(method, params))

    def execute(self, url, text, webhook_url, token):
        return self._ask(url, lambda client: client.execute(text, webhook_url, token))

    def poll(self, url, task_id):
        return self._ask(url, lambda client: client.poll(task_id))

    def _ask(self, url, call):
        async def asked():
            async with AdaptiveClient(url) as client:
                return await call(client)

        return asyncio.run(asked())


if __name__ == "__main__":
    serve(Calls())
