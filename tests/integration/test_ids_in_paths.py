"""Ids that a path cannot carry as they are, through the running front door: what a delete says it has deleted is gone, and nothing else."""

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from relay_dev.runner import Runner
from tests.support.agent import FakeAgent

V10 = {"a2a-version": "1.0"}
REACHED = ["/a//b/", " é\n#&=;,+日", "x/pushNotificationConfigs/y"]
READ = ["k%252fk", "m?m/n?n", "o%3Fo"]  # in what arrives they are not to be seen any more


@pytest.fixture(scope="module")
def agent() -> Iterator[FakeAgent]:
    with FakeAgent(next_state="completed") as running:
        yield running


@pytest.fixture(scope="module")
def client(agent: FakeAgent) -> Iterator[httpx.Client]:
    environment = {"CLIENT_AUTHENTICATION": "none", "POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
    with Runner(overrides={"UpstreamAgentUrl": agent.url, "DeliveryPaused": "true"}, environment=environment) as runner:
        bound = socket.create_server(("127.0.0.1", 0))
        runner.serve(bound)
        with httpx.Client(base_url=f"http://127.0.0.1:{bound.getsockname()[1]}", timeout=30) as running:
            yield running


@pytest.fixture
def known(agent: FakeAgent, client: httpx.Client, request: pytest.FixtureRequest) -> str:
    """A task of this test's own."""
    task_id = f"task-{abs(hash(request.node.name))}"
    agent.task(task_id)
    return task_id


def rpc(client: httpx.Client, method: str, **params: Any) -> Any:
    answer = client.post(
        "/", headers=V10, json={"jsonrpc": "2.0", "id": 1, "method": f"{method}TaskPushNotificationConfig", "params": params}
    )
    return answer.json()["result"]


def register(client: httpx.Client, task_id: str, *config_ids: str) -> None:
    for config_id in config_ids:
        rpc(client, "Create", taskId=task_id, id=config_id, url="https://you.example/hook")


def registered(client: httpx.Client, task_id: str) -> set[str]:
    listed = client.post(
        "/", headers=V10, json={"jsonrpc": "2.0", "id": 1, "method": "ListTaskPushNotificationConfigs", "params": {"taskId": task_id}}
    )
    return {config["id"] for config in listed.json()["result"]["configs"]}


def ask(client: httpx.Client, verb: str, task_id: str, config_id: str, *, version: str = "1.0") -> httpx.Response:
    """As a client asks that percent-encodes each id."""
    path = f"/tasks/{quote(task_id, safe='')}/pushNotificationConfigs/{quote(config_id, safe='')}"
    return client.request(verb, path if version == "1.0" else f"/v1{path}", headers=V10 if version == "1.0" else {})


def test_a_config_is_got_and_deleted_whatever_its_id_holds(client: httpx.Client, known: str) -> None:
    register(client, known, *REACHED, "other")
    for config_id in REACHED:
        assert ask(client, "GET", known, config_id).json()["id"] == config_id
        assert ask(client, "DELETE", known, config_id, version="0.3" if "/" in config_id else "1.0").status_code == 200, config_id
    assert registered(client, known) == {"other"}
    assert ask(client, "DELETE", known, "m?m").status_code == 200


def test_a_config_whose_id_was_decoded_is_got_and_its_delete_refused(client: httpx.Client, known: str) -> None:
    register(client, known, *READ)
    for config_id in READ:
        assert ask(client, "GET", known, config_id).json()["id"] == config_id
        assert ask(client, "DELETE", known, config_id).status_code == 400
    assert registered(client, known) == set(READ)


@pytest.mark.parametrize(("asked", "there"), [("a", "a?b"), ("a/b", "a%2Fb"), ("a b", "a%20b"), ("a", "%61")])
@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_a_delete_of_what_is_not_there_deletes_nothing_else(client: httpx.Client, known: str, asked: str, there: str, version: str) -> None:
    register(client, known, there)
    answer = ask(client, "DELETE", known, asked, version=version)
    assert (answer.status_code, "JSON-RPC" in answer.text) == (400, True)
    assert registered(client, known) == {there}


def test_a_config_is_deleted_of_a_task_with_slashes_and_again(agent: FakeAgent, client: httpx.Client) -> None:
    task_id = "x/pushNotificationConfigs/y z"
    agent.task(task_id)
    register(client, task_id, "mine", "other")
    assert ask(client, "GET", task_id, "mine").json()["taskId"] == task_id
    assert [ask(client, "DELETE", task_id, "mine").status_code for _ in range(2)] == [200, 200]
    assert registered(client, task_id) == {"other"}


@pytest.mark.parametrize("task_id", ["j%2Fj", "k%2fk", "caf%c3%a9"])
def test_a_config_of_a_task_whose_id_was_decoded_is_got_and_its_delete_refused(
    agent: FakeAgent, client: httpx.Client, task_id: str
) -> None:
    agent.task(task_id)
    register(client, task_id, "mine")
    assert ask(client, "GET", task_id, "mine").json()["taskId"] == task_id
    assert ask(client, "DELETE", task_id, "mine").status_code == 400
    assert registered(client, task_id) == {"mine"}


@pytest.mark.parametrize("task_id", ["a/%62", "b%2fc%2Fd"])
def test_a_delete_says_that_it_knows_no_task_where_its_id_may_have_been_another(
    agent: FakeAgent, client: httpx.Client, task_id: str
) -> None:
    agent.task(task_id)
    register(client, task_id, "mine")
    answer = ask(client, "DELETE", task_id, "mine")
    assert (answer.status_code, answer.json()["error"]["details"][0]["reason"]) == (404, "TASK_NOT_FOUND")
    assert registered(client, task_id) == {"mine"}


@pytest.mark.parametrize(("tenant", "status"), [("tasks", 404), ("t%20t", 404), ("v1", 400), ("agents", 404)])
def test_a_tenant_that_a_path_cannot_name_is_named_in_the_query(client: httpx.Client, known: str, tenant: str, status: int) -> None:
    rpc(client, "Create", taskId=known, tenant=tenant, id="mine", url="https://you.example/hook")
    path = f"/tasks/{known}/pushNotificationConfigs/mine"
    assert client.delete(f"/{quote(tenant, safe='')}{path}", headers=V10).status_code == status
    assert client.get(path, params={"tenant": tenant}, headers=V10).json()["tenant"] == tenant
    assert client.delete(path, params={"tenant": tenant}, headers=V10).status_code == 200
    assert client.get(path, params={"tenant": tenant}, headers=V10).status_code == 404


@pytest.mark.parametrize(
    ("config_id", "status"),
    [("x/pushNotificationConfigs", 200), ("/", 200), ("?x", 405), ("100%", 400)],
)
def test_a_delete_that_cannot_be_understood_says_so(client: httpx.Client, known: str, config_id: str, status: int) -> None:
    register(client, known, config_id)
    assert ask(client, "DELETE", known, config_id).status_code == status
    assert registered(client, known) == (set() if status == 200 else {config_id})


@pytest.mark.parametrize(("asked", "other"), [("a?b", "a"), ("a/", "a")])
def test_of_two_configs_that_a_path_may_mean_none_is_deleted(client: httpx.Client, known: str, asked: str, other: str) -> None:
    register(client, known, asked, other)
    answer = ask(client, "DELETE", known, asked)
    assert (answer.status_code, "more than one push config" in answer.json()["error"]["message"]) == (400, True)
    assert registered(client, known) == {asked, other}


def test_of_two_tasks_that_a_path_may_mean_none_loses_a_config(agent: FakeAgent, client: httpx.Client, known: str) -> None:
    longer = f"{known}/pushNotificationConfigs/a"
    agent.task(longer)
    register(client, known, "a/pushNotificationConfigs/b")
    register(client, longer, "b")
    assert ask(client, "DELETE", longer, "b").status_code == 400
    rpc(client, "Delete", taskId=known, id="a/pushNotificationConfigs/b")
    assert ask(client, "DELETE", longer, "b").status_code == 200
    assert registered(client, longer) == set()


def test_a_tenant_s_config_is_another_one(client: httpx.Client, known: str) -> None:
    register(client, known, "a?b")
    assert client.delete(f"/acme/tasks/{known}/pushNotificationConfigs/a%3Fb", headers=V10).status_code == 200
    assert client.delete(f"/tasks/{known}/pushNotificationConfigs/a%3Fb?tenant=acme", headers=V10).status_code == 200
    assert client.delete(f"/tasks/{known}/pushNotificationConfigs/a%3Fb?tenant={'x' * 300}", headers=V10).status_code == 400
    assert registered(client, known) == {"a?b"}
