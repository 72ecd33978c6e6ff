"""The worker in trouble: what an agent surely has not got is sent again, what it may have got never is, and each task ends."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from relay.adapters.blobs import Blobs
from relay.adapters.table.relay_tasks import RelayTasks
from relay.domain.keys import TaskKey
from relay.domain.relay_task import CALL_SLACK
from tests.support.wire import AwsRequest, Decide, Effect, once, undisturbed
from tests.support.world import SWEEP, World, task_key

MESSAGE = {"messageId": "m-1", "role": "ROLE_USER", "parts": [{"text": "hello"}]}
AGAIN = 31  # seconds until a message that the agent has not got is sent again
CALL = 1100  # seconds: longer than a call may last, and some
SHUT_OFF = "The message was not sent to the agent. The agent cannot be reached; nothing was sent to it."
UNKNOWN = "The relay lost sight of the call to the agent. Whether the agent did what it was asked is unknown."


@pytest.fixture(scope="module")
def blocking() -> Iterator[World]:
    with World(UpstreamBlocks="true") as world:
        yield world


@pytest.fixture
def world(blocking: World) -> World:
    blocking.agent.__dict__.pop("card", None)
    blocking.clear()
    blocking.agent.next_state = "completed"
    return blocking


def send(world: World) -> str:
    inline = {"taskPushNotificationConfig": {"url": f"{world.receiver.url}/hook"}}
    result = world.result("SendMessage", {"message": MESSAGE, "configuration": {"returnImmediately": True, **inline}})
    return str(result["task"]["id"])


def told(world: World) -> list[str]:
    return [each.state for each in world.receiver.notifications if each.is_accepted]


def said(world: World, task_id: str) -> str:
    """The task's last state, and why."""
    status = world.result("GetTask", {"id": task_id})["status"]
    return f"{status['state']}: {status['message']['parts'][0]['text'] if 'message' in status else ''}"


def is_over(world: World) -> bool:
    """Nothing of what was sent is kept, and no sweep will come back for it."""
    return not world.items("SENDING#") and not any("due_at" in each for each in world.items("RELAY_TASK"))


def at_revision(number: int, effect: Effect, meanwhile: Callable[[], None] = lambda: None) -> Decide:
    def decide(request: AwsRequest) -> Effect:
        if request.name != "PutItem" or request.body["Item"]["sk"]["S"] != f"REVISION#{number:010}":
            return Effect.NONE
        meanwhile()
        return effect

    return decide


# --- what the agent surely has not got


def test_agent_that_cannot_be_reached_gets_the_message_when_it_is_back_and_once(world: World) -> None:
    task_id = send(world)
    with world.agent.gone():
        world.settle()
        world.advance(AGAIN)
        assert said(world, task_id) == "TASK_STATE_WORKING: "
    world.advance(AGAIN)
    assert (told(world), world.agent.count("SendMessage")) == (["submitted", "working", "completed"], 1)
    assert is_over(world)
    assert [each["messageId"] for each in world.result("GetTask", {"id": task_id})["history"]] == ["m-1"]


def test_agent_that_cannot_be_reached_for_a_quarter_of_an_hour_is_not_waited_for(world: World) -> None:
    task_id = send(world)
    with world.agent.gone():
        world.settle()
        for minutes in (14, 1):
            assert said(world, task_id) == "TASK_STATE_WORKING: "
            world.advance(minutes * 60)
        assert said(world, task_id) == f"TASK_STATE_FAILED: {SHUT_OFF}"
    assert told(world) == ["submitted", "working", "failed"]
    assert is_over(world)
    world.advance(SWEEP)
    assert world.agent.count("SendMessage") == 0


def test_message_that_the_agent_has_not_got_can_be_canceled_between_two_tries(world: World) -> None:
    task_id = send(world)
    with world.agent.gone():
        world.settle()
        assert world.result("CancelTask", {"id": task_id})["status"]["state"] == "TASK_STATE_CANCELED"
    world.advance(AGAIN)
    assert (told(world), world.agent.count("SendMessage")) == (["submitted", "working", "canceled"], 0)
    assert is_over(world)


def test_worker_that_gives_up_leaves_the_word_to_one_that_has_begun_the_call(world: World) -> None:
    """A sweep wakes a worker beside the one that a timer wakes."""
    task_id = send(world)
    world.purge("WorkerQueue")
    world.agent.before_card = lambda: begins_the_call(world, task_id)
    world.agent.card = dict  # type: ignore[method-assign]
    world.runner.cold_start()
    world.advance(4 * SWEEP)
    assert told(world) == ["submitted"], "the other worker's call goes on"
    world.advance(CALL)
    assert said(world, task_id) == f"TASK_STATE_FAILED: {UNKNOWN}"


def test_worker_that_is_a_moment_late_does_not_call_the_agent_again(world: World) -> None:
    task_id = send(world)
    world.wire.decide = at_revision(2, Effect.NONE, meanwhile=lambda: begins_the_call(world, task_id))
    world.settle()
    assert (told(world), world.agent.count("SendMessage")) == (["submitted", "working"], 0)


