"""Streams in trouble: an agent that tells nonsense or what is old, forgets the task or is gone, and views that race for a revision."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from relay.adapters.table.stream_claims import StreamClaims
from relay.domain.stream import FIRST_EVENT
from relay.domain.task import ProtocolVersion, Revision, Snapshot, View
from relay.domain.wakeup import StreamWakeup
from relay.domain.watch import LAST_WORDS_WAIT
from relay.use_cases.observe import TRIES
from tests.support.streaming import DEADLINE, OVER, Streaming, streaming
from tests.support.wire import AwsRequest, Effect, undisturbed
from tests.support.world import World, task_key

TASK = task_key("t1")
SLOW = 60  # seconds: WatchMaxSeconds


@pytest.fixture(scope="module")
def one_world() -> Iterator[World]:
    with World(FollowStrategy="auto", WatchMinSeconds="1", WatchMaxSeconds=str(SLOW)) as world:
        yield world


@pytest.fixture
def world(one_world: World) -> World:
    one_world.clear()
    one_world.agent.streams = True
    return one_world


@pytest.fixture
def beside(world: World) -> Iterator[Streaming]:
    with streaming(world) as beside:
        yield beside


@pytest.fixture
def followed(world: World, beside: Streaming) -> Streaming:
    """The task t1 is followed by a stream, and is polled as slowly as can be."""
    registered(world)
    beside.eventually(lambda: streams(world) == 1)
    while interval(world) < SLOW:
        world.advance(1)
    world.agent.calls.clear()
    return beside


def registered(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()


def streams(world: World) -> int:
    return len(world.agent.task("t1").streams)


def interval(world: World) -> float:
    watch = world.watch("t1")
    assert watch is not None
    return watch.interval.total_seconds()


def silently(world: World, state: str) -> None:
    """The task becomes so, and the stream tells nothing of it."""
    world.agent.task("t1").document["status"] = {"state": state, "timestamp": world.runner.clock.now().isoformat()}


def states(world: World) -> list[str]:
    return [post.state for post in world.posts("a")]


# --- what the agent tells


def test_agent_that_talks_nonsense_is_asked_what_it_means(world: World, followed: Streaming) -> None:
    silently(world, "TASK_STATE_WORKING")
    world.agent.task("t1").tells({"statusUpdate": {"taskId": "t1", "status": "working"}})
    followed.eventually(lambda: states(world) == ["working"])
    assert (world.agent.count("GetTask"), streams(world)) == (1, 1)


def test_agent_that_talks_nonsense_and_cannot_be_asked_is_asked_a_little_later(world: World, followed: Streaming) -> None:
    silently(world, "TASK_STATE_WORKING")
    world.agent.status = 502
    world.agent.task("t1").tells({"neither": "a task nor an event of one"})
    followed.eventually(lambda: world.agent.count("GetTask") > 0)
    world.agent.status = 200
    world.advance(FIRST_EVENT.total_seconds() + 1)
    followed.eventually(lambda: states(world) == ["working"])
    assert streams(world) == 1


def test_what_is_no_word_on_the_task_is_passed_over(world: World, followed: Streaming) -> None:
    task = world.agent.task("t1")
    task.tells({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "by the way"}]}})
    task.tells({"statusUpdate": {"taskId": "t2", "contextId": "c", "status": {"state": "TASK_STATE_FAILED"}}})
    task.becomes("working")
    followed.eventually(lambda: states(world) == ["working"])
    assert (world.agent.count("GetTask"), world.newest("t2")) == (0, 0)


def test_task_that_was_long_on_its_way_is_never_told_after_what_is_newer(world: World, beside: Streaming) -> None:
    is_polled = threading.Event()

    def waits(event: dict[str, Any]) -> None:
        if "task" in event:
            assert is_polled.wait(DEADLINE)

    world.agent.before_event = waits
    registered(world)
    beside.eventually(lambda: streams(world) == 1)
    silently(world, "TASK_STATE_WORKING")
    world.advance(1)
    assert states(world) == ["working"]
    is_polled.set()
    world.agent.task("t1").becomes("input-required")
    beside.eventually(lambda: len(states(world)) == 2)
    assert states(world) == ["working", "input-required"]


def test_end_that_an_agent_tells_before_it_cannot_be_asked_any_more_is_told(world: World, followed: Streaming) -> None:
    world.agent.status = 502
    world.agent.task("t1").becomes("completed", message="all done")
    followed.eventually(lambda: followed.running == 0)
    world.settle()
    assert states(world) == ["completed"]
    assert b"all done" in world.posts("a")[0].body
    assert world.agent.count("GetTask") > 1


def test_end_that_the_agent_has_gone_on_from_since_is_not_told(world: World, followed: Streaming) -> None:
    def has_gone_on(method: str, answer: dict[str, Any]) -> None:
        if method == "GetTask":
            answer["result"]["status"] = {"state": "TASK_STATE_WORKING", "timestamp": world.runner.clock.now().isoformat()}

    world.agent.before_answer = has_gone_on
    world.agent.task("t1").becomes("completed")
    followed.eventually(lambda: followed.running == 0)
    followed.works = False
    world.settle()
    for _ in range(3):
        world.advance(LAST_WORDS_WAIT.total_seconds())
    assert states(world) == ["working"]


# --- streams that end


def test_task_that_ends_while_its_stream_is_made_again_is_told(world: World, followed: Streaming) -> None:
    task = world.agent.task("t1")

    def ends(method: str, _: dict[str, Any]) -> None:
        if method == "SubscribeToTask":
            world.agent.before_answer = lambda _method, _answer: None
            task.becomes("completed")

    world.agent.streams, world.agent.before_answer = False, ends
    task.tells(None)
    followed.eventually(lambda: states(world) == ["completed"])
    followed.eventually(lambda: followed.running == 0)
    assert StreamClaims(world.connection).get(TASK) is None


def test_stream_of_a_task_that_the_agent_has_forgotten_is_let_go_and_the_watch_says_so(world: World, followed: Streaming) -> None:
    task = world.agent.task("t1")
    world.agent.forget("t1")
    task.tells(None)
    followed.eventually(lambda: followed.running == 0)
    followed.works = False
    for _ in range(4):
        world.advance(2 * SLOW)
    assert [post.headers.get("a2a-relay-ended") for post in world.posts("a")] == ["vanished"]


def test_stream_that_nobody_needs_any_more_is_not_begun(world: World, beside: Streaming) -> None:
    world.agent.task("t1")
    beside.invoke({"Records": [{"messageId": "m", "body": StreamWakeup(TASK).dump()}]})
    beside.alone_until(lambda: beside.running == 0)
    assert world.agent.count("SubscribeToTask") == 0
    assert StreamClaims(world.connection).get(TASK) is None


def test_function_that_ends_while_the_agent_is_gone_leaves_the_task_to_the_next(world: World, followed: Streaming) -> None:
    [running] = followed.live
    with world.agent.gone():
        running.left = OVER
        followed.alone_until(lambda: followed.running == 0)
    world.agent.task("t1").becomes("working")
    followed.eventually(lambda: streams(world) == 1 and states(world) == ["working"])


def test_stream_that_loses_every_race_for_a_revision_is_left_to_the_watch(world: World, followed: Streaming) -> None:
    lost: list[str] = []
    now = world.runner.clock.now()

    def wins(request: AwsRequest) -> Effect:
        key = request.body.get("Item", {}).get("sk", {}).get("S", "")
        if request.function == "stream" and key.startswith("REVISION#") and key not in lost:
            lost.append(key)
            status = {"state": "TASK_STATE_WORKING", "message": {"messageId": key, "role": "ROLE_AGENT", "parts": [{"text": key}]}}
            view = View(Snapshot(ProtocolVersion.V10, {"id": "t1", "contextId": "c", "status": status}), now, now, "poll")
            world.revisions.append(TASK, Revision(int(key.rpartition("#")[2]), view), expires=now.replace(year=now.year + 1))
        return Effect.NONE

    world.wire.decide = wins
    world.agent.task("t1").becomes("working", message="the agent's own word")
    followed.eventually(lambda: followed.running == 0)
    world.wire.decide = undisturbed
    world.settle()
    assert len(lost) == TRIES
    assert b"the agent's own word" in world.posts("a")[-1].body
    assert interval(world) < SLOW
