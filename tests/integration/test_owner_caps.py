"""How much one owner may register in a day, whichever way it registers; what does not count; and what becomes of a count that fails."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from relay import observability
from relay.domain.keys import TaskKey
from relay_dev import execution_environment
from tests.support.closed_relay import ClosedRelay
from tests.support.wire import AwsRequest, Effect
from tests.support.world import World

INVALID_PARAMS, INTERNAL = -32602, -32603
CREATE, SET_03 = "CreateTaskPushNotificationConfig", "tasks/pushNotificationConfig/set"
USUAL = {"max_daily_configs_per_owner": "2", "max_daily_receivers_per_owner": "0", "upstream_blocks": "auto"}
DAY = 24 * 3600
LAST_HOUR = 23  # no test begins so late that it ends on the next day


@pytest.fixture(scope="module")
def capped() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def world(capped: World) -> World:
    """Two configs, and any number of receivers."""
    capped.clear()
    if capped.runner.clock.now().hour == LAST_HOUR:
        capped.runner.advance(timedelta(hours=1))
    if any(os.environ[name.upper()] != value for name, value in USUAL.items()):
        begin_anew(capped, **USUAL)
    return capped


def begin_anew(world: World, **variables: str) -> None:
    """A process that knows nothing, with these settings."""
    execution_environment.set_variables({name.upper(): value for name, value in variables.items()})
    world.runner.cold_start()
    world.wire.requests.clear()


def message(text: str, **more: str) -> dict[str, Any]:
    return {"messageId": text, "role": "ROLE_USER", "parts": [{"text": text}], **more}


def message_03(text: str) -> dict[str, Any]:
    return {"kind": "message", "messageId": text, "role": "user", "parts": [{"kind": "text", "text": text}]}


def create(world: World, name: str, url: str = "") -> Any:
    world.agent.task("t1")
    return world.call(CREATE, {"taskId": "t1", "id": name, "url": url or f"https://one.example/{name}"})


def create_03(world: World, name: str) -> Any:
    world.agent.task("t1")
    config = {"id": name, "url": f"https://one.example/{name}"}
    return world.call(SET_03, {"taskId": "t1", "pushNotificationConfig": config}, version="")


def inline(world: World, name: str) -> Any:
    configuration = {"returnImmediately": True, "taskPushNotificationConfig": {"url": f"https://one.example/{name}"}}
    return world.call("SendMessage", {"message": message(name), "configuration": configuration})


def inline_03(world: World, name: str) -> Any:
    configuration = {"blocking": False, "pushNotificationConfig": {"url": f"https://one.example/{name}"}}
    return world.call("message/send", {"message": message_03(name), "configuration": configuration}, version="")


def inline_on_a_known_task(world: World, name: str) -> Any:
    world.agent.task("t1")
    configuration = {"returnImmediately": True, "taskPushNotificationConfig": {"url": f"https://one.example/{name}"}}
    return world.call("SendMessage", {"message": message(name, taskId="t1"), "configuration": configuration})


def pending(world: World, name: str) -> Any:
    return world.call(SET_03, {"taskId": f"to-come-{name}", "url": f"https://one.example/{name}"}, version="")


def template(world: World, name: str) -> Any:
    return world.call(SET_03, {"config": {"url": f"https://one.example/{name}"}}, version="")


def over_http(world: World, path: str, body: Mapping[str, Any], version: str) -> Any:
    """As the JSON-RPC response would be."""
    answer = world.runner.request("POST", path, body=body, headers={"a2a-version": version})
    told = json.loads(answer.body)
    if answer.status == 200:
        return {"result": told}
    assert answer.status == 429
    assert dict(answer.headers)["retry-after"].endswith(" 00:00:00 GMT")
    if version == "1.0":
        assert told["error"]["status"] == "RESOURCE_EXHAUSTED"
        return {"error": {"code": INVALID_PARAMS, "message": told["error"]["message"], "data": told["error"]["details"]}}
    return {"error": told}


def create_over_http(world: World, name: str) -> Any:
    world.agent.task("t1")
    return over_http(world, "/tasks/t1/pushNotificationConfigs", {"id": name, "url": f"https://one.example/{name}"}, "1.0")


def create_over_http_03(world: World, name: str) -> Any:
    world.agent.task("t1")
    config = {"pushNotificationConfig": {"id": name, "url": f"https://one.example/{name}"}}
    return over_http(world, "/v1/tasks/t1/pushNotificationConfigs", config, "0.3.0")


def inline_over_http(world: World, name: str) -> Any:
    configuration = {"returnImmediately": True, "taskPushNotificationConfig": {"url": f"https://one.example/{name}"}}
    return over_http(world, "/message:send", {"message": message(name), "configuration": configuration}, "1.0")


def inline_over_http_03(world: World, name: str) -> Any:
    configuration = {"blocking": False, "pushNotificationConfig": {"url": f"https://one.example/{name}"}}
    return over_http(world, "/v1/message:send", {"message": message_03(name), "configuration": configuration}, "0.3.0")


WAYS: tuple[Callable[[World, str], Any], ...] = (
    create,
    create_03,
    inline,
    inline_03,
    inline_on_a_known_task,
    pending,
    template,
    create_over_http,
    create_over_http_03,
    inline_over_http,
    inline_over_http_03,
)


def registered(world: World) -> int:
    return sum(len(world.items(prefix)) for prefix in ("PUSH#", "PENDING#", "TEMPLATE#"))


def error_of(answer: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
    """The code, and what belongs to the reason."""
    error = answer["error"]
    data = error["data"]
    told = {"reason": data[0]["reason"], **data[0]["metadata"]} if isinstance(data, list) else data
    return error["code"], told


@pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.__name__))
def test_one_config_too_many_is_refused_whichever_way_it_comes(world: World, way: Callable[[World, str], Any]) -> None:
    assert ["result" in way(world, name) for name in ("a", "b")] == [True, True]
    sent = world.agent.count("SendMessage")
    refused = way(world, "c")
    code, told = error_of(refused)
    assert (code, told["reason"], told["cap"], told["limit"]) == (INVALID_PARAMS, "OWNER_CAP_REACHED", "MaxDailyConfigsPerOwner", "2")
    assert told["until"] in refused["error"]["message"]
    assert registered(world) == 2
    assert world.agent.count("SendMessage") == sent, "the agent was not called"


def test_config_of_a_send_that_the_relay_takes_over_counts_before_it_is_taken(world: World) -> None:
    begin_anew(world, upstream_blocks="true")
    for name in ("a", "b", "a", "b"):  # a repeated send is the same one
        assert "result" in inline(world, name)
    assert error_of(inline(world, "c"))[1]["reason"] == "OWNER_CAP_REACHED"
    assert (registered(world), len(world.items("RELAY_TASK"))) == (2, 2)


def test_what_replaces_a_config_does_not_count(world: World) -> None:
    for _ in range(3):
        assert "result" in create(world, "a")
        assert "result" in pending(world, "b")
    assert "result" in inline_on_a_known_task(world, "a"), "without an id, but the same url and token"
    assert "error" in create(world, "c")
    assert "result" in create(world, "a", "https://one.example/moved")


def test_template_that_is_set_anew_does_not_count(world: World) -> None:
    for _ in range(3):
        assert "result" in template(world, "a")
    assert "result" in create(world, "b")
    assert "error" in template(world, "c")


def sends(world: World, text: str, **more: str) -> Any:
    """A message without a config of its own."""
    return world.call("SendMessage", {"message": message(text, **more), "configuration": {"returnImmediately": True}})


@pytest.mark.parametrize("blocks", ["auto", "true"])
def test_copies_of_templates_count_before_the_message_goes_out(world: World, blocks: str) -> None:
    begin_anew(world, max_daily_configs_per_owner="5", upstream_blocks=blocks)
    for name in ("a", "b"):
        template(world, name)
    assert "result" in sends(world, "m1")
    code, told = error_of(refused := sends(world, "m2"))
    assert (code, told["reason"], told["limit"]) == (INVALID_PARAMS, "OWNER_CAP_REACHED", "5")
    assert "delete the configs without a task" in refused["error"]["message"]
    assert len(world.items("PUSH#")) == 2
    assert world.agent.count("SendMessage") + len(world.items("RELAY_TASK")) == 1
    world.headers["x-upstream-authorization"] = "Bearer another"  # of the same owner, without templates
    assert "result" in sends(world, "m3")


def test_more_copies_than_a_whole_day_allows_are_refused_on_any_day(world: World) -> None:
    for name in ("a", "b"):
        template(world, name)
    begin_anew(world, max_daily_configs_per_owner="1")
    for day in range(2):
        world.runner.advance(timedelta(days=day))
        assert error_of(sends(world, f"m{day}"))[1]["reason"] == "OWNER_CAP_REACHED"
    assert world.agent.count("SendMessage") == 0


def test_copies_for_another_task_than_the_message_named_count_after_it(world: World) -> None:
    def another(method: str, answer: dict[str, Any]) -> None:
        if method == "SendMessage":
            answer["result"]["task"] = world.agent.task(f"other-{world.agent.count(method)}").seen

    template(world, "a")
    world.agent.task("t1")
    world.agent.before_answer = another
    assert "result" in sends(world, "m1", taskId="t1")
    refused = sends(world, "m2", taskId="t1")["error"]
    assert refused["code"] == INVALID_PARAMS
    assert refused["message"].startswith(
        "The message was taken, its task is other-2, but the webhooks for every task are not registered for it."
    )
    world.agent.before_answer = lambda _method, _answer: None
    assert "result" in sends(world, "m3", taskId="t1"), "no new task, no copies"


def is_another_task(world: World, answer: dict[str, Any]) -> None:
    answer["result"]["task"] = world.agent.task("other").seen


def configs(world: World) -> list[tuple[str, bool]]:
    """Of every task: which has one, and whether it is a copy of a template."""
    tasks = [(TaskKey.from_partition(item["pk"]["S"]).task_id, "template" in item) for item in world.items("PUSH#")]
    return sorted((task_id, is_copy) for task_id, is_copy in tasks if task_id)


@pytest.mark.parametrize(
    ("most", "per_task", "has_it", "told"),
    [
        ("2", "100", [("other", False)], "The message was taken, its task is other, but the webhooks for every task are not registered"),
        ("9", "1", [("other", True)], "The message was taken, its task is other, but the webhook is not registered for it. A task may"),
    ],
)
def test_config_of_a_message_that_becomes_another_task_stays_not_on_the_one_it_named(
    world: World, most: str, per_task: str, has_it: list[tuple[str, bool]], told: str
) -> None:
    """Two ways to have no room at the new task: for the copy of a template, and for the message's own config."""
    begin_anew(world, max_daily_configs_per_owner=most, max_configs_per_task=per_task)
    template(world, "every-task")
    world.agent.before_answer = lambda method, answer: is_another_task(world, answer) if method == "SendMessage" else None
    try:
        refused = inline_on_a_known_task(world, "own")["error"]
        assert (refused["code"], refused["message"].startswith(told), configs(world)) == (INVALID_PARAMS, True, has_it)
    finally:
        world.agent.before_answer = lambda _method, _answer: None
        begin_anew(world, max_configs_per_task="100")


