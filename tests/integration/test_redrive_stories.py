"""Redriving: what was given up is added to what its config still has to send, and goes through the claim like everything else."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from relay.use_cases.redrive import Redriven
from relay.use_cases.send_again import Filter
from relay.wiring import wiring
from relay_dev.received import Notification
from tests.support.wire import Died, Effect, once, undisturbed
from tests.support.world import DELIVERY, SWEEP, World, task_key

POLL = 10.5  # seconds: a little more than the watch's interval


@pytest.fixture
def world() -> Iterator[World]:
    """One retry, then a config is given up."""
    with World(RetrySchedule="2", WatchMinSeconds="10", WatchMaxSeconds="10") as world:
        yield world


def given_up(world: World, task_id: str = "t1", *, config_id: str = "a", letters: int = 1, revisions: int = 2) -> None:
    """So many dead letters of so many revisions each; the receiver works again. The task goes on."""
    world.agent.task(task_id)
    world.register(task_id, id=config_id)
    world.settle()
    for letter in range(letters):
        world.receiver.fail_next(500, times=2)
        appends(world, task_id, revisions, f"letter {letter}")
        world.settle()
        world.advance(3)


def appends(world: World, task_id: str, count: int, message: str) -> None:
    """Revisions, observed at once."""
    for number in range(count):
        world.agent.task(task_id).becomes("working", message=f"{message}, {number}")
        view = wiring().ask(task_key(task_id), timeout=timedelta(seconds=5))
        assert view is not None
        wiring().observe(task_key(task_id), view)


def redrive(world: World, wanted: Filter = Filter(), *, every: bool = False) -> list[Redriven]:  # noqa: B008 frozen
    letters = wiring().redrive.list(wanted)
    return list(wiring().redrive.redrive(letters, every=every))


def redriven(world: World, config_id: str = "a") -> list[int]:
    """The revisions that arrived with the mark of a redrive."""
    return [int(post.revision) for post in world.posts(config_id) if is_marked(post)]


def is_marked(post: Notification) -> bool:
    return post.headers.get("a2a-relay-redriven") == "true"


def test_only_the_newest_state_of_each_config_is_sent_again(world: World) -> None:
    given_up(world, letters=2)
    assert [(letter.first, letter.last) for letter in wiring().redrive.list(Filter())] == [(2, 3), (4, 5)]
    [done] = redrive(world)
    world.settle()
    assert done.revisions == (5,)
    assert redriven(world) == [5]
    assert world.dead_letters() == []


def test_every_revision_is_sent_again_in_order_when_asked(world: World) -> None:
    given_up(world, letters=2)
    [done] = redrive(world, every=True)
    world.settle()
    assert done.revisions == (2, 3, 4, 5)
    assert redriven(world) == [2, 3, 4, 5]
    assert world.dead_letters() == []


def test_the_newest_state_that_is_sent_again_is_one_that_the_configs_filter_lets_through(world: World) -> None:
    task, filtered = world.agent.task("t1"), {"url": f"{world.receiver.url}/a", "id": "a", "events": ["task.working"]}
    world.result("tasks/pushNotificationConfig/set", {"taskId": "t1", "config": filtered}, version="0.3")
    world.settle()
    world.receiver.fail_next(500, times=2)
    appends(world, "t1", 2, "in one letter with the end")
    task.becomes("completed")
    world.advance(POLL)
    world.advance(3)
    [letter] = wiring().redrive.list(Filter())
    assert (letter.first, letter.last) == (2, 4)
    assert wiring().redrive.revisions_to_send([letter], every=False) == (3,)
    [done] = redrive(world)
    world.settle()
    assert (done.revisions, redriven(world), world.dead_letters()) == ((3,), [3], [])


def test_a_redriven_notification_keeps_its_webhook_id(world: World) -> None:
    given_up(world, revisions=1)
    redrive(world)
    world.settle()
    assert len({post.webhook_id for post in world.posts("a")}) == 1


def test_a_redrive_moves_no_cursor_and_heals_the_config(world: World) -> None:
    given_up(world)
    assert world.cursor("t1", "a").is_failing
    redrive(world)
    world.settle()
    cursor = world.cursor("t1", "a")
    assert (cursor.position, cursor.is_failing, cursor.resend) == (3, False, ())


def test_what_came_meanwhile_is_told_after_what_is_redriven(world: World) -> None:
    given_up(world)
    redrive(world, every=True)
    appends(world, "t1", 1, "later")
    world.settle()
    assert [int(post.revision) for post in world.posts("a") if post.is_accepted] == [2, 3, 4]
    assert redriven(world) == [2, 3]


def test_a_redrive_that_fails_again_is_a_dead_letter_again(world: World) -> None:
    given_up(world)
    world.receiver.fail_next(500, times=2)
    redrive(world)
    world.settle()
    world.advance(3)
    assert [(letter.first, letter.last) for letter in world.dead_letters()] == [(3, 3)]
    assert world.cursor("t1", "a").resend == ()
    redrive(world)
    world.settle()
    assert world.told("a") == [3]


def test_a_redrive_of_a_waiting_config_is_done_by_its_timer(world: World) -> None:
    given_up(world)
    world.receiver.fail_next(500)
    appends(world, "t1", 1, "later")
    world.settle()
    assert world.cursor("t1", "a").waits_for
    redrive(world, every=True)
    world.settle()
    assert redriven(world) == []
    world.advance(3)
    assert world.told("a") == [2, 3, 4]


def test_a_redrive_whose_wake_up_was_lost_is_found_by_the_sweep(world: World) -> None:
    given_up(world)
    redrive(world)
    world.purge(DELIVERY)
    world.runner.advance(timedelta(seconds=SWEEP))
    world.settle()
    assert redriven(world) == [3]


@pytest.mark.parametrize("name", ["UpdateItem", "SendMessage", "DeleteItem"])
@pytest.mark.parametrize("effect", [Effect.DIES_BEFORE, Effect.DIES_AFTER])
def test_a_redrive_that_dies_is_run_again_and_loses_nothing(world: World, name: str, effect: Effect) -> None:
    given_up(world)
    world.wire.decide = once(effect, name=name)
    with world.wire.life("redrive"), pytest.raises(Died):
        redrive(world, every=True)
    world.wire.decide = undisturbed
    redrive(world, every=True)
    world.settle()
    assert sorted(set(redriven(world))) == [2, 3]
    assert world.dead_letters() == []


def test_a_deleted_config_keeps_its_letters_and_gets_nothing(world: World) -> None:
    given_up(world)
    world.delete("t1", "a")
    [done] = redrive(world)
    world.settle()
    assert done.revisions == ()
    assert redriven(world) == []
    assert len(world.dead_letters()) == 1


def test_listing_is_no_redrive(world: World) -> None:
    given_up(world)
    world.wire.requests.clear()
    with world.wire.life("redrive"):
        assert len(wiring().redrive.list(Filter())) == 1
    assert {request.name for request in world.wire.asked("redrive")} == {"Scan"}


def test_letters_are_chosen_by_task_config_receiver_and_time(world: World) -> None:
    given_up(world, "t1", config_id="a", revisions=1)
    between = world.runner.clock.now()
    given_up(world, "t2", config_id="b", revisions=1)
    wanted = {
        "all": Filter(),
        "task": Filter(task_id="t1"),
        "config": Filter(config_id="b"),
        "receiver": Filter(receiver=world.receiver.url),
        "another receiver": Filter(receiver="https://elsewhere.example"),
        "since": Filter(since=between),
        "until": Filter(until=between),
    }
    found = {name: [letter.key.config_id for letter in wiring().redrive.list(each)] for name, each in wanted.items()}
    assert found == {
        "all": ["a", "b"],
        "task": ["a"],
        "config": ["b"],
        "receiver": ["a", "b"],
        "another receiver": [],
        "since": ["b"],
        "until": ["a"],
    }


def test_a_letter_that_has_expired_is_not_listed_though_ttl_has_not_deleted_it(world: World) -> None:
    given_up(world)
    world.runner.advance(timedelta(days=15))
    assert wiring().redrive.list(Filter()) == []


def test_more_than_a_cursor_may_hold_is_redriven_in_parts(world: World) -> None:
    given_up(world, revisions=130)
    [done] = redrive(world, every=True)
    for _ in range(3):
        world.settle()
    assert done.revisions == tuple(range(2, 102))
    assert redriven(world) == list(range(2, 102))
    [rest] = redrive(world, every=True)
    for _ in range(3):
        world.settle()
    assert redriven(world)[100:] == list(range(102, 132))
    assert world.dead_letters() == []
    assert rest.revisions[-1] == 131


def test_announcements_say_what_a_redrive_needs(world: World) -> None:
    given_up(world)
    [announced] = map(json.loads, world.take("WebhookDeadLetterQueue"))
    assert {name: announced[name] for name in ("v", "kind", "owner", "agent", "tenant", "task_id", "config", "first", "last")} == {
        "v": 1,
        "kind": "dead-letter",
        "owner": "default",
        "agent": "default",
        "tenant": "",
        "task_id": "t1",
        "config": "a",
        "first": 2,
        "last": 3,
    }
