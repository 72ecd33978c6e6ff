"""Honest endings: whose task will not be followed to its end is told so, once, in order, and the task may come back."""

import json
import secrets
from collections.abc import Iterator
from datetime import timedelta

import pytest

from relay.domain.packing import MAX_ITEM_BYTES
from relay.domain.task import ProtocolVersion, Revision, Snapshot, View
from relay_dev.received import Notification
from tests.integration.test_large_tasks import empty_the_bucket
from tests.support.wire import AwsRequest, Effect
from tests.support.world import World, task_key

POLL = 61.0  # seconds: a little more than the watch's interval
MINUTE, HOUR = 60.0, 3600.0
_PACE = {"WatchMinSeconds": "60", "WatchMaxSeconds": "60"}
ANN, BOB = "Bearer anns-own-credential", "Bearer bobs-own-credential"


@pytest.fixture
def world() -> Iterator[World]:
    with World(WatchDeadlineHours="24", AgentUnreachableMinutes="15", **_PACE) as world:
        world.agent.task("t1").becomes("working", artifacts=["half of it"])
        world.register("t1", id="a")
        world.settle()
        yield world


def ending(post: Notification) -> str:
    return post.headers.get("a2a-relay-ended", "")


def told(world: World, config_id: str = "a") -> list[str]:
    return [ending(post) or post.state for post in world.posts(config_id)]


def wait(world: World, seconds: float, *, step: float = POLL) -> None:
    for _ in range(int(seconds / step) + 1):
        world.advance(step)


@pytest.mark.thorough
def test_agent_that_is_away_for_too_long_is_told_once(world: World) -> None:
    world.agent.status = 503
    wait(world, 14 * MINUTE)
    assert told(world) == []
    wait(world, 10 * MINUTE)
    assert told(world) == ["unreachable"]
    wait(world, HOUR, step=601)
    assert told(world) == ["unreachable"]


def test_all_tasks_of_an_agent_that_is_away_are_told_though_only_some_probe_it(world: World) -> None:
    tasks = [f"t{number}" for number in range(10, 20)]
    for task_id in tasks:
        world.agent.task(task_id)
        world.register(task_id, id=task_id)
    world.settle()
    world.agent.status = 503
    wait(world, 25 * MINUTE, step=121)
    assert [told(world, task_id) for task_id in tasks] == [["unreachable"]] * len(tasks)


def test_ending_that_comes_just_when_the_agent_tells_something_is_told_after_it(world: World) -> None:
    def tells(request: AwsRequest) -> Effect:
        """Past the relay's door for reports, at the last moment before the ending is put."""
        if (request.function, request.body.get("Item", {}).get("sk")) == ("watch", {"S": "REVISION#0000000002"}) and not told_first:
            told_first.append("working")
            now, status = (
                world.runner.clock.now(),
                {"state": "TASK_STATE_WORKING", "message": {"messageId": "m", "parts": [{"text": "on it"}]}},
            )
            view = View(Snapshot(ProtocolVersion.V10, {"id": "t1", "contextId": "c", "status": status}), now, now, "report")
            world.revisions.append(task_key("t1"), Revision(2, view), expires=now + timedelta(days=1))
        return Effect.NONE

    told_first: list[str] = []
    world.wire.decide, world.agent.status = tells, 503
    wait(world, 25 * MINUTE, step=121)
    assert told(world) == ["working", "unreachable"]


def test_task_whose_agent_comes_back_is_followed_and_told_on(world: World) -> None:
    world.agent.status = 503
    wait(world, 20 * MINUTE)
    world.agent.status = 200
    wait(world, 2 * MINUTE)
    assert told(world) == ["unreachable", "working"]
    world.agent.task("t1").becomes("completed")
    wait(world, MINUTE)
    assert told(world) == ["unreachable", "working", "completed"]
    assert [post.revision for post in world.posts("a")] == ["2", "3", "4"]


def test_ending_is_the_task_as_it_was_last_seen_in_no_terminal_state(world: World) -> None:
    world.agent.forget("t1")
    wait(world, 10 * MINUTE)
    [post] = world.posts("a")
    task = json.loads(post.body)["task"]
    assert task["status"]["state"] == "TASK_STATE_UNSPECIFIED"
    assert [part["text"] for artifact in task["artifacts"] for part in artifact["parts"]] == ["half of it"]
    message = task["status"]["message"]
    assert (message["role"], message["metadata"]) == ("ROLE_AGENT", {"A2A-Relay-Ended": "vanished"})
    assert "no such task any more" in message["parts"][0]["text"]
    assert set(task) <= {"id", "contextId", "status", "artifacts", "history", "metadata"}


@pytest.mark.thorough
def test_ending_in_0_3_is_unknown() -> None:
    with World(**_PACE) as world:
        world.agent.task("t1")
        params = {"taskId": "t1", "pushNotificationConfig": {"url": f"{world.receiver.url}/a"}}
        world.result("tasks/pushNotificationConfig/set", params, version="0.3")
        world.settle()
        world.agent.forget("t1")
        wait(world, 10 * MINUTE)
        [post] = world.posts("a")
        status = json.loads(post.body)["status"]
        assert (status["state"], status["message"]["role"]) == ("unknown", "agent")
        assert ending(post) == "vanished"


