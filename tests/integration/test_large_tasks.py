"""Large tasks: how much of them is in memory at once, and what of them is told (design §2, rule 11)."""

import gc
import json
import secrets
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from relay.adapters.upstream import turns
from relay.domain.notification import Notification
from relay.domain.packing import LARGE_BYTES, MAX_ITEM_BYTES, MAX_TASK_BYTES
from relay.domain.task import ProtocolVersion, Revision, Snapshot, View
from relay.domain.wakeup import DeliveryWakeup, WatchWakeup
from relay_dev.receiver import Receiver
from tests.support.wire import AwsRequest, Effect, undisturbed
from tests.support.world import World, config_key, task_key

CONFIGS, REVISIONS = 3, 3
POLL = 10.5  # seconds: a little more than the watch's interval


class Census:
    """The most objects of a kind that were alive at the same time, of those made since.

    Counted where they are made: `gc.get_objects` on one thread spoils the tuples that another one is just making (SystemError).
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: type, *, expected: int) -> None:
        self.most = 0
        self._expected = expected
        self._one_more = threading.Condition()
        self._made: list[weakref.ref[Any]] = []
        monkeypatch.setattr(kind, "__init__", self._counted(kind.__init__))  # type: ignore[misc]

    def _counted(self, init: Callable[..., None]) -> Callable[..., None]:
        def counted(made: object, *args: Any, **named: Any) -> None:
            init(made, *args, **named)
            with self._one_more:
                self._made.append(weakref.ref(made))
                self.most = max(self.most, sum(each() is not None for each in self._made))
                self._one_more.notify_all()
                self._one_more.wait_for(lambda: self.most > self._expected, timeout=0.1)  # what may be made beside it is made now

        return counted


@pytest.fixture
def quiet_gc() -> Iterator[None]:
    """What is alive is counted by reference, not by when the collector comes."""
    gc.disable()
    yield
    gc.enable()


def appends(world: World, *texts: str, task_id: str = "t1") -> None:
    """Revisions from 2 on, with so much text each; nothing is delivered yet."""
    now = world.runner.clock.now()
    for number, text in enumerate(texts, start=2):
        artifact = {"artifactId": "a", "name": str(number), "parts": [{"text": text}]}
        document = {"id": task_id, "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}, "artifacts": [artifact]}
        view = View(Snapshot(ProtocolVersion.V10, document), asked_at=now, arrived_at=now, learnt_by="poll")
        assert world.revisions.append(task_key(task_id), Revision(number, view), expires=now + timedelta(days=1))


def delivers(world: World, *config_ids: str, newest: int) -> None:
    """One batch with a wake-up for each config."""
    invoked(world, *(DeliveryWakeup(config_key("t1", config_id), newest) for config_id in config_ids))


def invoked(world: World, *wakeups: DeliveryWakeup) -> None:
    event = {"Records": [{"messageId": str(place), "body": wakeup.dump()} for place, wakeup in enumerate(wakeups)]}
    assert world.runner.invoke("DeliverFunction", event).answer == {"batchItemFailures": []}


@pytest.mark.parametrize("length", [LARGE_BYTES, MAX_ITEM_BYTES * 2], ids=["in the table", "in the bucket"])
@pytest.mark.usefixtures("quiet_gc")
def test_a_batch_that_is_far_behind_holds_one_unpacked_task_and_a_body_per_config(
    world: World, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    """However many revisions wait: all of them at once were 600 MB with ten configs, ten revisions and 4.5 MB."""
    names = [f"c{number}" for number in range(CONFIGS)]
    with Receiver() as receiver:
        world.agent.task("t1")
        for name in names:
            world.register("t1", f"{receiver.url}/{name}", id=name)
        world.settle()
        appends(world, *(secrets.token_urlsafe(length) for _ in range(REVISIONS)))
        with monkeypatch.context() as counting:
            unpacked, composed = Census(counting, Snapshot, expected=2), Census(counting, Notification, expected=CONFIGS)
            delivers(world, *names, newest=REVISIONS + 1)
        world.advance(POLL)  # on a slow machine a claim may have run low meanwhile: then the rest was handed over
        assert [world.told(name, receiver) for name in names] == [list(range(2, REVISIONS + 2))] * CONFIGS
    assert 1 <= unpacked.most <= 2  # one is let go while the next is opened
    assert 1 <= composed.most <= CONFIGS


def test_a_small_task_does_not_wait_for_a_large_one(world: World) -> None:
    """The large one's fetch from the bucket ends only when the small one has been told."""
    told = threading.Event()

    def decide(request: AwsRequest) -> Effect:
        if request.name == "GET":
            assert told.wait(10)
        return Effect.NONE

    with Receiver(on_notification=lambda _: told.set()) as receiver:
        for task_id, url in (("t1", ""), ("small", f"{receiver.url}/a")):
            world.agent.task(task_id)
            world.register(task_id, url, id="a")
        world.settle()
        appends(world, secrets.token_urlsafe(MAX_ITEM_BYTES))
        appends(world, "small", task_id="small")
        world.wire.decide = decide
        invoked(world, *(DeliveryWakeup(config_key(task_id, "a"), 2) for task_id in ("t1", "small")))
        world.wire.decide = undisturbed
        assert (world.told("a", receiver), world.told("a")) == ([2], [2])


