"""What a caller may do with a task of the relay's own: cancel it, go on with it, list it; in both versions."""

import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from relay.domain.task import Revision
from relay.use_cases import own_tasks
from tests.support.wire import Effect, undisturbed
from tests.support.world import World, task_key

MESSAGE = {"messageId": "m-1", "role": "ROLE_USER", "parts": [{"text": "hello"}]}


@pytest.fixture(scope="module")
def blocking() -> Iterator[World]:
    with World(UpstreamBlocks="true") as world:
        yield world


@pytest.fixture
def world(blocking: World) -> World:
    blocking.clear()
    blocking.agent.next_state = "completed"
    return blocking


def send(world: World, message_id: str = "m-1", *, settled: bool = True, **message: Any) -> dict[str, Any]:
    inline = {} if message.get("taskId") else {"taskPushNotificationConfig": {"url": f"{world.receiver.url}/hook"}}
    params = {"message": {**MESSAGE, "messageId": message_id, **message}, "configuration": {"returnImmediately": True, **inline}}
    task: dict[str, Any] = world.result("SendMessage", params)["task"]
    if settled:
        world.settle()
    return task


def get(world: World, task_id: str) -> dict[str, Any]:
    task: dict[str, Any] = world.result("GetTask", {"id": task_id})
    return task


def sent(world: World) -> list[dict[str, Any]]:
    return [params["message"] for method, params in world.agent.calls if method == "SendMessage"]


def told(world: World) -> list[str]:
    return [each.state for each in world.receiver.notifications if each.is_accepted]


# --- cancel


def test_canceled_before_the_call_the_agent_never_hears_of_it(world: World) -> None:
    task = send(world, settled=False)
    canceled = world.result("CancelTask", {"id": task["id"]})
    assert canceled["status"]["state"] == "TASK_STATE_CANCELED"
    world.settle()
    world.advance(301)
    assert world.agent.calls == []
    assert told(world)[-1] == "canceled"
    assert world.items("SENDING#") == []


def test_cancel_whose_function_dies_is_finished_by_the_worker(world: World) -> None:
    task = send(world, settled=False)
    world.wire.decide = lambda request: Effect.DIES_AFTER if "canceled_at" in str(request.body.get("UpdateExpression")) else Effect.NONE
    with pytest.raises(ConnectionError):
        world.call("CancelTask", {"id": task["id"]})
    world.wire.decide = undisturbed
    world.settle()
    assert world.agent.count("SendMessage") == 0
    assert told(world)[-1] == "canceled"


def test_ended_task_cannot_be_canceled(world: World) -> None:
    task = send(world)
    assert world.call("CancelTask", {"id": task["id"]})["error"]["code"] == -32002
    assert world.call("tasks/cancel", {"id": task["id"]}, version="0.3")["error"]["code"] == -32002


def test_task_at_a_silent_agent_cannot_be_canceled(world: World) -> None:
    codes: list[int] = []
    task = send(world, settled=False)
    world.agent.before_answer = lambda *_: codes.append(world.call("CancelTask", {"id": task["id"]})["error"]["code"])
    world.settle()
    assert codes == [-32002]
    assert get(world, task["id"])["status"]["state"] == "TASK_STATE_COMPLETED"


def test_cancel_of_a_task_that_waits_is_the_agents_own(world: World) -> None:
    world.agent.next_state = "input-required"
    task = send(world)
    assert world.result("CancelTask", {"id": task["id"]})["id"] == task["id"]
    assert [params["id"] for method, params in world.agent.calls if method == "CancelTask"] == ["task-1"]
    world.settle()
    assert told(world)[-1] == "canceled"


