"""PraisonAI 1.7.17: its own A2AClient, the programs of its page on push notifications, its agent behind the relay."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from relay_dev.demo.child import Child
from tests.compat.remote import DRIVERS, python
from tests.e2e.face import RefusedError
from tests.e2e.lines import LineProcess
from tests.e2e.relays import READY_SECONDS, Relay

pytestmark = pytest.mark.compat

TOKEN, SECRET = "a webhook token", "webhook-secret"  # the second as the page prints it
AGENTS = ["praisonai", "both", "v03"]
SET, GET, LIST, DELETE = (f"tasks/pushNotificationConfig/{verb}" for verb in ("set", "get", "list", "delete"))
AT_ONCE = {"returnImmediately": True}


@pytest.fixture(scope="module")
def client() -> Iterator[LineProcess]:
    with LineProcess([python("praisonai"), str(DRIVERS / "praisonai_client.py")]) as process:
        yield process


@pytest.fixture(params=AGENTS)
def agent(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Child]:
    with Child("receiver", [python("praisonai"), str(DRIVERS / "praisonai_receiver.py"), TOKEN, SECRET]) as process:
        yield process


def hook(receiver: Child, which: str) -> str:
    return printed(receiver, r"^receiver: (\S+)") + f"/{which}/webhooks/a2a"


def printed(receiver: Child, pattern: str) -> str:
    """The first group of the first line in which it is found; or all that was found."""
    found = receiver.wait_for_line(pattern, deadline=time.monotonic() + READY_SECONDS)
    return str(found[found.re.groups])


def sent(client: LineProcess, url: str, text: str) -> str:
    """The id of a task that goes on."""
    return str(client.call("send", url=url, text=text, configuration=AT_ONCE)["result"]["id"])


def error(client: LineProcess, url: str, method: str, params: dict[str, Any]) -> str:
    with pytest.raises(RefusedError) as refused:
        client.call("call_method", url=url, method=method, params=params)
    return str(refused.value)


def test_its_client_reads_the_card(client: LineProcess, quiet_relay: Relay, agent: str) -> None:
    card = client.call("card", url=quiet_relay.at(agent))
    assert card["capabilities"]["pushNotifications"] is True
    assert card["capabilities"]["streaming"] is False


def test_a_send_waits_and_holds_the_result(client: LineProcess, relay: Relay, agent: str) -> None:
    task = client.call("send", url=relay.at(agent), text="slow 0.5")["result"]
    assert task["status"]["state"] == "completed"
    assert task["artifacts"]


def test_return_immediately_answers_submitted_and_polling_sees_the_end(client: LineProcess, relay: Relay, agent: str) -> None:
    task = client.call("send", url=relay.at(agent), text="slow 1", configuration=AT_ONCE)["result"]
    assert task["status"]["state"] == "submitted"
    ended = client.call("async_task_with_polling", url=relay.at(agent), message="slow 1")
    assert ended["status"]["state"] == "completed"
    assert ended["artifacts"]


def test_a_task_that_takes_too_long_is_canceled_by_call_method(client: LineProcess, relay: Relay, agent: str) -> None:
    with pytest.raises(RefusedError, match=r"Task \S+ timed out after 1s") as refused:
        client.call("task_with_timeout", url=relay.at(agent), message="slow 30", timeout=1)
    task_id = refused.value.message.split()[2]
    assert client.call("get", url=relay.at(agent), task_id=task_id)["result"]["status"]["state"] == "cancelled"


def test_the_four_methods_answer_as_documented(client: LineProcess, quiet_relay: Relay, agent: str) -> None:
    url = quiet_relay.at(agent)
    task_id = sent(client, url, "slow 30")
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
    assert "-32000: Config not found" in error(client, url, GET, {"taskId": task_id})
    assert "-32602: taskId and url required" in error(client, url, SET, {"url": config["url"]})


def test_a_webhook_with_token_and_authentication_is_told_to_the_plain_handler(
    client: LineProcess, relay: Relay, receiver: Child, agent: str
) -> None:
    url, webhook = relay.at(agent), hook(receiver, "plain")
    task_id = sent(client, url, "slow 3")
    response = client.call("configure_webhook", url=url, task_id=task_id, webhook_url=webhook, token=TOKEN, credentials="my-auth-token")
    assert response["result"].items() >= {"taskId": task_id, "url": webhook, "token": TOKEN}.items()
    assert printed(receiver, rf"^plain: {task_id} is completed, authorized by (.+)") == "Bearer my-auth-token"
    printed(receiver, rf"^plain: {task_id} is processed")


def test_the_webhook_first_and_then_the_task(client: LineProcess, relay: Relay, receiver: Child, agent: str) -> None:
    """The page's webhook waits for a task of that very id; nothing is followed for it, and nobody is told of another task."""
    url, webhook = relay.at(agent), hook(receiver, "plain")
    task = client.call("setup_webhook_task", url=url, message="slow 1", webhook_url=webhook)["result"]
    assert task["status"]["state"] == "submitted"
    kept = client.call("call_method", url=url, method=GET, params={"taskId": "future-task-id"})["result"]
    assert (kept["taskId"], kept["url"]) == ("future-task-id", webhook)


