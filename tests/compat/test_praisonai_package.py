"""PraisonAI 1.7.17: its own A2AClient, the calls and the receiver of its page on push notifications, also with its agent behind."""

import time
from collections.abc import Iterator

import pytest

from relay_dev.demo.child import Child
from tests.compat.remote import DRIVERS, python
from tests.e2e.lines import LineProcess
from tests.e2e.relays import READY_SECONDS, Relay

pytestmark = pytest.mark.compat

TOKEN, SECRET = "a webhook token", "a webhook secret of the caller's"
AGENTS = ["praisonai", "both", "v03"]
SET, GET, LIST, DELETE = (f"tasks/pushNotificationConfig/{verb}" for verb in ("set", "get", "list", "delete"))


@pytest.fixture(scope="module")
def client() -> Iterator[LineProcess]:
    with LineProcess([python("praisonai"), str(DRIVERS / "praisonai_client.py")]) as process:
        yield process


@pytest.fixture(params=AGENTS)
def agent(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def receiver() -> Iterator[Child]:
    with Child("receiver", [python("praisonai"), str(DRIVERS / "praisonai_receiver.py"), TOKEN, SECRET]) as process:
        yield process


def hook(receiver: Child) -> str:
    return receiver.wait_for_line(r"^receiver: (\S+)", deadline=time.monotonic() + READY_SECONDS)[1] + "/webhooks/a2a"


def test_its_client_reads_the_card(client: LineProcess, quiet_relay: Relay, agent: str) -> None:
    card = client.call("card", url=quiet_relay.at(agent))
    assert card["capabilities"]["pushNotifications"] is True
    assert card["capabilities"]["streaming"] is False


def test_a_send_waits_and_holds_the_result(client: LineProcess, relay: Relay, agent: str) -> None:
    task = client.call("send", url=relay.at(agent), text="slow 0.5")["result"]
    assert task["status"]["state"] == "completed"
    assert task["artifacts"]


def test_return_immediately_answers_submitted_and_polling_sees_the_end(client: LineProcess, relay: Relay, agent: str) -> None:
    url = relay.at(agent)
    task = client.call("send", url=url, text="slow 1", configuration={"returnImmediately": True})["result"]
    assert task["status"]["state"] == "submitted"
    assert client.call("poll", url=url, task_id=task["id"])[-1] == "completed"


def test_the_four_methods_answer_as_documented(client: LineProcess, quiet_relay: Relay, agent: str) -> None:
    url = quiet_relay.at(agent)
    task_id = client.call("send", url=url, text="slow 30", configuration={"returnImmediately": True})["result"]["id"]
    config = {
        "taskId": task_id,
        "url": "http://127.0.0.1:9/hook",
        "token": TOKEN,
        "authentication": {"scheme": "Bearer", "credentials": "c"},
    }
    stored = client.call("call_method", url=url, method=SET, params=config)["result"]
    assert config.items() <= stored.items()
    assert config.items() <= client.call("call_method", url=url, method=GET, params={"taskId": task_id})["result"].items()
    listed = client.call("call_method", url=url, method=LIST, params={})["result"]["configs"]
    assert task_id in {each["taskId"] for each in listed}
    assert client.call("call_method", url=url, method=DELETE, params={"taskId": task_id})["result"] == {"deleted": True}
    assert client.call("call_method", url=url, method=GET, params={"taskId": task_id})["error"]["code"] == -32000
    assert client.call("call_method", url=url, method=SET, params={"taskId": task_id})["error"]["code"] == -32602


def test_the_adaptive_client_takes_webhooks_and_the_secure_handler_reads_them(
    client: LineProcess, relay: Relay, receiver: Child, agent: str
) -> None:
    """The documented registration has no secret; the handler that checks a signature is given one by registering it again with it."""
    url, webhook = relay.at(agent), hook(receiver)
    done = client.call("execute", url=url, text="slow 4", webhook_url=webhook, token=TOKEN)
    assert done["mode"] == "webhook"
    config = {"taskId": done["task_id"], "url": webhook, "token": TOKEN, "secret": SECRET}
    assert "error" not in client.call("call_method", url=url, method=SET, params=config)
    receiver.wait_for_line(rf"^task {done['task_id']} is completed", deadline=time.monotonic() + READY_SECONDS)


def test_a_canceled_task_is_cancelled_in_its_spelling(client: LineProcess, relay: Relay, receiver: Child, agent: str) -> None:
    url, webhook = relay.at(agent), hook(receiver)
    task_id = client.call("send", url=url, text="slow 30", configuration={"returnImmediately": True})["result"]["id"]
    client.call("call_method", url=url, method=SET, params={"taskId": task_id, "url": webhook, "token": TOKEN, "secret": SECRET})
    assert client.call("cancel", url=url, task_id=task_id)["result"]["status"]["state"] == "cancelled"
    receiver.wait_for_line(rf"^task {task_id} is cancelled", deadline=time.monotonic() + READY_SECONDS)


def test_a_webhook_for_a_task_to_come_is_taken_and_nobody_is_called(client: LineProcess, quiet_relay: Relay, agent: str) -> None:
    url = quiet_relay.at(agent)
    told = client.call("call_method", url=url, method=SET, params={"taskId": "future-task-id", "url": "https://test.example.com"})
    assert told["result"]["taskId"] == "future-task-id"