def test_deleting_makes_no_room_but_the_next_day_does(world: World) -> None:
    """Registrations count: a count of what is there could go wrong for good."""
    for name in ("a", "b"):
        create(world, name)
        world.delete("t1", name)
    assert "error" in create(world, "c")
    until = error_of(create(world, "c"))[1]["until"]
    world.runner.advance(timedelta(days=1))
    assert "result" in create(world, "c")
    assert until.endswith("T00:00:00Z")


def test_one_owner_at_its_cap_leaves_the_others_alone() -> None:
    with ClosedRelay(MaxDailyConfigsPerOwner="1", MaxDailyReceiversPerOwner="1") as relay:
        for owner in ("acme", "globex"):
            relay.agents[owner].task("task-1")
        relay.register_webhook("acme", "first")
        second = {"taskId": "task-1", "id": "second", "url": f"{relay.receiver.url}/second"}
        assert relay.error("acme", CREATE, second) == INVALID_PARAMS
        relay.register_webhook("globex", "first")
        assert relay.error("globex", CREATE, second) == INVALID_PARAMS
        relay.register_webhook("acme", "first")


# --- receivers


def test_one_receiver_too_many_is_refused_on_whatever_task(world: World) -> None:
    begin_anew(world, max_daily_configs_per_owner="0", max_daily_receivers_per_owner="2")
    for number, url in enumerate(("https://one.example/a", "https://two.example/a", "https://ONE.example:443/b")):
        world.agent.task(f"t{number}")
        world.register(f"t{number}", url)
    refused = world.call(CREATE, {"taskId": "t0", "url": "https://three.example/a?key=hidden"})
    assert error_of(refused)[1]["cap"] == "MaxDailyReceiversPerOwner"
    assert "hidden" not in str(refused)
    for way in (inline, pending, template):
        assert "result" in way(world, "of-one.example")


