"""Streams of agents that have them: they bring changes at once; what dies with them, the watch finds (domain/stream.py)."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import relay.domain.task as task_module
from relay.adapters.table.strategies import StrategyRecords
from relay.adapters.table.stream_claims import StreamClaims
from relay.domain.strategy import Strategy
from relay.domain.stream import CLAIM, RECEIVE_EVERY, RENEW_EVERY
from relay.domain.wakeup import StreamWakeup
from relay.domain.watch import LAST_WORDS_WAIT
from tests.support.streaming import SOON_OVER, Streaming, streaming
from tests.support.wire import Effect, once
from tests.support.world import World, task_key

TASK = task_key("t1")
STREAMS = "StreamQueue"
SLOW = 60  # seconds: WatchMaxSeconds


@pytest.fixture(scope="module")
def one_world() -> Iterator[World]:
    with World(FollowStrategy="auto", WatchMinSeconds="1", WatchMaxSeconds=str(SLOW), AgentUnreachableMinutes="10") as world:
        yield world


@pytest.fixture
def world(one_world: World) -> World:
    one_world.reset()
    one_world.agent.streams = True
    return one_world


@pytest.fixture
def beside(world: World) -> Iterator[Streaming]:
    with streaming(world) as beside:
        yield beside


def followed(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()


def streams(world: World) -> int:
    """That are open at the agent."""
    return len(world.agent.task("t1").streams)


def followed_by_stream(world: World, beside: Streaming) -> None:
    followed(world)
    beside.eventually(lambda: streams(world) == 1)
    while interval(world) < SLOW:  # the next poll finds the stream, and slows down
        world.advance(1)


def interval(world: World) -> float:
    watch = world.watch("t1")
    assert watch is not None
    return watch.interval.total_seconds()


def test_what_a_stream_tells_is_on_its_way_before_any_poll(world: World, beside: Streaming) -> None:
    followed_by_stream(world, beside)
    polls = world.agent.count("GetTask")
    for number in range(3):
        world.agent.task("t1").becomes("working", message=f"message {number}")
    beside.eventually(lambda: world.told("a") == [2, 3, 4])
    assert world.agent.count("GetTask") == polls
    assert interval(world) == SLOW


def test_the_end_is_asked_for_once_more_and_ends_the_stream(world: World, beside: Streaming) -> None:
    followed_by_stream(world, beside)
    world.agent.task("t1").becomes("completed", artifacts=["the stream tells nothing of it"])
    beside.eventually(lambda: world.told("a") == [2])
    beside.eventually(lambda: beside.running == 0)
    [post] = world.posts("a")
    assert [artifact["artifactId"] for artifact in json.loads(post.body)["task"]["artifacts"]] == ["artifact 0"]
    assert StreamClaims(world.connection).get(TASK) is None


def test_pieces_of_an_artifact_make_few_revisions_and_none_is_lost(world: World, beside: Streaming) -> None:
    followed_by_stream(world, beside)
    pieces = [f"{number} " for number in range(20)]
    for number, piece in enumerate(pieces):
        artifact = {"artifactId": "text", "parts": [{"text": piece}]}
        world.agent.task("t1").tells({"artifactUpdate": {"taskId": "t1", "artifact": artifact, "append": number > 0}})
    beside.eventually(lambda: world.newest("t1") >= 2)
    world.advance(2)
    beside.eventually(lambda: bool(world.posts("a")) and told_pieces(world) == pieces)
    assert len(world.told("a")) < 10


def test_pieces_of_an_artifact_are_not_each_compared_with_the_whole_task(
    world: World, beside: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A piece of an artifact of 10,000 took 185 ms of a whole processor; a function has a third of one for 200 streams."""
    followed_by_stream(world, beside)
    pieces = [f"{number} " for number in range(40)]
    digested, digest = list[object](), task_module._digest

    def counted(value: object) -> str:
        digested.append(value)
        return digest(value)

    with monkeypatch.context() as counting:
        counting.setattr(task_module, "_digest", counted)
        for number, piece in enumerate(pieces):
            artifact = {"artifactId": "text", "parts": [{"text": piece}]}
            world.agent.task("t1").tells({"artifactUpdate": {"taskId": "t1", "artifact": artifact, "append": number > 0}})
        beside.eventually(lambda: world.newest("t1") >= 2)
        world.advance(2)
        beside.eventually(lambda: bool(world.posts("a")) and told_pieces(world) == pieces)
    assert len(digested) < 2 * len(pieces)


def told_pieces(world: World) -> list[str]:
    [artifact] = json.loads(world.posts("a")[-1].body)["task"]["artifacts"]
    return [part["text"] for part in artifact["parts"]]


