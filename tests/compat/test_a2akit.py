"""a2akit 0.0.32: its client's push methods over JSON-RPC and HTTP+JSON, and its push example: client, worker and receiver.

The example's three files are those of its source distribution.
"""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from relay_dev.demo.child import Child
from tests.compat.remote import A2AKIT_SDIST, RemoteClient, python
from tests.e2e.face import A2AClient, RefusedError, Webhook
from tests.e2e.relays import READY_SECONDS, Relay

pytestmark = pytest.mark.compat

TOKEN = "my-secret-token"
AGENTS = ["a2akit", "both"]
OVER = {"jsonrpc": "a2akit 0.0.32", "http+json": "a2akit 0.0.32 over HTTP+JSON"}


@pytest.fixture(params=OVER)
def client(clients: dict[str, A2AClient], request: pytest.FixtureRequest) -> A2AClient:
    return clients[OVER[request.param]]


@pytest.fixture(params=AGENTS)
def url(quiet_relay: Relay, request: pytest.FixtureRequest) -> str:
    return quiet_relay.at(request.param)


@pytest.fixture
def receiver() -> Iterator[Child]:
    """The example's own file."""
    command = [python("a2akit"), "-m", "uvicorn", "examples.push.webhook_receiver:app", "--port", "0", "--no-access-log"]
    with Child("receiver", command, folder=A2AKIT_SDIST) as process:
        yield process


def address(receiver: Child) -> str:
    return receiver.wait_for_line(r"Uvicorn running on (http://\S+)", deadline=time.monotonic() + READY_SECONDS)[1]


