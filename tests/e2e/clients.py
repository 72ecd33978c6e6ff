"""Both SDKs' own clients behind one face, so that one test speaks for both: a2a-sdk 1.x here, a2a-sdk 0.3.26 in a process of its own."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx
from a2a.client import A2ACardResolver, Client, ClientConfig, create_client
from a2a.helpers import new_text_message
from a2a.types import (
    AgentCard,
    AuthenticationInfo,
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    Role,
    SendMessageRequest,
    StreamResponse,
    Task,
    TaskPushNotificationConfig,
    TaskState,
)
from a2a.utils.errors import JSON_RPC_ERROR_CODE_MAP, A2AError
from google.protobuf.json_format import MessageToDict, Parse

from tests.e2e.face import A2AClient as A2AClient
from tests.e2e.face import RefusedError as RefusedError
from tests.e2e.face import Seen as Seen
from tests.e2e.face import Webhook as Webhook
from tests.e2e.lines import LineProcess

ROOT = Path(__file__).parents[2]
PYTHON_03 = ROOT / ".venv-a2a03" / "bin" / "python"
SCRIPTS_03 = Path(__file__).parent / "a2a03"

T = TypeVar("T")


class Client10:
    """a2a-sdk 1.x, which asks for the card anew for every call."""

    version = "1.0"

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        self._headers = dict(headers or {})

    def send(self, url: str, text: str, *, task: Seen | None = None, webhook: Webhook | None = None, waits: bool = False) -> Seen:
        return _seen10(self._answer(url, text, task=task, webhook=webhook, waits=waits).task)

    def reply(self, url: str, text: str, *, webhook: Webhook | None = None) -> str:
        answer = self._answer(url, text, webhook=webhook, waits=True)
        assert answer.HasField("message"), answer
        return str(answer.message.parts[0].text)

    def get(self, url: str, task_id: str) -> Seen:
        return _seen10(self._call(url, lambda client: client.get_task(GetTaskRequest(id=task_id))))

    def cancel(self, url: str, task_id: str) -> Seen:
        return _seen10(self._call(url, lambda client: client.cancel_task(CancelTaskRequest(id=task_id))))

    def set_config(self, url: str, task_id: str, webhook: Webhook) -> Webhook:
        config = _config10(webhook)
        config.task_id = task_id
        return _webhook10(self._call(url, lambda client: client.create_task_push_notification_config(config)))

    def get_config(self, url: str, task_id: str, config_id: str) -> Webhook:
        request = GetTaskPushNotificationConfigRequest(task_id=task_id, id=config_id)
        return _webhook10(self._call(url, lambda client: client.get_task_push_notification_config(request)))

    def list_configs(self, url: str, task_id: str) -> list[Webhook]:
        return self.list_page(url, task_id)[0]

    def list_page(self, url: str, task_id: str, *, page_size: int = 0, page_token: str = "") -> tuple[list[Webhook], str]:
        """1.0 knows pages; the second is the next page's token."""
        request = ListTaskPushNotificationConfigsRequest(task_id=task_id, page_size=page_size, page_token=page_token)
        page = self._call(url, lambda client: client.list_task_push_notification_configs(request))
        return [_webhook10(config) for config in page.configs], page.next_page_token

    def delete_config(self, url: str, task_id: str, config_id: str) -> None:
        request = DeleteTaskPushNotificationConfigRequest(task_id=task_id, id=config_id)
        self._call(url, lambda client: client.delete_task_push_notification_config(request))

    def read_notification(self, body: bytes) -> Seen:
        """Strictly: a2a-sdk below 1.3 refuses what the specification does not name."""
        told: StreamResponse = Parse(body.decode(), StreamResponse())
        assert told.HasField("task"), told
        return _seen10(told.task)

    def card(self, url: str, path: str) -> dict[str, Any]:
        async def resolve() -> AgentCard:
            async with self._http() as http:
                return await A2ACardResolver(http, url).get_agent_card(path)

        card: dict[str, Any] = MessageToDict(asyncio.run(resolve()))
        return card

    def _answer(self, url: str, text: str, *, task: Seen | None = None, webhook: Webhook | None, waits: bool = False) -> StreamResponse:
        known = task or Seen("", "", "", 0)
        message = new_text_message(text, role=Role.ROLE_USER, task_id=known.id, context_id=known.context_id)

        async def first(client: Client) -> StreamResponse:
            return await anext(client.send_message(SendMessageRequest(message=message)))

        return self._call(url, first, polling=not waits, push_notification_config=_config10(webhook) if webhook else None)

    def _call(self, url: str, call: Callable[[Client], Awaitable[T]], **settings: Any) -> T:
        async def connected() -> T:
            async with self._http() as http:
                return await call(await create_client(url, ClientConfig(httpx_client=http, streaming=False, **settings)))

        try:
            return asyncio.run(connected())
        except A2AError as error:
            raise RefusedError(_code(error), str(error), error.data) from error

    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=30, trust_env=False, headers=self._headers)