def test_connection_that_breaks_is_made_again_and_nothing_is_lost(world: World, beside: Streaming) -> None:
    followed_by_stream(world, beside)
    task = world.agent.task("t1")
    task.tells(None)
    beside.eventually(lambda: streams(world) == 0)
    task.becomes("working", message="while nobody listened")
    beside.eventually(lambda: world.told("a") == [2])
    task.becomes("completed")
    beside.eventually(lambda: world.told("a") == [2, 3])


@pytest.mark.parametrize("status", [429, pytest.param(503, marks=pytest.mark.thorough)])
def test_stream_that_a_busy_agent_refuses_is_not_asked_for_again_at_once(world: World, beside: Streaming, status: int) -> None:
    def is_busy(method: str, _: dict[str, Any]) -> None:
        world.agent.status, world.agent.retry_after = (status, "200") if method == "SubscribeToTask" else (200, "")

    world.agent.task("t1")
    world.register("t1", id="a")
    world.agent.streams, world.agent.before_answer = False, is_busy  # its card was read before
    beside.eventually(lambda: world.agent.count("SubscribeToTask") > 0 and beside.running == 0)
    assert world.agent.count("SubscribeToTask") == 1


@pytest.mark.thorough
def test_agent_that_asks_for_a_pause_is_asked_for_no_stream_meanwhile(world: World, beside: Streaming) -> None:
    followed_by_stream(world, beside)
    world.agent.calls.clear()
    world.agent.status, world.agent.retry_after, world.agent.streams = 429, "200", False
    world.agent.task("t1").tells(None)
    for _ in range(3):
        beside.eventually(lambda: beside.running == 0)
        world.advance(SLOW)
    beside.eventually(lambda: beside.running == 0)
    assert world.agent.count("SubscribeToTask") == 0
    world.agent.status, world.agent.streams = 200, True
    for _ in range(10):  # no further than to the stream: one that stands cannot renew its claim while time leaps
        if streams(world):
            break
        world.advance(SLOW)
        beside.eventually(lambda: streams(world) == 1 or (beside.running == 0 and world.length(STREAMS) == 0))
    assert streams(world) == 1


def test_task_that_waits_for_somebody_needs_no_stream_until_it_goes_on(world: World, beside: Streaming) -> None:
    followed_by_stream(world, beside)
    world.agent.task("t1").becomes("input-required")
    beside.eventually(lambda: world.told("a") == [2] and beside.running == 0)
    world.advance(SLOW + 1)
    assert world.length(STREAMS) == 0
    world.agent.next_state = "working"
    world.send(task_id="t1")
    beside.eventually(lambda: streams(world) == 1)


def test_function_whose_time_ends_hands_its_tasks_over(world: World, beside: Streaming) -> None:
    beside.works = False
    followed(world)
    beside.works = True
    first = beside.invoke({"Records": [{"messageId": "m", "body": StreamWakeup(TASK).dump()}]})
    beside.eventually(lambda: streams(world) == 1)
    claim = StreamClaims(world.connection).get(TASK)
    first.left = SOON_OVER
    beside.eventually(lambda: (now := StreamClaims(world.connection).get(TASK)) is not None and now != claim)
    beside.eventually(lambda: streams(world) == 2)
    world.agent.task("t1").becomes("working")
    beside.eventually(lambda: world.told("a") == [2])


def test_running_function_takes_more_tasks(world: World, beside: Streaming) -> None:
    followed_by_stream(world, beside)
    world.agent.task("t2")
    world.register("t2", id="b")
    world.put(STREAMS, StreamWakeup(task_key("t2")).dump())
    world.runner.advance(RECEIVE_EVERY)
    beside.alone_until(lambda: len(world.agent.task("t2").streams) == 1)
    assert beside.running == 1


def test_second_wakeup_for_a_stream_that_is_held_does_nothing(world: World, beside: Streaming) -> None:
    followed_by_stream(world, beside)
    before = beside.running
    world.put(STREAMS, StreamWakeup(TASK).dump())
    beside.eventually(lambda: beside.running == before and world.length(STREAMS) == 0)
    assert world.agent.count("SubscribeToTask") == 1


# --- what others have learnt of the task meanwhile


def is_renewed(world: World) -> bool:
    claim = StreamClaims(world.connection).get(TASK)
    return claim is not None and claim.until > world.runner.clock.now() + timedelta(seconds=SLOW)


def test_what_a_poll_has_found_is_part_of_what_the_stream_tells_next(world: World, beside: Streaming) -> None:
    followed_by_stream(world, beside)
    task = world.agent.task("t1")
    task.document["artifacts"] = [{"artifactId": "silent", "parts": [{"text": "no event told of it"}]}]
    world.advance(SLOW + 1)
    assert world.told("a") == [2]
    task.becomes("working")
    beside.eventually(lambda: world.told("a") == [2, 3])
    assert [artifact["artifactId"] for artifact in json.loads(world.posts("a")[-1].body)["task"]["artifacts"]] == ["silent"]