def test_config_that_is_replaced_counts_its_new_receiver_alone(world: World) -> None:
    begin_anew(world, max_daily_configs_per_owner="1", max_daily_receivers_per_owner="2")
    assert "result" in create(world, "a", "https://one.example/a")
    assert "result" in create(world, "a", "https://two.example/a")
    assert error_of(create(world, "a", "https://three.example/a"))[1]["cap"] == "MaxDailyReceiversPerOwner"
    assert error_of(create(world, "b", "https://one.example/a"))[1]["cap"] == "MaxDailyConfigsPerOwner"


def test_processes_count_the_same_receivers(world: World) -> None:
    begin_anew(world, max_daily_configs_per_owner="0", max_daily_receivers_per_owner="2")
    create(world, "a", "https://one.example/a")
    world.runner.cold_start()
    create(world, "b", "https://two.example/a")
    create(world, "c", "https://one.example/a")
    world.runner.cold_start()
    assert "error" in create(world, "d", "https://three.example/a")
    assert "result" in create(world, "d", "https://one.example/a")


# --- what it costs


def counts(world: World) -> list[str]:
    """The kinds of the items that registrations were counted in."""
    keys = [request.body["Key"]["sk"]["S"] for request in world.wire.asked("api", "UpdateItem")]
    return [key.rpartition("#")[2] for key in keys if key.startswith("DAY#")]


