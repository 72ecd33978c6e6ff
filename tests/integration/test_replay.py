"""A replay: what was observed in some time is sent again, whether it was delivered or not, through the claim like everything else."""

from datetime import datetime, timedelta

import pytest

from relay.adapters.table.cursors import MAX_RESEND
from relay.adapters.table.receivers import Receivers
from relay.domain.breaker import FIRST_PAUSE, LONGEST_PAUSE, THRESHOLD
from relay.domain.keys import ReceiverKey
from relay.use_cases.replay import Part
from relay.use_cases.send_again import Filter
from relay.wiring import wiring
from relay_dev.cli import _parser
from relay_dev.receiver import Receiver
from tests.integration.test_deliver import appends, holds
from tests.integration.test_evo_ai_configs import documented
from tests.support.wire import Effect, once
from tests.support.world import DELIVERY, SWEEP, World, config_key

KEY = config_key("t1", "a")


def told(world: World, *states: str) -> datetime:
    """Revisions of t1, all of them delivered; when the first of them was asked for."""
    began = world.runner.clock.now()
    appends(world, *states)
    world.settle()
    return began


def follow(world: World, *config_ids: str) -> None:
    world.agent.task("t1")
    for config_id in config_ids:
        world.register("t1", id=config_id)
    world.settle()


def replay(wanted: Filter, *, every: bool = False) -> list[tuple[Part, bool]]:
    use_case = wiring().replay
    return [(part, use_case(part)) for part in use_case.find(wanted, every=every)]


def again(world: World, config_id: str = "a") -> list[int]:
    return [int(post.revision) for post in world.posts(config_id) if post.headers.get("a2a-relay-redriven") == "true"]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    args = _parser("replay").parse_args(["replay", *arguments])
    capsys.readouterr()
    code = args.command(args)
    output = capsys.readouterr()
    return code, (output.out + output.err).splitlines()


def test_what_was_delivered_is_sent_again_as_it_was_and_says_so(world: World) -> None:
    follow(world, "a")
    told(world, "working", "input-required", "completed")
    assert replay(Filter(task_id="t1"), every=True) == [(Part(KEY, (2, 3, 4)), True)]
    world.settle()
    posts = world.posts("a")
    first, second = posts[:3], posts[3:]
    assert again(world) == [2, 3, 4]
    assert [(each.webhook_id, each.body) for each in first] == [(each.webhook_id, each.body) for each in second]
    assert (world.cursor("t1", "a").position, world.cursor("t1", "a").resend) == (4, ())


def test_only_the_newest_state_of_that_time_is_sent_again_unless_every(world: World) -> None:
    follow(world, "a")
    told(world, "working", "input-required")
    world.runner.clock.advance(timedelta(minutes=1))
    until = told(world, "completed")
    assert replay(Filter(task_id="t1")) == [(Part(KEY, (4,)), True)]
    assert replay(Filter(task_id="t1", until=until)) == [(Part(KEY, (3,)), True)]
    world.settle()
    assert again(world) == [3, 4]


def test_a_time_takes_what_was_observed_in_it(world: World) -> None:
    follow(world, "a")
    told(world, "working")
    world.runner.clock.advance(timedelta(minutes=1))
    since = told(world, "input-required", "working")
    world.runner.clock.advance(timedelta(minutes=1))
    until = told(world, "completed")
    assert replay(Filter(since=since, until=until), every=True) == [(Part(KEY, (3, 4)), True)]
    assert replay(Filter(since=world.runner.clock.now() + timedelta(seconds=1))) == []


