"""Agents that can only block: a send becomes a task of the relay's own, and one call of the agent; its outcome is told as any change is."""

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.wire import Effect, undisturbed
from tests.support.world import World

MESSAGE = {"messageId": "m-1", "role": "ROLE_USER", "parts": [{"text": "hello"}]}
TERMINAL = ("TASK_STATE_COMPLETED", "TASK_STATE_FAILED", "TASK_STATE_CANCELED")


@pytest.fixture(scope="module")
def blocking() -> Iterator[World]:
    with World(UpstreamBlocks="true") as world:
        yield world


@pytest.fixture
def world(blocking: World) -> World:
    blocking.clear()
    blocking.agent.__dict__.pop("card", None)
    blocking.agent.next_state = "completed"
    return blocking


def send(world: World, *, webhook: bool = True, message: dict[str, Any] | None = None, **configuration: Any) -> dict[str, Any]:
    inline = {"taskPushNotificationConfig": {"url": f"{world.receiver.url}/hook"}} if webhook else {}
    given = {"returnImmediately": True, **inline, **configuration}
    task: dict[str, Any] = world.result("SendMessage", {"message": message or MESSAGE, "configuration": given})["task"]
    return task


def states(world: World) -> list[str]:
    return [each.state for each in world.receiver.notifications if each.is_accepted]


def get(world: World, task_id: str, **more: Any) -> dict[str, Any]:
    task: dict[str, Any] = world.result("GetTask", {"id": task_id, **more})
    return task


def test_send_is_answered_with_a_submitted_task_before_the_agent_is_asked(world: World) -> None:
    task = send(world)
    assert task["status"]["state"] == "TASK_STATE_SUBMITTED"
    assert [message["messageId"] for message in task["history"]] == ["m-1"]
    assert world.agent.count("SendMessage") == 0


def test_every_change_is_told_under_the_relays_ids(world: World) -> None:
    task = send(world)
    world.settle()
    assert states(world) == ["submitted", "working", "completed"]
    assert {each.task_id for each in world.receiver.notifications} == {task["id"]}
    bodies = [each.body.decode() for each in world.receiver.notifications]
    assert not [body for body in bodies if "task-1" in body]
    assert world.agent.count("SendMessage") == 1


def test_agent_is_asked_to_answer_when_all_is_done(world: World) -> None:
    send(world)
    world.settle()
    ((_, params),) = [call for call in world.agent.calls if call[0] == "SendMessage"]
    assert "returnImmediately" not in params["configuration"]
    assert "taskPushNotificationConfig" not in params["configuration"]
    assert params["message"] == MESSAGE


def test_message_completes_the_task_as_its_status_and_in_its_history(world: World) -> None:
    world.agent.next_state = ""
    task = send(world)
    world.settle()
    now = get(world, task["id"])
    assert now["status"]["state"] == "TASK_STATE_COMPLETED"
    assert now["status"]["message"]["parts"] == [{"text": "hello"}]
    assert [message["role"] for message in now["history"]] == ["ROLE_USER", "ROLE_AGENT"]
    assert {message["taskId"] for message in now["history"]} == {task["id"]}
    assert states(world)[-1] == "completed"


def test_history_is_cut_as_it_is_asked_for(world: World) -> None:
    world.agent.next_state = ""
    task = send(world, historyLength=0)
    assert "history" not in task
    world.settle()
    assert [message["role"] for message in get(world, task["id"], historyLength=1)["history"]] == ["ROLE_AGENT"]
    assert "history" not in get(world, task["id"], historyLength=0)


def test_agents_error_fails_the_task(world: World) -> None:
    def refuse(_: str, answer: dict[str, Any]) -> None:
        del answer["result"]
        answer["error"] = {"code": -32005, "message": "no such mode"}

    world.agent.before_answer = refuse
    task = send(world)
    world.settle()
    status = get(world, task["id"])["status"]
    assert status["state"] == "TASK_STATE_FAILED"
    assert status["message"]["parts"][0]["text"] == "The agent answered with error -32005: no such mode"
    assert states(world)[-1] == "failed"


def test_repeated_message_meets_its_task_and_is_sent_once(world: World) -> None:
    first = send(world)
    second = send(world)
    world.settle()
    third = send(world)
    world.settle()
    assert first["id"] == second["id"] == third["id"]
    assert third["status"]["state"] == "TASK_STATE_COMPLETED"
    assert world.agent.count("SendMessage") == 1
    assert states(world) == ["submitted", "working", "completed"]


def test_another_message_under_the_same_id_is_refused(world: World) -> None:
    send(world)
    other = {**MESSAGE, "parts": [{"text": "something else"}]}
    answer = world.call("SendMessage", {"message": other, "configuration": {"returnImmediately": True}})
    assert answer["error"]["code"] == -32602