def test_what_the_stream_tells_after_an_ending_is_told_though_the_agents_clock_is_slow(world: World, beside: Streaming) -> None:
    followed_by_stream(world, beside)
    task, before = world.agent.task("t1"), world.runner.clock.now()
    world.agent.status = 503
    for _ in range(13):
        world.advance(SLOW)
        beside.alone_until(lambda: is_renewed(world))
    assert [post.headers.get("a2a-relay-ended") for post in world.posts("a")] == ["unreachable"]
    status = {"state": "TASK_STATE_WORKING", "timestamp": before.isoformat()}
    task.tells({"statusUpdate": {"taskId": "t1", "contextId": task.document["contextId"], "status": status}})
    beside.eventually(lambda: [post.state for post in world.posts("a")][1:] == ["working"])


def test_end_that_the_agent_takes_back_when_it_is_asked_is_told_after_a_while(world: World, beside: Streaming) -> None:
    followed_by_stream(world, beside)

    def forget_the_end(method: str, answer: dict[str, Any]) -> None:
        if method == "GetTask":
            answer["result"]["status"] = {"state": "TASK_STATE_SUBMITTED"}

    world.agent.before_answer = forget_the_end
    world.agent.task("t1").becomes("completed", message="all done")
    beside.eventually(lambda: beside.running == 0)
    world.settle()
    assert world.told("a") == []
    for _ in range(3):
        world.advance(LAST_WORDS_WAIT.total_seconds())
    assert [post.state for post in world.posts("a")] == ["completed"]


def test_stream_of_a_task_whose_deadline_is_over_is_let_go(world: World, beside: Streaming) -> None:
    followed_by_stream(world, beside)
    world.runner.advance(timedelta(hours=169))
    for _ in range(3):
        world.advance(SLOW)
    assert [post.headers.get("a2a-relay-ended") for post in world.posts("a")] == ["deadline"]
    world.advance(RENEW_EVERY.total_seconds() + 1)
    beside.alone_until(lambda: beside.running == 0)


# --- what dies


def test_function_that_died_is_missed_and_the_watch_polls_often_and_asks_for_another(world: World, beside: Streaming) -> None:
    beside.works = False
    followed(world)
    now = world.runner.clock.now()
    StreamClaims(world.connection).claim(TASK, "one that died", instead_of="", now=now, until=now + CLAIM)
    world.advance(1)
    assert interval(world) == SLOW
    world.agent.task("t1").becomes("working")
    world.advance(SLOW)
    assert world.told("a") == [2], "the slow poll finds what nobody told"
    for _ in range(2):
        world.advance(SLOW)
    assert interval(world) < SLOW
    beside.works = True
    world.advance(SLOW)
    beside.eventually(lambda: streams(world) == 1)


def test_stream_that_cannot_be_held_wakes_the_watch(world: World, beside: Streaming) -> None:
    followed_by_stream(world, beside)
    world.agent.status = 502
    world.agent.task("t1").tells(None)
    world.agent.streams = False
    beside.eventually(lambda: beside.running == 0)
    world.agent.status = 200
    world.agent.task("t1").becomes("working")
    beside.eventually(lambda: world.told("a") == [2])
    assert interval(world) < SLOW


def test_agent_without_the_streams_of_its_card_is_followed_in_another_way(world: World, beside: Streaming) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.agent.streams = False  # its card was read before
    beside.eventually(lambda: Strategy.STREAM in StrategyRecords(world.connection, now=world.runner.clock.now).given_up(TASK.agent_key))
    beside.eventually(lambda: beside.running == 0)
    world.agent.task("t1").becomes("working")
    world.advance(SLOW + 1)
    assert world.told("a") == [2]
    assert world.length(STREAMS) == 0


@pytest.mark.parametrize("name", ["ReceiveMessage", "SendMessageBatch"])
def test_stream_goes_on_when_the_queue_fails(world: World, beside: Streaming, name: str) -> None:
    """Its function can take no more tasks, or hand none over, for a moment."""
    followed_by_stream(world, beside)
    [running], failed = beside.live, once(Effect.FAILS, function="stream", name=name)
    asked = len(world.wire.asked("stream", name))
    world.wire.decide = failed
    if name == "SendMessageBatch":
        running.left = SOON_OVER
    world.advance(2)
    beside.alone_until(lambda: len(world.wire.asked("stream", name)) > asked)
    assert not running.life.is_dead
    world.agent.task("t1").becomes("working")
    beside.eventually(lambda: world.told("a") == [2])
    assert beside.live == [running]
