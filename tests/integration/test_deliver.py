"""Delivering: claim, read, POST in order, advance; timer, then wait; return what is taken (design §2, rules 3 to 5, 8, 9 and 13)."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from relay.domain.keys import ConfigKey
from relay.domain.wakeup import DeliveryWakeup
from relay.wiring import wiring
from relay_dev.receiver import Receiver
from tests.support.wire import AwsRequest, Effect, each, once, undisturbed
from tests.support.world import DELIVERY, VISIBILITY, World, config_key, task_key

POLL = 10.5  # seconds: a little more than the watch's interval
KEY = config_key("t1", "a")


@pytest.fixture
def followed(world: World) -> World:
    """The task t1 with the config a, told nothing yet; its newest revision is 1."""
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    world.wire.requests.clear()
    return world


def appends(world: World, *states: str) -> None:
    """New revisions, observed at once; nothing is delivered yet."""
    for number, state in enumerate(states):
        world.agent.next_state = state
        world.agent.task("t1").becomes(state, message=f"message {number}")
        view = wiring().ask(task_key("t1"), timeout=timedelta(seconds=5))
        assert view is not None
        wiring().observe(task_key("t1"), view)


def holds(world: World, seconds: float = 20, token: str = "another worker") -> None:
    """Somebody else claims the config."""
    now = world.runner.clock.now()
    assert world.cursors.claim(KEY, token, now=now, until=now + timedelta(seconds=seconds), timers=(), revision=None)[0]


def steps(world: World) -> list[str]:
    """What the deliver function asked of AWS, in order: writes by what they write, reads and sends by name; without the breaker's."""
    return [_step(request) for request in world.wire.asked("deliver") if request.name != "GetItem"]


def _step(request: AwsRequest) -> str:
    if request.name == "UpdateItem":
        expression = request.body["UpdateExpression"]
        names = {"claim": "SET claim =", "wait": "waits_for = :timer", "give up": "is_failing =", "advance": "position"}
        return next((name for name, text in names.items() if text in expression), "release")
    if request.name == "PutItem":
        return str(request.body["Item"]["sk"]["S"].partition("#")[0])
    return request.name


# --- the straight way


def test_a_notification_tells_the_whole_task_once(followed: World) -> None:
    followed.agent.task("t1").becomes("working", message="on it", artifacts=["a", "b"])
    followed.advance(POLL)
    [post] = followed.posts("a")
    told, seen = post.payload["task"] if post.payload else {}, followed.agent.task("t1").seen
    assert {name: told[name] for name in ("id", "contextId", "status", "artifacts")} == {
        name: seen[name] for name in ("id", "contextId", "status", "artifacts")
    }
    assert (post.attempt, post.revision) == (1, "2")


def test_a_first_success_is_claim_read_advance(followed: World) -> None:
    followed.agent.task("t1").becomes("working")
    followed.advance(POLL)
    assert steps(followed) == ["claim", "BatchGetItem", "advance"]


def test_revisions_are_told_in_order(followed: World) -> None:
    appends(followed, "working", "input-required", "working", "completed")
    followed.settle()
    assert followed.told("a") == [2, 3, 4, 5]


def test_wake_ups_of_one_config_in_a_batch_are_reduced_to_one(followed: World) -> None:
    appends(followed, "working", "completed")
    bodies = [DeliveryWakeup(KEY, revision).dump() for revision in (3, 2, 2, 3)]
    event = {"Records": [{"messageId": str(place), "body": body} for place, body in enumerate(bodies)]}
    assert followed.runner.invoke("DeliverFunction", event).answer == {"batchItemFailures": []}
    assert steps(followed) == ["claim", "BatchGetItem", "advance", "advance"]
    assert followed.told("a") == [2, 3]


def test_late_and_duplicated_wake_ups_do_no_harm(followed: World) -> None:
    appends(followed, "working", "completed")
    followed.settle()
    for _ in range(3):
        followed.put(DELIVERY, DeliveryWakeup(KEY, 2).dump())
        followed.put(DELIVERY, DeliveryWakeup(KEY).dump())
        followed.put(DELIVERY, DeliveryWakeup(KEY, timer="long ago").dump())
        followed.settle()
    assert followed.told("a") == [2, 3]
    assert followed.length(DELIVERY) == 0