class Client03(LineProcess):
    """a2a-sdk 0.3.26 in a process of its own; threads may call at the same time. A context manager."""

    version = "0.3"

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        super().__init__([str(PYTHON_03), str(SCRIPTS_03 / "client.py"), json.dumps(dict(headers or {}))])

    def send(self, url: str, text: str, *, task: Seen | None = None, webhook: Webhook | None = None, waits: bool = False) -> Seen:
        known = {"id": task.id, "contextId": task.context_id} if task else None
        return _seen03(self.call("send", url=url, text=text, task=known, config=_config03(webhook), waits=waits))

    def reply(self, url: str, text: str, *, webhook: Webhook | None = None) -> str:
        answer = self.call("send", url=url, text=text, config=_config03(webhook), waits=True)
        assert answer["kind"] == "message", answer
        return str(answer["parts"][0]["text"])

    def get(self, url: str, task_id: str) -> Seen:
        return _seen03(self.call("get", url=url, task_id=task_id))

    def cancel(self, url: str, task_id: str) -> Seen:
        return _seen03(self.call("cancel", url=url, task_id=task_id))

    def set_config(self, url: str, task_id: str, webhook: Webhook) -> Webhook:
        return _webhook03(self.call("set_config", url=url, task_id=task_id, config=_config03(webhook)))

    def get_config(self, url: str, task_id: str, config_id: str) -> Webhook:
        return _webhook03(self.call("get_config", url=url, task_id=task_id, config_id=config_id or None))

    def list_configs(self, url: str, task_id: str) -> list[Webhook]:
        return [_webhook03(config) for config in self.call("list_configs", url=url, task_id=task_id)]

    def delete_config(self, url: str, task_id: str, config_id: str) -> None:
        assert self.call("delete_config", url=url, task_id=task_id, config_id=config_id) is None

    def read_notification(self, body: bytes) -> Seen:
        return _seen03(self.call("read_notification", url="", body=body.decode()))

    def card(self, url: str, path: str) -> dict[str, Any]:
        card: dict[str, Any] = self.call("card", url=url, path=path)
        return card


def _seen10(task: Task) -> Seen:
    state = TaskState.Name(task.status.state).removeprefix("TASK_STATE_").replace("_", "-").lower()
    said = "".join(part.text for part in task.status.message.parts)
    return Seen(task.id, task.context_id, state, len(task.artifacts), said, len(task.history))


def _seen03(task: Mapping[str, Any]) -> Seen:
    assert task["kind"] == "task", task
    status = task["status"]
    said = "".join(part.get("text", "") for part in (status.get("message") or {}).get("parts", []))
    artifacts, history = len(task.get("artifacts") or []), len(task.get("history") or [])
    return Seen(task["id"], task["contextId"], status["state"], artifacts, said, history)


def _config10(webhook: Webhook) -> TaskPushNotificationConfig:
    authentication = AuthenticationInfo(scheme="HMAC-SHA256", credentials=webhook.secret) if webhook.secret else None
    return TaskPushNotificationConfig(id=webhook.id, url=webhook.url, token=webhook.token, authentication=authentication)


def _webhook10(config: TaskPushNotificationConfig) -> Webhook:
    return Webhook(config.url, config.token, config.authentication.credentials, config.id)


def _config03(webhook: Webhook | None) -> dict[str, Any] | None:
    if webhook is None:
        return None
    authentication = {"schemes": ["HMAC-SHA256"], "credentials": webhook.secret} if webhook.secret else None
    return {"id": webhook.id or None, "url": webhook.url, "token": webhook.token or None, "authentication": authentication}


def _webhook03(told: Mapping[str, Any]) -> Webhook:
    config = told["pushNotificationConfig"]
    secret = (config.get("authentication") or {}).get("credentials", "")
    return Webhook(config["url"], config.get("token", ""), secret, config["id"])


def _code(error: A2AError) -> int:
    """The SDK tells a code by its exception, and an HTTP status in its text."""
    if type(error) in JSON_RPC_ERROR_CODE_MAP:
        return JSON_RPC_ERROR_CODE_MAP[type(error)]
    number = str(error).partition("Error ")[2].partition(":")[0]
    return int(number) if number.lstrip("-").isdigit() else 0
