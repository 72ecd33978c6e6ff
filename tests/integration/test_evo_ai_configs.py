"""Evo AI's clients and receivers at the whole relay: the calls of its code and of its documentation, and what arrives."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_praisonai_configs import DELETE, GET, LIST, SET, ask, bodies, hook, refusal, says
from tests.support.world import World

RECORDED = Path(__file__).parents[1] / "fixtures" / "wire" / "evoai.json"
CONFIG_NOT_FOUND, INVALID_PARAMS = -32000, -32602


def events(world: World, name: str = "hook") -> list[str]:
    return [body["event"] for body in bodies(world, name)]


def documented(world: World, task_id: str = "t1", **config: Any) -> Any:
    return ask(world, SET, taskId=task_id, config={"url": hook(world), **config})


def goes_through(world: World, *states: str) -> None:
    for place, state in enumerate(states):
        world.agent.task("t1").becomes(state, message=f"change {place}")
        world.advance(10.5)


def test_a_config_of_the_codes_is_set_had_told_and_deleted(world: World) -> None:
    task = world.agent.task("t1")
    said = {"webhookUrl": hook(world), "token": "k", "webhookAuthenticationInfo": {"type": "apiKey", "key": "s", "headerName": "X-Key"}}
    assert ask(world, SET, taskId="t1", pushNotificationConfig=said) == {"success": True, "taskId": "t1"}
    told = ask(world, GET, taskId="t1")["pushNotificationConfig"]
    assert (told["url"], told["authentication"]) == (hook(world), {"type": "apiKey", "headerName": "X-Key", "apiKey": "s"})
    task.becomes("completed", artifacts=["the answer"])
    world.advance(10.5)
    [body], [post] = bodies(world), world.posts("hook")
    assert body["artifacts"][0]["parts"][0] == {"kind": "text", "type": "text", "text": "the answer"}
    assert (post.headers["x-key"], post.headers["x-a2a-notification-token"]) == ("s", "k")
    assert ask(world, DELETE, taskId="t1") == {"deleted": True}


def test_a_config_beside_the_message_is_told_of_its_task(world: World) -> None:
    world.agent.next_state = "completed"
    message = {"messageId": "m", "role": "user", "parts": [{"type": "text", "text": "hi"}]}
    result = ask(world, "message/send", message=message, pushNotificationConfig={"url": hook(world)})
    world.settle()
    assert [body["id"] for body in bodies(world)] == [result["id"]]
    assert [config["taskId"] for config in ask(world, LIST)["configs"]] == [result["id"]]


def test_what_was_recorded_of_the_code_is_answered_as_it_did(world: World) -> None:
    """But for what the relay offers and the code does not: `config`, and streams."""
    for task_id in ("t1", "t2", "t3"):
        world.agent.task(task_id)
    for call in json.loads(RECORDED.read_text()):
        if "request" not in call or call["request"]["body"]["method"] == "tasks/resubscribe":
            continue
        request, response = call["request"]["body"], call["response"]["body"]
        if "config" in request["params"] or request["params"]["taskId"] == "nope":
            continue
        answer = json.loads(world.runner.request("POST", "/", body=request).body)
        assert answer["id"] == "req-1"
        if "error" in response:
            assert answer["error"]["code"] == response["error"]["code"]
        else:
            assert says(answer["result"], response["result"]), (request, answer)


@pytest.mark.parametrize("place", range(4))
def test_what_was_recorded_of_its_webhooks_bears_the_same_headers(world: World, place: int) -> None:
    recorded = [each for each in json.loads(RECORDED.read_text()) if "config" in each][place]
    config = json.loads(json.dumps(recorded["config"]).replace("https://example.com/hook", hook(world)))
    world.agent.task("t1")
    ask(world, SET, taskId="t1", pushNotificationConfig=config)
    goes_through(world, "completed")
    expected = {name.lower(): value for name, value in recorded["webhook"]["headers"]}
    ours = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-length"}
    sent = world.posts("hook")[0].headers
    assert {name: sent.get(name) for name in expected if name not in ours} == {
        name: value for name, value in expected.items() if name not in ours
    }


def test_a_documented_config_is_told_of_every_event(world: World) -> None:
    world.agent.task("t1")
    answer = documented(world, headers={"X-Custom": "v"}, secret="s")
    assert (answer["configured"], answer["url"], len(answer["events"])) == (True, hook(world), 5)
    goes_through(world, "working", "input-required", "completed")
    assert events(world) == ["task.working", "task.working", "task.completed"]
    posts = world.posts("hook")
    assert {post.headers["x-custom"] for post in posts} == {"v"}
    assert [post.headers["x-webhook-event"] for post in posts] == events(world)
    assert [post.headers["x-webhook-delivery"] for post in posts] == [body["deliveryId"] for body in bodies(world)]


def test_a_filter_passes_over_what_is_not_wanted_without_an_attempt(world: World) -> None:
    world.agent.task("t1")
    config_id = documented(world, events=["task.completed"])["configId"]
    goes_through(world, "working")
    assert (world.posts(), world.cursor("t1", config_id).position) == ([], 2)
    goes_through(world, "input-required", "completed")
    assert events(world) == ["task.completed"]
    assert world.cursor("t1", config_id).position == 4
    assert world.watch("t1") is None or world.dead_letters() == []


def test_a_filter_that_leaves_the_end_out_lets_the_watch_end(world: World) -> None:
    world.agent.task("t1")
    config_id = documented(world, events=["task.working"])["configId"]
    goes_through(world, "working", "completed")
    world.advance(120)
    assert events(world) == ["task.working"]
    assert (world.cursor("t1", config_id).position, world.watch("t1")) == (3, None)


def test_a_failed_notification_is_told_though_what_follows_is_not_wanted(world: World) -> None:
    world.agent.task("t1")
    documented(world, events=["task.working"], retryPolicy={"maxRetries": 3, "initialDelay": 30, "backoffMultiplier": 1})
    world.receiver.fail_next(503)
    goes_through(world, "working", "completed")
    for _ in range(3):
        world.advance(31)
    assert [event for event, post in zip(events(world), world.posts("hook"), strict=True) if post.is_accepted] == ["task.working"]
    assert world.dead_letters() == []


def test_latest_state_keeps_the_newest_that_is_wanted(world: World) -> None:
    world.agent.task("t1")
    world.headers = {"a2a-relay-updates": "latest-state"}
    documented(world, events=["task.working"], retryPolicy={"maxRetries": 5, "initialDelay": 60, "backoffMultiplier": 1})
    world.receiver.fail_next(503)
    goes_through(world, "working", "working", "completed")
    for _ in range(3):
        world.advance(61)
    assert world.told("hook") == [3]


def test_a_documented_config_may_name_a_task_that_is_still_to_come(world: World) -> None:
    documented(world, "task-1", events=["task.submitted"])
    world.send()
    world.settle()
    assert events(world) == ["task.submitted"]


def test_a_documented_config_is_had_with_what_it_said_and_deleted_by_its_id(world: World) -> None:
    world.agent.task("t1")
    config_id = documented(world, events=["task.failed"])["configId"]
    assert documented(world, events=["task.completed"])["configId"] == config_id, "the same URL is the same config"
    assert ask(world, GET, taskId="t1")["events"] == ["task.completed"]
    assert ask(world, DELETE, taskId="t1", pushNotificationConfigId=config_id) == {"deleted": True}
    assert refusal(world, GET, taskId="t1")[0] == CONFIG_NOT_FOUND


def test_headers_and_secrets_are_encrypted_at_rest(world: World) -> None:
    documented(world, headers={"X-Custom": "planted-header"}, secret="planted-secret")
    assert "planted" not in repr(world.items())


def test_a_header_that_is_not_allowed_is_refused_by_name(world: World) -> None:
    code, message = refusal(world, SET, taskId="t1", config={"url": hook(world), "headers": {"Host": "evil.example"}})
    assert (code, "config.headers.Host" in message) == (INVALID_PARAMS, True)


def test_the_names_of_its_headers_and_members_are_the_operators_to_set() -> None:
    with World(EvoWebhookHeaders="X-Evo-Event,X-Evo-Delivery,X-Evo-Time,X-Evo-Signature", EvoWebhookMembers="type,at,id2,payload") as world:
        world.agent.task("t1")
        documented(world, secret="s")
        goes_through(world, "working")
        [body], [post] = bodies(world), world.posts("hook")
        assert (body["type"], body["payload"]["taskId"], post.headers["x-evo-event"]) == ("task.working", "t1", "task.working")
        assert post.headers["x-evo-signature"].startswith("sha256=")


def test_its_clients_name_a_task_by_task_id(world: World) -> None:
    world.agent.task("t1")
    assert ask(world, "tasks/get", taskId="t1")["id"] == "t1"
    assert ask(world, "tasks/cancel", taskId="t1")["status"]["state"] == "canceled"