def test_configs_of_a_batch_are_worked_on_at_the_same_time(followed: World) -> None:
    """Each receiver answers only when the other has been POSTed to as well."""
    barrier = threading.Barrier(2, timeout=5)

    def together(_: object) -> None:
        barrier.wait()

    with Receiver(on_notification=together) as one, Receiver(on_notification=together) as other:
        followed.register("t1", f"{one.url}/b", id="b")
        followed.register("t1", f"{other.url}/c", id="c")
        followed.settle()
        followed.agent.task("t1").becomes("completed")
        followed.advance(POLL)
        assert (followed.told("b", one), followed.told("c", other)) == ([2], [2])


# --- a receiver that fails


def test_a_failed_attempt_is_kept_then_the_timer_is_sent_then_the_config_waits(followed: World) -> None:
    followed.receiver.fail_next(500)
    followed.agent.task("t1").becomes("completed")
    followed.advance(POLL)
    assert steps(followed) == ["claim", "BatchGetItem", "ATTEMPT", "SendMessage", "wait"]
    [timer] = [json.loads(each.body["MessageBody"])["timer"] for each in followed.wire.asked("deliver", "SendMessage")]
    assert followed.cursor("t1", "a").waits_for == timer


def test_a_retry_keeps_webhook_id_and_body(followed: World) -> None:
    followed.receiver.fail_next(500, times=2)
    followed.agent.task("t1").becomes("completed")
    for seconds in (POLL, 5, 30):
        followed.advance(seconds)
    assert [post.status for post in followed.posts("a")] == [500, 500, 200]
    assert [post.attempt for post in followed.posts("a")] == [1, 2, 3]
    assert len({(post.webhook_id, post.body) for post in followed.posts("a")}) == 1


def test_a_receivers_failure_spends_no_receive_count(followed: World) -> None:
    """Rule 7: the message is acknowledged; the timer is another one."""
    followed.receiver.fail_next(500)
    followed.agent.task("t1").becomes("completed")
    followed.advance(POLL)
    followed.runner.advance(timedelta(seconds=5))
    received = receive_counts(followed)
    assert received == [1]


def receive_counts(world: World) -> list[int]:
    """Of the messages that are visible now."""
    answer = world.runner.aws.client("sqs").receive_message(
        QueueUrl=world.queue_url(DELIVERY), MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"]
    )
    return [int(message["Attributes"]["ApproximateReceiveCount"]) for message in answer.get("Messages", [])]


def test_later_revisions_wait_behind_a_failing_one(followed: World) -> None:
    """A retry never sends an older state after a newer one."""
    followed.receiver.fail_next(500, times=2)
    appends(followed, "working")
    followed.settle()
    appends(followed, "completed")
    followed.settle()
    assert [post.revision for post in followed.posts("a")] == ["2"]
    followed.advance(5)
    followed.advance(30)
    assert [(post.revision, post.status) for post in followed.posts("a")] == [("2", 500), ("2", 500), ("2", 200), ("3", 200)]


def test_a_config_that_waits_needs_one_timer_for_all_that_comes(followed: World) -> None:
    followed.receiver.fail_next(500)
    appends(followed, "working")
    followed.settle()
    appends(followed, "input-required", "working", "completed")
    followed.settle()
    assert followed.length(DELIVERY) == 1
    followed.advance(5)
    assert followed.told("a") == [2, 3, 4, 5]


def test_another_receiver_is_not_held_up(followed: World) -> None:
    with Receiver() as dead:
        dead.fail_next(500, times=99)
        followed.register("t1", f"{dead.url}/b", id="b")
        followed.settle()
        for state in ("working", "completed"):
            followed.agent.task("t1").becomes(state)
            followed.advance(POLL)
        assert (followed.told("a"), followed.told("b", dead)) == ([2, 3], [])


# --- rule 3: what becomes of a wake-up


def test_a_wake_up_that_finds_the_claim_taken_comes_back_as_a_fresh_copy(followed: World) -> None:
    """Never by visibility or batch failure: the copy has a receive count of its own, and comes in one to five seconds."""
    holds(followed)
    appends(followed, "completed")
    followed.settle()
    assert followed.posts() == []
    [copy] = followed.wire.asked("deliver", "SendMessage")
    assert 1 <= copy.body["DelaySeconds"] <= 5
    followed.runner.advance(timedelta(seconds=5))
    assert receive_counts(followed) == [1]


