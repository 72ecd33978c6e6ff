"""Whose credential a task is followed with: the operator's, or the registering caller's own (design §7 "Credentials")."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from relay_dev.cli import _parser
from tests.support.world import World, task_key

POLL = 10.5  # seconds: a little more than the watch's interval
DAY = 24 * 3600.0
OPERATOR, ANN, BOB = "Bearer the-operators-credential", "Bearer anns-own-credential", "Bearer bobs-own-credential"


@pytest.fixture
def world() -> Iterator[World]:
    with World(FollowAs="caller", UpstreamCredential=f"Authorization: {OPERATOR}") as world:
        world.agent.lets_in = {ANN, BOB}
        world.agent.task("t1")
        yield world


def as_caller(world: World, credential: str) -> None:
    world.headers = {"x-upstream-authorization": credential} if credential else {}


def registered(world: World, credential: str, *, config_id: str = "a") -> None:
    as_caller(world, credential)
    world.register("t1", id=config_id)
    world.settle()


def polls(world: World, seconds: float = POLL) -> list[str]:
    """What the agent is shown from now on."""
    world.agent.shown.clear()
    world.advance(seconds)
    return world.agent.shown


def test_task_is_followed_with_the_credential_of_the_caller_that_registered(world: World) -> None:
    registered(world, ANN)
    assert polls(world) == [ANN]
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    assert [post.state for post in world.posts("a")] == ["completed"]


def test_operators_credential_is_used_unless_the_agent_is_followed_as_its_callers() -> None:
    with World(UpstreamCredential=f"Authorization: {OPERATOR}") as world:
        world.agent.task("t1")
        registered(world, ANN)
        assert polls(world) == [OPERATOR]
        assert not [item for item in world.items("WATCH") if "sealed" in item]


def test_caller_without_a_credential_lends_none(world: World) -> None:
    world.agent.lets_in = None
    registered(world, "")
    assert polls(world) == [OPERATOR]


def test_newest_credential_is_used(world: World) -> None:
    registered(world, ANN)
    registered(world, BOB, config_id="b")
    assert polls(world) == [BOB]


def test_registration_without_a_credential_leaves_the_one_that_is_there(world: World) -> None:
    registered(world, ANN)
    world.agent.lets_in = None
    registered(world, "", config_id="b")
    assert polls(world) == [ANN]


def test_inline_config_lends_its_callers_credential(world: World) -> None:
    as_caller(world, ANN)
    task_id = world.send(webhook={"url": f"{world.receiver.url}/a"})
    world.settle()
    assert polls(world) == [ANN]
    world.agent.task(task_id).becomes("completed")
    world.advance(POLL)
    assert [post.state for post in world.posts("a")] == ["submitted", "completed"]


@pytest.mark.parametrize(
    "config", [{"taskId": "task-2", "url": "URL"}, {"taskId": "task-2", "config": {"url": "URL"}}, {"config": {"url": "URL"}}]
)
def test_config_for_a_task_to_come_lends_its_callers_credential(world: World, config: dict[str, Any]) -> None:
    as_caller(world, ANN)
    given = json.loads(json.dumps(config).replace("URL", f"{world.receiver.url}/a"))
    world.result("tasks/pushNotificationConfig/set", given, version="")
    task_id = world.send()
    world.agent.shown.clear()
    world.settle()
    assert set(world.agent.shown) <= {ANN}
    assert polls(world) == [ANN]
    world.agent.task(task_id).becomes("completed")
    world.advance(POLL)
    assert len(world.posts("a")) == 2


def test_config_that_waited_for_a_task_is_bound_by_a_get_with_its_callers_credential(world: World) -> None:
    as_caller(world, ANN)
    world.result("tasks/pushNotificationConfig/set", {"taskId": "t2", "url": f"{world.receiver.url}/a"}, version="")
    world.agent.task("t2")
    world.result("GetTask", {"id": "t2"})
    world.agent.shown.clear()
    world.settle()
    assert set(world.agent.shown) == {ANN}
    assert polls(world) == [ANN]


@pytest.fixture
def refused(world: World) -> World:
    registered(world, ANN)
    world.agent.lets_in = {BOB}
    assert polls(world) == [ANN]
    return world


def test_refused_credential_is_shown_no_more(refused: World) -> None:
    assert polls(refused, DAY) == []
    watch = refused.watch("t1")
    assert watch is not None
    assert watch.is_paused


def test_new_registration_resumes_a_paused_watch(refused: World) -> None:
    registered(refused, BOB, config_id="b")
    assert polls(refused) == [BOB]
    refused.agent.task("t1").becomes("completed")
    refused.advance(POLL)
    assert [post.state for post in refused.posts("a")][-1] == "completed"


def test_send_with_a_fresh_credential_resumes_a_paused_watch(refused: World) -> None:
    as_caller(refused, BOB)
    refused.send(task_id="t1")
    refused.settle()
    assert polls(refused) == [BOB]


def test_send_with_a_fresh_credential_while_the_refused_one_is_shown_resumes_the_watch(world: World) -> None:
    registered(world, ANN)

    def meanwhile(method: str, _answer: object) -> None:
        if method == "GetTask":
            world.agent.before_answer = lambda _method, _answer: None
            as_caller(world, BOB)
            world.send(task_id="t1")
            world.agent.status = 401  # for the one that asks, and for no other
            world.agent.before_answer = lambda _method, _answer: setattr(world.agent, "status", 200)

    world.agent.before_answer = meanwhile
    world.advance(POLL)
    assert polls(world) == [BOB]


def test_credential_is_sealed_for_its_task_and_gone_with_the_watch(world: World) -> None:
    registered(world, ANN)
    [item] = world.items("WATCH")
    assert ANN.encode() not in item["sealed"]["B"]
    assert ANN not in json.dumps(item, default=str)
    watch = world.watch("t1")
    assert watch is not None
    assert ANN not in repr(watch)
    with pytest.raises(Exception, match="sealed for another item"):
        world.vault.open(item["sealed"]["B"], {**task_key("t2")._asdict(), "item": "watch"})
    world.delete("t1", "a")
    world.settle()
    assert world.items("WATCH") == []


def test_credential_is_gone_when_the_agent_is_asked_no_more(world: World) -> None:
    registered(world, ANN)
    world.receiver.fail_next(503, times=100)
    world.agent.task("t1").becomes("completed")
    world.advance(POLL)
    [item] = world.items("WATCH")
    assert not {"sealed", "lent"} & set(item)


def test_task_that_quotes_the_lent_credential_is_told_without_it(world: World) -> None:
    registered(world, ANN)
    world.agent.task("t1").becomes("working", message=f"You said {ANN}")
    world.advance(POLL)
    [post] = world.posts("a")
    assert ANN.encode() not in post.body
    assert b"[credential]" in post.body


def test_agents_are_added_to_be_followed_as_their_callers(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["agents", "add", "mine", world.agent.url, "--follow-as", "caller"], ["agents", "list"]):
        args = _parser("agents").parse_args(words)
        assert args.command(args) == 0
    assert "followed as its callers" in capsys.readouterr().out


# --- what another caller of the same owner may read


@pytest.mark.parametrize("reader", [BOB, ""])
@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_token_and_credentials_come_back_only_to_the_caller_that_set_them(world: World, reader: str, version: str) -> None:
    as_caller(world, ANN)
    authentication = {"scheme": "Bearer", "credentials": "anns-credentials-for-her-receiver"}
    world.register("t1", id="a", token="anns-token", authentication=authentication)
    get, listing = {
        "1.0": (("GetTaskPushNotificationConfig", {"taskId": "t1", "id": "a"}), ("ListTaskPushNotificationConfigs", {"taskId": "t1"})),
        "0.3": (
            ("tasks/pushNotificationConfig/get", {"id": "t1", "pushNotificationConfigId": "a"}),
            ("tasks/pushNotificationConfig/list", {"id": "t1"}),
        ),
    }[version]
    for caller, is_told in ((ANN, True), (reader, False)):
        as_caller(world, caller)
        for method, params in (get, listing):
            told = json.dumps(world.result(method, params, version=version))
            assert "/a" in told
            assert ("anns-token" in told, "anns-credentials-for-her-receiver" in told) == (is_told, is_told)


def test_by_task_too_another_callers_token_is_not_told(world: World) -> None:
    as_caller(world, ANN)
    world.register("t1", id="a", token="anns-token")
    as_caller(world, BOB)
    for method in ("tasks/pushNotificationConfig/get", "tasks/pushNotificationConfig/list"):
        told = json.dumps(world.result(method, {"taskId": "t1"}, version="0.3"))
        assert "/a" in told
        assert "anns-token" not in told
