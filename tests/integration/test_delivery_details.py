"""What a run of the delivery does in each case, one case a test: what the receiver reads, what the table and the queues hold afterwards.

The protocol's steps, and what becomes of them under faults: test_deliver.py.
"""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from relay import observability
from relay.adapters.table.receivers import Receivers
from relay.domain.breaker import FIRST_PAUSE, LONGEST_PAUSE, THRESHOLD
from relay.domain.keys import ConfigKey, ReceiverKey
from relay.domain.wakeup import DeliveryWakeup
from relay.wiring import wiring
from relay_dev.received import Notification
from relay_dev.receiver import Receiver
from tests.integration.test_deliver import appends, holds, remove_revision
from tests.integration.test_evo_ai_configs import documented, goes_through
from tests.integration.test_praisonai_configs import bodies
from tests.support.wire import AwsRequest, Effect
from tests.support.world import DELIVERY, GIVEN_UP, World, config_key

KEY = config_key("t1", "a")
DELIVER_TIMEOUT = timedelta(seconds=10)


def follow(world: World, **registration: Any) -> None:
    """The task t1 with the config a, told nothing yet; its newest revision is 1."""
    world.agent.task("t1")
    world.register("t1", id="a", **registration)
    world.settle()
    world.wire.requests.clear()


def open_breaker(world: World) -> None:
    key = ReceiverKey("default", world.receiver.url)
    receivers = Receivers(world.connection, longest_pause=LONGEST_PAUSE, now=world.runner.clock.now)
    opened = [receivers.failed(key) for _ in range(THRESHOLD)]
    assert any(opened)
    world.runner.clock.advance(timedelta(seconds=5))  # a process looks at a receiver's state so often


def deliver(world: World, *wakeups: DeliveryWakeup, remaining: timedelta = timedelta(seconds=60)) -> list[str]:
    """One batch, as the function has it; which messages failed."""
    with wiring().deliver() as run:
        return run([(f"m{place}", wakeup) for place, wakeup in enumerate(wakeups)], remaining=lambda: remaining)