def test_the_adaptive_client_takes_webhooks_where_there_are_and_polls_where_not(
    client: LineProcess, relay: Relay, receiver: Child, agent: str, agents: dict[str, str]
) -> None:
    """Before its first task it asks for a webhook of a task that does not exist: the relay takes it, PraisonAI's own agent does not."""
    webhook = hook(receiver, "token")
    behind = client.call("submit_task", url=relay.at(agent), message="slow 3", webhook_url=webhook, token=TOKEN)
    assert behind["supports_push"] is True
    printed(receiver, rf"^token: {behind['task_id']} is completed")
    alone = client.call("submit_task", url=agents["praisonai"], message="slow 0.5", webhook_url=webhook, token=TOKEN)
    assert (alone["supports_push"], alone["state"]) == (False, "completed")


def test_the_secure_handler_refuses_another_token(client: LineProcess, relay: Relay, receiver: Child) -> None:
    url = relay.at("praisonai")
    params = {"taskId": sent(client, url, "slow 3"), "url": hook(receiver, "token"), "token": "another"}
    client.call("call_method", url=url, method=SET, params=params)
    printed(receiver, r"^token: refused: Invalid webhook token")


def test_the_signature_verifies_with_the_secret_that_was_registered(client: LineProcess, relay: Relay, receiver: Child, agent: str) -> None:
    """The page registers no secret; the member for it is Evo AI's. Without one there is no signature to verify."""
    url, webhook = relay.at(agent), hook(receiver, "signed")
    task_id = sent(client, url, "slow 3")
    client.call("call_method", url=url, method=SET, params={"taskId": task_id, "url": webhook, "token": TOKEN, "secret": SECRET})
    printed(receiver, rf"^signed: {task_id} is completed")


@pytest.mark.parametrize(("secret", "why"), [({}, "Missing signature"), ({"secret": "another"}, "Invalid signature")])
def test_no_other_signature_verifies(client: LineProcess, relay: Relay, receiver: Child, secret: dict[str, str], why: str) -> None:
    url = relay.at("praisonai")
    params = {"taskId": sent(client, url, "slow 3"), "url": hook(receiver, "signed"), "token": SECRET, **secret}
    client.call("call_method", url=url, method=SET, params=params)
    printed(receiver, rf"^signed: refused: {why}")


def test_a_canceled_task_is_cancelled_in_its_spelling(client: LineProcess, relay: Relay, receiver: Child, agent: str) -> None:
    url = relay.at(agent)
    task_id = sent(client, url, "slow 30")
    client.call("call_method", url=url, method=SET, params={"taskId": task_id, "url": hook(receiver, "plain"), "token": TOKEN})
    assert client.call("cancel", url=url, task_id=task_id)["result"]["status"]["state"] == "cancelled"
    printed(receiver, rf"^plain: {task_id} is cancelled")


def test_a_webhook_for_a_task_to_come_is_taken_and_nobody_is_called(client: LineProcess, quiet_relay: Relay, agent: str) -> None:
    url = quiet_relay.at(agent)
    told = client.call("call_method", url=url, method=SET, params={"taskId": "future-task-id", "url": "https://test.example.com"})
    assert told["result"]["taskId"] == "future-task-id"