def test_a_task_a_config_and_a_receiver_choose_whose(world: World) -> None:
    follow(world, "a", "b")
    with Receiver() as elsewhere:
        world.register("t1", f"{elsewhere.url}/c", id="c")
        told(world, "completed")
        began = world.runner.clock.now() - timedelta(days=1)

        def whose(wanted: Filter) -> list[str]:
            return sorted(part.key.config_id for part in wiring().replay.find(wanted, every=False))

        assert whose(Filter(since=began)) == ["a", "b", "c"]
        assert whose(Filter(task_id="t1", config_id="b")) == ["b"]
        assert whose(Filter(since=began, receiver=elsewhere.url)) == ["c"]
        assert whose(Filter(since=began, receiver=world.receiver.url)) == ["a", "b"]
        assert whose(Filter(task_id="t2")) == []


def test_what_is_still_to_be_sent_is_not_replayed_but_comes_after_what_is(world: World) -> None:
    follow(world, "a")
    told(world, "working")
    world.receiver.fail_next(503)
    told(world, "completed")
    assert replay(Filter(task_id="t1"), every=True) == [(Part(KEY, (2,)), True)]
    world.advance(5)
    assert [(post.revision, post.status) for post in world.posts("a")] == [("2", 200), ("3", 503), ("2", 200), ("3", 200)]


def test_a_config_that_has_been_told_nothing_has_nothing_to_replay(world: World) -> None:
    """Not even what its task went through before it was registered."""
    follow(world, "a")
    told(world, "working", "working")
    world.register("t1", id="b")
    world.settle()
    assert replay(Filter(task_id="t1", config_id="b"), every=True) == []
    told(world, "completed")
    assert replay(Filter(task_id="t1", config_id="b"), every=True) == [(Part(config_key("t1", "b"), (4,)), True)]


def test_what_the_configs_filter_leaves_out_is_not_replayed(world: World) -> None:
    world.agent.task("t1")
    key = config_key("t1", documented(world, events=["task.working"])["configId"])
    told(world, "working", "completed")
    assert [part for part in wiring().replay.find(Filter(task_id="t1"), every=False) if part.key == key] == [Part(key, (2,))]


