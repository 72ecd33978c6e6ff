# mypy: ignore-errors
"""PraisonAI's own A2AClient, and the programs of its page on push notifications: `.venv-compat-praisonai/bin/python praisonai_client.py`.

The programs behave as the page (`docs/features/a2a-push-notifications.mdx` of MervinPraison/PraisonAIDocs) prints them: the same names,
steps and order. What the page calls and neither the package nor the page has is in the subclasses `DocumentedClient` and `Submitting`.
"""

import asyncio
import time
import uuid

from praisonaiagents.ui.a2a import A2AClient
from served import serve

ENDS = ("completed", "failed", "cancelled")
AT_ONCE = {"returnImmediately": True}
SET = "tasks/pushNotificationConfig/set"


class DocumentedClient(A2AClient):
    """It has `call_method`, and `send_message` with a configuration.

    The package's own calls answer with the whole JSON-RPC response, an error's too. `call_method` raises on one: the page's
    `check_push_support` knows no other way to be told.
    """

    async def call_method(self, method, params):
        response = await self._jsonrpc_call(method, params)
        if "error" in response:
            raise RuntimeError(f"{response['error']['code']}: {response['error']['message']}")
        return response

    async def send_message(self, text, context_id=None, message_id=None, configuration=None):
        if configuration is None:
            return await super().send_message(text, context_id, message_id)
        message = {"messageId": message_id or str(uuid.uuid4()), "role": "user", "parts": [{"text": text}]}
        return await self._jsonrpc_call("message/send", {"message": message, "configuration": configuration})


class AdaptiveA2AClient:
    """Webhooks where the agent takes them, polling where not: before its first task it registers one for a task that does not exist."""

    def __init__(self, url):
        self.client = DocumentedClient(url)
        self.supports_push = None

    async def check_push_support(self):
        try:
            await self.client.call_method(SET, {"taskId": "test", "url": "https://test.example.com"})
        except Exception:  # noqa: BLE001  the page catches everything
            self.supports_push = False
        else:
            self.supports_push = True

    async def submit_task(self, message):
        if self.supports_push is None:
            await self.check_push_support()
        submit = self._submit_with_webhook if self.supports_push else self._submit_with_polling
        return await submit(message)


class Submitting(AdaptiveA2AClient):
    """The two ways to submit, which the page does not print: by its other programs."""

    def __init__(self, url, webhook_url, token):
        super().__init__(url)
        self._webhook_url, self._token = webhook_url, token

    async def _submit_with_webhook(self, message):
        task_id = (await self.client.send_message(message, configuration=AT_ONCE))["result"]["id"]
        await self.client.call_method(SET, {"taskId": task_id, "url": self._webhook_url, "token": self._token})
        return {"supports_push": self.supports_push, "task_id": task_id, "state": None}

    async def _submit_with_polling(self, message):
        task_id = (await self.client.send_message(message, configuration=AT_ONCE))["result"]["id"]
        ended = await wait_for_completion(self.client, task_id)
        return {"supports_push": self.supports_push, "task_id": task_id, "state": ended["status"]["state"]}


async def configure_webhook(client, task_id, webhook_url, token, credentials):
    """Token and authentication at once. The page goes on with the whole response."""
    authentication = {"scheme": "Bearer", "credentials": credentials}
    return await client.call_method(SET, {"taskId": task_id, "url": webhook_url, "token": token, "authentication": authentication})


async def setup_webhook_task(client, message, webhook_url):
    """The webhook first, for a task that is still to come, and then the task."""
    await client.call_method(SET, {"taskId": "future-task-id", "url": webhook_url})
    return await client.send_message(message, configuration=AT_ONCE)


async def async_task_with_polling(client, message):
    """Asks at once, then after ever longer waits, until the state is one of three."""
    task_id = (await client.send_message(message, configuration=AT_ONCE))["result"]["id"]
    delay = 1
    while True:
        task = await client.get_task(task_id)
        if task["result"]["status"]["state"] in ENDS:
            return task["result"]
        await asyncio.sleep(min(delay, 30))
        delay *= 1.5


async def wait_for_completion(client, task_id, timeout=300):
    begun = time.monotonic()
    while time.monotonic() - begun <= timeout:
        result = (await client.get_task(task_id))["result"]
        if result["status"]["state"] == "completed":
            return result
        if result["status"]["state"] in ENDS:
            raise RuntimeError(f"Task {result['status']['state']}: {result['status'].get('message', '')}")
        await asyncio.sleep(1)
    raise TimeoutError("Task did not complete within timeout")


async def task_with_timeout(client, message, timeout=600):
    """A task that takes too long is canceled, and then it raises TimeoutError."""
    task_id = (await client.send_message(message, configuration=AT_ONCE))["result"]["id"]
    begun = time.monotonic()
    while True:
        if time.monotonic() - begun > timeout:
            await client.call_method("tasks/cancel", {"id": task_id})
            raise TimeoutError(f"Task {task_id} timed out after {timeout}s")
        task = await client.get_task(task_id)
        if task["result"]["status"]["state"] in ENDS:
            return task["result"]
        await asyncio.sleep(5)


class Calls:
    def card(self, url):
        async def read(client):
            return (await client.get_agent_card()).model_dump(by_alias=True, exclude_none=True)

        return _ask(url, read)

    def send(self, url, text, configuration=None):
        return _ask(url, lambda client: client.send_message(text, configuration=configuration))

    def get(self, url, task_id):
        return _ask(url, lambda client: client.get_task(task_id))

    def list_tasks(self, url):
        return _ask(url, lambda client: client.list_tasks())

    def cancel(self, url, task_id):
        return _ask(url, lambda client: client.cancel_task(task_id))

    def call_method(self, url, method, params):
        return _ask(url, lambda client: client.call_method(method, params))

    def configure_webhook(self, url, **arguments):
        return _ask(url, lambda client: configure_webhook(client, **arguments))

    def setup_webhook_task(self, url, **arguments):
        return _ask(url, lambda client: setup_webhook_task(client, **arguments))

    def async_task_with_polling(self, url, message):
        return _ask(url, lambda client: async_task_with_polling(client, message))

    def task_with_timeout(self, url, message, timeout):
        return _ask(url, lambda client: task_with_timeout(client, message, timeout))

    def submit_task(self, url, message, webhook_url, token):
        async def submitted():
            adaptive = Submitting(url, webhook_url, token)
            try:
                return await adaptive.submit_task(message)
            finally:
                await adaptive.client.close()

        return asyncio.run(submitted())


def _ask(url, call):
    async def asked():
        async with DocumentedClient(url) as client:
            return await call(client)

    return asyncio.run(asked())


if __name__ == "__main__":
    serve(Calls())
