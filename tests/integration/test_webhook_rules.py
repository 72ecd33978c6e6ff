"""What an operator says about webhooks' hosts holds at the registration, and at every attempt that follows."""

import json
from typing import Any

import pytest

from relay import observability
from relay_dev import execution_environment
from tests.support.world import World, config_key

INVALID_PARAMS = -32602


def refusal(world: World, url: str) -> dict[str, Any]:
    """The error that a registration of the URL is answered with."""
    world.agent.task("t1")
    response = world.call("CreateTaskPushNotificationConfig", {"taskId": "t1", "url": url})
    error: dict[str, Any] = response["error"]
    return error


@pytest.mark.parametrize(
    ("parameters", "host"),
    [
        ({"DeniedWebhookHosts": "receiver.example"}, "receiver.example"),
        ({"DeniedWebhookHosts": "a.example, *.receiver.example"}, "x.receiver.example"),
        ({"DeniedWebhookHosts": "8.8.0.0/16"}, "8.8.8.8"),
        ({"DeniedWebhookHosts": "127.0.0.1"}, "127.0.0.1"),
        ({"OnlyWebhookHosts": ".receiver.example"}, "elsewhere.example"),
        ({"OnlyWebhookHosts": ".receiver.example"}, "127.0.0.1"),
    ],
)
def test_registration_is_refused_by_the_operators_lists(parameters: dict[str, str], host: str) -> None:
    with World(**parameters) as world:
        error = refusal(world, f"https://{host}/hook")
        assert error["code"] == INVALID_PARAMS
        assert "operator" in error["message"]
        assert host not in error["message"]
        assert world.items("PUSH#") == []


def test_operator_reads_in_the_log_which_parameter_would_let_a_webhook_in(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")
    observability.forget()
    capsys.readouterr()
    answers = [refusal(world, url) for url in ("http://receiver.example/hook", "https://10.0.0.1/hook", "https://127.1/hook")]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"call refused"' in line]
    assert [line.get("parameter") for line in lines] == ["AllowedWebhookHosts", "AllowedWebhookHosts", None]
    assert "AllowedWebhookHosts" not in json.dumps(answers)


def test_inline_config_is_refused_before_the_message_is_sent() -> None:
    with World(DeniedWebhookHosts="receiver.example") as world:
        message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
        inline = {"taskPushNotificationConfig": {"url": "https://receiver.example/"}}
        response = world.call("SendMessage", {"message": message, "configuration": {"returnImmediately": True, **inline}})
        assert response["error"]["code"] == INVALID_PARAMS
        assert world.agent.tasks == {}


def test_named_hosts_are_told_as_ever() -> None:
    with World(OnlyWebhookHosts="127.0.0.0/8") as world:
        world.agent.task("t1")
        world.register("t1", id="a")
        world.agent.task("t1").becomes("working")
        world.advance(11)
        assert world.told("a") == [2]


def test_what_was_registered_before_the_rule_is_not_dialled_any_more(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="a")
    world.settle()
    execution_environment.set_variables({"DENIED_WEBHOOK_HOSTS": "127.0.0.1"})
    world.runner.cold_start()
    world.agent.task("t1").becomes("working")
    world.advance(11)
    assert world.posts() == []
    [attempt] = world.attempts.last(config_key("t1", "a"), most=5)
    assert (attempt.kind, attempt.status) == ("blocked-address", None)


def test_denied_address_behind_a_name_is_not_dialled() -> None:
    with World(AllowedWebhookHosts="localhost", DeniedWebhookHosts="127.0.0.0/8, ::1") as world:
        world.agent.task("t1")
        world.register("t1", id="a", url=world.receiver.url.replace("127.0.0.1", "localhost") + "/a")
        world.agent.task("t1").becomes("working")
        world.advance(11)
        assert world.posts() == []
        [attempt] = world.attempts.last(config_key("t1", "a"), most=5)
        assert attempt.kind == "blocked-address"
        assert "which DeniedWebhookHosts has" in attempt.detail


def test_list_that_cannot_be_read_stops_everything_rather_than_deny_nothing() -> None:
    with World(DeniedWebhookHosts="receiver..example") as world, pytest.raises(ConnectionError, match="500"):
        world.call("GetTask", {"id": "t1"})