def test_a_task_that_takes_longer_to_compose_than_a_claim_allows_is_told_all_the_same(world: World) -> None:
    """Its claim is renewed before the POST; handed over, it would come back to the same end for ever."""
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    appends(world, secrets.token_urlsafe(MAX_ITEM_BYTES))

    def decide(request: AwsRequest) -> Effect:
        if request.name == "GET":
            world.runner.clock.advance(timedelta(seconds=12))
        return Effect.NONE

    world.wire.decide = decide
    delivers(world, "a", newest=2)
    world.wire.decide = undisturbed
    assert world.told("a") == [2]


def test_a_claim_that_somebody_else_took_while_a_task_was_composed_sends_nothing(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    appends(world, secrets.token_urlsafe(MAX_ITEM_BYTES))

    def decide(request: AwsRequest) -> Effect:
        if request.name == "GET":
            world.runner.clock.advance(timedelta(seconds=21))
            now = world.runner.clock.now()
            assert world.cursors.claim(
                config_key("t1", "a"), "another worker", now=now, until=now + timedelta(seconds=20), timers=(), revision=None
            )[0]
        return Effect.NONE

    world.wire.decide = decide
    delivers(world, "a", newest=2)
    assert world.posts("a") == []
    world.wire.decide = undisturbed
    world.advance(60)
    assert world.told("a")[0] == 2


@pytest.mark.parametrize("updates", ["every-revision", "events"])
def test_a_task_that_is_no_longer_in_the_bucket_is_dead_lettered_and_what_follows_is_told(world: World, updates: str) -> None:
    """Its object has expired, or the table was restored and the bucket was not."""
    world.headers["a2a-relay-updates"] = updates
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    appends(world, secrets.token_urlsafe(MAX_ITEM_BYTES), "small")
    empty_the_bucket(world)
    world.settle()
    assert world.told("a") == [3]
    assert [(letter.first, letter.last, letter.reason) for letter in world.dead_letters()] == [(2, 2, "revision-missing")]


def empty_the_bucket(world: World) -> None:
    s3, bucket = world.runner.aws.client("s3"), world.setting("BUCKET_NAME")
    for each in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=each["Key"])


# --- from the agent to the table


def large_tasks(world: World, *names: str) -> None:
    """Followed, and told of as submitted; then large at their agent."""
    world.follow(*names)
    for name in names:
        world.agent.task(name).becomes("working", artifacts=[secrets.token_urlsafe(LARGE_BYTES)])


def asks(world: World, *names: str) -> None:
    """One batch of the watch function that asks for each task."""
    wakeups = [WatchWakeup(task_key(name), asked_at=world.runner.clock.now()) for name in names]
    event = {"Records": [{"messageId": name, "body": wakeup.dump()} for name, wakeup in zip(names, wakeups, strict=True)]}
    assert world.runner.invoke("WatchFunction", event).answer == {"batchItemFailures": []}


