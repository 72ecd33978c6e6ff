"""Observing: however a change is learnt it goes through one door, and becomes one revision (design §2, rules 9 and 11)."""

import secrets
from datetime import timedelta

import pytest

from relay.wiring import wiring
from tests.support.wire import Effect, once
from tests.support.world import World, task_key

POLL = 10.5  # seconds: a little more than the watch's interval


@pytest.fixture
def followed(world: World) -> World:
    """The task t1 with one config; its first revision says `submitted`."""
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    return world


def test_each_change_is_one_revision(followed: World) -> None:
    for state in ("working", "input-required", "working", "completed"):
        followed.agent.task("t1").becomes(state)
        followed.advance(POLL)
    assert followed.told("a") == [2, 3, 4, 5]
    assert [post.state for post in followed.posts("a")] == ["working", "input-required", "working", "completed"]


def test_no_change_no_write(followed: World) -> None:
    followed.wire.requests.clear()
    for _ in range(3):
        followed.advance(POLL)
    assert followed.agent.count("GetTask") == 5
    assert followed.wire.asked("watch", "PutItem") == []


def test_history_alone_is_no_change(followed: World) -> None:
    followed.agent.task("t1").hears({"messageId": "m", "role": "ROLE_USER", "parts": []})
    followed.advance(POLL)
    assert followed.newest("t1") == 1


def test_a_new_status_message_is_a_change(followed: World) -> None:
    followed.agent.task("t1").becomes("submitted", message="nearly there")
    followed.advance(POLL)
    assert followed.newest("t1") == 2


def test_a_task_seen_in_a_terminal_state_takes_no_further_revision(followed: World) -> None:
    followed.agent.task("t1").becomes("completed")
    followed.advance(POLL)
    followed.agent.task("t1").becomes("working")
    followed.register("t1", id="b")
    followed.send(task_id="t1", webhook={"url": f"{followed.receiver.url}/c"})
    followed.advance(POLL)
    assert followed.newest("t1") == 2


def test_artifacts_alone_append_at_most_one_revision_per_second_and_the_last_is_told(followed: World) -> None:
    """Rule 11. Each answer to a send is a full view; the clock moves 0.3 s between two of them."""
    for count in range(1, 8):
        followed.agent.task("t1").becomes("submitted", artifacts=["x" * count])
        followed.send(task_id="t1")
        followed.runner.advance(timedelta(seconds=0.3))
    assert followed.newest("t1") <= 1 + 3
    followed.advance(POLL)
    assert followed_artifact(followed) == "x" * 7


def followed_artifact(world: World) -> str:
    payload = world.posts("a")[-1].payload
    assert payload is not None
    return str(payload["task"]["artifacts"][0]["parts"][0]["text"])


def test_changes_of_state_are_told_however_young_the_last_one(followed: World) -> None:
    for state in ("working", "submitted", "input-required", "completed"):
        followed.agent.next_state = state
        followed.send(task_id="t1")
    followed.settle()
    assert [post.state for post in followed.posts("a")] == ["working", "submitted", "input-required", "completed"]


def test_a_slow_answer_never_becomes_newer_than_what_overtook_it(followed: World) -> None:
    """The poll's `submitted` is still on its way when a send is answered with `working`."""
    followed.agent.next_state = "working"

    def overtaken(method: str, answer: dict[str, object]) -> None:
        if method == "GetTask":
            followed.agent.before_answer = lambda _method, _answer: None
            followed.send(task_id="t1")

    followed.agent.before_answer = overtaken
    followed.agent.task("t1").becomes("submitted", message="slow")
    followed.advance(POLL)
    followed.advance(POLL)
    assert [post.state for post in followed.posts("a")] == ["working"]


def test_a_slow_answer_with_a_later_timestamp_is_news(followed: World) -> None:
    followed.agent.next_state = "working"

    def overtaken(method: str, answer: dict[str, object]) -> None:
        if method == "GetTask":
            followed.agent.before_answer = lambda _method, _answer: None
            followed.send(task_id="t1")
            later = (followed.runner.clock.now() + timedelta(seconds=5)).isoformat()
            answer["result"] = {**followed.agent.task("t1").seen, "status": {"state": "TASK_STATE_COMPLETED", "timestamp": later}}

    followed.agent.before_answer = overtaken
    followed.advance(POLL)
    assert [post.state for post in followed.posts("a")] == ["working", "completed"]


