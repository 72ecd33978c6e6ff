"""RelayTable: every step of the protocol is one conditional write, and what it met is told rightly.

Source: design §2, rules 1, 4, 9, 10, 11 and 13.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from relay.adapters.blobs import Blobs
from relay.adapters.table.connection import Connection
from relay.adapters.table.cursors import MAX_RESEND, Cursors, Wait
from relay.adapters.table.items import UnknownItemError
from relay.adapters.table.reaches import Reaches
from relay.adapters.table.revisions import Revisions
from relay.adapters.table.watches import Watches
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.packing import MAX_ITEM_BYTES, MAX_TASK_BYTES
from relay.domain.reach import Reach
from relay.domain.task import ProtocolVersion, Revision, Snapshot, View
from relay.domain.wakeup import WatchWakeup
from relay.domain.watch import Rest, WatchCall
from relay.outside import AWS_CLIENT
from tests.support.wire import Effect, once
from tests.support.world import TABLE, World, config_key, task_key

NOW = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
CLAIM = NOW + timedelta(seconds=20)
TASK, KEY = task_key("t1"), config_key("t1", "a")


@pytest.fixture
def connection(world: World) -> Connection:
    """As a function has it: with its retries, seen and disturbed by the wire."""
    return Connection(boto3.client("dynamodb", config=AWS_CLIENT), TABLE)


@pytest.fixture
def cursors(connection: Connection) -> Cursors:
    found = Cursors(connection)
    found.create(KEY, 1, group="g", now=NOW, expires=LATER)
    return found


@pytest.fixture
def revisions(world: World, connection: Connection) -> Revisions:
    blobs = Blobs(boto3.client("s3", config=AWS_CLIENT), world.setting("BUCKET_NAME"))
    return Revisions(connection, store=blobs.put, fetch=blobs.get)


def revision(number: int, *, artifact: str = "", state: str = "working") -> Revision:
    document: dict[str, Any] = {"id": "t1", "status": {"state": state}, "history": [{"messageId": "m"}]}
    if artifact:
        document["artifacts"] = [{"artifactId": "1", "parts": [{"text": artifact}]}]
    return Revision(number, View(Snapshot(ProtocolVersion.V10, document), asked_at=NOW, arrived_at=NOW, learnt_by="poll"))


def claim(
    cursors: Cursors, token: str = "token", *, now: datetime = NOW, timers: tuple[str, ...] = (), revision: int | None = None
) -> tuple[bool, Any]:
    return cursors.claim(KEY, token, now=now, until=now + timedelta(seconds=20), timers=timers, revision=revision)


def waiting(timer: str = "timer", *, due: datetime = NOW + timedelta(seconds=5)) -> Wait:
    return Wait(timer, due=due, attempts=1, behind_since=NOW, outcome="refused")


# --- revisions


def test_of_two_views_that_race_for_a_number_one_is_committed(revisions: Revisions) -> None:
    assert revisions.append(TASK, revision(1, state="working"), expires=LATER)
    assert not revisions.append(TASK, revision(1, state="completed"), expires=LATER)
    [kept] = revisions.after(TASK, 0, limit=10)
    assert revisions.open(kept).snapshot.document["status"]["state"] == "working"


@pytest.mark.parametrize("effect", [Effect.TIMES_OUT, Effect.THROTTLED, Effect.TWICE])
def test_a_put_that_the_sdk_repeated_counts_as_ours(world: World, revisions: Revisions, effect: Effect) -> None:
    world.wire.decide = once(effect, name="PutItem")
    assert revisions.append(TASK, revision(1), expires=LATER)


def test_a_put_that_fails_for_good_is_told(world: World, revisions: Revisions) -> None:
    world.wire.decide = once(Effect.FAILS, name="PutItem")
    with pytest.raises(Exception, match="InternalServerError"):
        revisions.append(TASK, revision(1), expires=LATER)


def test_revisions_come_in_the_order_of_their_numbers(revisions: Revisions) -> None:
    for number in (2, 10, 1, 9):
        revisions.append(TASK, revision(number), expires=LATER)
    assert [each.number for each in revisions.after(TASK, 1, limit=10)] == [2, 9, 10]
    head = revisions.newest(TASK)
    assert head is not None
    assert head.number == 10


def test_a_revision_comes_back_as_it_was(revisions: Revisions) -> None:
    revisions.append(TASK, revision(1, artifact="äöü"), expires=LATER)
    [kept] = revisions.after(TASK, 0, limit=1)
    assert revisions.open(kept) == revision(1, artifact="äöü")


def test_a_task_too_large_for_an_item_is_kept_in_the_bucket_before_the_put(world: World, revisions: Revisions) -> None:
    artifact = secrets.token_urlsafe(MAX_ITEM_BYTES * 2)
    assert revisions.append(TASK, revision(1, artifact=artifact), expires=LATER)
    assert [each.name for each in world.wire.requests] == ["PUT", "PutItem"]
    [kept] = revisions.after(TASK, 0, limit=1)
    assert [each.name for each in world.wire.requests] == ["PUT", "PutItem", "Query"], "it is fetched when it is told, not before"
    snapshot = revisions.open(kept).snapshot
    assert snapshot.document["artifacts"][0]["parts"][0]["text"] == artifact
    assert not snapshot.is_cut


def test_a_task_beyond_the_limit_leaves_out_what_its_artifacts_hold(revisions: Revisions) -> None:
    large = revision(1, artifact="x" * MAX_TASK_BYTES)
    assert revisions.append(TASK, large, expires=LATER)
    [kept] = revisions.after(TASK, 0, limit=1)
    assert revisions.open(kept).snapshot.is_cut
    assert revisions.open(kept).snapshot.document["artifacts"] == [{"artifactId": "1", "parts": []}]
    head = revisions.newest(TASK)
    assert head is not None
    assert head.digest == large.snapshot.digest, "compared with the next view is the whole task"


def test_dynamodb_is_not_asked_for_revisions_from_a_later_one_to_an_earlier(world: World, revisions: Revisions) -> None:
    """It answers with a ValidationException, moto with nothing."""
    assert list(revisions.heads(TASK, first=1, last=0)) == []
    assert world.wire.asked(name="Query") == []


def test_the_newest_revision_counts_even_when_its_time_is_over(revisions: Revisions) -> None:
    """Revision numbers never restart: what TTL has not deleted yet is still the newest."""
    revisions.append(TASK, revision(1), expires=NOW - timedelta(days=1))
    head = revisions.newest(TASK)
    assert head is not None
    assert head.number == 1


def test_a_registration_lets_the_newest_revision_live_longer_never_shorter(world: World, revisions: Revisions) -> None:
    revisions.append(TASK, revision(1), expires=LATER)
    revisions.keep(TASK, 1, until=LATER - timedelta(days=1))
    assert world.items("REVISION#")[0]["ttl"] == {"N": str(int(LATER.timestamp()))}
    revisions.keep(TASK, 1, until=LATER + timedelta(days=1))
    assert world.items("REVISION#")[0]["ttl"] == {"N": str(int(LATER.timestamp()) + 86400)}


def test_ids_of_strangers_cannot_reach_into_other_partitions(revisions: Revisions) -> None:
    """Rule 10: parts of a key are encoded."""
    revisions.append(TaskKey("default", "default", "", "t1#x"), revision(1), expires=LATER)
    revisions.append(TaskKey("default", "default", "#t1", "x"), revision(2), expires=LATER)
    revisions.append(TaskKey("default", "default#", "t1", "x"), revision(3), expires=LATER)
    numbers = [
        [each.number for each in revisions.after(key, 0, limit=10)]
        for key in (
            TaskKey("default", "default", "", "t1#x"),
            TaskKey("default", "default", "#t1", "x"),
            TaskKey("default", "default#", "t1", "x"),
            TaskKey("default", "default", "t1", "x"),
        )
    ]
    assert numbers == [[1], [2], [3], []]


# --- cursors: create


def test_a_second_registration_does_not_move_a_cursor(cursors: Cursors) -> None:
    assert not cursors.create(KEY, 7, group="other", now=NOW, expires=LATER)
    found = cursors.get(KEY, now=NOW)
    assert found is not None
    assert (found.position, found.group) == (1, "g")


def test_an_expired_cursor_counts_as_gone(cursors: Cursors) -> None:
    after = LATER + timedelta(seconds=1)
    assert cursors.of_task(TASK, now=after) == []
    assert cursors.get(KEY, now=after) is None
    assert claim(cursors, now=after) == (False, None)
    assert cursors.create(KEY, 7, group="g", now=after, expires=after + timedelta(days=1))


def test_renewing_keeps_cursor_claim_and_wait(cursors: Cursors) -> None:
    claim(cursors)
    cursors.wait(KEY, "token", waiting())
    before = cursors.get(KEY, now=NOW)
    cursors.renew(KEY, group="other", expires=LATER)
    after = cursors.get(KEY, now=NOW)
    assert before is not None
    assert after is not None
    assert (after.position, after.waits_for, after.due, after.attempts) == (1, "timer", before.due, 1)
    assert after.group == "other"


# --- cursors: claim


def test_a_claim_that_is_held_is_not_given_again(cursors: Cursors) -> None:
    assert claim(cursors, "first")[0]
    claimed, met = claim(cursors, "second")
    assert not claimed
    assert met.claim_token == "first"


def test_a_claim_that_ran_out_is_given_again(cursors: Cursors) -> None:
    claim(cursors, "first")
    assert claim(cursors, "second", now=CLAIM)[0]


def test_a_plain_wake_up_does_not_claim_what_the_cursor_has_passed(cursors: Cursors) -> None:
    assert not claim(cursors, revision=1)[0]
    assert claim(cursors, revision=2)[0]


def test_a_waiting_config_is_claimed_by_its_own_timer_alone(cursors: Cursors) -> None:
    claim(cursors)
    cursors.wait(KEY, "token", waiting("mine"))
    assert not claim(cursors, "token 2", revision=9)[0]
    assert not claim(cursors, "token 2", timers=("other",))[0]
    claimed, cursor = claim(cursors, "token 2", timers=("other", "mine"))
    assert claimed
    assert cursor.waits_for == ""


def test_anybody_may_claim_a_config_whose_timer_is_overdue(cursors: Cursors) -> None:
    claim(cursors)
    cursors.wait(KEY, "token", waiting(due=NOW))
    assert not claim(cursors, "token 2", revision=2, now=NOW + timedelta(seconds=120))[0]
    assert claim(cursors, "token 2", revision=2, now=NOW + timedelta(seconds=121))[0]


def test_a_deleted_config_is_not_claimed(cursors: Cursors) -> None:
    cursors.delete(KEY)
    assert claim(cursors) == (False, None)


# --- cursors: under the claim


def advanced(cursors: Cursors) -> bool:
    return cursors.advance(KEY, "token", 2, until=None, caught_up=True)


STEPS: dict[str, Callable[[Cursors], bool]] = {
    "advance and end": advanced,
    "advance and renew": lambda cursors: cursors.advance(KEY, "token", 2, until=CLAIM + timedelta(seconds=9)),
    "resent": lambda cursors: cursors.advance(KEY, "token", 1, until=None, resent=1),
    "wait": lambda cursors: cursors.wait(KEY, "token", waiting()),
    "give up": lambda cursors: cursors.give_up(KEY, "token", 5, outcome="refused", resend=()),
    "release": lambda cursors: cursors.release(KEY, "token", caught_up=True),
}


@pytest.mark.parametrize("step", STEPS)
def test_no_step_is_taken_without_the_claim(cursors: Cursors, step: str) -> None:
    claim(cursors, "another")
    assert not STEPS[step](cursors)


@pytest.mark.parametrize("step", STEPS)
def test_no_step_is_taken_for_a_config_that_was_deleted(cursors: Cursors, step: str) -> None:
    claim(cursors)
    cursors.delete(KEY)
    assert not STEPS[step](cursors)
    assert cursors.get(KEY, now=NOW) is None, "an update brings no deleted cursor back"


@pytest.mark.parametrize("effect", [Effect.TIMES_OUT, Effect.THROTTLED, Effect.TWICE])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_the_sdk_repeated_is_taken_once_and_counts_as_ours(world: World, cursors: Cursors, step: str, effect: Effect) -> None:
    claim(cursors)
    world.wire.decide = once(effect, name="UpdateItem")
    assert STEPS[step](cursors)


@pytest.mark.parametrize("effect", [Effect.TIMES_OUT, Effect.THROTTLED, Effect.TWICE])
def test_a_claim_that_the_sdk_repeated_is_ours(world: World, cursors: Cursors, effect: Effect) -> None:
    """Rule 4: the old item already shows this claim under this token."""
    world.wire.decide = once(effect, name="UpdateItem")
    claimed, cursor = claim(cursors, revision=2)
    assert claimed
    assert cursor.claim_token == "token"
    assert cursor.position == 1


def test_what_the_sdk_repeats_after_another_worker_claimed_is_not_ours(cursors: Cursors) -> None:
    claim(cursors)
    advanced(cursors)
    claim(cursors, "another")
    assert not advanced(cursors)


def test_a_success_heals_a_failing_config(cursors: Cursors) -> None:
    claim(cursors)
    cursors.give_up(KEY, "token", 5, outcome="refused", resend=())
    failing = cursors.get(KEY, now=NOW)
    assert failing is not None
    assert failing.is_failing
    claim(cursors)
    cursors.advance(KEY, "token", 6, until=None, caught_up=True)
    healed = cursors.get(KEY, now=NOW)
    assert healed is not None
    assert (healed.is_failing, healed.attempts, healed.last_outcome) == (False, 0, "")


def test_a_waiting_config_is_found_in_the_index_and_a_claimed_one_is_not(cursors: Cursors) -> None:
    def found() -> list[ConfigKey]:
        return [key for shard in range(8) for key, _, _ in cursors.waiting(shard)]

    assert found() == []
    claim(cursors)
    cursors.wait(KEY, "token", waiting())
    assert found() == [KEY]
    claim(cursors, timers=("timer",))
    assert found() == []


def test_a_cursor_stays_small(world: World, cursors: Cursors) -> None:
    """Under 1 KB: each step is one write unit. With all there can be in it, but for a redrive of a hundred revisions."""
    key = ConfigKey(TaskKey("default", "default", "", "0" * 36), "1" * 36)
    cursors.create(key, 9_999_999_999, group="g" * 32, now=NOW, expires=LATER)
    claimed, _ = cursors.claim(key, "t" * 32, now=NOW, until=CLAIM, timers=(), revision=None)
    assert claimed
    cursors.give_up(key, "t" * 32, 9_999_999_999, outcome="blocked-address", resend=())
    cursors.claim(key, "t" * 32, now=NOW, until=CLAIM, timers=(), revision=None)
    wait = Wait("w" * 32, due=NOW, attempts=8, behind_since=NOW, outcome="blocked-address", gone_checked=True)
    cursors.wait(key, "t" * 32, wait)
    cursors.renew(key, group="g" * 32, expires=LATER)
    cursors.add_resend(key, range(MAX_RESEND), now=NOW)
    [item] = [item for item in world.items("CURSOR#") if item["sk"]["S"] == key.cursor]
    assert size_of(item) < 1024


def size_of(item: Any) -> int:
    """Source: DynamoDB Developer Guide, "DynamoDB item sizes and formats"."""
    return sum(len(name) + _size_of_value(*next(iter(value.items()))) for name, value in item.items())


def _size_of_value(kind: str, value: Any) -> int:
    if kind == "N":
        return _size_of_number(value)
    if kind == "NS":
        return 3 + sum(1 + _size_of_number(each) for each in value)
    return 1 if kind == "BOOL" else len(value.encode())


def _size_of_number(text: str) -> int:
    return (len(text.replace(".", "").strip("0-")) + 1) // 2 + 1


# --- redrive


def test_what_a_redrive_adds_is_bounded(cursors: Cursors) -> None:
    assert cursors.add_resend(KEY, range(MAX_RESEND), now=NOW)
    assert not cursors.add_resend(KEY, [MAX_RESEND + 1], now=NOW)


def test_giving_up_keeps_what_a_redrive_has_added_meanwhile(cursors: Cursors) -> None:
    cursors.add_resend(KEY, [1], now=NOW)
    _, claimed = claim(cursors)
    cursors.add_resend(KEY, [2], now=NOW)
    assert cursors.give_up(KEY, "token", 5, outcome="refused", resend=claimed.resend)
    left = cursors.get(KEY, now=NOW)
    assert left is not None
    assert left.resend == (2,)


def test_a_redrive_that_is_run_again_adds_nothing_new(cursors: Cursors) -> None:
    assert cursors.add_resend(KEY, range(MAX_RESEND), now=NOW)
    assert cursors.add_resend(KEY, range(MAX_RESEND), now=NOW)


def test_a_redrive_for_an_expired_config_is_refused(cursors: Cursors) -> None:
    assert not cursors.add_resend(KEY, [1], now=LATER)


def test_a_redrive_for_a_deleted_config_makes_no_cursor(cursors: Cursors) -> None:
    cursors.delete(KEY)
    assert not cursors.add_resend(KEY, [1], now=NOW)
    assert cursors.get(KEY, now=NOW) is None


# --- watches


def watch_call(timer: str = "", asked_at: datetime | None = None) -> WatchCall:
    return WatchCall(TASK, (("m", WatchWakeup(TASK, timer=timer, asked_at=asked_at)),))


def rest(timer: str = "timer", *, due: datetime = NOW + timedelta(seconds=10), polled_at: datetime | None = None) -> Rest:
    return Rest(
        timer,
        due=due,
        interval=timedelta(seconds=10),
        deadline=LATER,
        polled_at=polled_at,
        looked_at=NOW,
        head=revision(3).head,
        failures=2,
    )


@pytest.fixture
def watches(connection: Connection) -> Watches:
    found = Watches(connection, seal=lambda plain, _: plain, open_sealed=lambda sealed, _: sealed)
    found.start(TASK, deadline=LATER, interval=timedelta(seconds=1), due=NOW)
    return found


def test_starting_a_watch_again_changes_nothing(watches: Watches) -> None:
    watches.start(TASK, deadline=NOW, interval=timedelta(seconds=9), due=NOW)
    found = watches.get(TASK)
    assert found is not None
    assert (found.deadline, found.interval) == (LATER, timedelta(seconds=1))


def test_a_watch_is_claimed_by_one(watches: Watches) -> None:
    assert watches.claim(watch_call(), "first", now=NOW, until=CLAIM)[0]
    assert not watches.claim(watch_call(), "second", now=NOW, until=CLAIM)[0]
    assert watches.claim(watch_call(), "second", now=CLAIM, until=CLAIM + timedelta(seconds=20))[0]


def test_a_resting_watch_remembers_and_is_claimed_by_its_timer_or_a_hint(watches: Watches) -> None:
    watches.claim(watch_call(), "token", now=NOW, until=CLAIM)
    assert watches.rest(TASK, "token", rest())
    found = watches.get(TASK)
    assert found is not None
    assert (found.waits_for, found.head, found.failures) == ("timer", revision(3).head, 2)
    assert not watches.claim(watch_call("other"), "token 2", now=NOW, until=CLAIM)[0]
    assert watches.claim(watch_call("timer"), "token 2", now=NOW, until=CLAIM)[0]
    watches.rest(TASK, "token 2", rest())
    assert watches.claim(watch_call(), "token 3", now=NOW, until=CLAIM)[0]


def test_a_hint_that_a_later_poll_has_answered_claims_nothing(watches: Watches) -> None:
    watches.claim(watch_call(), "token", now=NOW, until=CLAIM)
    watches.rest(TASK, "token", rest(polled_at=NOW))
    assert not watches.claim(watch_call(asked_at=NOW - timedelta(seconds=1)), "token 2", now=NOW, until=CLAIM)[0]
    assert watches.claim(watch_call(asked_at=NOW), "token 2", now=NOW, until=CLAIM)[0]


@pytest.mark.parametrize("effect", [Effect.TIMES_OUT, Effect.THROTTLED, Effect.TWICE])
def test_a_watchs_steps_that_the_sdk_repeated_count_as_ours(world: World, watches: Watches, effect: Effect) -> None:
    world.wire.decide = once(effect, name="UpdateItem")
    assert watches.claim(watch_call(), "token", now=NOW, until=CLAIM)[0]
    world.wire.decide = once(effect, name="UpdateItem")
    assert watches.rest(TASK, "token", rest())


def test_no_watch_is_ended_without_its_claim(watches: Watches) -> None:
    watches.claim(watch_call(), "token", now=NOW, until=CLAIM)
    watches.end(TASK, "another")
    assert watches.get(TASK) is not None
    watches.end(TASK, "token")
    assert watches.get(TASK) is None


def test_a_claimed_watch_stays_in_the_index(watches: Watches) -> None:
    """The sweep must find it if its worker dies."""
    watches.claim(watch_call(), "token", now=NOW, until=CLAIM)
    overdue = [task for shard in range(8) for task in watches.overdue(shard, before=CLAIM + timedelta(seconds=1))]
    assert overdue == [TASK]


# --- versions, busy tables


@pytest.mark.parametrize("prefix", ["REVISION#", "CURSOR#", "WATCH"])
def test_an_item_of_an_unknown_version_is_left_alone(
    world: World, cursors: Cursors, revisions: Revisions, watches: Watches, prefix: str
) -> None:
    """Rule 13: a reader raises, so that the event comes back; it never takes the item for what it knows."""
    revisions.append(TASK, revision(1), expires=LATER)
    [item] = world.items(prefix)
    world.connection.put({**item, "v": {"N": "2"}})
    reads: dict[str, Callable[[], object]] = {
        "REVISION#": lambda: (revisions.newest(TASK), revisions.after(TASK, 0, limit=1)),
        "CURSOR#": lambda: cursors.of_task(TASK, now=NOW),
        "WATCH": lambda: watches.get(TASK),
    }
    with pytest.raises(UnknownItemError):
        reads[prefix]()


def test_of_two_processes_that_would_give_an_agent_a_callback_one_does(connection: Connection) -> None:
    reaches, tried = Reaches(connection), Reach()
    for later in (timedelta(0), timedelta(hours=1)):
        known, tried = tried, tried.probed(NOW + later)
        assert [reaches.replace(TASK.agent_key, known, tried) for _ in range(2)] == [True, False]
    reaches.put(TASK.agent_key, heard := Reach(heard_until=NOW))
    assert not reaches.replace(TASK.agent_key, tried, tried.probed(NOW)), "it has used the one that it had"
    assert reaches.get(TASK.agent_key) == heard


def test_keys_that_dynamodb_left_are_asked_for_again(world: World, revisions: Revisions) -> None:
    revisions.append(TASK, revision(1), expires=LATER)
    left = {TABLE: {"Keys": [{"pk": {"S": TASK.partition}, "sk": {"S": "REVISION#0000000001"}}], "ConsistentRead": True}}
    world.wire.decide = once({"Responses": {}, "UnprocessedKeys": left}, name="BatchGetItem")
    assert list(revisions.read([(TASK, 1)])) == [(TASK, 1)]
    assert [each.body["RequestItems"][TABLE]["ConsistentRead"] for each in world.wire.asked(name="BatchGetItem")] == [True, True]


def test_more_revisions_than_a_page_holds_are_all_found(revisions: Revisions) -> None:
    """DynamoDB: a page is at most 1 MB."""
    for number in range(1, 6):
        revisions.append(TASK, revision(number, artifact=secrets.token_urlsafe(300_000)), expires=LATER)
    assert [each.number for each in revisions.after(TASK, 0, limit=11)] == [1, 2, 3, 4, 5]
