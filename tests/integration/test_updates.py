"""What a config is told after a failure: every revision, or only what no newer one contains."""

import pytest

from tests.support.world import World

OUTAGE = ("working", "working", "input-required", "working", "working")  # revisions 2 to 6


def _through_an_outage(world: World, *states: str, **registration: str) -> None:
    world.agent.task("t1")
    world.register("t1", id="c", **registration)
    world.settle()
    world.receiver.fail_next(503, times=1000)
    for place, state in enumerate(states):
        world.agent.task("t1").becomes(state, message=f"change {place}")
        world.advance(3)
    world.receiver.heal()
    for _ in range(4):
        world.advance(40)


def test_every_revision_is_told_unless_asked_otherwise() -> None:
    with World(WatchMinSeconds="2", WatchMaxSeconds="2", RetrySchedule="60,60,60,60") as world:
        _through_an_outage(world, *OUTAGE)
        assert world.told("c") == [2, 3, 4, 5, 6]


def test_latest_state_passes_over_what_a_newer_one_contains_but_no_interruption() -> None:
    with World(WatchMinSeconds="2", WatchMaxSeconds="2", RetrySchedule="60,60,60,60", UpdatesAfterFailure="latest-state") as world:
        _through_an_outage(world, *OUTAGE)
        assert world.told("c") == [4, 6]
        assert world.dead_letters() == []


def test_latest_state_ends_with_the_terminal_one() -> None:
    with World(WatchMinSeconds="2", WatchMaxSeconds="2", RetrySchedule="60,60,60,60", UpdatesAfterFailure="latest-state") as world:
        _through_an_outage(world, "working", "working", "completed")
        assert world.told("c") == [4]


def test_without_a_failure_nothing_is_passed_over() -> None:
    with World(WatchMinSeconds="2", WatchMaxSeconds="2", UpdatesAfterFailure="latest-state") as world:
        world.agent.task("t1")
        world.register("t1", id="c")
        for place in range(3):
            world.agent.task("t1").becomes("working", message=f"change {place}")
            world.advance(3)
        assert world.told("c") == [2, 3, 4]


def test_a_config_chooses_by_a_header_of_the_call_that_registers_it() -> None:
    with World(WatchMinSeconds="2", WatchMaxSeconds="2", RetrySchedule="60,60,60,60") as world:
        world.headers["a2a-relay-updates"] = "latest-state"
        _through_an_outage(world, *OUTAGE)
        assert world.told("c") == [4, 6]


@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_a_config_that_wants_events_is_told_each_revision_as_one(version: str) -> None:
    """What changes both at once is told as the whole task; a retry tells the same."""
    with World(WatchMinSeconds="2", WatchMaxSeconds="2", RetrySchedule="2,2") as world:
        world.headers["a2a-relay-updates"] = "events"
        task = world.agent.task("t1")
        if version == "1.0":
            world.register("t1", id="c")
        else:
            config = {"id": "c", "url": f"{world.receiver.url}/c"}
            world.result("tasks/pushNotificationConfig/set", {"taskId": "t1", "pushNotificationConfig": config}, version="0.3")
        world.settle()
        world.receiver.fail_next(503, times=1)
        for change in ({"state": "working"}, {"state": "working", "artifacts": ["one"]}, {"state": "completed", "artifacts": ["two"]}):
            task.becomes(**change)
            world.advance(5)
        bodies = [post.payload or {} for post in world.posts("c")]
        assert bodies[0] == bodies[1]
        kinds = [body.get("kind") or next(iter(body)) for body in bodies[1:]]
        assert kinds == (["statusUpdate", "artifactUpdate", "task"] if version == "1.0" else ["status-update", "artifact-update", "task"])
        assert (world.told("c"), world.posts("c")[-1].state) == ([2, 3, 4], "completed")


def test_a_choice_that_is_none_is_refused() -> None:
    with World() as world:
        world.agent.task("t1")
        world.headers["a2a-relay-updates"] = "sometimes"
        with pytest.raises(AssertionError, match="A2A-Relay-Updates must be one of every-revision, latest-state"):
            world.register("t1", id="c")


def test_another_revision_than_the_one_that_failed_begins_at_attempt_1() -> None:
    with World(WatchMinSeconds="2", WatchMaxSeconds="2", RetrySchedule="60,60,60,60", UpdatesAfterFailure="latest-state") as world:
        _through_an_outage(world, *OUTAGE)
        last = [post for post in world.posts("c") if post.is_accepted][-1]
        assert last.revision == "6"
        assert last.attempt == 1


def test_a_config_may_bring_its_own_retry_policy() -> None:
    with World(WatchMaxSeconds="900", RetrySchedule="1000,1000,1000") as world:
        world.agent.task("t1").becomes("completed")
        world.receiver.fail_next(503, times=1000)
        world.register("t1", id="c", retryPolicy={"maxRetries": 2, "initialDelay": 5, "backoffMultiplier": 3})
        for _ in range(8):
            world.advance(5)
        assert len(world.posts("c")) == 3
        assert [letter.reason for letter in world.dead_letters()] == ["refused"]


@pytest.mark.parametrize("policy", [{"maxRetries": 11}, {"initialDelay": 0}, {"backoffMultiplier": "2"}, {"maxRetries": True}])
def test_a_retry_policy_out_of_bounds_is_refused(policy: dict[str, object]) -> None:
    with World() as world:
        world.agent.task("t1")
        with pytest.raises(AssertionError, match="retryPolicy"):
            world.register("t1", id="c", retryPolicy=policy)