def begins_the_call(world: World, task_id: str) -> None:
    blobs = Blobs(world.runner.aws.client("s3"), world.setting("BUCKET_NAME"))
    tasks = RelayTasks(world.connection, seal=world.vault.seal, open_sealed=world.vault.open, store=blobs.put, fetch=blobs.get)
    now = world.runner.clock.now()
    task = tasks.get(task_key(task_id), now=now)
    assert task is not None
    tasks.call(task, "another worker", now=now, until=now + CALL_SLACK)


def test_message_that_no_worker_began_to_send_for_a_day_is_not_sent_any_more(world: World) -> None:
    task_id = send(world)
    world.purge("WorkerQueue")
    world.runner.advance(timedelta(hours=24))
    world.settle()
    assert said(world, task_id) == "TASK_STATE_FAILED: The message could not be sent to the agent in time; nothing was sent to it."
    assert (told(world)[-1], world.agent.count("SendMessage")) == ("failed", 0)
    assert is_over(world)


# --- what it may have got


def test_agent_that_refuses_the_credential_fails_the_task(world: World) -> None:
    task_id = send(world)
    world.agent.lets_in = {"Bearer another one"}
    world.settle()
    assert said(world, task_id) == "TASK_STATE_FAILED: The agent refused the credential it was shown."
    assert told(world) == ["submitted", "working", "failed"]
    assert is_over(world)


def test_agent_that_fails_with_the_message_does_not_get_it_again(world: World) -> None:
    """It may have done what it was asked before something in front of it failed."""
    task_id = send(world)
    world.agent.before_answer = lambda _method, _answer: setattr(world.agent, "status", 502)
    world.settle()
    world.agent.status = 200
    world.advance(SWEEP)
    assert said(world, task_id).startswith("TASK_STATE_FAILED: The agent's answer is no JSON-RPC: HTTP 502")
    assert (told(world)[-1], world.agent.count("SendMessage")) == ("failed", 1)


# --- when AWS fails, or a function dies


def test_worker_whose_table_fails_before_the_call_is_followed_by_another(world: World) -> None:
    task_id = send(world)
    world.wire.decide = once(Effect.FAILS, function="worker", name="GetItem")
    world.settle()
    assert world.agent.count("SendMessage") == 0
    world.advance(SWEEP)
    assert said(world, task_id) == "TASK_STATE_COMPLETED: "
    assert (told(world), world.agent.count("SendMessage")) == (["submitted", "working", "completed"], 1)


def test_outcome_that_cannot_be_told_is_said_to_be_unknown_and_the_agent_is_not_called_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    task_id = send(world)
    world.wire.decide = lambda request: Effect.FAILS if "follows" in str(request.body.get("UpdateExpression")) else Effect.NONE
    world.settle()
    assert pauses == [1, 2, 4, 8]
    assert said(world, task_id) == "TASK_STATE_WORKING: "
    world.wire.decide = undisturbed
    world.advance(CALL)
    assert said(world, task_id) == f"TASK_STATE_FAILED: {UNKNOWN}"
    assert (told(world), world.agent.count("SendMessage")) == (["submitted", "working", "failed"], 1)


@pytest.mark.parametrize("last", ["the outcome is told", "what was sent is deleted"])
def test_outcome_that_was_told_stands_though_its_worker_died_right_after(world: World, last: str) -> None:
    task_id = send(world)
    at_delete = once(Effect.DIES_AFTER, function="worker", name="DeleteItem")
    world.wire.decide, world.wire.deaths = at_revision(3, Effect.DIES_AFTER) if last == "the outcome is told" else at_delete, 0
    world.settle()
    assert (world.wire.deaths, is_over(world)) == (1, False)
    world.wire.decide = undisturbed
    world.advance(CALL)
    assert said(world, task_id) == "TASK_STATE_COMPLETED: "
    assert (told(world), world.agent.count("SendMessage")) == (["submitted", "working", "completed"], 1)
    assert is_over(world)


def test_send_that_died_before_its_first_revision_is_worked_on_all_the_same(world: World) -> None:
    world.wire.decide = at_revision(1, Effect.DIES_BEFORE)
    with pytest.raises(ConnectionError):
        send(world)
    world.wire.decide = undisturbed
    unborn = TaskKey.from_partition(world.items("RELAY_TASK")[0]["pk"]["S"]).task_id
    assert [world.call(method, {"id": unborn})["error"]["code"] for method in ("GetTask", "CancelTask")] == [-32001, -32001]
    world.advance(SWEEP)
    (task,) = world.result("ListTasks", {})["tasks"]
    assert (task["status"]["state"], [each["messageId"] for each in task["history"]]) == ("TASK_STATE_COMPLETED", ["m-1"])
    assert send(world) == task["id"], "the client sends again what seems to have failed"
    world.settle()
    assert (told(world), world.agent.count("SendMessage")) == (["working", "completed"], 1)