def logged(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is written to the log while all that is due is done."""
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")
    observability.forget()
    capsys.readouterr()
    world.settle()
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


# --- what the receiver reads


def test_each_attempt_is_a_span_of_its_own_in_the_notifications_trace(world: World) -> None:
    """Source: W3C Trace Context."""
    follow(world)
    world.receiver.fail_next(500)
    appends(world, "working", "completed")
    for seconds in (0, 5):
        world.advance(seconds)
    parents = [post.headers["traceparent"] for post in world.posts("a")]
    assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", parent) for parent in parents)
    assert len({parent.split("-")[1] for parent in parents}) == 2
    assert parents[0].split("-")[1] == parents[1].split("-")[1]
    assert len({parent.split("-")[2] for parent in parents}) == 3


def test_a_first_time_says_nothing_of_what_is_out_of_the_ordinary(world: World) -> None:
    follow(world)
    appends(world, "completed")
    world.settle()
    [post] = world.posts("a")
    assert not {"a2a-relay-redriven", "a2a-relay-truncated", "a2a-relay-ended"} & set(post.headers)
    assert "v1a," in post.headers["webhook-signature"]


def test_what_is_redriven_says_so_and_moves_the_cursor_nowhere(world: World) -> None:
    follow(world)
    appends(world, "working", "completed")
    world.settle()
    world.cursors.add_resend(KEY, [2], now=world.runner.clock.now())
    world.put(DELIVERY, DeliveryWakeup(KEY).dump())
    world.settle()
    posts = world.posts("a")
    assert [(post.revision, post.headers.get("a2a-relay-redriven")) for post in posts] == [("2", None), ("3", None), ("2", "true")]
    assert (world.cursor("t1", "a").position, world.cursor("t1", "a").resend) == (3, ())


def test_a_redriven_one_that_fails_again_is_tried_again_before_what_is_new(world: World) -> None:
    follow(world)
    appends(world, "working")
    world.settle()
    world.cursors.add_resend(KEY, [1], now=world.runner.clock.now())
    world.receiver.fail_next(500)
    appends(world, "completed")
    world.put(DELIVERY, DeliveryWakeup(KEY).dump())
    for seconds in (0, 5):
        world.advance(seconds)
    assert [(post.revision, post.attempt) for post in world.posts("a")] == [("2", 1), ("1", 1), ("1", 2), ("3", 1)]


def test_events_are_told_since_the_revision_before(world: World) -> None:
    world.headers["a2a-relay-updates"] = "events"
    follow(world)
    appends(world, "working", "completed")
    world.settle()
    bodies = [post.payload or {} for post in world.posts("a")]
    assert [next(iter(body)) for body in bodies] == ["statusUpdate", "statusUpdate"]
    assert bodies[1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


def test_the_first_revision_is_told_whole_to_who_wants_events(world: World) -> None:
    world.headers["a2a-relay-updates"] = "events"
    world.agent.task("t1").becomes("completed")
    world.register("t1", id="a")
    world.settle()
    [post] = world.posts("a")
    assert list(post.payload or {}) == ["task"]


def test_a_receiver_reads_how_long_the_task_took(world: World) -> None:
    """Evo AI's webhooks tell it, of the first revision and of any other."""
    world.agent.task("t1")
    documented(world)
    world.advance(60)
    goes_through(world, "completed")
    [body] = bodies(world)
    assert 60 <= body["data"]["duration"] < 75


# --- what a config does not want


WANTED = "task.completed"


def follow_filtered(world: World) -> ConfigKey:
    """The task t1 with a config that is told of its end alone."""
    world.agent.task("t1")
    key = config_key("t1", documented(world, events=[WANTED])["configId"])
    world.settle()
    world.wire.requests.clear()
    return key


def test_the_cursor_goes_past_what_is_not_wanted_and_the_claim_ends(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = follow_filtered(world)
    appends(world, "working", "input-required")
    lines = logged(world, capsys, monkeypatch)
    cursor = world.cursor("t1", key.config_id)
    assert (cursor.position, cursor.claim_until, cursor.behind_since, world.posts()) == (3, None, None, [])
    assert world.wire.asked("deliver", "SendMessage") == [], "nothing is left to another run"
    [line] = [line for line in lines if "passed over" in line["message"]]
    assert line["message"] == "passed over: not among the config's events"
    assert (line["task"], line["config"], line["revision"]) == ("t1", key.config_id, 3)


def test_what_follows_on_a_run_of_what_is_not_wanted_is_told(world: World) -> None:
    key = follow_filtered(world)
    appends(world, *["working", "input-required"] * 8, "completed")
    world.settle()
    assert world.told("hook") == [18]
    assert world.cursor("t1", key.config_id).position == 18


def test_a_redrive_of_what_is_not_wanted_is_done_with_and_what_follows_told(world: World) -> None:
    key = follow_filtered(world)
    appends(world, "working")
    world.settle()
    world.cursors.add_resend(key, [2], now=world.runner.clock.now())
    appends(world, "completed")
    deliver(world, DeliveryWakeup(key))
    cursor = world.cursor("t1", key.config_id)
    assert (world.told("hook"), cursor.position, cursor.resend) == ([3], 3, ())
    world.cursors.add_resend(key, [1], now=world.runner.clock.now())
    deliver(world, DeliveryWakeup(key))
    cursor = world.cursor("t1", key.config_id)
    assert (world.told("hook"), cursor.position, cursor.resend, cursor.claim_until) == ([3], 3, (), None)


def test_who_passes_over_under_a_lost_claim_returns_the_wake_up(world: World) -> None:
    key = follow_filtered(world)
    appends(world, "working")
    lost: list[AwsRequest] = []

    def decide(request: AwsRequest) -> Effect:
        if request.name == "BatchGetItem" and not lost:
            lost.append(request)
            item = world.connection.get(key.task.partition, key.cursor)
            assert item is not None
            world.connection.put({**item, "claim": {"S": "another worker"}})
        return Effect.NONE

    world.wire.decide = decide
    assert deliver(world, DeliveryWakeup(key, 2)) == []
    cursor = world.cursor("t1", key.config_id)
    assert (cursor.position, cursor.claim_token, len(lost)) == (1, "another worker", 1)
    sent = [DeliveryWakeup.load(each.body["MessageBody"]) for each in world.wire.asked(name="SendMessage")]
    assert sent == [DeliveryWakeup(key, 2)]


# --- what a run may begin


def test_a_run_begins_with_exactly_the_time_it_needs(world: World) -> None:
    follow(world)
    appends(world, "completed")
    enough = DELIVER_TIMEOUT + timedelta(seconds=10)
    assert deliver(world, DeliveryWakeup(KEY, 2), remaining=enough - timedelta(milliseconds=1)) == []
    assert world.posts() == []
    assert deliver(world, DeliveryWakeup(KEY, 2), remaining=enough) == []
    assert world.told("a") == [2]


def test_a_claim_is_for_twice_a_posts_timeout_and_renewed_by_each_success(world: World) -> None:
    left: list[timedelta] = []

    def look(_: Notification) -> None:
        until = world.cursor("t1", "a").claim_until
        assert until is not None
        left.append(until - world.runner.clock.now())
        world.runner.advance(timedelta(seconds=4))

    with Receiver(on_notification=look) as receiver:
        world.agent.task("t1")
        world.register("t1", f"{receiver.url}/a", id="a")
        world.settle()
        appends(world, "working", "completed")
        world.settle()
    assert [timedelta(seconds=19) < each <= timedelta(seconds=20) for each in left] == [True, True]
    assert world.cursor("t1", "a").claim_until is None


def test_a_claim_that_is_too_short_by_now_is_renewed_before_the_post(world: World) -> None:
    """A slow look at the breaker took nine of its twenty seconds: eleven are less than a POST and its bookkeeping take."""
    follow(world)
    appends(world, "completed")
    slow = [True]

    def decide(request: AwsRequest) -> Effect:
        if slow and request.function == "deliver" and "RECEIVER#" in str(request.body):
            slow.clear()
            world.runner.clock.advance(timedelta(seconds=9))
        return Effect.NONE

    world.wire.decide = decide
    world.settle()
    assert not slow
    assert [request.name for request in world.wire.asked("deliver")].count("SendMessage") == 0
    assert world.told("a") == [2]


def test_what_is_handed_over_stays_in_its_receivers_group_and_the_claim_ends(world: World) -> None:
    follow(world)
    appends(world, "completed")
    group = world.cursor("t1", "a").group
    assert group
    deliver(world, DeliveryWakeup(KEY, 2), remaining=timedelta(0))
    [sent] = world.wire.asked(name="SendMessage")
    assert sent.body["MessageGroupId"] == group
    assert sent.body.get("DelaySeconds", 0) == 0
    assert DeliveryWakeup.load(sent.body["MessageBody"]) == DeliveryWakeup(KEY, group=group)
    assert world.cursor("t1", "a").claim_until is None


def test_who_is_behind_and_hands_over_is_behind_since_then(world: World) -> None:
    """Or it would take the next wake-up's word for what is newest."""
    follow(world)
    world.receiver.fail_next(503)
    appends(world, "working")
    world.settle()
    before = world.cursor("t1", "a")
    assert before.behind_since is not None
    deliver(world, DeliveryWakeup(KEY, timer=before.waits_for), remaining=timedelta(0))
    assert world.cursor("t1", "a").behind_since == before.behind_since


def test_an_early_wake_up_holds_up_none_of_its_batch(world: World) -> None:
    follow(world)
    appends(world, "completed")
    later = world.runner.clock.now() + timedelta(seconds=3000)
    assert deliver(world, DeliveryWakeup(config_key("t1", "b"), timer="t", not_before=later), DeliveryWakeup(KEY, 2)) == []
    assert world.told("a") == [2]


# --- after a failure


def test_a_failed_attempt_is_kept_as_it_was(world: World) -> None:
    follow(world)
    world.receiver.fail_next(503, times=2)
    appends(world, "working")
    began = world.runner.clock.now()
    for seconds in (0, 5):
        world.advance(seconds)
    second, first = world.attempts.last(KEY, most=5)
    posts = world.posts("a")
    assert [(each.revision, each.attempt, each.kind, each.status) for each in (first, second)] == [
        (2, 1, "refused", 503),
        (2, 2, "refused", 503),
    ]
    assert {first.webhook_id, second.webhook_id} == {posts[0].webhook_id}
    assert began < first.at < began + timedelta(seconds=5) <= second.at
    assert re.fullmatch(r"lookup=\d+ connect=\d+ tls=\d+ first_byte=\d+ total=\d+", first.phases)
    assert int(first.phases.rpartition("=")[2]) < 10_000


def test_who_waits_knows_since_when_for_what_and_why(world: World) -> None:
    follow(world)
    world.receiver.fail_next(503, times=2)
    appends(world, "working")
    learnt = world.runner.clock.now()
    world.settle()
    once = world.cursor("t1", "a")
    appends(world, "completed")
    world.advance(5)
    twice = world.cursor("t1", "a")
    assert [(each.attempts, each.attempted, each.last_outcome, each.is_failing) for each in (once, twice)] == [
        (1, 2, "refused", False),
        (2, 2, "refused", False),
    ]
    assert once.behind_since == twice.behind_since
    assert once.behind_since is not None
    assert learnt - timedelta(seconds=1) < once.behind_since <= learnt
    assert once.due is not None
    assert timedelta(0) < once.due - learnt <= timedelta(seconds=6)
    assert once.claim_until is None


def test_a_timer_is_of_its_configs_group_and_says_nothing_that_it_need_not(world: World) -> None:
    """What SQS can hold back itself has no `not_before`."""
    follow(world)
    world.receiver.fail_next(503)
    appends(world, "working")
    world.settle()
    [sent] = world.wire.asked("deliver", "SendMessage")
    timer = DeliveryWakeup.load(sent.body["MessageBody"])
    assert (timer.key, timer.timer, timer.not_before) == (KEY, world.cursor("t1", "a").waits_for, None)
    assert sent.body["MessageGroupId"] == world.cursor("t1", "a").group
    assert 1 <= sent.body["DelaySeconds"] <= 5


def test_a_success_leaves_nothing_of_the_failure(world: World) -> None:
    follow(world)
    world.receiver.fail_next(503)
    appends(world, "working")
    for seconds in (0, 5):
        world.advance(seconds)
    cursor = world.cursor("t1", "a")
    assert (cursor.attempts, cursor.attempted, cursor.behind_since, cursor.waits_for, cursor.last_outcome) == (0, 0, None, "", "")


def test_latest_state_passes_over_what_was_missed_by_the_configs_own_choice(world: World) -> None:
    world.headers["a2a-relay-updates"] = "latest-state"
    follow(world)
    world.receiver.fail_next(503)
    appends(world, "working")
    world.settle()
    appends(world, "input-required", "working", "working")
    world.advance(5)
    assert world.told("a") == [3, 5]
    assert [post.attempt for post in world.posts("a")] == [1, 1, 1]


def test_what_was_passed_over_is_in_the_log(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    world.headers["a2a-relay-updates"] = "latest-state"
    follow(world)
    world.receiver.fail_next(503)
    appends(world, "working")
    world.settle()
    appends(world, "completed")
    world.runner.advance(timedelta(seconds=5))
    [line] = [line for line in logged(world, capsys, monkeypatch) if "passed over" in line["message"]]
    assert line["message"] == "passed over: a newer notification contains it"
    assert (line["task"], line["config"], line["revision"]) == ("t1", "a", 2)


def test_a_config_has_its_own_schedule(world: World) -> None:
    follow(world, retryPolicy={"maxRetries": 1, "initialDelay": 3, "backoffMultiplier": 1})
    world.receiver.fail_next(503, times=2)
    appends(world, "completed")
    for seconds in (0, 3):
        world.advance(seconds)
    assert [(letter.first, letter.last, letter.reason) for letter in world.dead_letters()] == [(2, 2, "refused")]


def test_a_retry_that_would_come_after_the_configs_end_is_none(world: World) -> None:
    follow(world)
    [item] = world.items("CURSOR#")
    ends = int(world.runner.clock.now().timestamp()) + 10
    world.connection.put({**item, "ttl": {"N": str(ends)}})
    world.receiver.fail_next(503, times=9)
    appends(world, "completed")
    for _ in range(24):  # no leap over the end: in time each wake-up comes when it is due
        world.advance(0.5)
    assert world.runner.clock.now().timestamp() > ends
    assert [(letter.first, letter.last) for letter in world.dead_letters()] == [(2, 2)]


# --- the receiver's breaker


def test_an_open_breaker_postpones_and_spends_no_attempt(world: World) -> None:
    follow(world)
    open_breaker(world)
    appends(world, "completed")
    looked = world.runner.clock.now()
    world.settle()
    cursor = world.cursor("t1", "a")
    assert world.posts() == []
    assert (cursor.attempts, cursor.attempted, cursor.last_outcome, cursor.is_failing) == (0, 2, "receiver-unavailable", False)
    assert cursor.due is not None
    assert FIRST_PAUSE - timedelta(seconds=6) < cursor.due - looked <= 1.5 * FIRST_PAUSE
    for _ in range(2):
        world.advance(45)
    assert [(post.revision, post.attempt, post.status) for post in world.posts("a")] == [("2", 1, 200)]


def test_a_postponed_retry_keeps_its_place_in_the_schedule(world: World) -> None:
    follow(world)
    world.receiver.fail_next(410)
    appends(world, "completed")
    world.settle()
    before = world.cursor("t1", "a")
    open_breaker(world)
    world.put(DELIVERY, DeliveryWakeup(KEY, timer=before.waits_for).dump())
    world.settle()
    after = world.cursor("t1", "a")
    assert (after.attempts, after.attempted, after.gone_checked, after.behind_since) == (1, 2, True, before.behind_since)
    assert (after.waits_for != before.waits_for, after.last_outcome) == (True, "receiver-unavailable")


def test_who_has_waited_as_long_as_its_whole_schedule_is_postponed_no_more(world: World) -> None:
    """5, 30 and 120 s: after 155 s it gets its attempt, or would be given up."""
    follow(world)
    world.receiver.fail_next(503)
    appends(world, "completed")
    world.settle()
    waits = world.cursor("t1", "a")
    assert waits.behind_since is not None
    world.purge(DELIVERY)
    world.runner.clock.advance(waits.behind_since + timedelta(seconds=149) - world.runner.clock.now())
    open_breaker(world)
    deliver(world, DeliveryWakeup(KEY, timer=waits.waits_for))
    assert world.told("a") == []
    world.purge(DELIVERY)
    world.runner.clock.advance(timedelta(seconds=1))
    deliver(world, DeliveryWakeup(KEY, timer=world.cursor("t1", "a").waits_for))
    assert world.told("a") == [2]


# --- giving up


def test_the_announcement_tells_the_last_five_attempts_and_where_to(world: World) -> None:
    follow(world, retryPolicy={"maxRetries": 6, "initialDelay": 1, "backoffMultiplier": 1})
    world.receiver.fail_next(500, times=7)
    appends(world, "working", "completed")
    for _ in range(7):
        world.advance(1)
    [letter], [announced] = world.dead_letters(), map(json.loads, world.take(GIVEN_UP))
    assert [attempt["attempt"] for attempt in announced["attempts"]] == [7, 6, 5, 4, 3]
    assert (announced["receiver"], letter.receiver) == (world.receiver.url, world.receiver.url)
    assert letter.webhook_id == world.posts("a")[0].webhook_id == announced["webhookId"]
    assert abs(letter.written_at - world.runner.clock.now()) < timedelta(seconds=2)


def test_a_letter_holds_what_a_redrive_had_asked_for_too(world: World) -> None:
    follow(world, retryPolicy={"maxRetries": 0})
    appends(world, "working", "working")
    world.settle()
    world.cursors.add_resend(KEY, [2], now=world.runner.clock.now())
    world.receiver.fail_next(500)
    appends(world, "completed")
    world.put(DELIVERY, DeliveryWakeup(KEY).dump())
    world.settle()
    assert [(letter.first, letter.last) for letter in world.dead_letters()] == [(2, 4)]
    assert (world.cursor("t1", "a").position, world.cursor("t1", "a").resend) == (4, ())


def test_a_new_receiver_is_asked_before_the_config_ends(world: World) -> None:
    """It was registered while the old one answered its second 410."""

    def move(_: Notification) -> None:
        if len(old.notifications) == 2:
            world.register("t1", id="a")

    with Receiver(on_notification=move) as old:
        world.agent.task("t1")
        world.register("t1", f"{old.url}/a", id="a")
        world.settle()
        old.fail_next(410, times=2)
        appends(world, "completed")
        for _ in range(10):
            world.advance(901)
        assert len(old.notifications) == 2
        assert world.told("a") == [2]
    assert world.dead_letters() == []


def test_a_config_that_was_deleted_during_its_last_post_leaves_its_letter(world: World) -> None:
    with Receiver(on_notification=lambda _: world.delete("t1", "a")) as receiver:
        world.agent.task("t1")
        world.register("t1", f"{receiver.url}/a", id="a", retryPolicy={"maxRetries": 0})
        world.settle()
        receiver.fail_next(500)
        appends(world, "completed")
        world.settle()
        assert len(receiver.notifications) == 1
    for _ in range(3):
        world.advance(5)
    assert world.length(DELIVERY) == 0


def test_the_log_says_what_was_given_up(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    follow(world, retryPolicy={"maxRetries": 0})
    world.receiver.fail_next(500)
    appends(world, "completed")
    lines = logged(world, capsys, monkeypatch)
    [failed] = [line for line in lines if line["message"] == "attempt failed"]
    [letter] = [line for line in lines if line["message"] == "dead-lettered"]
    assert (failed["revision"], failed["attempt"], failed["outcome"], failed["http_status"]) == (2, 1, "refused", 500)
    assert failed["webhook_id"] == letter["webhook_id"] == world.posts("a")[0].webhook_id
    assert (letter["first"], letter["last"], letter["reason"], letter["url"]) == (2, 2, "refused", world.receiver.url)


def test_a_revision_that_is_missing_last_is_no_reason_to_stop(world: World) -> None:
    follow(world)
    appends(world, "working", "working", "completed")
    remove_revision(world, 2)
    world.settle()
    assert world.told("a") == [3, 4]
    assert [(letter.first, letter.last) for letter in world.dead_letters()] == [(2, 2)]
    assert world.cursor("t1", "a").position == 4


# --- a claim that was lost while a receiver answered


@pytest.mark.parametrize(("status", "policy"), [(200, 3), (500, 3), (500, 0)])
def test_who_has_lost_its_claim_changes_nothing_and_returns_the_wake_up(world: World, status: int, policy: int) -> None:
    def lose(_: Notification) -> None:
        if len(receiver.notifications) == 1:
            world.runner.advance(timedelta(seconds=21))
            holds(world)

    with Receiver(on_notification=lose) as receiver:
        world.agent.task("t1")
        world.register("t1", f"{receiver.url}/a", id="a", retryPolicy={"maxRetries": policy})
        world.settle()
        receiver.fail_next(status)
        appends(world, "completed")
        world.put(DELIVERY, DeliveryWakeup(KEY, 2).dump())
        world.wire.requests.clear()
        assert deliver(world, DeliveryWakeup(KEY, 2)) == []
        cursor = world.cursor("t1", "a")
        assert (cursor.position, cursor.claim_token, cursor.attempts, cursor.waits_for) == (1, "another worker", 0, "")
        sent = [each.body["MessageBody"] for each in world.wire.asked(name="SendMessage")]
        assert DeliveryWakeup(KEY, 2).dump() in sent
        assert DeliveryWakeup(KEY, group=cursor.group).dump() not in sent, "nothing of it is handed over"
        assert len(receiver.notifications) == 1
