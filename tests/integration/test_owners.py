"""Owners side by side: the same names of agents, tasks and configs are each owner's own."""

import json
from collections.abc import Iterator

import pytest

from tests.support.closed_relay import AGENT, TASK_NOT_FOUND, ClosedRelay, bearer


@pytest.fixture
def relay() -> Iterator[ClosedRelay]:
    with ClosedRelay() as relay:
        yield relay


def test_a_page_token_of_one_owner_is_none_of_another_s(relay: ClosedRelay) -> None:
    for owner in ("acme", "globex"):
        relay.agents[owner].task("task-1")
        for number in (1, 2):
            relay.register_webhook(owner, f"hook-{number}")
    page = {"taskId": "task-1", "pageSize": 1}
    token = relay.result("acme", "ListTaskPushNotificationConfigs", page)["nextPageToken"]
    assert relay.error("globex", "ListTaskPushNotificationConfigs", {**page, "pageToken": token}) == -32602


def test_two_owners_with_the_same_agent_share_no_push_config(relay: ClosedRelay) -> None:
    """What the agent itself shows to both is between it and the credentials it is called with."""
    relay.agents["acme"].task("task-1")
    relay.register("globex", AGENT, url=relay.agents["acme"].url)
    relay.register_webhook("acme")
    assert relay.result("globex", "ListTaskPushNotificationConfigs", {"taskId": "task-1"}).get("configs", []) == []
    assert relay.error("globex", "GetTaskPushNotificationConfig", {"taskId": "task-1", "id": "hook"}) == TASK_NOT_FOUND
    relay.result("globex", "DeleteTaskPushNotificationConfig", {"taskId": "task-1", "id": "hook"})
    assert relay.result("acme", "GetTaskPushNotificationConfig", {"taskId": "task-1", "id": "hook"})["id"] == "hook"


def test_each_owner_s_webhook_is_told_of_its_own_task_only(relay: ClosedRelay) -> None:
    for owner in ("acme", "globex"):
        relay.agents[owner].task("task-1")
        relay.register_webhook(owner)
    relay.agents["acme"].task("task-1").becomes("working", message="for acme")
    relay.advance(15)
    relay.agents["globex"].task("task-1").becomes("completed", message="for globex")
    relay.advance(15)
    told = {(each.path, "for acme" in each.body.decode(), "for globex" in each.body.decode()) for each in relay.receiver.notifications}
    assert told == {("/acme", True, False), ("/globex", False, True)}


def test_the_stack_s_own_agent_is_the_default_owner_s(relay: ClosedRelay) -> None:
    relay.agents["default"].task("task-1")
    assert relay.status(relay.first_key, agent="default") == 200
    assert relay.status(relay.keys["acme"], agent="default") == 404


def test_each_owner_has_an_agent_at_the_relay_s_own_address(relay: ClosedRelay) -> None:
    relay.register("acme", "default")
    relay.agents["acme"].task("acme's")
    body = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "acme's"}}
    found = {}
    for owner, key in (("acme", relay.keys["acme"]), ("default", relay.first_key)):
        answer = relay.runner.request("POST", "/", body=body, headers={"a2a-version": "1.0", **bearer(key)})
        found[owner] = "result" in json.loads(answer.body)
    assert found == {"acme": True, "default": False}