def test_what_was_returned_is_told_when_the_claim_runs_out(followed: World) -> None:
    holds(followed)
    appends(followed, "completed")
    for _ in range(5):
        followed.advance(5)
    assert followed.told("a") == [2]


def test_a_worker_that_lost_its_claim_returns_the_wake_up(followed: World) -> None:
    """The claim ran out during the POST, and another worker has it now: what it does not do, the copy will."""

    def lose(_: object) -> None:
        followed.runner.advance(timedelta(seconds=21))
        holds(followed)

    with Receiver(on_notification=lambda post: lose(post) if len(slow.notifications) == 1 else None) as slow:
        followed.register("t1", f"{slow.url}/a", id="a")
        followed.settle()
        appends(followed, "working", "completed")
        followed.settle()
        assert followed.cursor("t1", "a").position == 1
        assert followed.wire.asked("deliver", "SendMessage"), "the copy; the watch would wake the config only later"
        for _ in range(6):
            followed.advance(5)
        revisions = [post.revision for post in followed.posts("a", slow)]
        assert revisions[0] == "2"
        assert followed.told("a", slow)[-1] == 3
        assert revisions == sorted(revisions)
        assert followed.cursor("t1", "a").position == 3


def test_a_wake_up_for_a_deleted_config_is_acknowledged(followed: World) -> None:
    followed.delete("t1", "a")
    followed.put(DELIVERY, DeliveryWakeup(KEY, 2).dump())
    followed.settle()
    assert steps(followed) == ["claim"]
    assert followed.length(DELIVERY) == 0


def test_a_wake_up_for_what_the_cursor_has_passed_is_acknowledged(followed: World) -> None:
    holds(followed)
    followed.put(DELIVERY, DeliveryWakeup(KEY, 1).dump())
    followed.settle()
    assert followed.length(DELIVERY) == 0


def test_a_wake_up_while_the_config_waits_for_another_timer_is_acknowledged(followed: World) -> None:
    followed.receiver.fail_next(500)
    appends(followed, "working")
    followed.settle()
    followed.put(DELIVERY, DeliveryWakeup(KEY, 2).dump())
    followed.put(DELIVERY, DeliveryWakeup(KEY, timer="another").dump())
    followed.settle()
    assert followed.length(DELIVERY) == 1
    assert len(followed.posts("a")) == 1


def test_a_config_whose_timer_is_overdue_is_anybodys(followed: World) -> None:
    followed.receiver.fail_next(500)
    appends(followed, "working")
    followed.settle()
    followed.purge(DELIVERY)
    followed.runner.advance(timedelta(seconds=130))
    followed.put(DELIVERY, DeliveryWakeup(KEY, 2).dump())
    followed.settle()
    assert followed.told("a") == [2]


def test_the_watch_wakes_a_config_that_is_behind_though_nothing_is_on_its_way(followed: World) -> None:
    """The delivery queue was purged before the first attempt: the config does not wait, so no sweep knows it."""
    appends(followed, "working")
    followed.wire.decide = once(Effect.DIES_BEFORE, function="deliver")
    followed.settle()
    followed.wire.decide = undisturbed
    followed.purge(DELIVERY)
    for _ in range(5):
        followed.advance(POLL)
    assert followed.told("a") == [2]


# --- rule 4: repeated by the SDK


@pytest.mark.parametrize("effect", [Effect.TIMES_OUT, Effect.TWICE, Effect.THROTTLED])
@pytest.mark.parametrize("status", [200, 500])
def test_no_write_that_took_effect_twice_is_seen_by_a_receiver(followed: World, effect: Effect, status: int) -> None:
    followed.wire.decide = each(effect, function="deliver")
    followed.receiver.fail_next(status)
    appends(followed, "working", "completed")
    for seconds in (1, 5, 5):
        followed.advance(seconds)
    assert followed.told("a") == [2, 3]
    assert [post.revision for post in followed.posts("a")] == (["2", "3"] if status == 200 else ["2", "2", "3"])
    assert followed.cursor("t1", "a").position == 3


# --- rule 5: time, and how much one run does


def test_after_ten_posts_the_rest_goes_to_a_new_wake_up(followed: World) -> None:
    appends(followed, *["working"] * 23)
    followed.runner.step()
    followed.runner.step()
    assert followed.told("a") == list(range(2, 12))
    followed.settle()
    assert followed.told("a") == list(range(2, 25))
    assert steps(followed).count("claim") == 3


