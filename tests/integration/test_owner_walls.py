"""Owners are walled off, in every method: what one has, another cannot see, touch or tell the existence of. One relay for all tests."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from relay.domain.protocol import METHODS, Method
from relay_dev.http_event import HttpAnswer
from tests.support.closed_relay import AGENT, TASK_NOT_FOUND, ClosedRelay

EVERY_METHOD = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
CONFIG_METHODS = {
    "GetTaskPushNotificationConfig": {"taskId": "task-1", "id": "hook"},
    "ListTaskPushNotificationConfigs": {"taskId": "task-1"},
    "DeleteTaskPushNotificationConfig": {"taskId": "task-1", "id": "hook"},
}


@pytest.fixture(scope="module")
def relay() -> Iterator[ClosedRelay]:
    """acme has a task with a push config, and a second agent that globex has not."""
    with ClosedRelay() as relay:
        relay.agents["acme"].task("task-1")
        relay.register("acme", "secret-project")
        relay.register_webhook("acme")
        yield relay


def params(method: Method) -> dict[str, Any]:
    """Of acme's task and config, in whatever shape the method wants them."""
    message = {
        "messageId": "m-1",
        "taskId": "task-1",
        "role": "ROLE_USER" if method.version == "1.0" else "user",
        "parts": [{"text": "hi"}],
    }
    config = {"id": "hook", "url": "http://127.0.0.1:9/stolen"}
    return {
        "id": "hook" if "Push" in method.name else "task-1",
        "taskId": "task-1",
        "pushNotificationConfigId": "hook",
        "pushNotificationConfig": config,
        "url": config["url"],
        "message": message,
        "configuration": {"returnImmediately": True, "blocking": False},
    }


def call(relay: ClosedRelay, key: str, method: Method, *, agent: str) -> HttpAnswer:
    return relay.post(key, method.name, params(method), agent=agent, version=method.version)


def renamed(answer: HttpAnswer, name: str) -> tuple[int, Any, bytes]:
    """The answer, without the one word that the caller itself has said."""
    return answer.status, answer.headers, answer.body.replace(name.encode(), b"NAME")


@EVERY_METHOD
def test_another_owner_s_agent_is_answered_as_one_that_does_not_exist(relay: ClosedRelay, method: Method) -> None:
    foreign, unknown = (call(relay, relay.keys["globex"], method, agent=name) for name in ("secret-project", "never-registered"))
    assert renamed(foreign, "secret-project") == renamed(unknown, "never-registered")
    assert b"secret-project" in foreign.body or b"stream" in foreign.body


@EVERY_METHOD
def test_a_key_for_other_agents_is_answered_as_if_the_agent_did_not_exist(relay: ClosedRelay, method: Method) -> None:
    key = relay.issue("acme", AGENT).text
    closed, unknown = (call(relay, key, method, agent=name) for name in ("secret-project", "never-registered"))
    assert renamed(closed, "secret-project") == renamed(unknown, "never-registered")
    assert renamed(closed, "secret-project") == renamed(
        call(relay, relay.keys["globex"], method, agent="never-registered"), "never-registered"
    )


@EVERY_METHOD
def test_a_call_asks_nothing_about_another_owner(relay: ClosedRelay, method: Method) -> None:
    """The wall is in the keys: of what is read and written nothing is acme's, and acme's agent hears nothing."""
    before, heard = len(relay.wire.requests), len(relay.agents["acme"].calls)
    call(relay, relay.keys["globex"], method, agent=AGENT)
    assert [each for each in relay.wire.requests[before:] if "acme" in json.dumps(each.body)] == []
    assert len(relay.agents["acme"].calls) == heard


@EVERY_METHOD
def test_without_a_key_every_address_is_answered_alike(relay: ClosedRelay, method: Method) -> None:
    before = len(relay.wire.requests)
    answers = [call(relay, "", method, agent=name) for name in (AGENT, "secret-project", "never-registered", "default")]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.body for answer in answers}) == 1
    assert len(relay.wire.requests) == before


@pytest.mark.parametrize("name", CONFIG_METHODS)
def test_the_same_task_and_config_id_are_another_owner_s_own(relay: ClosedRelay, name: str) -> None:
    """globex's agent does not know the task: no trace of acme's."""
    assert relay.agents["globex"].tasks == {}
    if name.startswith("Delete"):
        relay.result("globex", name, CONFIG_METHODS[name])
    else:
        assert relay.error("globex", name, CONFIG_METHODS[name]) == TASK_NOT_FOUND
    assert relay.result("acme", "GetTaskPushNotificationConfig", CONFIG_METHODS["GetTaskPushNotificationConfig"])["id"] == "hook"


def test_a_webhook_cannot_be_set_on_another_owner_s_task(relay: ClosedRelay) -> None:
    stolen = {"taskId": "task-1", "id": "hook", "url": f"{relay.receiver.url}/stolen"}
    assert relay.error("globex", "CreateTaskPushNotificationConfig", stolen) == TASK_NOT_FOUND
    configs = relay.result("acme", "ListTaskPushNotificationConfigs", {"taskId": "task-1"})["configs"]
    assert [config["url"] for config in configs] == [f"{relay.receiver.url}/acme"]


def test_a_card_is_shown_to_keys_of_its_owner_only(relay: ClosedRelay) -> None:
    assert relay.card(relay.keys["acme"], agent="secret-project").status == 200
    refused = [relay.card(key, agent="secret-project") for key in ("", relay.first_key, relay.keys["globex"])]
    assert {answer.status for answer in refused} == {404}
    assert renamed(refused[0], "secret-project") == renamed(relay.card(agent="never-registered"), "never-registered")


def test_no_cache_may_show_one_owner_s_card_to_another(relay: ClosedRelay) -> None:
    headers = dict(relay.card(relay.keys["acme"]).headers)
    assert (headers["cache-control"], headers["vary"]) == ("private, max-age=60", "Authorization, X-API-Key")


def test_cards_of_the_default_owner_are_open_to_all_but_to_wrong_keys(relay: ClosedRelay) -> None:
    assert relay.card(agent="default").status == 200
    assert relay.runner.request("GET", "/.well-known/agent.json").status == 200
    assert relay.card(relay.first_key, agent="default").status == 200
    assert relay.card("rk_wrong", agent="default").status == 401


def test_a_list_over_all_tasks_holds_the_owners_own_alone(relay: ClosedRelay) -> None:
    method, config = "tasks/pushNotificationConfig/", {"taskId": "still to come", "url": f"{relay.receiver.url}/hook"}
    assert b"error" not in relay.post(relay.keys["acme"], method + "set", config, agent=AGENT, version="0.3").body
    told = {
        owner: relay.post(relay.keys[owner], method + "list", {"pageSize": 100}, agent=AGENT, version="0.3").body
        for owner in ("acme", "globex")
    }
    found = {owner: [each["taskId"] for each in json.loads(body)["result"]["configs"]] for owner, body in told.items()}
    assert found == {"acme": ["still to come"], "globex": []}