def test_what_does_not_fit_in_at_once_is_left_to_another_replay(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    follow(world, "a")
    told(world, *["working", "input-required"] * (MAX_RESEND // 2), "working", "completed")
    code, lines = said(capsys, "--task", "t1", "--every")
    assert (code, lines[-1]) == (0, "1 config replayed, 0 left")
    assert lines[0] == f"task t1  config a  agent default  owner default: {MAX_RESEND} revisions, 2 to {MAX_RESEND + 1}"
    assert said(capsys, "--task", "t1", "--every")[1][-1] == "1 config replayed, 0 left", "the same again is nothing more"
    for _ in range(3):
        world.settle()
    assert again(world) == list(range(2, MAX_RESEND + 2))
    since = lines[1].rpartition(" ")[2]
    code, lines = said(capsys, "--since", since, "--every")
    assert lines[0].endswith(f": 2 revisions, {MAX_RESEND + 2} to {MAX_RESEND + 3}")
    world.settle()
    assert again(world) == list(range(2, MAX_RESEND + 4))


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    follow(world, "a")
    told(world, "completed")
    assert said(capsys, "--task", "t1", "--dry-run") == (
        0,
        ["would send task t1  config a  agent default  owner default: revision 2", "1 config; nothing was sent"],
    )
    assert (world.cursor("t1", "a").resend, world.length(DELIVERY)) == ((), 0)


def test_a_command_that_names_neither_time_nor_task_is_refused(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--receiver", world.receiver.url, "--every") == (
        2,
        ["relay: say from when on, or of which task: --since TIME or --task ID"],
    )


def test_a_time_may_be_so_long_ago_and_must_not_end_before_it_begins(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    follow(world, "a")
    told(world, "completed")
    _, lines = said(capsys, "--since", "2h", "--dry-run")
    assert lines[-1] == "1 config; nothing was sent"
    assert said(capsys, "--since", "1h", "--until", "2h") == (2, ["relay: --until is not after --since: nothing can lie between them"])
    with pytest.raises(SystemExit):
        said(capsys, "--since", "yesterday")
    assert "'yesterday' is no ISO 8601 time such as 2026-12-31T18:00Z, and no length of time" in capsys.readouterr().err


def test_a_config_that_is_busy_with_the_same_is_left_alone(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """It may be about to give up what was asked for earlier, and would take this wish along with its own."""
    follow(world, "a")
    told(world, "completed")
    world.cursors.add_resend(KEY, [2], now=world.runner.clock.now())
    holds(world)
    code, lines = said(capsys, "--task", "t1")
    assert code == 1
    assert lines == [
        "task t1  config a  agent default  owner default: left alone: the config is gone, busy, or has too many waiting",
        "0 configs replayed, 1 left",
    ]


def test_what_is_replayed_is_sent_though_its_worker_dies_and_the_queue_is_purged(world: World) -> None:
    follow(world, "a")
    told(world, "completed")
    world.advance(SWEEP)
    assert world.watch("t1") is None, "the task has ended, and all is told"
    [(_, is_replayed)] = replay(Filter(task_id="t1"))
    assert is_replayed
    world.wire.decide = once(Effect.DIES_AFTER, function="deliver", name="UpdateItem")
    world.settle()
    world.purge(DELIVERY)
    for _ in range(3):
        world.advance(SWEEP)
    assert again(world) == [2]
    assert world.watch("t1") is None


def test_a_replayed_one_that_fails_to_the_end_is_a_dead_letter_and_redriven(world: World) -> None:
    follow(world, "a")
    told(world, "working", "completed")
    world.receiver.fail_next(400)
    assert replay(Filter(task_id="t1"))[0][1]
    world.settle()
    letters = wiring().redrive.list(Filter())
    assert [(letter.first, letter.last) for letter in letters] == [(3, 3)]
    list(wiring().redrive.redrive(letters, every=False))
    world.settle()
    assert [(post.revision, post.status) for post in world.posts("a")][2:] == [("3", 400), ("3", 200)]
    assert world.dead_letters() == []


def test_what_is_replayed_counts_as_behind_from_then_on_however_old_it_is(world: World) -> None:
    """Else one that was observed days ago is an alarm at once, and passes each breaker as if it had waited for that long."""
    follow(world, "a")
    told(world, "working")
    world.advance(3 * 24 * 3600)
    world.receiver.fail_next(503)
    began = world.runner.clock.now()
    assert replay(Filter(task_id="t1"))[0][1]
    world.settle()
    behind_since = world.cursor("t1", "a").behind_since
    assert behind_since is not None
    assert behind_since >= began


def test_what_is_replayed_waits_for_a_breaker_that_is_open(world: World) -> None:
    follow(world, "a")
    told(world, "working")
    world.advance(3 * 24 * 3600)
    key = ReceiverKey(KEY.task.owner, world.receiver.url)
    receivers = Receivers(world.connection, longest_pause=LONGEST_PAUSE, now=world.runner.clock.now)
    for _ in range(THRESHOLD):
        receivers.failed(key)
    assert replay(Filter(task_id="t1"))[0][1]
    world.settle()
    for _ in range(THRESHOLD):
        receivers.failed(key)
        world.advance(FIRST_PAUSE.total_seconds() / 2)
    assert again(world) == []


def test_a_config_that_is_registered_anew_before_its_turn_is_not_sent_what_the_one_before_was(world: World) -> None:
    """A page of a scan holds thousands of cursors, and the last of them has its turn minutes later."""
    follow(world, "a", "b")
    told(world, "working", "input-required")
    parts = list(wiring().replay.find(Filter(task_id="t1"), every=True))
    with Receiver() as elsewhere:
        world.delete("t1", "a")
        world.register("t1", f"{elsewhere.url}/new", id="a")
        world.settle()
        assert {part.key.config_id: wiring().replay(part) for part in parts} == {"a": False, "b": True}
        world.settle()
        assert [post.revision for post in elsewhere.notifications] == ["3"], "where it has begun"
    assert again(world, "b") == [2, 3]
