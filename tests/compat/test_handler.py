"""Handler 0.4.0 and 0.1.16: the commands, the MCP tools and the receivers that its guide to push notifications walks through."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from relay_dev.demo.child import Child
from tests.compat.handler import READY_SECONDS, Handler, HandlerError, McpServer, wait_for_notifications, wait_until_listening
from tests.e2e.clients import Client10
from tests.e2e.face import Webhook
from tests.e2e.relays import Relay

pytestmark = pytest.mark.compat

TOKEN = "a token of thirty-two characters"
NOWHERE = "http://127.0.0.1:9/hook"
AGENTS = ["v10", "v03"]  # each command takes seconds to start
STATES = ["submitted", "working", "working", "completed"]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Handler:
    return Handler("0.4.0", tmp_path_factory.mktemp("handler"))


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Handler:
    return Handler("0.1.16", tmp_path_factory.mktemp("handler"))


@pytest.fixture
def url(quiet_relay: Relay) -> str:
    return quiet_relay.at("both")


@pytest.fixture
def task_id(url: str) -> str:
    return Client10().send(url, "slow 600").id


@contextmanager
def receiver(handler: Handler, *options: str) -> Iterator[tuple[str, Child]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with handler.receiver(port, *options) as child:
        wait_until_listening(f"http://127.0.0.1:{port}", child)
        yield f"http://127.0.0.1:{port}", child


@pytest.mark.parametrize("agent", AGENTS)
def test_0_4_0_sends_with_push_and_its_receiver_shows_id_and_state_of_every_change(relay: Relay, new: Handler, agent: str) -> None:
    with receiver(new, "--token", TOKEN) as (hook, child):
        options = ["--no-wait", "--push-url", f"{hook}/webhook", "--push-token", TOKEN]
        task = new.run_json("message", "send", "--url", relay.at(agent), "--text", "hello", *options)
        told = wait_for_notifications(hook, lambda listed: len(listed) >= len(STATES))
        shown = child.wait_for_line(r"Token: (.*)", deadline=0)
    assert task["status"]["state"] == "TASK_STATE_SUBMITTED"
    assert [(each["task_id"], each["state"]) for each in told] == [(task["id"], state) for state in STATES]
    assert shown[1] == "present (verified)"


@pytest.mark.parametrize("agent", AGENTS)
def test_0_1_16_sends_with_push_and_its_receiver_shows_id_and_state_of_every_change(relay: Relay, old: Handler, agent: str) -> None:
    with receiver(old) as (hook, child):
        printed = old.run("message", "send", relay.at(agent), "hello", "--push-url", f"{hook}/webhook", "--push-token", TOKEN)
        told = wait_for_notifications(hook, lambda listed: len(listed) >= len(STATES))
        shown = child.wait_for_line(r"Token: (.*)", deadline=0)
    sent = re.search(r"Task ID: (\S+)", printed)
    assert sent
    assert "State: completed" in printed  # it always waits
    assert [(each["task_id"], each["payload"]["status"]["state"]) for each in told] == [(sent[1], state) for state in STATES]
    assert shown[1] == f"{TOKEN[:20]}..."


def test_0_4_0_refuses_a_wrong_token_and_the_relay_gives_up(relay: Relay, new: Handler) -> None:
    with receiver(new, "--token", TOKEN) as (hook, _):
        task = Client10().send(relay.at("both"), "slow 600", webhook=Webhook(f"{hook}/webhook", "another token"))
        relay.process.wait_for_line(rf"dead-lettered.*{task.id}", deadline=time.monotonic() + READY_SECONDS)
        assert httpx.get(f"{hook}/notifications", trust_env=False).json()["count"] == 0


def test_0_4_0_sets_gets_lists_and_removes(new: Handler, url: str, task_id: str) -> None:
    at, command = ["--url", url], ("task", "notification")
    config = new.run_json(*command, "set", task_id, *at, "--webhook-url", NOWHERE, "--token", TOKEN)
    assert (config["taskId"], config["url"]) == (task_id, NOWHERE)
    assert new.run_json(*command, "get", task_id, *at) == config
    assert new.run_json(*command, "list", task_id, *at) == {"count": 1, "configs": [config]}
    assert new.run_json(*command, "remove", task_id, *at, "--config-id", config["id"])["deleted"] is True
    assert new.run_json(*command, "list", task_id, *at) == {"count": 0, "configs": []}
    with pytest.raises(HandlerError, match="has no push notification config"):
        new.run("--output", "json", *command, "remove", task_id, *at, "--config-id", config["id"])


def test_0_4_0_follows_pages_of_configs_to_the_end(new: Handler, quiet_relay: Relay) -> None:
    url = quiet_relay.at("both")
    task = Client10().send(url, "slow 600")
    ids = {Client10().set_config(url, task.id, Webhook(f"http://127.0.0.1:9/{number}")).id for number in range(5)}
    listed = new.run_json("task", "notification", "list", task.id, "--url", url, "--page-size", "2")
    assert {config["id"] for config in listed["configs"]} == ids


def test_0_4_0_says_that_a_task_is_not_found(new: Handler, url: str) -> None:
    with pytest.raises(HandlerError, match="TaskNotFoundError"):
        new.run("--output", "json", "task", "notification", "set", "no-such-task", "--url", url, "--webhook-url", NOWHERE)


def test_0_1_16_sets_and_gets(old: Handler, url: str, task_id: str) -> None:
    command = ("task", "notification")
    printed = old.run(*command, "set", url, task_id, "--url", NOWHERE, "--token", TOKEN)
    config_id = re.search(r"Config ID: (\S+)", printed)
    assert config_id
    got = old.run(*command, "get", url, task_id)
    for line in (f"Task ID: {task_id}", f"URL: {NOWHERE}", f"Token: {TOKEN[:20]}...", config_id[0]):
        assert line in got


def test_0_1_16_says_that_a_task_is_not_found(old: Handler, url: str) -> None:
    with pytest.raises(HandlerError, match="There is no such task"):
        old.run("task", "notification", "set", url, "no-such-task", "--url", NOWHERE)


def test_both_show_a_task_and_cancel_it(new: Handler, old: Handler, url: str) -> None:
    task_id = Client10().send(url, "slow 600").id
    assert new.run_json("task", "get", task_id, "--url", url)["status"]["state"] == "TASK_STATE_SUBMITTED"
    assert "State: canceled" in old.run("task", "cancel", url, task_id)


def test_0_4_0s_mcp_tools_set_get_list_and_delete(new: Handler, url: str, task_id: str) -> None:
    about = {"task_id": task_id, "agent_url": url}
    with McpServer(new) as mcp:
        config = mcp.tool("set_task_notification", **about, webhook_url=NOWHERE, webhook_token=TOKEN)
        assert config["url"] == NOWHERE
        assert TOKEN not in str(config)
        assert mcp.tool("get_task_notification", **about)["id"] == config["id"]
        assert [each["id"] for each in mcp.tool("list_task_notifications", **about)["configs"]] == [config["id"]]
        assert mcp.tool("delete_task_notification", **about, config_id=config["id"])["deleted"] is True
        assert mcp.tool("list_task_notifications", **about)["configs"] == []


def test_0_1_16s_mcp_tools_set_and_get(old: Handler, url: str, task_id: str) -> None:
    about = {"task_id": task_id, "agent_url": url}
    with McpServer(old) as mcp:
        assert NOWHERE in str(mcp.tool("set_task_notification", **about, webhook_url=NOWHERE, webhook_token=TOKEN))
        assert NOWHERE in str(mcp.tool("get_task_notification", **about))
