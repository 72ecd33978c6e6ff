"""The client of the demo, a2a-sdk's own: sends one message with an inline push config, does not wait, prints the task's id.

`python -m relay_dev.demo.client RELAY_URL --webhook URL [--token T] [--secret S] [--text TEXT]`
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

import httpx
from a2a.client import ClientConfig, create_client
from a2a.helpers import new_text_message
from a2a.types import AuthenticationInfo, Role, SendMessageRequest, Task, TaskPushNotificationConfig, TaskState
from a2a.utils.errors import A2AError


def push_config(webhook: str, *, token: str = "", secret: str = "") -> TaskPushNotificationConfig:
    """A secret (24 bytes at least) as credentials of the scheme HMAC-SHA256 signs every notification, and is never sent."""
    authentication = AuthenticationInfo(scheme="HMAC-SHA256", credentials=secret) if secret else None
    return TaskPushNotificationConfig(url=webhook, token=token, authentication=authentication)


async def send(url: str, text: str, config: TaskPushNotificationConfig | None = None, *, task: Task | None = None) -> Task:
    """The new task, or the given one continued, as it stands right after the send.

    `polling` is how a2a-sdk asks for `returnImmediately`.

    Raises: a2a.utils.errors.A2AError and httpx.HTTPError as the SDK does; ValueError when the answer is a Message.
    """
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:  # a proxy of the environment does not lead to loopback
        settings = ClientConfig(httpx_client=http, streaming=False, polling=True, push_notification_config=config)
        client = await create_client(url, settings)
        known = task or Task()
        message = new_text_message(text, role=Role.ROLE_USER, task_id=known.id, context_id=known.context_id)
        async for answer in client.send_message(SendMessageRequest(message=message)):
            if answer.HasField("task"):
                return answer.task
    raise ValueError("the agent answered with a Message, not a task")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Sends one message with an inline push config.")
    parser.add_argument("url", help="the relay's URL, or an agent's")
    parser.add_argument("--webhook", required=True, help="where notifications shall go")
    parser.add_argument("--token", default="")
    parser.add_argument("--secret", default="")
    parser.add_argument("--text", default="What is the answer?")
    args = parser.parse_args(arguments)
    config = push_config(args.webhook, token=args.token, secret=args.secret)
    try:
        task = asyncio.run(send(args.url, args.text, config))
    except (A2AError, httpx.HTTPError, ValueError) as error:
        print(f"The message was not sent: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(f"task {task.id} is {TaskState.Name(task.status.state)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
