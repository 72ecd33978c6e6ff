# mypy: ignore-errors
"""a2a-sdk 0.3.26's own client, told on standard input what to do: one JSON object per line, answered by one JSON object per line.

`{"id": 1, "call": "send", "arguments": {"url": …, "text": …}}` is answered `{"id": 1, "result": …}`, or
`{"id": 1, "error": {"code", "message", "data"}}`, in the order in which the calls end: none waits for another one. The calls are the
methods of `Calls`. The one argument, if there is one, is a JSON object of headers that go with every request.
"""

import asyncio
import json
import sys
from uuid import uuid4

import httpx
from a2a.client import A2ACardResolver, A2AClientHTTPError, ClientConfig, ClientFactory
from a2a.client.errors import A2AClientJSONRPCError
from a2a.types import (
    DeleteTaskPushNotificationConfigParams,
    DeleteTaskPushNotificationConfigRequest,
    DeleteTaskPushNotificationConfigResponse,
    GetTaskPushNotificationConfigParams,
    JSONRPCErrorResponse,
    ListTaskPushNotificationConfigParams,
    ListTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigResponse,
    Message,
    Part,
    PushNotificationConfig,
    Role,
    Task,
    TaskIdParams,
    TaskPushNotificationConfig,
    TaskQueryParams,
    TextPart,
)

_MAX_LINE_BYTES = 16 * 1024 * 1024


class Calls:
    """What can be asked for; each takes the base URL of an agent or a relay first, and answers the SDK's own model as JSON."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def card(self, url, path=None):
        return await A2ACardResolver(self._http, url).get_agent_card(path)

    async def send(self, url, text, task=None, config=None, waits=False):
        configs = [PushNotificationConfig.model_validate(config)] if config else []
        client = await self._client(url, polling=not waits, push_notification_configs=configs)
        known = task or {"id": None, "contextId": None}
        parts = [Part(root=TextPart(text=text))]
        message = Message(message_id=uuid4().hex, role=Role.user, parts=parts, task_id=known["id"], context_id=known["contextId"])
        answers = [answer async for answer in client.send_message(message)]
        return answers[0] if isinstance(answers[0], Message) else answers[0][0]

    async def get(self, url, task_id):
        return await (await self._client(url)).get_task(TaskQueryParams(id=task_id))

    async def cancel(self, url, task_id):
        return await (await self._client(url)).cancel_task(TaskIdParams(id=task_id))

    async def set_config(self, url, task_id, config):
        params = TaskPushNotificationConfig(task_id=task_id, push_notification_config=PushNotificationConfig.model_validate(config))
        return await (await self._client(url)).set_task_callback(params)

    async def get_config(self, url, task_id, config_id=None):
        params = GetTaskPushNotificationConfigParams(id=task_id, push_notification_config_id=config_id)
        return await (await self._client(url)).get_task_callback(params)

    async def list_configs(self, url, task_id):
        """The client has no method for it; the SDK has the types."""
        request = ListTaskPushNotificationConfigRequest(id=uuid4().hex, params=ListTaskPushNotificationConfigParams(id=task_id))
        return await self._typed(url, request, ListTaskPushNotificationConfigResponse)

    async def delete_config(self, url, task_id, config_id):
        params = DeleteTaskPushNotificationConfigParams(id=task_id, push_notification_config_id=config_id)
        request = DeleteTaskPushNotificationConfigRequest(id=uuid4().hex, params=params)
        return await self._typed(url, request, DeleteTaskPushNotificationConfigResponse)

    async def read_notification(self, url, body):
        """A webhook's body as the SDK's own type reads it; the URL does not matter."""
        return Task.model_validate_json(body)

    async def _client(self, url, **settings):
        return await ClientFactory.connect(url, ClientConfig(httpx_client=self._http, streaming=False, **settings))

    async def _typed(self, url, request, response_type):
        card = await self.card(url)
        answer = await self._http.post(card.url, json=request.model_dump(mode="json", exclude_none=True))
        response = response_type.model_validate(answer.json()).root
        if isinstance(response, JSONRPCErrorResponse):
            raise A2AClientJSONRPCError(response)
        return response.result


async def answer(calls, line):
    asked = json.loads(line)
    try:
        result = await getattr(calls, asked["call"])(**asked["arguments"])
        told = {"result": _plain(result)}
    except A2AClientJSONRPCError as error:
        told = {"error": _plain(error.error)}
    except A2AClientHTTPError as error:
        told = {"error": {"code": error.status_code, "message": error.message}}
    except Exception as error:  # noqa: BLE001 whatever it is, the test hears of it
        told = {"error": {"code": 0, "message": f"{type(error).__name__}: {error}"}}
    print(json.dumps({"id": asked["id"], **told}), flush=True)


def _plain(result):
    if isinstance(result, list):
        return [_plain(each) for each in result]
    return result.model_dump(mode="json", by_alias=True, exclude_none=True) if result is not None else None


async def main() -> None:
    headers = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    lines = asyncio.StreamReader(limit=_MAX_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with httpx.AsyncClient(timeout=30, trust_env=False, headers=headers) as http, asyncio.TaskGroup() as running:
        while line := await lines.readline():
            running.create_task(answer(Calls(http), line))


if __name__ == "__main__":
    asyncio.run(main())
