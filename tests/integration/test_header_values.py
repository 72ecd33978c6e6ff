"""What a caller registers to be sent in a header is refused at the door unless it can be sent exactly as it is. One relay for all tests."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.world import World

INVALID_PARAMS = -32602
SECRET = "hunter2hunter2hunter2hunter2"
BAD = [
    f"{SECRET}\r\nX-Injected: 1",
    f"{SECRET}\nX-Injected: 1",
    f"{SECRET}\rX-Injected: 1",
    f"{SECRET}\r\n\r\nGET / HTTP/1.1",
    f"{SECRET}\x00",
    f"{SECRET}\x1b[0m",
    f"{SECRET}\x7f",
    f"{SECRET}\x85",
    f"{SECRET}\u2028x",
    f"{SECRET}\u010d\u010ax",  # whose low bytes are CR and LF
    f"{SECRET}é",
    f" {SECRET}",
    f"{SECRET} ",
    f"\t{SECRET}",
    f"{SECRET}\tx",
]
EVERY_BAD_VALUE = pytest.mark.parametrize("value", BAD, ids=ascii)
FIELDS = ("token", "authentication.credentials", "authentication.scheme")
EVERY_FIELD = pytest.mark.parametrize("field", FIELDS)
MESSAGE = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
MESSAGE_03 = {"messageId": "m", "role": "user", "kind": "message", "parts": [{"kind": "text", "text": "hi"}]}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as world:
        world.agent.task("t1")
        yield world


def config(field: str, value: str, *, schemes: bool = False) -> dict[str, Any]:
    """A push config that is good but for one field."""
    found: dict[str, Any] = {"url": "https://receiver.example/", "authentication": {"scheme": "Bearer"}}
    if field == "token":
        found["token"] = value
    else:
        found["authentication"][field.partition(".")[2]] = value
    if schemes:
        found["authentication"]["schemes"] = [found["authentication"].pop("scheme")]
    return found


def assert_refused(world: World, response: dict[str, Any], *, field: str) -> None:
    """By the name of the field as it was written, without its value; nothing was stored or sent."""
    error = response["error"]
    assert error["code"] == INVALID_PARAMS
    assert error["message"].startswith(field)
    assert field in json.dumps(error["data"])
    assert SECRET not in json.dumps(response)
    assert world.items("PUSH#") == world.items("CURSOR#") == []
    assert world.agent.calls == []


@EVERY_FIELD
@EVERY_BAD_VALUE
def test_registration_in_1_0(world: World, field: str, value: str) -> None:
    params = {"taskId": "t1", **config(field, value)}
    assert_refused(world, world.call("CreateTaskPushNotificationConfig", params), field=field)


@EVERY_FIELD
@EVERY_BAD_VALUE
def test_registration_in_0_3(world: World, field: str, value: str) -> None:
    params = {"taskId": "t1", "pushNotificationConfig": config(field, value, schemes=True)}
    field = f"pushNotificationConfig.{field.replace('scheme', 'schemes[0]')}"
    assert_refused(world, world.call("tasks/pushNotificationConfig/set", params, version="0.3"), field=field)


@EVERY_FIELD
@EVERY_BAD_VALUE
def test_inline_config_in_1_0(world: World, field: str, value: str) -> None:
    params = {"message": MESSAGE, "configuration": {"taskPushNotificationConfig": config(field, value)}}
    assert_refused(world, world.call("SendMessage", params), field=f"configuration.taskPushNotificationConfig.{field}")


@EVERY_FIELD
@EVERY_BAD_VALUE
def test_inline_config_in_0_3(world: World, field: str, value: str) -> None:
    params = {"message": MESSAGE_03, "configuration": {"pushNotificationConfig": config(field, value)}}
    assert_refused(world, world.call("message/send", params, version="0.3"), field=f"configuration.pushNotificationConfig.{field}")


@pytest.mark.parametrize("value", ["latest-state\r\nx: y", "låtest-state", "latest-state\x00"])
def test_header_of_the_call_that_registers(world: World, value: str) -> None:
    world.headers = {"a2a-relay-updates": value}
    response = world.call("CreateTaskPushNotificationConfig", {"taskId": "t1", "url": "https://receiver.example/"})
    world.headers = {}
    assert_refused(world, response, field="A2A-Relay-Updates")
    assert value not in json.dumps(response, ensure_ascii=False)


@EVERY_BAD_VALUE
def test_a_signing_secret_may_hold_anything_for_it_is_never_sent(world: World, value: str) -> None:
    params = {"taskId": "unknown", "url": "https://receiver.example/", "authentication": {"scheme": "HMAC-SHA256", "credentials": value}}
    error = world.call("CreateTaskPushNotificationConfig", params)["error"]
    assert SECRET not in json.dumps(error)
    assert error["code"] == -32001  # the value was taken, and the agent asked
    world.agent.calls.clear()


@pytest.mark.parametrize("value", ["a", "a b", "~!@#$%^&*()_+-=[]{}|;':\",./<>?`", "x" * 4096], ids=range(4))
def test_what_fits_a_header_is_sent_exactly_as_it_is(world: World, value: str) -> None:
    world.agent.task("t1").becomes("submitted")
    world.register("t1", id="a", token=value, authentication={"scheme": "Bearer", "credentials": value})
    world.agent.task("t1").becomes("working")
    world.advance(11)
    told = world.posts("a")[-1]
    assert told.headers["x-a2a-notification-token"] == told.headers["a2a-notification-token"] == value
    assert told.headers["authorization"] == f"Bearer {value}"
    world.delete("t1", "a")
    world.empty_the_table()
    world.agent.calls.clear()


def test_half_of_a_surrogate_pair_is_refused_with_the_whole_body(world: World) -> None:
    params = {"taskId": "t1", "url": "https://receiver.example/", "token": f"{SECRET}\ud800"}
    error = world.call("CreateTaskPushNotificationConfig", params)["error"]
    assert error["code"] == -32700
    assert SECRET not in json.dumps(error)
