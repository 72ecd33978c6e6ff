"""Agents that can only block, as they answer on the wire, behind the running relay: both SDKs' clients get tasks and webhooks."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from relay_dev.demo.child import Child
from relay_dev.receiver import Receiver
from tests.e2e.clients import ROOT, A2AClient
from tests.e2e.relays import Relay, agent_url
from tests.e2e.told import LATEST, assert_verified, wait_for_state, webhook
from tests.integration.loopback import Receiver as Agent
from tests.integration.loopback import Request
from tests.support.scripted_agent import calls, http, result, scripted_agent

pytestmark = pytest.mark.e2e

KEY = "an api key of Evo AI's"
CARD_03 = {
    "protocolVersion": "0.3.0",
    "name": "Blocking",
    "description": "Answers when all is done",
    "version": "1",
    "url": "/rpc",
    "preferredTransport": "JSONRPC",
    "capabilities": {"streaming": False, "pushNotifications": False},
    "defaultInputModes": ["text"],
    "defaultOutputModes": ["text"],
    "skills": [],
}


def message_of(request: Request) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(request.body)["params"]["message"]
    return message


def evo_ai(request: Request) -> bytes:
    """As its code answers: parts by `type`, the client's messageId as context, any task completed, HTTP 400 for what it does not know."""
    if request.headers.get("x-api-key") != KEY:
        return http(401, {"detail": "x-api-key"})
    call = json.loads(request.body)
    if call["method"] == "tasks/get":
        return result({"id": call["params"].get("id"), "contextId": "c", "status": {"state": "completed"}, "kind": "task"})
    if call["method"] != "message/send":
        return http(400, {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32601, "message": "Method not found"}})
    message = message_of(request)
    ids = {"taskId": "evo-task", "contextId": message["messageId"]}
    heard = "".join(part["text"] for part in message["parts"] if part.get("type") == "text")
    return result(
        {
            "id": ids["taskId"],
            "contextId": ids["contextId"],
            "kind": "task",
            "status": {"state": "completed", "timestamp": "2026-11-20T23:39:36.216988Z"},
            "artifacts": [{"artifactId": "a", "parts": [{"type": "text", "text": f"answer to {heard}"}]}],
            "history": [{**message, **ids, "kind": "message"}],
        }
    )


def praisonai_serve_a2a(request: Request) -> bytes:
    """Reads only parts of a `type`, and has no task."""
    heard = "".join(part["text"] for part in message_of(request)["parts"] if part.get("type") == "text")
    return result({"message": {"role": "assistant", "parts": [{"type": "text", "text": f"Received: {heard}"}]}})


@pytest.fixture(scope="module")
def hold() -> threading.Event:
    """While it is not set, the agent `slow` does not answer."""
    return threading.Event()


@pytest.fixture(scope="module")
def blocking(relay: Relay, hold: threading.Event) -> Iterator[dict[str, Agent]]:
    def slow(request: Request) -> bytes:
        hold.wait(LATEST)
        return evo_ai(request)

    answers: dict[str, Callable[[Request], bytes]] = {"evo": evo_ai, "praisonai": praisonai_serve_a2a, "slow": slow}
    with ExitStack() as ends:
        agents = {name: ends.enter_context(scripted_agent(answer, card=CARD_03)) for name, answer in answers.items()}
        for name, agent in agents.items():
            relay.command("agents", "add", name, agent.url(""), "--header", f"x-api-key: {KEY}", "--blocking")
        yield agents


def test_evo_ai_gets_push_through_the_relay(relay: Relay, blocking: dict[str, Agent], client: A2AClient, receiver: Receiver) -> None:
    task = client.send(relay.at("evo"), "hello", webhook=webhook(receiver))
    assert task.state in ("submitted", "working"), "at once, as it stands: the worker may have begun"
    told = wait_for_state(receiver, "completed")
    assert [each.state for each in told] == ["submitted", "working", "completed"]
    assert b"answer to hello" in told[-1].body
    assert not any(b"evo-task" in each.body for each in told)
    assert_verified(told, client, task)
    assert client.get(relay.at("evo"), task.id).state == "completed"
    assert {json.loads(call.body)["method"] for call in calls(blocking["evo"])} == {"message/send"}


def test_praisonais_message_becomes_a_task(relay: Relay, blocking: dict[str, Agent], client: A2AClient, receiver: Receiver) -> None:
    task = client.send(relay.at("praisonai"), "hello", webhook=webhook(receiver))
    told = wait_for_state(receiver, "completed")
    assert b"Received: hello" in told[-1].body
    assert client.get(relay.at("praisonai"), task.id).state == "completed"


def test_client_that_does_not_wait_has_its_task_before_the_agent_answers(
    relay: Relay, blocking: dict[str, Agent], client: A2AClient, receiver: Receiver, hold: threading.Event
) -> None:
    hold.clear()
    task = client.send(relay.at("slow"), "hello", webhook=webhook(receiver))
    wait_for_state(receiver, "working")
    assert client.get(relay.at("slow"), task.id).state == "working"
    hold.set()
    wait_for_state(receiver, "completed")


def test_client_that_waits_has_the_result(relay: Relay, blocking: dict[str, Agent], client: A2AClient) -> None:
    task = client.send(relay.at("evo"), "wait for me", waits=True)
    assert (task.state, task.artifacts) == ("completed", 1)


def test_agent_that_dies_at_work_fails_its_task_and_the_outcome_is_said_to_be_unknown(
    relay: Relay, client: A2AClient, receiver: Receiver
) -> None:
    """It is a process of its own, killed while it has the message; it is not called again."""
    with Child("mortal", [sys.executable, "-m", "tests.e2e.mortal_agent"], folder=ROOT) as mortal:
        name = f"mortal-{client.version}"  # an agent's address is known for a minute
        relay.command("agents", "add", name, agent_url(mortal), "--blocking")
        task = client.send(relay.at(name), "hello", webhook=webhook(receiver))
        mortal.wait_for_line("^called", deadline=time.monotonic() + LATEST)
    told = wait_for_state(receiver, "failed")
    assert [each.state for each in told] == ["submitted", "working", "failed"]
    assert b"not known" in told[-1].body
    assert client.get(relay.at(name), task.id).state == "failed"