def test_lost_wakeup_is_sent_again_by_the_sweep(world: World) -> None:
    send(world)
    world.purge("WorkerQueue")
    world.settle()
    assert world.agent.count("SendMessage") == 0
    world.advance(301)
    assert world.agent.count("SendMessage") == 1
    assert states(world) == ["submitted", "working", "completed"]


def test_agent_that_can_only_block_is_not_asked_for_tasks(world: World) -> None:
    task = send(world)
    world.settle()
    get(world, task["id"])
    world.register(task["id"], id="late")
    world.advance(31)
    world.advance(61)
    assert world.agent.count("GetTask") == 0
    assert world.call("GetTask", {"id": "any"})["error"]["code"] == -32001
    assert world.call("CreateTaskPushNotificationConfig", {"taskId": "any", "url": world.receiver.url})["error"]["code"] == -32001
    assert world.agent.count("GetTask") == 0


def test_late_registration_is_told_the_end(world: World) -> None:
    task = send(world, webhook=False)
    world.settle()
    world.register(task["id"], id="late")
    world.settle()
    assert states(world) == ["completed"]


def test_outcome_outlives_a_table_that_fails_for_a_moment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)  # the worker's patience
    task = send(world)
    failures = iter([Effect.FAILS] * 2)
    world.wire.decide = lambda request: next(failures, Effect.NONE) if "follows" in str(request.body) else Effect.NONE
    world.settle()
    world.wire.decide = undisturbed
    assert get(world, task["id"])["status"]["state"] == "TASK_STATE_COMPLETED"
    assert world.agent.count("SendMessage") == 1


def test_message_larger_than_an_item_reaches_the_agent_whole(world: World) -> None:
    large = {**MESSAGE, "parts": [{"text": os.urandom(600_000).hex()}]}
    task = send(world, message=large)
    world.settle()
    ((_, params),) = [call for call in world.agent.calls if call[0] == "SendMessage"]
    assert params["message"] == large
    assert get(world, task["id"])["status"]["state"] == "TASK_STATE_COMPLETED"


def test_agent_that_cannot_be_reached_is_tried_again(world: World) -> None:
    task = send(world)
    show_no_card(world)
    world.settle()
    assert get(world, task["id"])["status"]["state"] == "TASK_STATE_SUBMITTED"
    world.agent.__dict__.pop("card")
    world.advance(31)
    assert states(world) == ["submitted", "working", "completed"]


def test_agent_that_cannot_be_reached_for_long_has_got_nothing(world: World) -> None:
    task = send(world)
    show_no_card(world)
    for _ in range(4):
        world.advance(301)
    status = get(world, task["id"])["status"]
    assert status["state"] == "TASK_STATE_FAILED"
    assert status["message"]["parts"][0]["text"].startswith("The message was not sent to the agent.")
    assert world.agent.count("SendMessage") == 0
    assert states(world) == ["submitted", "failed"]


def test_busy_agent_that_shows_no_card_holds_up_no_caller(world: World) -> None:
    show_no_card(world)
    task = send(world)
    assert get(world, task["id"])["status"]["state"] == "TASK_STATE_SUBMITTED"
    assert world.call("GetTask", {"id": "any"})["error"]["code"] == -32001
    assert world.runner.request("GET", "/.well-known/agent-card.json").status >= 500
    world.agent.__dict__.pop("card")
    world.settle()
    world.advance(31)
    assert states(world) == ["submitted", "working", "completed"]


def show_no_card(world: World) -> None:
    """From now on, to whoever has not seen it."""
    world.agent.card = dict  # type: ignore[method-assign]
    world.runner.cold_start()


def test_what_was_sent_is_gone_when_it_was_told(world: World) -> None:
    world.headers = {"x-upstream-authorization": "Bearer a credential of the caller's own"}
    send(world)
    assert len(world.items("SENDING#")) == 1
    assert "sealed" in world.items("SENDING#")[0]
    assert "a credential of the caller" not in str(world.items())
    world.settle()
    assert world.items("SENDING#") == []


def test_callers_with_credentials_of_their_own_do_not_meet_in_one_task(world: World) -> None:
    shared = send(world)
    world.headers = {"x-upstream-authorization": "Bearer a credential of the caller's own"}
    own = send(world)
    world.settle()
    assert own["id"] != shared["id"]
    assert [task["id"] for task in world.result("ListTasks", {})["tasks"]] == [own["id"]]
    world.headers = {}
    assert [task["id"] for task in world.result("ListTasks", {})["tasks"]] == [shared["id"]]