def test_after_twenty_seconds_the_rest_goes_to_a_new_wake_up(followed: World) -> None:
    with Receiver(on_notification=lambda _: followed.runner.advance(timedelta(seconds=7))) as slow:
        followed.register("t1", f"{slow.url}/a", id="a")
        followed.settle()
        followed.wire.requests.clear()
        appends(followed, *["working"] * 5)
        followed.settle()
        assert followed.told("a", slow) == [2, 3, 4, 5, 6]
        assert steps(followed).count("claim") == 2


def test_no_post_starts_that_the_claim_would_not_outlast(followed: World) -> None:
    """The batch's read took fifteen of the claim's twenty seconds."""
    appends(followed, "completed")
    slow = [True]

    def decide(request: AwsRequest) -> Effect:
        if slow and (request.function, request.name) == ("deliver", "BatchGetItem"):
            slow.clear()
            followed.runner.advance(timedelta(seconds=15))
        return Effect.NONE

    followed.wire.decide = decide
    followed.settle()
    assert steps(followed)[:4] == ["claim", "BatchGetItem", "SendMessage", "release"]
    assert followed.told("a") == [2]


def test_no_post_starts_that_the_function_would_not_outlast(followed: World) -> None:
    appends(followed, "completed")
    with wiring().deliver() as deliver:
        failed = deliver([("m", DeliveryWakeup(KEY, 2))], remaining=lambda: timedelta(seconds=19))
    assert failed == []
    assert followed.posts() == []
    followed.settle()
    assert followed.told("a") == [2]


# --- rule 8: longer than SQS can hold


def test_a_wait_longer_than_sqs_allows_hops_and_an_early_receipt_is_no_attempt() -> None:
    with World(RetrySchedule="7200", WatchMaxSeconds="900") as world:
        world.agent.task("t1")
        world.register("t1", id="a")
        world.settle()
        world.receiver.fail_next(500)
        world.agent.task("t1").becomes("completed")
        world.advance(POLL)
        due = world.cursor("t1", "a").due
        assert due is not None
        timer = world.cursor("t1", "a").waits_for
        while world.runner.clock.now() + timedelta(seconds=901) < due:
            world.advance(901)
            assert len(world.posts("a")) == 1
            assert world.cursor("t1", "a").waits_for == timer
        world.advance(901)
        assert [post.status for post in world.posts("a")] == [500, 200]


def test_an_early_timer_hops_without_a_claim(followed: World) -> None:
    wakeup = DeliveryWakeup(KEY, timer="t", not_before=followed.runner.clock.now() + timedelta(seconds=3000))
    followed.put(DELIVERY, wakeup.dump())
    followed.settle()
    assert steps(followed) == ["SendMessage"]
    [hop] = followed.wire.asked("deliver", "SendMessage")
    assert hop.body["DelaySeconds"] == 900
    assert DeliveryWakeup.load(hop.body["MessageBody"]) == wakeup


# --- rule 9: what is missing, what has expired


def test_a_revision_that_is_missing_past_a_cursor_is_dead_lettered(followed: World) -> None:
    appends(followed, "working", "input-required", "completed")
    remove_revision(followed, 3)
    followed.settle()
    assert followed.told("a") == [2, 4]
    [letter] = followed.dead_letters()
    assert (letter.first, letter.last, letter.reason) == (3, 3, "revision-missing")
    [announced] = followed.take("WebhookDeadLetterQueue")
    assert json.loads(announced)["reason"] == "revision-missing"


def remove_revision(world: World, number: int) -> None:
    world.connection.delete(task_key("t1").partition, f"REVISION#{number:010d}")


def test_a_wake_up_that_is_ahead_of_the_table_passes_over_nothing(followed: World) -> None:
    """A table restored to an earlier moment, and messages of a later one: the revisions will have these numbers again."""
    followed.put(DELIVERY, DeliveryWakeup(KEY, 4).dump())
    followed.settle()
    assert followed.dead_letters() == []
    for state in ("working", "input-required", "completed"):
        followed.agent.task("t1").becomes(state)
        followed.advance(POLL)
    assert followed.told("a") == [2, 3, 4]


