"""A redrive takes a dead letter away only when what it holds is asked for again."""

from datetime import timedelta

import boto3
import pytest

from relay.adapters.queues import Queue
from relay.adapters.table.configs import Configs
from relay.adapters.table.connection import Connection
from relay.adapters.table.cursors import MAX_RESEND
from relay.adapters.table.dead_letters import DeadLetters
from relay.domain.dead_letter import DeadLetter
from relay.use_cases.redrive import Redrive
from relay.use_cases.send_again import Filter, SendAgain
from relay.wiring import wiring
from relay_dev.cli import _parser
from tests.support.wire import Effect, once
from tests.support.world import DELIVERY, SWEEP, TABLE, World, config_key

KEY = config_key("t1", "a")


@pytest.fixture
def dead_letters(world: World) -> DeadLetters:
    return DeadLetters(Connection(boto3.client("dynamodb"), TABLE))


@pytest.fixture
def redrive(world: World, dead_letters: DeadLetters) -> Redrive:
    now = world.runner.clock.now
    world.cursors.create(KEY, 1, group="g", now=now(), expires=now() + timedelta(days=30))
    queue = Queue(boto3.client("sqs"), world.queue_url(DELIVERY))
    configs = Configs(world.connection, seal=world.vault.seal, open_sealed=world.vault.open)
    send_again = SendAgain(cursors=world.cursors, watches=world.watches, delivery_queue=queue, now=now)
    return Redrive(dead_letters=dead_letters, configs=configs, revisions=world.revisions, send_again=send_again, now=now)


def test_letter_that_was_written_anew_meanwhile_stays(world: World, dead_letters: DeadLetters) -> None:
    dead_letters.put(letter(world, 1, 1))
    [read] = world.dead_letters()
    dead_letters.put(letter(world, 1, 1, later=timedelta(seconds=1)))
    dead_letters.delete(read)
    [again] = world.dead_letters()
    dead_letters.delete(again)
    assert world.dead_letters() == []


def test_letter_of_a_worker_that_lost_its_claim_long_ago_takes_no_place(world: World, dead_letters: DeadLetters) -> None:
    dead_letters.put(letter(world, 1, 3))
    dead_letters.put(letter(world, 1, 2))
    [kept] = world.dead_letters()
    assert (kept.first, kept.last) == (1, 3)


def test_newest_state_alone_takes_the_whole_letter_away(world: World, redrive: Redrive, dead_letters: DeadLetters) -> None:
    dead_letters.put(letter(world, 1, 3))
    [done] = redrive.redrive(redrive.list(Filter()), every=False)
    assert done.revisions == (3,)
    assert world.dead_letters() == []


def test_what_a_cursor_has_no_room_for_is_left_to_the_next_redrive(world: World, redrive: Redrive, dead_letters: DeadLetters) -> None:
    dead_letters.put(letter(world, 1, MAX_RESEND + 5))
    dead_letters.put(letter(world, MAX_RESEND + 9, MAX_RESEND + 9))
    [done] = redrive.redrive(redrive.list(Filter()), every=True)
    assert done.revisions == tuple(range(1, MAX_RESEND + 1))
    world.cursors.claim(KEY, "token", now=world.runner.clock.now(), until=world.runner.clock.now(), timers=(), revision=None)
    world.cursors.give_up(KEY, "token", 1, outcome="by the test", resend=done.revisions)
    [rest] = redrive.redrive(redrive.list(Filter()), every=True)
    assert rest.revisions == (*range(MAX_RESEND + 1, MAX_RESEND + 6), MAX_RESEND + 9)
    assert world.dead_letters() == []


def test_letter_that_was_written_anew_is_not_shortened(world: World, dead_letters: DeadLetters) -> None:
    dead_letters.put(letter(world, 1, 3))
    [read] = world.dead_letters()
    dead_letters.put(letter(world, 1, 3, later=timedelta(seconds=1)))
    dead_letters.shorten(read, asked_to=2)
    [again] = world.dead_letters()
    assert list(again.open_revisions) == [1, 2, 3]