@pytest.mark.parametrize("theirs", ["task-1", "2", "e", "error", ":", '"'])
def test_agents_refusal_to_cancel_is_told_without_its_own_ids_and_otherwise_as_it_is(world: World, theirs: str) -> None:
    def say(method: str, answer: dict[str, Any]) -> None:
        if method == "SendMessage":
            world.agent.task(theirs)
            answer["result"]["task"]["id"] = theirs
        if method == "CancelTask":
            del answer["result"]
            answer["error"] = refusal(theirs, "context of task-1")

    def refusal(task_id: str, context_id: str) -> dict[str, Any]:
        ids = {"taskId": task_id, "contextId": context_id}
        data = [{"reason": "error", "metadata": ids}, {"task": {"id": task_id}, "text": theirs, "count": 2}]
        return {"code": -32002, "message": f"{theirs} goes on", "data": data}

    world.agent.next_state, world.agent.before_answer = "input-required", say
    task = send(world)
    answer = world.call("CancelTask", {"id": task["id"]})
    assert answer["jsonrpc"] == "2.0"
    assert answer["error"] == refusal(task["id"], task["contextId"])


def test_answer_to_a_cancel_that_is_no_task_is_not_passed_on_with_the_agents_own_ids(world: World) -> None:
    world.agent.next_state = "input-required"
    task = send(world)
    said = {"message": {"messageId": "m", "role": "ROLE_AGENT", "taskId": "task-1", "parts": [{"text": "no"}]}}
    world.agent.before_answer = lambda _method, answer: answer.update(result=said)
    answer = world.call("CancelTask", {"id": task["id"]})
    assert (answer["error"]["code"], "task-1" in json.dumps(answer)) == (-32006, False)
    assert get(world, task["id"])["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"


@pytest.mark.parametrize("method", ["GetTask", "CancelTask"])
def test_what_can_be_no_tasks_id_is_refused(world: World, method: str) -> None:
    assert world.call(method, {"id": 7})["error"]["code"] == -32602
    assert world.call(method, {"id": "t", "tenant": "t" * 5000})["error"]["code"] == -32001


# --- going on


def test_next_message_goes_to_the_agents_task(world: World) -> None:
    world.agent.next_state = "input-required"
    task = send(world)
    world.agent.next_state = "completed"
    went_on = send(world, "m-2", taskId=task["id"], contextId=task["contextId"])
    assert went_on["id"] == task["id"]
    assert (sent(world)[1]["taskId"], sent(world)[1]["contextId"]) == ("task-1", "context of task-1")
    assert told(world) == ["submitted", "working", "input-required", "working", "completed"]
    now = get(world, task["id"])
    assert [message["messageId"] for message in now["history"]] == ["m-1", "m-2"]
    assert {message.get("taskId") for message in now["history"]} <= {task["id"], None}
    assert len(world.result("ListTasks", {})["tasks"]) == 1


def test_repeated_next_message_is_sent_once(world: World) -> None:
    world.agent.next_state = "input-required"
    task = send(world)
    world.agent.next_state = "completed"
    for _ in range(3):
        assert send(world, "m-2", taskId=task["id"])["id"] == task["id"]
    assert len(sent(world)) == 2


def test_message_to_a_task_at_work_is_refused(world: World) -> None:
    task = send(world, settled=False)
    params = {"message": {**MESSAGE, "messageId": "m-2", "taskId": task["id"]}}
    assert world.call("SendMessage", params)["error"]["code"] == -32004


def test_message_to_a_task_that_has_ended_begins_another_in_its_context(world: World) -> None:
    world.agent.next_state = ""
    first = send(world)
    second = send(world, "m-2", taskId=first["id"])
    assert second["id"] != first["id"]
    assert second["contextId"] == first["contextId"]
    assert "taskId" not in sent(world)[1]
    assert send(world, "m-2", taskId=first["id"])["id"] == second["id"]


def test_relays_context_leads_to_the_agents(world: World) -> None:
    first = send(world)
    send(world, "m-2", contextId=first["contextId"])
    assert sent(world)[1]["contextId"] == "context of task-1"


def test_task_that_a_message_refers_to_has_the_agents_name_for_the_agent_and_the_relays_for_everybody_else(world: World) -> None:
    """Of tasks that the relay does not know the agent has to know."""
    world.agent.next_state = "input-required"
    referred, task = send(world), send(world, "m-2")
    refers: dict[str, Any] = {"referenceTaskIds": [referred["id"], "another", "relay-" + 32 * "0"]}
    send(world, "m-3", taskId=task["id"], **refers)
    fresh = send(world, "m-4", **refers)
    asked = [message.get("referenceTaskIds") for message in sent(world)[2:]]
    assert asked == [["task-1", *refers["referenceTaskIds"][1:]]] * 2
    history = [message for each in (task, fresh) for message in get(world, each["id"])["history"]]
    assert [message.get("referenceTaskIds") for message in history] == [None, refers["referenceTaskIds"], refers["referenceTaskIds"]]
    assert not [each for each in world.receiver.notifications if b"task-1" in each.body]


@pytest.mark.parametrize("odd", [{"a": 1}, ["x"], None, 7])
def test_reference_that_is_none_goes_to_the_agent_as_it_is(world: World, odd: Any) -> None:
    referred = send(world)
    task = send(world, "m-2", referenceTaskIds=[odd, referred["id"]])
    assert sent(world)[1]["referenceTaskIds"] == [odd, "task-1"]
    assert get(world, task["id"])["status"]["state"] == "TASK_STATE_COMPLETED"


def test_clients_own_context_is_kept(world: World) -> None:
    task = send(world, contextId="mine")
    assert (task["contextId"], get(world, task["id"])["contextId"]) == ("mine", "mine")
    assert sent(world)[0]["contextId"] == "mine"


def test_webhook_of_the_next_message_is_told_what_follows(world: World) -> None:
    world.agent.next_state = "input-required"
    task = send(world)
    world.agent.next_state = "completed"
    webhook = {"url": f"{world.receiver.url}/second"}
    params = {
        "message": {**MESSAGE, "messageId": "m-2", "taskId": task["id"]},
        "configuration": {"returnImmediately": True, "taskPushNotificationConfig": webhook},
    }
    world.result("SendMessage", params)
    world.settle()
    assert [each.state for each in world.posts("second")] == ["working", "completed"]


def test_task_that_goes_on_at_the_agent_is_followed_there(world: World) -> None:
    """An agent that does not block after all."""
    world.agent.next_state = "working"
    task = send(world)
    assert get(world, task["id"])["status"]["state"] == "TASK_STATE_WORKING"
    world.agent.task("task-1").becomes("completed", artifacts=["done"])
    world.advance(11)
    world.advance(31)
    assert told(world) == ["submitted", "working", "completed"]
    now = get(world, task["id"])
    assert (now["id"], now["artifacts"][0]["parts"]) == (task["id"], [{"text": "done"}])


def test_task_that_goes_on_at_an_agent_that_is_gone_is_told_as_it_was(world: World) -> None:
    world.agent.next_state = "working"
    task = send(world)
    world.agent.task("task-1").becomes("completed")
    with world.agent.gone():
        assert get(world, task["id"])["status"]["state"] == "TASK_STATE_WORKING"
    assert get(world, task["id"])["status"]["state"] == "TASK_STATE_COMPLETED"
    world.settle()
    assert told(world) == ["submitted", "working", "completed"]


@pytest.mark.parametrize(("method", "state"), [("GetTask", "completed"), ("CancelTask", "canceled")])
def test_what_the_agent_answers_is_told_to_the_caller_though_it_cannot_be_observed_at_once(world: World, method: str, state: str) -> None:
    world.agent.next_state = "working"
    task = send(world)
    if method == "GetTask":
        world.agent.task("task-1").becomes("completed")
    world.wire.decide = lambda request: Effect.FAILS if (request.function, request.name) == ("api", "PutItem") else Effect.NONE
    assert world.result(method, {"id": task["id"]})["status"]["state"] == f"TASK_STATE_{state.upper()}"
    world.wire.decide = undisturbed
    world.advance(11)
    world.advance(31)
    assert told(world) == ["submitted", "working", state]


# --- the other version, lists


def test_tasks_are_told_in_the_callers_version(world: World) -> None:
    message = {"messageId": "m", "role": "user", "kind": "message", "parts": [{"kind": "text", "text": "hi"}]}
    task = world.result("message/send", {"message": message, "configuration": {"blocking": False}}, version="0.3")
    assert (task["kind"], task["status"]["state"]) == ("task", "submitted")
    world.settle()
    old, new = world.result("tasks/get", {"id": task["id"]}, version="0.3"), get(world, task["id"])
    assert (old["status"]["state"], old["kind"], old["id"]) == ("completed", "task", task["id"])
    assert (new["status"]["state"], new["id"]) == ("TASK_STATE_COMPLETED", task["id"])
    assert "kind" not in new
    assert [each["id"] for each in world.result("tasks/list", {}, version="0.3")] == [task["id"]]


def test_tasks_are_told_over_http_too(world: World) -> None:
    task = send(world)
    answer = world.runner.request("GET", f"/tasks/{task['id']}", headers={"a2a-version": "1.0"})
    assert (answer.status, json.loads(answer.body)["status"]["state"]) == (200, "TASK_STATE_COMPLETED")
    answer = world.runner.request("POST", f"/tasks/{task['id']}:cancel", headers={"a2a-version": "1.0"}, body={})
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["details"][0]["reason"] == "TASK_NOT_CANCELABLE"


def test_lists_are_newest_first_filtered_and_in_pages(world: World) -> None:
    ids = []
    for number in range(3):
        ids.append(send(world, f"m-{number}", contextId="even" if number % 2 == 0 else "odd")["id"])
        world.advance(1)
    assert [task["id"] for task in world.result("ListTasks", {})["tasks"]] == ids[::-1]
    assert [task["id"] for task in world.result("ListTasks", {"contextId": "odd"})["tasks"]] == [ids[1]]
    page = world.result("ListTasks", {"pageSize": 2})
    assert (page["totalSize"], [task["id"] for task in page["tasks"]]) == (3, [ids[2], ids[1]])
    rest = world.result("ListTasks", {"pageSize": 2, "pageToken": page["nextPageToken"]})
    assert ([task["id"] for task in rest["tasks"]], rest["nextPageToken"]) == ([ids[0]], "")
    assert world.agent.count("ListTasks") == 0


def test_a_list_keeps_nothing_of_large_tasks_that_it_does_not_show(world: World) -> None:
    """Two hundred of 1 MB were 2 GB in a function of 1."""
    size, count = 400_000, 12
    for number in range(count):
        task = send(world, f"m-{number}")
        newest = world.revisions.newest_whole(task_key(task["id"]))
        assert newest is not None
        large = {**newest.snapshot.document, "artifacts": [{"artifactId": "a", "parts": [{"text": "x" * size}]}]}
        revision = Revision(newest.number + 1, replace(newest.view, snapshot=replace(newest.snapshot, document=large)))
        assert world.revisions.append(task_key(task["id"]), revision, expires=world.runner.clock.now() + timedelta(days=1))
    world.result("ListTasks", {})  # imports are no part of it
    tracemalloc.start()
    try:
        tasks = world.result("ListTasks", {})["tasks"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (len(tasks), "artifacts" in tasks[0]) == (count, False)
    assert peak < count * size


@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_a_list_that_would_be_too_large_with_all_it_shows_says_so(world: World, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(own_tasks, "MAX_LISTED_BYTES", 100)
    send(world)
    error = world.call({"1.0": "ListTasks", "0.3": "tasks/list"}[version], {}, version=version)["error"]
    assert (error["code"], "pageSize" in error["message"]) == (-32603, True)


def test_a_list_is_only_as_large_as_what_its_filter_leaves(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may read many large tasks can still ask for those of one context with all there is of them."""
    for number in range(4):
        task = send(world, f"m-{number}")
    params = {"contextId": task["contextId"], "includeArtifacts": True}
    [shown] = world.result("ListTasks", params)["tasks"]
    monkeypatch.setattr(own_tasks, "MAX_LISTED_BYTES", 2 * len(json.dumps(shown)))
    assert world.result("ListTasks", params)["tasks"] == [shown]
    assert world.call("ListTasks", {"includeArtifacts": True})["error"]["code"] == -32603


def test_deleted_config_is_told_nothing_more(world: World) -> None:
    task = send(world, settled=False)
    (config,) = world.result("ListTaskPushNotificationConfigs", {"taskId": task["id"]})["configs"]
    world.delete(task["id"], config["id"])
    world.settle()
    assert told(world) == []
    assert world.revisions.newest(task_key(task["id"])) is not None