def test_an_expired_config_is_told_nothing_though_ttl_has_not_deleted_it(followed: World) -> None:
    """TTL deletes come days late."""
    appends(followed, "working")
    followed.runner.advance(timedelta(days=60))
    followed.settle()
    followed.put(DELIVERY, DeliveryWakeup(KEY).dump())
    followed.settle()
    assert followed.posts("a") == []
    assert followed.length(DELIVERY) == 0


# --- rule 13: versions


def test_a_message_of_an_unknown_version_goes_back_and_holds_up_nobody(followed: World) -> None:
    known = json.loads(DeliveryWakeup(KEY, 2).dump())
    followed.put(DELIVERY, json.dumps({**known, "v": 2}))
    appends(followed, "completed")
    followed.settle()
    assert followed.told("a") == [2]
    assert followed.length(DELIVERY) == 1
    for _ in range(11):
        followed.advance(VISIBILITY)
    assert [json.loads(body)["v"] for body in followed.take("DeliveryFaultQueue")] == [2]


def test_a_message_that_is_no_wake_up_goes_back(followed: World) -> None:
    for body in ("", "{", "[]", '{"v":1}', '{"v":1,"kind":"watch"}', '{"v":1,"kind":"deliver","task":["a"],"config":"c"}'):
        followed.put(DELIVERY, body or " ")
    followed.settle()
    assert followed.length(DELIVERY) == 6


@pytest.mark.parametrize("prefix", ["PUSH#", "REVISION#0000000002", "CURSOR#"])
def test_an_item_of_an_unknown_version_holds_up_its_own_config_alone(followed: World, prefix: str) -> None:
    followed.agent.task("t2")
    followed.register("t2", id="b")
    followed.settle()
    appends(followed, "completed")
    [item] = [item for item in followed.items(prefix) if item["pk"]["S"] == task_key("t1").partition]
    followed.connection.put({**item, "v": {"N": "2"}})
    followed.agent.task("t2").becomes("completed")
    followed.advance(POLL)
    assert (followed.told("a"), followed.told("b")) == ([], [2])
    followed.connection.put(item)
    for _ in range(3):
        followed.advance(VISIBILITY)
    assert followed.told("a") == [2]


# --- giving up


def exhausts(world: World, *, status: int = 500) -> None:
    """A schedule of one retry: two failing attempts, and the config is given up."""
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    world.receiver.fail_next(status, times=2)
    appends(world, "working", "input-required")
    world.settle()
    world.advance(5)


def test_giving_up_writes_a_letter_announces_it_and_moves_the_cursor() -> None:
    with World(RetrySchedule="5") as world:
        exhausts(world)
        [letter] = world.dead_letters()
        cursor = world.cursor("t1", "a")
        assert (letter.first, letter.last, letter.reason) == (2, 3, "refused")
        assert (cursor.position, cursor.is_failing, cursor.waits_for, cursor.claim_until) == (3, True, "", None)
        [announced] = map(json.loads, world.take("WebhookDeadLetterQueue"))
        assert (announced["config"], announced["first"], announced["last"], announced["task_id"]) == ("a", 2, 3, "t1")
        assert announced["webhookId"] == world.posts("a")[0].webhook_id
        assert [attempt["status"] for attempt in announced["attempts"]] == [500, 500]


def test_the_letter_and_its_announcement_come_before_the_cursor() -> None:
    with World(RetrySchedule="5") as world:
        exhausts(world)
        done = steps(world)
        assert done[done.index("DEAD") :] == ["DEAD", "SendMessage", "give up"]


def test_a_dead_letter_holds_no_secret_and_no_whole_url() -> None:
    with World(RetrySchedule="5") as world:
        world.agent.task("t1")
        world.register("t1", f"{world.receiver.url}/a?key=planted", id="a", token="planted")
        world.settle()
        world.receiver.fail_next(500, times=2)
        appends(world, "completed")
        world.settle()
        world.advance(5)
        assert "planted" not in json.dumps(world.items("DEAD#"))
        assert not any("planted" in body for body in world.take("WebhookDeadLetterQueue"))


def test_a_failing_config_gets_a_short_schedule() -> None:
    """One attempt and two retries, however long the schedule is."""
    with World(RetrySchedule="5,5,5,5,5,5", WatchMaxSeconds="900") as world:
        world.agent.task("t1")
        world.register("t1", id="a")
        world.settle()
        world.receiver.fail_next(500, times=99)
        appends(world, "working")
        for _ in range(10):
            world.advance(5)
        assert len(world.posts("a")) == 7
        appends(world, "completed")
        for _ in range(10):
            world.advance(5)
        assert len(world.posts("a")) == 7 + 3
        assert [(letter.first, letter.last) for letter in world.dead_letters()] == [(2, 2), (3, 3)]