@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_ending_of_a_task_that_is_gone_from_the_bucket_is_told_by_its_id(version: str) -> None:
    with World(**_PACE) as world:
        world.agent.speaks = ProtocolVersion(version)
        world.follow("t1")
        world.agent.task("t1").becomes("working", artifacts=[secrets.token_urlsafe(MAX_ITEM_BYTES)])
        world.advance(POLL)
        empty_the_bucket(world)
        world.agent.forget("t1")
        wait(world, 7 * MINUTE)
        assert told(world, "t1") == ["working", "vanished"]
        last = world.posts("t1")[-1]
        task = json.loads(last.body)["task"]
        assert (task["id"], task.get("artifacts", []), last.headers["a2a-relay-truncated"]) == ("t1", [], "true")


@pytest.mark.thorough
def test_task_that_is_missing_for_a_moment_has_not_vanished(world: World) -> None:
    task = world.agent.tasks.pop("t1")
    wait(world, 4 * MINUTE)
    world.agent.tasks["t1"] = task
    wait(world, 10 * MINUTE)
    assert told(world) == []


@pytest.mark.thorough
def test_task_that_has_vanished_is_asked_for_seldom_and_may_come_back(world: World) -> None:
    task = world.agent.tasks.pop("t1")
    wait(world, 10 * MINUTE)
    assert told(world) == ["vanished"]
    wait(world, HOUR, step=301)
    world.agent.calls.clear()
    wait(world, HOUR, step=301)
    assert 3 <= world.agent.count("GetTask") <= 5
    world.agent.tasks["t1"] = task
    task.becomes("completed")
    wait(world, 20 * MINUTE, step=301)
    assert told(world) == ["vanished", "completed"]


def test_deadline_is_told_and_the_watch_ends() -> None:
    with World(WatchDeadlineHours="0.2", **_PACE) as world:
        world.agent.task("t1")
        world.register("t1", id="a")
        world.register("t1", id="b")
        world.settle()
        wait(world, 30 * MINUTE, step=181)
        assert (told(world, "a"), told(world, "b")) == (["deadline"], ["deadline"])
        assert world.watch("t1") is None


def test_registration_after_the_deadline_begins_again_and_all_are_told_on() -> None:
    with World(WatchDeadlineHours="0.2", **_PACE) as world:
        world.agent.task("t1").becomes("working")
        world.register("t1", id="a")
        world.settle()
        wait(world, 30 * MINUTE, step=181)
        world.register("t1", id="b")
        world.settle()
        world.agent.task("t1").becomes("completed")
        wait(world, 3 * MINUTE)
        assert told(world, "a") == ["deadline", "working", "completed"]
        assert told(world, "b") == ["completed"]


@pytest.mark.parametrize("state", ["completed"])
def test_task_that_has_ended_has_no_other_ending(world: World, state: str) -> None:
    world.agent.task("t1").becomes(state)
    world.advance(POLL)
    world.agent.status = 503
    wait(world, 3 * HOUR, step=600)
    assert told(world) == [state]


@pytest.mark.thorough
def test_after_the_deadline_nobody_is_told_who_is_gone(world: World) -> None:
    world.delete("t1", "a")
    wait(world, 25 * HOUR, step=20_000)
    assert (told(world), world.newest("t1")) == ([], 1)


@pytest.mark.thorough
def test_agent_that_fails_now_this_way_now_that_is_told_of_a_few_times_only(world: World) -> None:
    task = world.agent.tasks.pop("t1")
    for _ in range(4):
        world.agent.status = 503
        wait(world, 20 * MINUTE)
        world.agent.status = 200
        wait(world, 20 * MINUTE)
    assert told(world) == ["unreachable", "vanished"]
    world.agent.tasks["t1"] = task


def test_refused_credential_of_a_caller_is_told_at_once_and_a_fresh_one_goes_on() -> None:
    with World(FollowAs="caller", **_PACE) as world:
        world.agent.lets_in = {ANN}
        world.agent.task("t1").becomes("working")
        world.headers = {"x-upstream-authorization": ANN}
        world.register("t1", id="a")
        world.settle()
        world.agent.lets_in = {BOB}
        wait(world, 2 * MINUTE)
        assert told(world) == ["unauthorized"]
        world.headers = {"x-upstream-authorization": BOB}
        world.register("t1", id="b")
        world.settle()
        assert told(world) == ["unauthorized", "working"]


@pytest.mark.thorough
def test_refused_credential_of_the_operator_is_told_when_it_is_no_blip(world: World) -> None:
    world.agent.lets_in = {BOB}
    wait(world, 4 * MINUTE)
    assert told(world) == []
    wait(world, 4 * MINUTE)
    assert told(world) == ["unauthorized"]
    world.agent.lets_in = None
    wait(world, 16 * MINUTE, step=301)
    assert told(world) == ["unauthorized", "working"]


def test_retry_of_an_ending_is_the_same_notification(world: World) -> None:
    world.agent.forget("t1")
    world.receiver.fail_next(503)
    wait(world, 10 * MINUTE)
    first, second = world.posts("a")
    assert (first.webhook_id, first.body, ending(second)) == (second.webhook_id, second.body, "vanished")
