"""An agent that answers nobody who does not support its required extension: its tasks are followed all the same.

Source: A2A 1.0 §3.3.4 (`ExtensionSupportRequiredError`), §4.6 (`A2A-Extensions`).
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from relay_dev.receiver import Receiver
from relay_dev.runner import Runner
from tests.integration.loopback import Request
from tests.support.scripted_agent import CARD, http, result, scripted_agent

URI = "https://example.com/required/v1"
NAMES_IT = {"a2a-version": "1.0", "a2a-extensions": URI}
REQUIRED = {"code": -32008, "message": f"Support {URI}."}
DECLARES_IT = {**CARD, "capabilities": {"extensions": [{"uri": URI, "required": True}]}}
MESSAGE = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}


class Strict:
    """Its task ends once it was asked for twice."""

    def __init__(self) -> None:
        self._gets = 0

    def __call__(self, request: Request) -> bytes:
        if request.headers.get("a2a-extensions") != URI:
            return http(200, {"jsonrpc": "2.0", "id": 1, "error": REQUIRED})
        method = json.loads(request.body)["method"]
        self._gets += method == "GetTask"
        state = "TASK_STATE_COMPLETED" if self._gets >= 2 else "TASK_STATE_WORKING"
        task = {"id": "task-1", "contextId": "context-1", "status": {"state": state}}
        return result({"task": task} if method == "SendMessage" else task)


@pytest.fixture
def runner() -> Iterator[Runner]:
    environment = {"CLIENT_AUTHENTICATION": "none", "POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
    with scripted_agent(Strict(), card=DECLARES_IT) as agent:
        overrides = {"UpstreamAgentUrl": agent.url(""), "AllowedWebhookHosts": "127.0.0.1", "FollowStrategy": "poll"}
        with Runner(overrides=overrides, environment=environment) as running:
            yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def called(runner: Runner, method: str, params: Any, **headers: str) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return json.loads(runner.request("POST", "/", body=body, headers=headers).body)


def test_a_caller_that_does_not_support_it_gets_the_agents_error(runner: Runner) -> None:
    error = called(runner, "SendMessage", {"message": MESSAGE}, **{"a2a-version": "1.0"})["error"]
    assert (error["code"], error["message"]) == (REQUIRED["code"], REQUIRED["message"])


def test_a_send_waits_for_the_end(runner: Runner) -> None:
    sent = called(runner, "SendMessage", {"message": MESSAGE}, **NAMES_IT)["result"]
    assert sent["task"]["status"]["state"] == "TASK_STATE_COMPLETED"


def test_a_webhook_is_registered_and_told(runner: Runner, receiver: Receiver) -> None:
    config = called(runner, "CreateTaskPushNotificationConfig", {"taskId": "task-1", "url": receiver.url}, **NAMES_IT)["result"]
    assert config["taskId"] == "task-1"
    runner.settle()
    runner.advance(timedelta(seconds=70))
    runner.settle()
    assert [json.loads(post.body)["task"]["status"]["state"] for post in receiver.notifications] == ["TASK_STATE_COMPLETED"]