def test_a_success_heals_a_failing_config() -> None:
    with World(RetrySchedule="5") as world:
        exhausts(world)
        appends(world, "working")
        world.settle()
        assert world.told("a") == [4]
        assert not world.cursor("t1", "a").is_failing


def test_410_ends_the_config_after_one_more_attempt_an_hour_later(followed: World) -> None:
    followed.receiver.fail_next(410, times=2)
    appends(followed, "completed")
    followed.settle()
    for _ in range(3):
        followed.advance(901)
    assert len(followed.posts("a")) == 1
    for _ in range(3):
        followed.advance(901)
    assert len(followed.posts("a")) == 2
    assert followed.result("ListTaskPushNotificationConfigs", {"taskId": "t1"}) == {"configs": []}
    assert followed.items("CURSOR#") == []
    assert [(letter.first, letter.last, letter.reason) for letter in followed.dead_letters()] == [(2, 2, "gone")]


def test_a_receiver_that_is_back_within_the_hour_keeps_its_config(followed: World) -> None:
    followed.receiver.fail_next(410)
    appends(followed, "working")
    followed.settle()
    for _ in range(6):
        followed.advance(901)
    assert followed.told("a") == [2]
    followed.receiver.fail_next(410)
    appends(followed, "completed")
    followed.settle()
    for _ in range(6):
        followed.advance(901)
    assert followed.told("a") == [2, 3], "the success has healed it: another 410 is a first one again"


# --- our own faults


FAULTS: dict[str, Callable[[AwsRequest], bool]] = {
    "the claim": lambda request: _step(request) == "claim",
    "the batch's read": lambda request: request.name == "BatchGetItem",
    "the cursor's move": lambda request: _step(request) == "advance",
    "the attempt's record": lambda request: _step(request) == "ATTEMPT",
    "the timer": lambda request: request.name == "SendMessage",
    "the mark": lambda request: _step(request) == "wait",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_ours_brings_the_message_back(followed: World, fault: str) -> None:
    """And only that: the config is claimed again when the claim has run out."""
    left = [True]

    def decide(request: AwsRequest) -> Effect:
        if left and request.function == "deliver" and FAULTS[fault](request):
            left.clear()
            return Effect.FAILS
        return Effect.NONE

    if fault in ("the attempt's record", "the timer", "the mark"):
        followed.receiver.fail_next(500)
    followed.wire.decide = decide
    appends(followed, "completed")
    followed.settle()
    assert not left
    for _ in range(2):
        followed.advance(VISIBILITY)
    assert followed.told("a") in ([2], [2, 2])
    assert followed.cursor("t1", "a").position == 2
    assert followed.length(DELIVERY) == 0


def test_one_config_that_cannot_be_opened_fails_alone(followed: World) -> None:
    followed.agent.task("t2")
    followed.register("t2", id="b")
    followed.settle()
    [item] = [item for item in followed.items("PUSH#") if item["pk"]["S"] == task_key("t1").partition]
    sealed: Any = item["sealed"]["B"]
    followed.connection.put({**item, "sealed": {"B": sealed[:-1] + bytes([sealed[-1] ^ 1])}})
    appends(followed, "completed")
    followed.agent.task("t2").becomes("completed")
    followed.advance(POLL)
    assert (followed.told("a"), followed.told("b")) == ([], [2])
    assert followed.length(DELIVERY) > 0, "what cannot be opened is not taken for done"


def test_a_config_key_reaches_the_wake_up_whole(world: World) -> None:
    """Ids of strangers, with all that could mean something in a key or in JSON."""
    odd = ConfigKey(task_key('t#1/"ä'), "c#1 %23")
    assert DeliveryWakeup.load(DeliveryWakeup(odd, 3).dump()).key == odd
    world.agent.task(odd.task.task_id)
    world.register(odd.task.task_id, f"{world.receiver.url}/odd", id=odd.config_id)
    world.settle()
    world.agent.task(odd.task.task_id).becomes("completed")
    world.advance(POLL)
    assert world.told("odd") == [2]