def test_letter_of_a_config_that_is_busy_with_its_revisions_waits_for_the_next_redrive(
    world: World, redrive: Redrive, dead_letters: DeadLetters
) -> None:
    now = world.runner.clock.now()
    world.cursors.add_resend(KEY, [1], now=now)
    _, claimed = world.cursors.claim(KEY, "token", now=now, until=now + timedelta(seconds=20), timers=(), revision=None)
    assert claimed is not None
    dead_letters.put(letter(world, 1, 1))
    [left_alone] = redrive.redrive(redrive.list(Filter()), every=True)
    assert left_alone.revisions == ()
    world.cursors.give_up(KEY, "token", 1, outcome="refused", resend=claimed.resend)
    [done] = redrive.redrive(redrive.list(Filter()), every=True)
    assert done.revisions == (1,)
    assert world.cursor("t1", "a").resend == (1,)


def test_what_was_redriven_is_sent_though_its_worker_dies_and_the_queue_is_purged() -> None:
    with World(RetrySchedule="5") as world:
        world.agent.task("t1").becomes("completed")
        world.receiver.fail_next(503, 2)
        world.register("t1", id="a")
        for _ in range(20):
            world.advance(10)
        assert world.dead_letters()
        assert world.watch("t1") is None, "the task has ended, and all is told or given up"
        redrive = wiring().redrive
        list(redrive.redrive(redrive.list(Filter()), every=True))
        world.wire.decide = once(Effect.DIES_AFTER, function="deliver", name="UpdateItem")
        world.settle()
        world.purge(DELIVERY)
        for _ in range(3):
            world.advance(SWEEP)
        assert world.told("a") == [1]
        assert world.watch("t1") is None


def test_command_counts_one_config_as_one_and_two_as_two(
    world: World, redrive: Redrive, dead_letters: DeadLetters, capsys: pytest.CaptureFixture[str]
) -> None:
    del redrive  # but for the cursor that it makes

    dead_letters.put(letter(world, 1, 1))
    assert said(capsys, "--dry-run")[-1] == "1 config, 1 dead letter; nothing was sent"
    dead_letters.put(letter(world, 2, 2))
    assert said(capsys, "--dry-run")[-1] == "1 config, 2 dead letters; nothing was sent"
    assert said(capsys)[-1] == "1 config redriven, 0 left"
    assert said(capsys)[-1] == "0 configs redriven, 0 left"


def test_command_says_what_it_does_not_send(
    world: World, redrive: Redrive, dead_letters: DeadLetters, capsys: pytest.CaptureFixture[str]
) -> None:
    del redrive  # but for the cursor that it makes

    dead_letters.put(letter(world, 1, 3))
    newest = "revision 3; 2 more passed over, which --every would send"
    assert said(capsys, "--dry-run")[0] == f"would send task t1 config a: {newest}"
    assert said(capsys, "--dry-run", "--every")[0] == "would send task t1 config a: revisions 1 to 3"
    assert said(capsys)[0] == f"1 of 1: task t1 config a: {newest}"
    dead_letters.put(letter(world, 4, MAX_RESEND + 8))
    begun = f"revisions 4 to {MAX_RESEND + 3}; 5 more when these are sent: redrive again"
    assert said(capsys, "--dry-run", "--every")[0] == f"would send task t1 config a: {begun}"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The lines of the command."""
    args = _parser("redrive").parse_args(["redrive", "--all", *arguments])
    args.command(args)
    return capsys.readouterr().out.splitlines()


def letter(world: World, first: int, last: int, later: timedelta = timedelta(0)) -> DeadLetter:
    written_at = world.runner.clock.now() + later
    return DeadLetter(KEY, first, last, "refused", "https://receiver.example", f"msg_{first}", written_at)
