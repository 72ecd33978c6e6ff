"""Registering and deleting: two puts whose second is the commit, and where a cursor starts (design §2, rules 1, 2 and 11)."""

from datetime import timedelta
from typing import Any

import pytest

from relay.domain.keys import TaskKey, config_id_of
from relay_dev.receiver import Receiver
from tests.support.wire import AwsRequest, Effect, once
from tests.support.world import World, config_key

POLL = 10.5  # seconds: a little more than the watch's interval


def sort_keys(requests: list[AwsRequest]) -> list[str]:
    """Of the items that were written, their kind."""
    found = [request.body.get("Item") or request.body["Key"] for request in requests]
    return [item["sk"]["S"].partition("#")[0] for item in found]


# --- rule 1


def test_the_cursor_is_put_before_the_config_which_is_the_commit(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    puts = sort_keys(world.wire.asked("api", "PutItem"))
    assert puts.index("CURSOR") < puts.index("PUSH")


def test_a_registration_that_dies_between_its_puts_has_registered_nothing(world: World) -> None:
    world.agent.task("t1")
    world.wire.decide = before_put("PUSH#")
    with pytest.raises(ConnectionError):
        world.register("t1", id="a")
    world.agent.task("t1").becomes("working")
    for _ in range(3):
        world.advance(POLL)
    assert world.result("ListTaskPushNotificationConfigs", {"taskId": "t1"}) == {"configs": []}
    assert world.posts() == []


def before_put(prefix: str) -> Any:
    def decide(request: AwsRequest) -> Effect:
        is_meant = request.name == "PutItem" and request.body["Item"]["sk"]["S"].startswith(prefix)
        return Effect.DIES_BEFORE if is_meant else Effect.NONE

    return decide


def test_a_delete_takes_the_cursor_first(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.delete("t1", "a")
    assert sort_keys(world.wire.asked("api", "DeleteItem")) == ["CURSOR", "PUSH"]


def test_a_delete_that_dies_half_way_has_stopped_the_posts_and_may_be_repeated(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    world.wire.decide = once(Effect.DIES_AFTER, name="DeleteItem")
    with pytest.raises(ConnectionError):
        world.delete("t1", "a")
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    world.delete("t1", "a")
    world.advance(POLL)
    assert world.posts() == []
    assert world.items("PUSH#") == []


def test_a_config_whose_delete_died_half_way_can_be_registered_again(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    world.wire.decide = once(Effect.DIES_AFTER, name="DeleteItem")
    with pytest.raises(ConnectionError):
        world.delete("t1", "a")
    world.register("t1", id="a")
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    assert world.told("a") == [2]


def test_setting_an_existing_id_changes_what_was_registered_and_no_cursor(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a", token="old")
    world.agent.task("t1").becomes("working")
    world.advance(POLL)
    world.register("t1", f"{world.receiver.url}/moved", id="a", token="new")
    assert world.cursor("t1", "a").position == 2
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    assert [(post.path, post.revision, post.headers["x-a2a-notification-token"]) for post in world.posts()] == [
        ("/a", "2", "old"),
        ("/moved", "3", "new"),
    ]


def test_setting_an_existing_id_keeps_its_wait(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    world.receiver.fail_next(503)
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    before = world.cursor("t1", "a")
    world.register("t1", id="a")
    world.settle()
    after = world.cursor("t1", "a")
    assert (after.position, after.waits_for, after.due, after.attempts) == (before.position, before.waits_for, before.due, before.attempts)
    world.advance(5)
    assert world.told("a") == [2]


def test_a_config_without_id_that_equals_one_in_url_and_token_is_that_config(world: World) -> None:
    """a2a-sdk attaches its config to every send."""
    world.agent.task("t1")
    hook = {"url": f"{world.receiver.url}/hook", "token": "k"}
    ids = {world.register("t1", **hook) for _ in range(2)}
    world.send(task_id="t1", webhook=hook)
    world.send(task_id="t1", webhook={**hook, "token": "another"})
    [first, other] = [config["id"] for config in world.result("ListTaskPushNotificationConfigs", {"taskId": "t1"})["configs"]]
    assert ids <= {first, other}
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    assert world.told("hook") == [2, 2]


def test_a_registration_repeated_by_a_client_doubles_nothing(world: World) -> None:
    world.agent.task("t1")
    for _ in range(3):
        world.register("t1", id="a")
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    assert world.told("a") == [2]


def test_after_a_delete_the_same_id_begins_anew(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    world.delete("t1", "a")
    world.agent.task("t1").becomes("working")
    world.advance(POLL)
    world.register("t1", id="a")
    world.settle()
    assert world.told("a") == []
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    assert world.told("a") == [3]


# --- promise 4


def test_a_deleted_config_gets_nothing_more(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.register("t1", id="b")
    world.settle()
    world.delete("t1", "a")
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    assert (world.told("a"), world.told("b")) == ([], [2])


def test_a_config_deleted_while_it_waits_gets_no_retry(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    world.receiver.fail_next(503)
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    world.delete("t1", "a")
    for _ in range(5):
        world.advance(400)
    assert len(world.posts("a")) == 1


def test_a_config_deleted_during_its_post_gets_no_other(world: World) -> None:
    """Two revisions are to be told; the config is deleted while the first is on its way."""
    world.agent.task("t1")
    with Receiver(on_notification=lambda _: world.delete("t1", "a")) as receiver:
        world.register("t1", f"{receiver.url}/a", id="a")
        world.settle()
        for state in ("working", "completed"):
            world.agent.next_state = state
            world.send(task_id="t1")
        for _ in range(3):
            world.advance(400)
        assert world.told("a", receiver) == [2]


def test_deleting_what_is_not_there_is_no_error(world: World) -> None:
    world.agent.task("t1")
    world.delete("t1", "a")


# --- rule 2


def test_inline_on_a_new_task_begins_with_the_first_revision(world: World) -> None:
    world.send(webhook={"url": f"{world.receiver.url}/a"})
    world.settle()
    assert world.told("a") == [1]


def test_inline_on_a_known_task_begins_after_what_was_known_before_the_message(world: World) -> None:
    """It is stored before the message is forwarded, so the answer to the message is told."""
    world.agent.task("t1").becomes("input-required")
    world.agent.next_state = "working"
    world.send(task_id="t1", webhook={"url": f"{world.receiver.url}/a"})
    world.settle()
    assert [(post.revision, post.state) for post in world.posts("a")] == [("2", "working")]


def test_inline_on_a_known_task_is_stored_before_the_message_is_forwarded(world: World) -> None:
    world.agent.task("t1")
    stored: list[int] = []
    world.agent.before_answer = lambda method, _: stored.append(len(world.items("PUSH#"))) if method == "SendMessage" else None
    world.send(task_id="t1", webhook={"url": f"{world.receiver.url}/a"})
    assert stored == [1]


def answers_with_another_task(world: World) -> None:
    """As PraisonAI does, whatever task a message names."""

    def another(method: str, answer: dict[str, Any]) -> None:
        if method == "SendMessage":
            answer["result"]["task"] = world.agent.task("t2").seen

    world.agent.before_answer = another


def configs(world: World) -> set[tuple[str, str]]:
    keys = [(TaskKey.from_partition(item["pk"]["S"]).task_id, config_id_of(item["sk"]["S"])) for item in world.items("PUSH#")]
    return set(keys)


@pytest.mark.parametrize("more", [{"id": "a"}, {}], ids=["with an id", "without an id"])
def test_inline_config_goes_to_the_task_that_the_agent_answers_with(world: World, more: dict[str, str]) -> None:
    world.agent.task("t1").becomes("completed")
    answers_with_another_task(world)
    assert world.send(task_id="t1", webhook={"url": f"{world.receiver.url}/a", **more}) == "t2"
    world.settle()
    assert {task for task, _ in configs(world)} == {"t2"}
    assert [(post.task_id, post.revision) for post in world.posts("a")] == [("t2", "1")]
    world.agent.task("t2").becomes("completed")
    world.advance(POLL)
    assert [post.state for post in world.posts("a")] == ["submitted", "completed"]


@pytest.mark.parametrize("more", [{"id": "a"}, {}], ids=["with an id", "without an id"])
def test_config_that_the_named_task_had_before_stays_there_too(world: World, more: dict[str, str]) -> None:
    """a2a-sdk's clients send their config along with every message."""
    world.agent.task("t1")
    webhook = {"url": f"{world.receiver.url}/a", **more}
    config_id = world.register("t1", **webhook)
    answers_with_another_task(world)
    world.send(task_id="t1", webhook=webhook)
    assert configs(world) == {("t1", config_id), ("t2", config_id)}


@pytest.mark.parametrize("state", ["submitted", "working"])
def test_a_later_registration_begins_after_the_newest_revision(world: World, state: str) -> None:
    world.agent.task("t1").becomes(state)
    world.register("t1", id="a")
    world.settle()
    assert world.told("a") == []
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    assert world.told("a") == [2]


@pytest.mark.parametrize("state", ["completed", "failed", "canceled", "rejected", "input-required", "auth-required"])
def test_a_later_registration_is_told_a_state_after_which_nothing_else_may_come(world: World, state: str) -> None:
    world.agent.task("t1").becomes(state)
    world.register("t1", id="a")
    world.settle()
    assert [post.state for post in world.posts("a")] == [state]


def test_a_task_the_agent_does_not_know_is_not_found_and_nothing_is_stored(world: World) -> None:
    answer = world.call("CreateTaskPushNotificationConfig", {"taskId": "none", "url": f"{world.receiver.url}/a"})
    assert answer["error"]["code"] == -32001
    assert world.items() == []


# --- rule 11, and what a registration keeps alive


def test_one_config_too_many_is_refused_with_the_limit() -> None:
    with World(MaxConfigsPerTask="3") as world:
        world.agent.task("t1")
        for name in ("a", "b", "c"):
            world.register("t1", id=name)
        refused = world.call("CreateTaskPushNotificationConfig", {"taskId": "t1", "id": "d", "url": f"{world.receiver.url}/d"})
        assert refused["error"]["code"] == -32602
        assert "3" in refused["error"]["message"]
        world.register("t1", id="b")
        world.delete("t1", "a")
        world.register("t1", id="d")


def test_the_default_limit_is_a_hundred(world: World) -> None:
    assert world.setting("MAX_CONFIGS_PER_TASK") == "100"


def test_more_configs_than_a_batch_holds_are_all_told(world: World) -> None:
    world.agent.task("t1")
    for number in range(25):
        world.register("t1", id=f"c{number}")
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    assert sorted(post.path for post in world.posts()) == sorted(f"/c{number}" for number in range(25))


def test_the_newest_revision_outlives_the_config(world: World) -> None:
    """Rule 9: numbers never restart."""
    world.agent.task("t1")
    world.register("t1", id="a")
    world.runner.advance(timedelta(days=5))
    world.register("t1", id="b")
    [revision] = world.items("REVISION#")
    ends = [int(item["ttl"]["N"]) for item in world.items("CURSOR#") + world.items("PUSH#")]
    assert int(revision["ttl"]["N"]) > max(ends)


def test_configs_of_other_tasks_are_not_disturbed(world: World) -> None:
    """Clients use the same config id on many tasks."""
    for task_id in ("t1", "t2"):
        world.agent.task(task_id)
        world.register(task_id, f"{world.receiver.url}/{task_id}", id="a")
    world.delete("t1", "a")
    for task_id in ("t1", "t2"):
        world.agent.task(task_id).becomes("completed")
    world.advance(POLL)
    assert (world.told("t1"), world.told("t2")) == ([], [2])
    assert world.cursors.get(config_key("t1", "a"), now=world.runner.clock.now()) is None


def test_a_caller_with_a_credential_of_its_own_sees_only_configs_of_tasks_it_may_see(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a", token="secret-of-alice")
    world.headers["x-upstream-authorization"] = "Bearer bob"
    known = world.agent.tasks.pop("t1")  # to this credential the agent says that there is no such task
    for method, params in (
        ("GetTaskPushNotificationConfig", {"taskId": "t1", "id": "a"}),
        ("ListTaskPushNotificationConfigs", {"taskId": "t1"}),
        ("DeleteTaskPushNotificationConfig", {"taskId": "t1", "id": "a"}),
    ):
        assert world.call(method, params)["error"]["code"] == -32001
    world.headers.clear()
    world.agent.tasks["t1"] = known
    assert world.result("GetTaskPushNotificationConfig", {"taskId": "t1", "id": "a"})["token"] == "secret-of-alice"


def test_ids_that_the_relay_chooses_differ_by_token_as_well(world: World) -> None:
    world.agent.task("t1")
    first = world.register("t1", "http://127.0.0.1:1/x", token="one")
    assert world.register("t1", "http://127.0.0.1:1/x", token="two") != first
    assert world.register("t1", "http://127.0.0.1:1/x", token="one") == first


def test_nothing_is_looked_for_of_an_agent_that_is_not_there(world: World) -> None:
    """With ids as long, its name would make a key of more than the 2,048 bytes that DynamoDB takes; moto takes any."""
    longest = "é" * 116
    for verb in ("GET", "DELETE"):
        path = f"/agents/{longest}/{longest}/tasks/{longest}/pushNotificationConfigs/a"
        assert world.runner.request(verb, path, headers={"a2a-version": "1.0"}).status == 404
    assert world.wire.asked("api", "Query") == []
