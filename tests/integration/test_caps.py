"""How much one task may have: configs and receivers. A refusal names the limit, and what adds nothing is never refused."""

from typing import Any

import pytest

from relay_dev import execution_environment
from tests.support.world import World

INVALID_PARAMS = -32602


def register(world: World, config_id: str, url: str) -> dict[str, Any]:
    world.agent.task("t1")
    return world.call("CreateTaskPushNotificationConfig", {"taskId": "t1", "id": config_id, "url": url})


def ids(world: World) -> list[str]:
    return [config["id"] for config in world.result("ListTaskPushNotificationConfigs", {"taskId": "t1"})["configs"]]


def lower(world: World, **variables: str) -> None:
    execution_environment.set_variables({name.upper(): value for name, value in variables.items()})
    world.runner.cold_start()


def test_one_receiver_too_many_is_refused_with_the_limit() -> None:
    with World(MaxReceiversPerTask="2") as world:
        register(world, "a", "https://one.example/a")
        register(world, "b", "https://two.example/b")
        error = register(world, "c", "https://three.example/c?key=hidden")["error"]
        assert error["code"] == INVALID_PARAMS
        assert "at most 2 receivers" in error["message"]
        assert "hidden" not in str(error)
        assert ids(world) == ["a", "b"]


@pytest.mark.parametrize("url", ["https://one.example/elsewhere", "https://ONE.example:443/", "https://two.example/"])
def test_another_config_for_a_known_receiver_is_taken(url: str) -> None:
    with World(MaxReceiversPerTask="2") as world:
        register(world, "a", "https://one.example/a")
        register(world, "b", "https://two.example/b")
        assert "result" in register(world, "c", url)


def test_config_may_leave_its_receiver_for_a_new_one() -> None:
    with World(MaxReceiversPerTask="2") as world:
        register(world, "a", "https://one.example/a")
        register(world, "b", "https://two.example/b")
        assert "result" in register(world, "a", "https://three.example/a")
        assert "error" in register(world, "c", "https://one.example/c")


@pytest.mark.parametrize("other", ["http://one.example/", "https://one.example:8443/", "https://a.one.example/"])
def test_scheme_host_and_port_make_a_receiver(other: str) -> None:
    with World(MaxReceiversPerTask="1", AllowedWebhookHosts="one.example") as world:
        register(world, "a", "https://one.example/a")
        assert register(world, "b", other)["error"]["code"] == INVALID_PARAMS


def test_config_is_renewed_though_the_caps_are_lower_now() -> None:
    with World() as world:
        for name in ("one", "two", "three"):
            register(world, name, f"https://{name}.example/")
        lower(world, max_receivers_per_task="1", max_configs_per_task="1")
        assert "result" in register(world, "two", "https://two.example/")
        assert "error" in register(world, "two", "https://four.example/")
        assert "error" in register(world, "four", "https://one.example/")


def test_inline_config_of_one_receiver_too_many_is_refused_before_the_message_is_sent() -> None:
    with World(MaxReceiversPerTask="1") as world:
        register(world, "a", "https://one.example/a")
        message = {"messageId": "m", "taskId": "t1", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
        inline = {"taskPushNotificationConfig": {"url": "https://two.example/"}}
        response = world.call("SendMessage", {"message": message, "configuration": {"returnImmediately": True, **inline}})
        assert response["error"]["code"] == INVALID_PARAMS
        assert world.agent.count("SendMessage") == 0


def test_by_default_each_config_may_have_a_receiver_of_its_own(world: World) -> None:
    assert world.setting("MAX_RECEIVERS_PER_TASK") == world.setting("MAX_CONFIGS_PER_TASK") == "100"
