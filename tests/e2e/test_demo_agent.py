"""The demo's agent, run as a process of its own and asked by a2a-sdk's own client: other end-to-end tests rely on what it does."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from a2a.client import Client, ClientConfig, create_client
from a2a.helpers import new_text_message
from a2a.types import CancelTaskRequest, GetTaskRequest, Role, SendMessageRequest, Task, TaskState
from a2a.utils.errors import A2AError

from relay_dev.demo.agent import Course
from relay_dev.demo.child import Child
from relay_dev.demo.client import send

pytestmark = pytest.mark.e2e

STEP = ("--step-seconds", "0.5", "--polls", "2")  # a test that asks late sees every state, too
POLL_SECONDS = 0.05


@pytest.fixture(scope="module")
def agent_url() -> Iterator[str]:
    with Child("agent", [sys.executable, "-m", "relay_dev.demo.agent", *STEP, "--v03"]) as agent:
        yield agent.wait_for_line(r"^agent: (\S+)", deadline=time.monotonic() + 30)[1]


def seen(task: Task) -> tuple[str, int]:
    """State and number of artifacts: what tells one step of the demo's task from the next."""
    return TaskState.Name(task.status.state).removeprefix("TASK_STATE_").lower(), len(task.artifacts)


async def poll(url: str, task_id: str, until: Callable[[Task], bool], *, seconds: float = 30) -> list[Task]:
    """Every change of the task that a poll saw, up to and with the one that ends the wait."""
    changes: list[Task] = []
    deadline = time.monotonic() + seconds
    async with httpx.AsyncClient(trust_env=False) as http:
        client = await connect(url, http)
        while time.monotonic() < deadline:
            task = await client.get_task(GetTaskRequest(id=task_id))
            if not changes or (task.status, len(task.artifacts)) != (changes[-1].status, len(changes[-1].artifacts)):
                changes.append(task)
            if until(task):
                return changes
            await asyncio.sleep(POLL_SECONDS)
    raise TimeoutError(f"not within {seconds} s; seen: {[seen(task) for task in changes]}")


async def connect(url: str, http: httpx.AsyncClient) -> Client:
    return await create_client(url, ClientConfig(httpx_client=http, streaming=False, polling=True))


def has_state(state: str) -> Callable[[Task], bool]:
    return lambda task: seen(task)[0] == state


def walk(url: str, text: str, until: str) -> list[tuple[str, int]]:
    async def all_changes() -> list[Task]:
        task = await send(url, text)
        return await poll(url, task.id, has_state(until))

    return [seen(task) for task in asyncio.run(all_changes())]


def test_the_card_says_that_it_can_neither_push_nor_stream(agent_url: str) -> None:
    card = httpx.get(f"{agent_url}/.well-known/agent-card.json", trust_env=False).json()
    assert card["capabilities"] == {"pushNotifications": False, "streaming": False}
    assert {interface["protocolVersion"] for interface in card["supportedInterfaces"]} == {"1.0", "0.3"}
    assert card["url"] == f"{agent_url}/"


def test_a_task_goes_through_submitted_working_an_artifact_completed(agent_url: str) -> None:
    assert walk(agent_url, "hello", "completed") == [("submitted", 0), ("working", 0), ("working", 1), ("completed", 1)]


def test_a_send_that_does_not_wait_is_answered_with_the_submitted_task(agent_url: str) -> None:
    assert seen(asyncio.run(send(agent_url, "slow 30"))) == ("submitted", 0)


def test_a_task_can_fail(agent_url: str) -> None:
    assert walk(agent_url, "please fail", "failed") == [("submitted", 0), ("working", 0), ("failed", 0)]


def test_a_task_can_be_rejected(agent_url: str) -> None:
    assert walk(agent_url, "reject this", "rejected")[-1] == ("rejected", 0)


def test_steps_are_working_with_another_status_message_each(agent_url: str) -> None:
    async def messages() -> list[str]:
        task = await send(agent_url, "steps 3")
        changes = await poll(agent_url, task.id, has_state("completed"))
        return [change.status.message.parts[0].text for change in changes if seen(change) == ("working", 0)]

    assert asyncio.run(messages()) == ["step 1 of 3", "step 2 of 3", "step 3 of 3"]


