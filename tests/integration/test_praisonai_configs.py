"""PraisonAI's clients and receivers at the whole relay: its calls as it makes them, and what arrives."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.world import World
from tests.unit.conftest import RECORDED_CALLS

SET, GET, LIST, DELETE = (f"tasks/pushNotificationConfig/{verb}" for verb in ("set", "get", "list", "delete"))
CONFIG_NOT_FOUND, INVALID_PARAMS, TASK_NOT_FOUND = -32000, -32602, -32001


def ask(world: World, method: str, **params: Any) -> Any:
    return world.result(method, params, version="")


def refusal(world: World, method: str, **params: Any) -> tuple[int, str]:
    error = world.call(method, params, version="")["error"]
    return error["code"], error["message"]


def hook(world: World, name: str = "hook") -> str:
    return f"{world.receiver.url}/{name}"


def bodies(world: World, name: str = "hook") -> list[Mapping[str, Any]]:
    return [json.loads(post.body) for post in world.posts(name)]


def states(world: World, name: str = "hook") -> list[str]:
    return [body["status"]["state"] for body in bodies(world, name)]


def test_a_task_is_told_in_praisonais_words(world: World) -> None:
    task = world.agent.task("t1")
    ask(world, SET, taskId="t1", url=hook(world), token="k", secret="s", authentication={"scheme": "Bearer", "credentials": "c"})
    for state in ("working", "canceled"):
        task.becomes(state)
        world.advance(10.5)
    assert states(world) == ["working", "cancelled"]
    assert [body["taskId"] for body in bodies(world)] == ["t1", "t1"]
    post = world.posts("hook")[0]
    signature = "sha256=" + hmac.new(b"s", post.body, hashlib.sha256).hexdigest()
    sent = {name: post.headers[name] for name in ("x-webhook-token", "x-webhook-signature", "authorization")}
    assert sent == {"x-webhook-token": "k", "x-webhook-signature": signature, "authorization": "Bearer c"}


def test_a_config_is_had_listed_and_deleted_by_its_task(world: World) -> None:
    world.agent.task("t1")
    told = ask(world, SET, taskId="t1", url=hook(world), token="k")
    assert ask(world, GET, taskId="t1") == told
    assert ask(world, LIST, taskId="t1") == {"configs": [told]}
    assert ask(world, DELETE, taskId="t1") == {"deleted": True}
    assert refusal(world, GET, taskId="t1") == (CONFIG_NOT_FOUND, "Config not found")
    assert refusal(world, DELETE, taskId="t1") == (CONFIG_NOT_FOUND, "Config not found")


def test_a_second_set_replaces_the_first(world: World) -> None:
    task = world.agent.task("t1")
    ask(world, SET, taskId="t1", url=hook(world, "first"))
    ask(world, SET, taskId="t1", url=hook(world, "second"))
    task.becomes("working")
    world.advance(10.5)
    assert ask(world, GET, taskId="t1")["url"] == hook(world, "second")
    assert (states(world, "first"), states(world, "second")) == ([], ["working"])


def test_a_delete_by_task_takes_the_configs_of_every_dialect(world: World) -> None:
    task = world.agent.task("t1")
    world.register("t1", id="one")
    ask(world, SET, taskId="t1", pushNotificationConfig={"url": hook(world, "two")})
    ask(world, SET, taskId="t1", url=hook(world, "three"))
    ask(world, DELETE, taskId="t1")
    task.becomes("working")
    world.advance(10.5)
    assert world.posts() == []


def test_a_delete_that_names_a_config_takes_that_one_alone(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="one")
    ask(world, SET, taskId="t1", url=hook(world))
    assert ask(world, DELETE, taskId="t1", pushNotificationConfigId="one") == {"deleted": True}
    assert [config["id"] for config in ask(world, LIST, taskId="t1")["configs"]] == ["praisonai"]


def test_0_3_and_1_0_see_a_config_of_praisonais_in_their_own_forms(world: World) -> None:
    world.agent.task("t1")
    ask(world, SET, taskId="t1", url=hook(world), token="k", authentication={"scheme": "Bearer", "credentials": "c"})
    assert world.result("GetTaskPushNotificationConfig", {"taskId": "t1", "id": "praisonai"}) == {
        "taskId": "t1",
        "id": "praisonai",
        "url": hook(world),
        "token": "k",
        "authentication": {"scheme": "Bearer", "credentials": "c"},
    }
    nested = ask(world, GET, id="t1")
    assert set(nested) == {"taskId", "pushNotificationConfig"}
    assert nested["pushNotificationConfig"]["authentication"] == {"schemes": ["Bearer"], "credentials": "c"}


def test_a_set_without_task_or_url_is_refused_in_praisonais_words(world: World) -> None:
    assert refusal(world, SET, url=hook(world)) == (INVALID_PARAMS, "taskId and url required")
    assert refusal(world, SET, taskId="t1", url="") == (INVALID_PARAMS, "taskId and url required")


def test_its_client_reads_the_tasks_of_any_agent_in_its_own_words(world: World) -> None:
    """It calls `/a2a`, whatever the card says, and polls until a task is `cancelled`."""
    world.agent.task("t1").becomes("canceled")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": {"id": "t1"}}
    told = [json.loads(world.runner.request("POST", path, body=call).body)["result"]["status"]["state"] for path in ("/a2a", "/")]
    assert told == ["cancelled", "canceled"]


def test_registering_calls_no_webhook(world: World) -> None:
    world.agent.task("t1")
    ask(world, SET, taskId="t1", url=hook(world))
    world.settle()
    assert world.receiver.notifications == []


@pytest.mark.parametrize("run", ["praisonai/02-seed001-WebhookA2A-as-published", "praisonai/03-seed001-notify-wired"])
def test_what_was_recorded_is_answered_as_praisonais_server_did(world: World, run: str) -> None:
    """Its `configs` in any order; whatever else an answer holds."""
    recorded = RECORDED_CALLS.read_text().replace("http://localhost:9000/webhooks/a2a", hook(world))
    for call in (call for call in map(json.loads, recorded.splitlines()) if call["recorded"].startswith(run)):
        request, response = json.loads(call["request"]), call["response"]
        if request["method"] == "message/send":
            world.agent.task(response["result"]["id"])
            continue
        answer = json.loads(world.runner.request("POST", "/a2a", body=call["request"].encode()).body)
        expected = response.get("result") or response["error"]
        told = answer.get("result") or answer["error"]
        assert says(told, expected), (request, told)


def says(told: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return all(name in told and says(told[name], value) for name, value in expected.items())
    if isinstance(expected, list):
        return len(told) == len(expected) and all(any(says(each, one) for each in told) for one in expected)
    return bool(told == expected)