def test_views_that_race_for_one_number_are_both_kept(followed: World) -> None:
    """The watch remembers revision 1 as the newest; a send has appended revision 2 before the watch's own put."""
    followed.agent.next_state = "working"

    def overtaken(method: str, answer: dict[str, object]) -> None:
        if method == "GetTask":
            followed.agent.before_answer = lambda _method, _answer: None
            followed.send(task_id="t1")
            followed.agent.task("t1").becomes("completed")
            answer["result"] = followed.agent.task("t1").seen

    followed.agent.before_answer = overtaken
    followed.advance(POLL)
    assert [post.state for post in followed.posts("a")] == ["working", "completed"]


def test_a_put_whose_answer_was_lost_is_observed_once(followed: World) -> None:
    followed.wire.decide = once(Effect.TIMES_OUT, function="watch", name="PutItem")
    followed.agent.task("t1").becomes("working")
    followed.advance(POLL)
    assert followed.told("a") == [2]


def test_observing_what_is_known_already_reads_once_and_writes_nothing(followed: World) -> None:
    view = wiring().ask(task_key("t1"), timeout=timedelta(seconds=5))
    assert view is not None
    followed.wire.requests.clear()
    wiring().observe(task_key("t1"), view)
    assert [each.name for each in followed.wire.requests] == ["Query"]


def test_what_only_passes_through_is_a_hint_and_makes_the_next_poll_due_at_once(followed: World) -> None:
    followed.agent.task("t1").becomes("working")
    followed.result("GetTask", {"id": "t1"})
    assert followed.newest("t1") == 1
    followed.settle()
    assert followed.told("a") == [2]


def test_a_cancel_is_notified_at_once(followed: World) -> None:
    followed.result("CancelTask", {"id": "t1"})
    followed.settle()
    assert [post.state for post in followed.posts("a")] == ["canceled"]


def test_a_task_of_which_nobody_has_a_config_is_not_observed(world: World) -> None:
    world.send("hello")
    assert [item["pk"]["S"] for item in world.items() if item["pk"]["S"].startswith("TASK#")] == []


def test_a_task_of_half_a_megabyte_is_notified_whole(followed: World) -> None:
    """Over 350 KB compressed it lies in S3."""
    text = secrets.token_urlsafe(600_000)
    followed.agent.task("t1").becomes("working", artifacts=[text])
    followed.advance(POLL)
    assert followed.wire.asked("watch", "PUT")
    assert followed_artifact(followed) == text


@pytest.mark.parametrize(("size", "is_cut"), [(7_000_000, False), (12_000_000, True)])
def test_a_task_of_many_megabytes_is_notified_beyond_ten_without_what_its_artifacts_hold(followed: World, size: int, is_cut: bool) -> None:
    followed.agent.task("t1").becomes("working", artifacts=["x" * size])
    followed.advance(POLL)
    [post] = followed.posts("a")
    assert (len(post.body) < 10_000, post.headers.get("a2a-relay-truncated")) == (is_cut, "true" if is_cut else None)
    assert (post.state, post.artifacts) == ("working", 1)


def test_a_waiting_client_is_not_answered_with_more_than_an_answer_may_hold(followed: World) -> None:
    """It gets the task as it last was within the limit; the webhook tells the rest."""
    followed.agent.next_state = "working"

    def grows(method: str, _answer: dict[str, object]) -> None:
        if method == "GetTask" and followed.agent.count("SendMessage"):
            followed.agent.task("t1").becomes("completed", artifacts=["x" * 7_000_000])
            followed.runner.advance(timedelta(seconds=9))

    followed.agent.before_answer = grows
    message = {"messageId": "m", "role": "ROLE_USER", "taskId": "t1", "parts": [{"text": "hello"}]}
    answer = followed.result("SendMessage", {"message": message})
    assert answer["task"]["status"]["state"] == "TASK_STATE_WORKING"
    followed.agent.before_answer = lambda _method, _answer: None
    followed.advance(POLL)
    assert followed.posts("a")[-1].state == "completed"