def test_a_state_lasts_until_the_task_was_asked_for_often_enough() -> None:
    async def answers(url: str) -> list[tuple[str, int]]:
        task = await send(url, "hello")
        async with httpx.AsyncClient(trust_env=False) as http:
            client = await connect(url, http)
            first = [seen(await client.get_task(GetTaskRequest(id=task.id))) for _ in range(3)]
        return first + [seen(change) for change in await poll(url, task.id, has_state("working"))][-1:]

    with Child("agent", [sys.executable, "-m", "relay_dev.demo.agent", "--step-seconds", "0", "--polls", "3"]) as patient:
        url = patient.wait_for_line(r"^agent: (\S+)", deadline=time.monotonic() + 30)[1]
        assert asyncio.run(answers(url)) == [("submitted", 0)] * 3 + [("working", 0)]


def test_words_of_the_message_combine_to_a_course() -> None:
    assert Course.from_text("Ask, slow 2.5, steps 4 big 10 and fail", step_seconds=1) == Course(
        step_seconds=2.5, steps=4, artifact_kilobytes=10, asks=True, ending=TaskState.TASK_STATE_FAILED
    )
    assert Course.from_text("a task with big, slow asking failures", step_seconds=1) == Course(step_seconds=1)


def test_big_makes_a_large_artifact(agent_url: str) -> None:
    async def size() -> int:
        task = await send(agent_url, "slow 0 big 400")
        changes = await poll(agent_url, task.id, has_state("completed"))
        return len(changes[-1].artifacts[0].parts[0].text)

    assert asyncio.run(size()) == 400 * 1024


def test_a_task_that_asks_waits_for_the_next_message_and_goes_on(agent_url: str) -> None:
    async def all_changes() -> list[Task]:
        task = await send(agent_url, "ask me")
        before = await poll(agent_url, task.id, has_state("input_required"))
        answered = await send(agent_url, "the rest", task=task)
        assert answered.id == task.id
        return before + await poll(agent_url, task.id, has_state("completed"))

    changes = [seen(task) for task in asyncio.run(all_changes())]
    assert changes[:3] == [("submitted", 0), ("working", 0), ("input_required", 0)]
    assert changes[-3:] == [("working", 0), ("working", 1), ("completed", 1)]


def test_a_cancel_ends_the_task(agent_url: str) -> None:
    async def canceled() -> Task:
        task = await send(agent_url, "slow 30")
        async with httpx.AsyncClient(trust_env=False) as http:
            return await (await connect(agent_url, http)).cancel_task(CancelTaskRequest(id=task.id))

    assert seen(asyncio.run(canceled())) == ("canceled", 0)


def test_reply_is_a_message_and_no_task(agent_url: str) -> None:
    async def answer() -> str:
        async with httpx.AsyncClient(trust_env=False) as http:
            client = await connect(agent_url, http)
            message = new_text_message("reply to this", role=Role.ROLE_USER)
            async for response in client.send_message(SendMessageRequest(message=message)):
                return str(response.message.parts[0].text)
        raise AssertionError("no answer")

    assert asyncio.run(answer()) == "You said: reply to this"


def test_it_refuses_push_configs(agent_url: str) -> None:
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "CreateTaskPushNotificationConfig",
        "params": {"taskId": "t", "url": "https://example.com"},
    }
    answer = httpx.post(agent_url, json=call, headers={"A2A-Version": "1.0"}, trust_env=False)
    assert answer.json()["error"]["code"] == -32003


def test_a_03_client_is_answered_in_03(agent_url: str) -> None:
    message = {"kind": "message", "messageId": "m-1", "role": "user", "parts": [{"kind": "text", "text": "slow 30"}]}
    call = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": message, "configuration": {"blocking": False}}}
    result = httpx.post(agent_url, json=call, trust_env=False).json()["result"]
    assert (result["kind"], result["status"]["state"]) == ("task", "submitted")


def test_an_unknown_task_is_not_found(agent_url: str) -> None:
    with pytest.raises(A2AError, match="not found"):
        asyncio.run(poll(agent_url, "no-such-task", has_state("completed")))


def test_a_port_in_use_is_one_sentence_and_exit_1(agent_url: str) -> None:
    port = str(httpx.URL(agent_url).port)
    done = subprocess.run(
        [sys.executable, "-m", "relay_dev.demo.agent", "--port", port], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Port {port} on 127.0.0.1 is in use; choose another with --port, or --port 0 for a free one.\n"