@pytest.mark.usefixtures("quiet_gc")
def test_a_batch_of_polls_holds_one_large_task_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten of 4 MB with many small values were 510 MB, in a function that has 512."""
    names = [f"t{number}" for number in range(4)]
    large_tasks(world, *names)
    with monkeypatch.context() as counting:
        parsed = Census(counting, Snapshot, expected=2)
        asks(world, *names)
    assert 1 <= parsed.most <= 2  # one is let go while the next is read
    world.settle()
    assert [world.told(name) for name in names] == [[2]] * len(names)


def test_small_tasks_are_polled_at_the_same_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"t{number}" for number in range(4)]
    world.follow(*names)
    with monkeypatch.context() as counting:
        parsed = Census(counting, Snapshot, expected=2)
        asks(world, *names)
    assert parsed.most > 2


def test_a_large_task_whose_turn_does_not_come_is_polled_again_and_nobody_is_blamed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_PATIENCE_SECONDS", 0.05)
    large_tasks(world, "t1")
    with turns.one_large_answer_at_a_time():  # somebody else's, on another thread
        turns.await_turn(LARGE_BYTES + 1, is_whole=True)
        asks(world, "t1")
        watch = world.watch("t1")
        assert watch is not None
        assert (watch.failures, watch.trouble, world.newest("t1")) == (0, None, 1)
    world.advance(POLL)
    assert world.told("t1") == [2]


# --- from the agent to the receiver


def test_artifacts_of_several_megabytes_up_to_the_limit_are_told_whole(world: World) -> None:
    text = secrets.token_urlsafe(int(MAX_TASK_BYTES * 0.74))
    assert MAX_TASK_BYTES * 0.95 < len(text) < MAX_TASK_BYTES
    world.agent.task("t1")
    world.register("t1", id="a")
    world.agent.task("t1").becomes("completed", artifacts=[text])
    world.advance(POLL)
    [post] = world.posts("a")
    assert post.payload is not None
    assert post.payload["task"]["artifacts"][0]["parts"] == [{"text": text}]
    assert post.is_accepted


def test_a_history_of_a_thousand_messages_is_told_whole(world: World) -> None:
    task = world.agent.task("t1")
    for number in range(1000):
        task.hears({"messageId": f"m{number}", "role": "ROLE_USER", "parts": [{"text": f"message {number} " + "y" * 500}]})
    world.register("t1", id="a")
    task.becomes("completed")
    world.advance(POLL)
    [post] = world.posts("a")
    assert post.payload is not None
    assert [message["messageId"] for message in post.payload["task"]["history"]] == [f"m{number}" for number in range(1000)]


def test_beyond_the_limit_the_state_is_told_without_contents_and_the_header_says_so(world: World) -> None:
    world.agent.task("t1")
    told: list[str | None] = []
    with Receiver(on_notification=lambda post: told.append(post.headers.get("a2a-relay-truncated"))) as receiver:
        world.register("t1", f"{receiver.url}/a", id="a")
        world.agent.task("t1").becomes("completed", artifacts=["z" * MAX_TASK_BYTES])
        world.advance(POLL)
        [post] = world.posts("a", receiver)
        assert post.payload is not None
        task = post.payload["task"]
        assert task["status"]["state"] == "TASK_STATE_COMPLETED"
        assert task["artifacts"] == [{"artifactId": "artifact 0", "parts": []}]
        assert len(json.dumps(post.payload)) < 1000
    assert told == ["true"]


def test_of_large_tasks_a_process_fetches_and_unpacks_one_at_a_time(world: World) -> None:
    names = ["t1", "t2", "t3"]
    for name in names:
        world.agent.task(name)
        world.register(name, id="a")
    world.settle()
    for name in names:
        appends(world, secrets.token_urlsafe(MAX_ITEM_BYTES), task_id=name)
    second = threading.Barrier(2, timeout=0.3)  # broken, unless two are there at once
    met: list[bool] = []

    def decide(request: AwsRequest) -> Effect:
        if request.name == "GET":
            with suppress(threading.BrokenBarrierError):
                second.wait()
                met.append(True)
            second.reset()
        return Effect.NONE

    world.wire.decide = decide
    invoked(world, *(DeliveryWakeup(config_key(name, "a"), 2) for name in names))
    world.wire.decide = undisturbed
    assert len(world.told("a")) == len(names)
    assert met == []
