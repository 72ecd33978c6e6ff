# mypy: ignore-errors
"""a2akit's own client: `.venv-compat-a2akit/bin/python tests/compat/a2akit_client.py [jsonrpc|http+json]`; without an argument it takes
what the card prefers. It connects anew for every call, as its examples do.
"""

import asyncio
import re
import sys

from a2a.types import AgentCard, Task
from a2akit import A2AClient
from a2akit.client.errors import A2AClientError, TaskNotCancelableError, TaskNotFoundError, TaskTerminalError
from served import serve

from tests.e2e.face import RefusedError, Seen, Webhook

CODES = {TaskNotFoundError: -32001, TaskNotCancelableError: -32002, TaskTerminalError: -32004}


class Calls:
    def __init__(self, protocol):
        self._protocol = protocol

    def send(self, url, text, task=None, webhook=None, waits=False):
        known = {"task_id": task.id, "context_id": task.context_id} if task else {}
        hook = {"push_url": webhook.url, "push_token": webhook.token or None} if webhook else {}
        return self._seen(url, lambda client: client.send(text, blocking=waits, **known, **hook))

    def reply(self, url, text, webhook=None):
        answer = self._ask(url, lambda client: client.send(text, blocking=True))
        assert answer.raw_message
        return answer.text

    def get(self, url, task_id):
        return self._seen(url, lambda client: client.get_task(task_id))

    def cancel(self, url, task_id):
        return self._seen(url, lambda client: client.cancel(task_id))

    def set_config(self, url, task_id, webhook):
        about = {"url": webhook.url, "token": webhook.token or None, "config_id": webhook.id or None}
        return _webhook(self._ask(url, lambda client: client.set_push_config(task_id, **about)))

    def get_config(self, url, task_id, config_id):
        return _webhook(self._ask(url, lambda client: client.get_push_config(task_id, config_id or None)))

    def list_configs(self, url, task_id):
        return [_webhook(config) for config in self._ask(url, lambda client: client.list_push_configs(task_id))]

    def delete_config(self, url, task_id, config_id):
        return self._ask(url, lambda client: client.delete_push_config(task_id, config_id))

    def read_notification(self, body):
        return _seen(Task.model_validate_json(body))

    def card(self, url, path):
        async def read(client) -> AgentCard:
            return client.agent_card

        return self._ask(url, read).model_dump(mode="json", by_alias=True, exclude_none=True)

    def protocol(self, url):
        """Which one it speaks with that agent."""

        async def read(client) -> str:
            return client.protocol

        return self._ask(url, read)

    def _seen(self, url, call):
        return _seen(self._ask(url, call).raw_task)

    def _ask(self, url, call):
        async def asked():
            async with A2AClient(url, protocol=self._protocol) as client:
                return await call(client)

        try:
            return asyncio.run(asked())
        except A2AClientError as error:
            said = re.search(r"-32\d{3}", str(error))
            code = CODES.get(type(error)) or (int(said[0]) if said else -32602)
            raise RefusedError(code, str(error)) from error


def _seen(task):
    said = "".join(part.root.text for part in task.status.message.parts) if task.status.message else ""
    return Seen(task.id, task.context_id, task.status.state.value, len(task.artifacts or []), said, len(task.history or []))


def _webhook(told):
    config = told["pushNotificationConfig"]
    return Webhook(config["url"], config.get("token") or "", (config.get("authentication") or {}).get("credentials") or "", config["id"])


if __name__ == "__main__":
    serve(Calls(sys.argv[1] if len(sys.argv) > 1 else None))