def test_the_push_examples_own_files_run_unchanged_but_for_the_addresses(relay: Relay, receiver: Child, tmp_path: Path) -> None:
    """Its worker has `push_notifications=False`; its client and its receiver are run as they are."""
    client = (A2AKIT_SDIST / "examples" / "push" / "client.py").read_text()
    for printed, ours in (("http://localhost:8000", relay.at("a2akit-example")), ("http://localhost:9000", address(receiver))):
        assert printed in client
        client = client.replace(f'"{printed}', f'"{ours}')
    (tmp_path / "client.py").write_text(client)
    done = subprocess.run(
        [python("a2akit"), str(tmp_path / "client.py")], capture_output=True, text=True, timeout=READY_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    for line in (
        "Connected to: Report Generator",
        "Push notifications: True",
        "state: submitted",
        "state=completed",
        "Result: Report: Q1 revenue",
        "Push configs: 1",
    ):
        assert line in done.stdout
    created = re.search(r"Task created: (\S+)", done.stdout)
    assert created
    deadline = time.monotonic() + READY_SECONDS
    for state in ("submitted", "working", "completed"):
        receiver.wait_for_line(rf"\[WEBHOOK\] Task: {created[1]}  State: {state}", deadline=deadline)
    receiver.wait_for_line(r"\[WEBHOOK\] Artifact\[0\]: Report: Q1 revenue", deadline=deadline)


@pytest.mark.parametrize("agent", ["a2akit", "a2akit-http", "both"])  # the example's own worker speaks HTTP+JSON
def test_the_push_example_prints_states_as_they_happen_polls_and_lists_one_config(
    relay: Relay, client: A2AClient, receiver: Child, agent: str
) -> None:
    url, hook = relay.at(agent), address(receiver)
    task = client.send(url, "Generate the Q1 report", webhook=Webhook(f"{hook}/webhook", TOKEN))
    assert task.state == "submitted"
    deadline = time.monotonic() + READY_SECONDS
    receiver.wait_for_line(rf"\[WEBHOOK\] Task: {task.id}  State: completed  Artifacts: 1", deadline=deadline)
    receiver.wait_for_line(r"\[WEBHOOK\] Artifact\[0\]: .*Generate the Q1 report", deadline=deadline)
    assert client.get(url, task.id).state == "completed"
    (config,) = client.list_configs(url, task.id)
    assert (config.url, config.token) == (f"{hook}/webhook", TOKEN)
    listed = httpx.get(f"{hook}/notifications", trust_env=False).json()["notifications"]
    states = [told["status"]["state"] for told in listed]
    assert states == sorted(states, key=["submitted", "working", "completed"].index)


def test_a_send_that_does_not_want_to_wait_is_answered_at_once(relay: Relay, client: A2AClient) -> None:
    assert client.send(relay.at("both"), "Generate the Q1 report").state == "submitted"


def test_the_receivers_401_for_a_wrong_token_ends_in_a_dead_letter(relay: Relay, clients: dict[str, A2AClient], receiver: Child) -> None:
    hook = address(receiver)
    task = clients["a2akit 0.0.32"].send(relay.at("both"), "slow 600", webhook=Webhook(f"{hook}/webhook", "another token"))
    receiver.wait_for_line(r"\[WEBHOOK\] Invalid token: another token", deadline=time.monotonic() + READY_SECONDS)
    relay.process.wait_for_line(rf"dead-lettered.*{task.id}", deadline=time.monotonic() + READY_SECONDS)
    assert httpx.get(f"{hook}/notifications", trust_env=False).json()["count"] == 0


def test_push_configs_are_set_got_listed_and_deleted(client: A2AClient, url: str) -> None:
    task = client.send(url, "slow 600")
    hook = Webhook("http://127.0.0.1:9/hook", TOKEN, id="cfg-2")
    assert client.set_config(url, task.id, hook) == hook
    assert client.get_config(url, task.id, "cfg-2") == hook
    assert client.list_configs(url, task.id) == [hook]
    client.delete_config(url, task.id, "cfg-2")
    assert client.list_configs(url, task.id) == []
    with pytest.raises(RefusedError) as refused:
        client.get_config(url, task.id, "cfg-2")
    assert refused.value.code == -32001


def test_a_config_is_got_without_its_id_over_json_rpc(clients: dict[str, A2AClient], url: str) -> None:
    client = clients["a2akit 0.0.32"]
    task = client.send(url, "slow 600", webhook=Webhook("http://127.0.0.1:9/hook", TOKEN))
    assert client.get_config(url, task.id, "").url == "http://127.0.0.1:9/hook"


def test_an_unknown_task_is_not_found(client: A2AClient, url: str) -> None:
    for ask in (client.get, client.cancel, lambda url, task_id: client.set_config(url, task_id, Webhook("http://127.0.0.1:9/hook"))):
        with pytest.raises(RefusedError) as refused:
            ask(url, "no-such-task")
        assert refused.value.code == -32001


def test_the_client_takes_json_rpc_of_what_the_card_offers(clients: dict[str, A2AClient], url: str) -> None:
    client = clients["a2akit 0.0.32"]
    assert isinstance(client, RemoteClient)
    assert client.call("protocol", url=url) == "jsonrpc"


@pytest.mark.parametrize("agent", ["a2akit", "a2akit-http"])
@pytest.mark.parametrize(("prefix", "headers"), [("", {"a2a-version": "1.0"}), ("/v1", {})])
def test_what_a_caller_gets_wrong_is_no_fault_of_the_server_s(quiet_relay: Relay, agent: str, prefix: str, headers: dict[str, str]) -> None:
    """Asked for these, the agent itself says HTTP 500, or has no such path."""
    with httpx.Client(base_url=f"{quiet_relay.at(agent)}{prefix}", headers=headers, timeout=READY_SECONDS) as client:
        asked = [
            client.get("/tasks?status=done"),
            client.get("/tasks/a%2Fb"),
            client.post("/tasks/a%2Fb:cancel"),
            client.post("/tasks/a%2Fb/pushNotificationConfigs", json={"url": "https://you.example/hook"}),
            client.get("/tasks/a%2Fb/pushNotificationConfigs"),
        ]
    assert [answer.status_code for answer in asked] == [400, 404, 404, 404, 404]