def test_registration_costs_one_write_more_and_one_for_a_receiver_that_is_new_to_the_process(world: World) -> None:
    begin_anew(world, max_daily_configs_per_owner="100", max_daily_receivers_per_owner="2")
    create(world, "a")
    assert counts(world) == ["RECEIVERS", "CONFIGS"]
    create(world, "b")
    assert counts(world) == ["RECEIVERS", "CONFIGS", "CONFIGS"]
    create(world, "c", "https://two.example/c")
    world.wire.requests.clear()
    assert "error" in create(world, "d", "https://three.example/d")
    assert "result" in create(world, "a")
    assert counts(world) == [], "two are known, so a third is one too many; and what is replaced is not counted"


def test_no_cap_no_count(world: World) -> None:
    begin_anew(world, max_daily_configs_per_owner="0", max_daily_receivers_per_owner="0")
    for number in range(5):
        assert "result" in create(world, f"c{number}", f"https://{number}.example/")
    assert counts(world) == []
    assert world.items("DAY#") == []


def test_counts_are_gone_two_days_later(world: World) -> None:
    begin_anew(world, max_daily_configs_per_owner="9", max_daily_receivers_per_owner="9")
    create(world, "a")
    found = world.items("DAY#")
    assert len(found) == 2
    for item in found:
        assert DAY <= int(item["ttl"]["N"]) - world.runner.clock.now().timestamp() <= 2 * DAY
    assert "one.example" not in repr(found)


def test_defaults_are_generous(world: World) -> None:
    assert world.setting("MAX_DAILY_CONFIGS_PER_OWNER") == "1000000"
    assert world.setting("MAX_DAILY_RECEIVERS_PER_OWNER") == "10000"


# --- when the count goes wrong


