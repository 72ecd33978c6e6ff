"""Runs of several notifications: what one step of a run leaves to the next of the same run. And what a new process begins with.

One step by itself: test_delivery_details.py.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from relay import observability
from relay.domain.packing import LARGE_BYTES
from relay.domain.schedule import GONE_RECHECK
from relay.domain.wakeup import DeliveryWakeup
from relay.use_cases.tell_ending import TellEnding
from relay_dev import execution_environment
from relay_dev.received import Notification
from relay_dev.receiver import Receiver
from tests.integration.test_deliver import appends
from tests.integration.test_delivery_details import KEY, deliver, follow, follow_filtered, logged
from tests.integration.test_register_beside_delete import registers_anew
from tests.support.wire import AwsRequest, Effect
from tests.support.world import DELIVERY, World, config_key, task_key


@contextmanager
def answering(world: World, *statuses: int, policy: Mapping[str, int] | None = None) -> Iterator[Receiver]:
    """The task t1 with the config a of a receiver that answers its POSTs so, one after the other, and then takes everything."""
    with Receiver() as receiver:
        world.agent.task("t1")
        world.register("t1", f"{receiver.url}/a", id="a", **({"retryPolicy": policy} if policy else {}))
        world.settle()
        for status in statuses:
            receiver.fail_next(status)
        yield receiver


def attempts(receiver: Receiver) -> list[tuple[str, int, int]]:
    return [(post.revision, post.attempt, post.status) for post in receiver.notifications]


# --- what a success leaves to the rest of its run


def test_the_first_failure_after_a_success_is_the_first_again(world: World) -> None:
    with answering(world, 503, 503, 200, 503) as receiver:
        appends(world, "working")
        world.settle()
        appends(world, "completed")
        for _ in range(2):
            world.advance(31)
        assert attempts(receiver) == [("2", 1, 503), ("2", 2, 503), ("2", 3, 200), ("3", 1, 503)]
        cursor = world.cursor("t1", "a")
        assert (cursor.position, cursor.attempts, cursor.attempted, cursor.is_failing) == (2, 1, 3, False)
        assert cursor.due is not None
        assert cursor.due - world.runner.clock.now() <= timedelta(seconds=6), "the first entry of the schedule"


def test_a_config_that_was_given_up_has_its_whole_schedule_after_a_success(world: World) -> None:
    """While it fails it gets two retries; the success came in the same run as the failure that follows."""
    with answering(world, *[500] * 4, 200, *[500] * 3) as receiver:
        appends(world, "working")
        for _ in range(4):
            world.advance(121)
        assert world.cursor("t1", "a").is_failing
        appends(world, "input-required", "completed")
        for _ in range(4):
            world.advance(121)
        assert attempts(receiver)[4:] == [("3", 1, 200), ("4", 1, 500), ("4", 2, 500), ("4", 3, 500), ("4", 4, 200)]
        assert [(letter.first, letter.last) for letter in world.dead_letters()] == [(2, 2)]


def test_a_410_after_a_success_is_looked_at_again_before_the_config_ends(world: World) -> None:
    with answering(world, 410, 200, 410) as receiver:
        appends(world, "working")
        world.settle()
        appends(world, "completed")
        for _ in range(int(GONE_RECHECK.total_seconds() / 900) + 1):
            world.advance(901)
        assert attempts(receiver)[:3] == [("2", 1, 410), ("2", 2, 200), ("3", 1, 410)]
        assert world.cursor("t1", "a").gone_checked
        assert world.dead_letters() == []


def test_what_is_given_up_after_a_success_begins_behind_it(world: World) -> None:
    with answering(world, 200, 500, policy={"maxRetries": 0}) as receiver:
        appends(world, "working", "completed")
        world.settle()
        assert attempts(receiver) == [("2", 1, 200), ("3", 1, 500)]
        assert [(letter.first, letter.last) for letter in world.dead_letters()] == [(3, 3)]
        assert world.cursor("t1", "a").position == 3


def test_what_is_given_up_of_a_redrive_begins_behind_what_was_taken(world: World) -> None:
    with answering(world, *[200] * 4, 500, policy={"maxRetries": 0}) as receiver:
        appends(world, "working", "working", "completed")
        world.settle()
        world.cursors.add_resend(KEY, [2, 3], now=world.runner.clock.now())
        deliver(world, DeliveryWakeup(KEY))
        assert attempts(receiver)[3:] == [("2", 1, 200), ("3", 1, 500)]
        assert [(letter.first, letter.last) for letter in world.dead_letters()] == [(3, 4)]
        assert (world.cursor("t1", "a").position, world.cursor("t1", "a").resend) == (4, ())


def test_what_is_redriven_behind_what_is_not_wanted_is_told(world: World) -> None:
    key = follow_filtered(world)
    appends(world, "working", "completed")
    world.settle()
    world.cursors.add_resend(key, [2, 3], now=world.runner.clock.now())
    deliver(world, DeliveryWakeup(key))
    assert [(post.revision, post.headers.get("a2a-relay-redriven")) for post in world.posts("hook")] == [("3", None), ("3", "true")]
    cursor = world.cursor("t1", key.config_id)
    assert (cursor.position, cursor.resend, cursor.claim_until) == (3, (), None)


def test_a_claim_that_is_lost_before_the_post_lets_the_rest_come_back_in_a_moment(world: World) -> None:
    """A slow look at the breaker took nine seconds of the claim, and somebody else has claimed the config."""
    follow(world)
    appends(world, "completed")
    slow = [True]

    def decide(request: AwsRequest) -> Effect:
        if slow and "RECEIVER#" in str(request.body):
            slow.clear()
            world.runner.clock.advance(timedelta(seconds=9))
            item = world.connection.get(KEY.task.partition, KEY.cursor)
            assert item is not None
            world.connection.put({**item, "claim": {"S": "another worker"}})
        return Effect.NONE

    world.wire.decide = decide
    assert deliver(world, DeliveryWakeup(KEY, 2)) == []
    assert world.posts() == []
    [sent] = [each.body for each in world.wire.asked(name="SendMessage")]
    assert DeliveryWakeup.load(sent["MessageBody"]) == DeliveryWakeup(KEY, group=world.cursor("t1", "a").group)
    assert 1 <= sent["DelaySeconds"] <= 2
    assert world.cursor("t1", "a").claim_token == "another worker"


def test_an_attempt_that_an_older_version_has_counted_goes_on_being_counted(world: World) -> None:
    """It did not write down of which revision the attempt was."""
    with answering(world, 503) as receiver:
        appends(world, "completed")
        world.settle()
        item = world.connection.get(KEY.task.partition, KEY.cursor)
        assert item is not None
        world.connection.put({name: value for name, value in item.items() if name != "attempted"})
        world.advance(5)
        assert attempts(receiver) == [("2", 1, 503), ("2", 2, 200)]


def test_a_fault_of_ours_brings_back_its_own_message_alone_and_says_which(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(world)
    world.register("t1", id="b")
    appends(world, "completed")
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")
    observability.forget()
    world.wire.decide = lambda request: Effect.FAILS if "CURSOR#a" in str(request.body) and request.name == "UpdateItem" else Effect.NONE
    capsys.readouterr()
    assert deliver(world, DeliveryWakeup(KEY), DeliveryWakeup(config_key("t1", "b"))) == ["m0"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    [line] = [line for line in lines if line.get("message") == "delivery failed"]
    assert (line["config"], line["error"]) == ("a", ["ClientError"])
    assert (world.told("a"), world.told("b")) == ([], [2])


@pytest.mark.parametrize("at", ["CURSOR#", "PUSH#"])
def test_a_410_ends_no_config_that_is_registered_anew_meanwhile_and_its_wake_up_comes_back(world: World, at: str) -> None:
    follow(world)
    world.receiver.fail_next(410, times=2)
    appends(world, "completed")
    world.settle()
    waits = world.cursor("t1", "a")
    world.purge(DELIVERY)
    world.runner.clock.advance(GONE_RECHECK)
    left = [True]

    def decide(request: AwsRequest) -> Effect:
        if left and request.name == "DeleteItem" and request.body["Key"]["sk"]["S"].startswith(at):
            left.clear()
            registers_anew(world, f"{world.receiver.url}/a")
        return Effect.NONE

    world.wire.decide = decide
    timer = DeliveryWakeup(KEY, timer=waits.waits_for)
    assert deliver(world, timer) == []
    assert not left
    sent = [
        DeliveryWakeup.load(each.body["MessageBody"])
        for each in world.wire.asked(name="SendMessage")
        if "timer" in each.body["MessageBody"]
    ]
    assert (timer in sent) == (at == "CURSOR#"), "with its cursor there it comes back; else its registration has woken it"
    assert world.cursor("t1", "a").key == KEY


def test_what_ends_without_its_task_says_why(world: World) -> None:
    follow(world)
    key = task_key("t1")
    newest = world.revisions.newest(key)
    watch = world.watch("t1")
    assert newest is not None
    assert watch is not None
    now = world.runner.clock.now()
    tell_ending = TellEnding(
        world.revisions, unreachable_limit=timedelta(days=1), watch_deadline=timedelta(days=1), now=world.runner.clock.now
    )
    tell_ending(replace(watch, deadline=now - timedelta(seconds=1)), newest)
    deliver(world, DeliveryWakeup(KEY))
    [post] = world.posts("a")
    assert post.headers["a2a-relay-ended"] == "deadline"


# --- what a new process begins with: `world` is one


def test_a_new_process_claims_for_twice_a_posts_timeout(world: World) -> None:
    def look(_: Notification) -> None:
        until = world.cursor("t1", "a").claim_until
        assert until is not None
        left.append(until - world.runner.clock.now())

    left: list[timedelta] = []
    with Receiver(on_notification=look) as receiver:
        world.agent.task("t1")
        world.register("t1", f"{receiver.url}/a", id="a")
        appends(world, "completed")
        execution_environment.forget()
        deliver(world, DeliveryWakeup(KEY))
    assert [timedelta(seconds=19) < each <= timedelta(seconds=20) for each in left] == [True]


def test_a_new_process_unpacks_a_large_task(world: World) -> None:
    world.agent.task("t1").becomes("completed", artifacts=["x" * (LARGE_BYTES + 1)])
    world.register("t1", id="a")
    execution_environment.forget()
    world.settle()
    [post] = world.posts("a")
    assert (post.state, post.artifacts, post.status) == ("completed", 1, 200)


def test_a_new_process_has_the_operators_choice_for_all_configs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPDATES_AFTER_FAILURE", "latest-state")
    execution_environment.forget()
    with answering(world, 503) as receiver:
        appends(world, "working")
        world.settle()
        appends(world, "completed")
        world.advance(5)
        assert attempts(receiver) == [("2", 1, 503), ("3", 1, 200)]


def test_a_new_process_keeps_a_failed_attempt_without_its_answer_while_kms_gives_no_key(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def kms_is_down(request: AwsRequest) -> Effect:
        return Effect.FAILS if request.name == "GenerateDataKey" else Effect.NONE

    with answering(world, 500):
        appends(world, "completed")
        execution_environment.forget()
        world.wire.decide = kms_is_down
        [line] = [line for line in logged(world, capsys, monkeypatch) if line["message"] == "an attempt is kept without its answer"]
        assert (line["task"], line["config"], line["level"]) == ("t1", "a", "ERROR")
        assert line["error"] == ["VaultError", "ClientError"]
        [kept] = world.attempts.last_with_answers(KEY, most=5)
        assert (kept.status, kept.answer) == (500, "")


def test_a_new_process_challenges_a_receiver_before_it_tells_it_anything(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNERSHIP_CHALLENGE", "true")
    execution_environment.forget()
    follow(world)
    appends(world, "completed")
    world.settle()
    assert world.told("a") == [2]


def test_a_new_process_asks_the_operators_rules_about_each_attempt(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may have changed since the registration."""
    follow(world)
    monkeypatch.setenv("DENIED_WEBHOOK_HOSTS", "127.0.0.1")
    execution_environment.forget()
    appends(world, "completed")
    world.settle()
    assert world.posts() == []
    [kept] = world.attempts.last(KEY, most=5)
    assert (kept.kind, kept.status, world.cursor("t1", "a").last_outcome) == ("blocked-address", None, "blocked-address")
    assert kept.detail.startswith("The webhook URL must not lead to a host that this relay's operator denies.")