def at_the_count(effect: Effect, kind: str = "CONFIGS") -> Callable[[AwsRequest], Effect]:
    """Each write of that count is disturbed, but not what the SDK repeats."""
    seen: list[Any] = []

    def decide(request: AwsRequest) -> Effect:
        sk = request.body.get("Key", {}).get("sk", {}).get("S", "")
        if request.name != "UpdateItem" or not (sk.startswith("DAY#") and sk.endswith(kind)) or request.body in seen:
            return Effect.NONE
        seen.append(request.body)
        return effect

    return decide


@pytest.mark.parametrize("kind", ["CONFIGS", "RECEIVERS"])
def test_registration_that_cannot_be_counted_is_refused_before_anything_is_done_for_it(world: World, kind: str) -> None:
    begin_anew(world, max_daily_receivers_per_owner="2")
    for way in (create, inline, pending, template):
        world.wire.decide = at_the_count(Effect.FAILS, kind)
        assert way(world, "a")["error"]["code"] == INTERNAL
    assert (registered(world), world.items("CURSOR#"), world.agent.count("SendMessage")) == (0, [], 0)


@pytest.mark.parametrize("effect", [Effect.THROTTLED, Effect.TIMES_OUT, Effect.TWICE])
def test_count_that_is_repeated_counts_once(world: World, effect: Effect) -> None:
    begin_anew(world, max_daily_receivers_per_owner="2")
    world.wire.decide = at_the_count(effect, "")
    assert "result" in create(world, "a", "https://one.example/")
    assert "result" in create(world, "b", "https://two.example/")
    assert "error" in create(world, "c", "https://one.example/")


def test_function_that_dies_after_the_count_has_counted_one_too_many_until_tomorrow(world: World) -> None:
    world.wire.decide = at_the_count(Effect.DIES_AFTER)
    with pytest.raises(ConnectionError):
        create(world, "a")
    assert registered(world) == 0
    world.wire.decide = lambda _: Effect.NONE
    assert ["result" in create(world, name) for name in ("a", "b")] == [True, False]


def test_agent_that_makes_another_task_of_a_message_brings_a_config_more_and_a_caller_at_its_cap_is_told_what_was_sent(
    world: World,
) -> None:
    """As PraisonAI does; the named task has the config, so nothing was counted for the message before it was sent."""

    def another(method: str, answer: dict[str, Any]) -> None:
        if method == "SendMessage":
            answer["result"]["task"] = world.agent.task(f"other-{world.agent.count(method)}").seen

    create(world, "a")
    world.agent.before_answer = another
    send = {"message": message("m", taskId="t1"), "configuration": {"returnImmediately": True}}
    send["configuration"]["taskPushNotificationConfig"] = {"id": "a", "url": "https://one.example/a"}
    assert world.result("SendMessage", send)["task"]["id"] == "other-1"
    refused = world.call("SendMessage", send)["error"]
    assert refused["code"] == INVALID_PARAMS
    assert "The message was taken, its task is other-2, but the webhook is not registered for it." in refused["message"]
    assert registered(world) == 2


def test_config_that_moves_to_another_task_counts_once(world: World) -> None:
    def another(method: str, answer: dict[str, Any]) -> None:
        if method == "SendMessage":
            answer["result"]["task"] = world.agent.task("t2").seen

    world.agent.before_answer = another
    assert "result" in inline_on_a_known_task(world, "a")
    world.agent.before_answer = lambda _method, _answer: None
    assert ["result" in create(world, name) for name in ("b", "c")] == [True, False]


def test_refusal_is_logged_and_counted(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    begin_anew(world, max_daily_receivers_per_owner="1", powertools_log_level="INFO", powertools_metrics_disabled="false")
    observability.forget()
    create(world, "a")
    create(world, "b", "https://two.example/secret-path")
    begin_anew(world, powertools_log_level="CRITICAL", powertools_metrics_disabled="true")
    observability.forget()
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    (line,) = [each for each in printed if each.get("message") == "registration refused: its owner has reached a cap"]
    assert (line["owner"], line["agent"], line["reason"]) == ("default", "default", "MaxDailyReceiversPerOwner")
    assert line["url"] == "https://two.example"
    assert [each["OwnerCapReached"] for each in printed if "OwnerCapReached" in each] == [[1.0]]
