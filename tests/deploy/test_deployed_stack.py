"""`sam deploy` for real: the template, the policies and the layer proven together, then one task through the deployed HTTP API."""

import json
import socket
import time
from collections.abc import Callable, Sequence

import httpx
import pytest

from relay_dev.received import Notification
from relay_dev.receiver import Receiver
from tests.deploy.conftest import SECRET, TOKEN, Deployed

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(300)]

ARRIVAL_SECONDS = 90


def test_card_is_open_to_all(deployed: Deployed) -> None:
    card = deployed.request("GET", "/.well-known/agent-card.json")
    assert card.status_code == httpx.codes.OK, card.text
    assert card.json()["capabilities"]["pushNotifications"] is True


def test_call_without_the_relay_key_is_refused(deployed: Deployed) -> None:
    document = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "task-1"}}
    assert deployed.request("POST", "/", document=document).status_code == httpx.codes.UNAUTHORIZED
    assert deployed.request("POST", "/", key="wrong", document=document).status_code == httpx.codes.UNAUTHORIZED


def test_every_state_of_a_task_reaches_the_webhook_in_order_and_by_retry(deployed: Deployed, receiver: Receiver) -> None:
    receiver.fail_next(503)
    task = deployed.send("Generate the report", f"{receiver.url}/webhook")

    def has_ended(arrived: Sequence[Notification]) -> bool:
        return any(each.is_accepted and each.state == "completed" for each in arrived)

    arrived = receiver.wait_for(has_ended, timeout=ARRIVAL_SECONDS)
    accepted = [each for each in arrived if each.is_accepted]
    assert {each.task_id for each in arrived} == {task["id"]}
    assert list(dict.fromkeys(each.state for each in accepted)) == ["submitted", "working", "completed"]
    assert arrived[0].webhook_id == arrived[1].webhook_id, "the failed attempt is repeated under its id"
    revisions = [int(each.revision) for each in accepted]
    assert revisions == sorted(set(revisions))


def test_webhook_given_up_is_listed_and_delivered_by_a_redrive_once_its_receiver_is_back(deployed: Deployed) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    task = deployed.send("slow 1", f"http://127.0.0.1:{port}/webhook")
    _wait_until(lambda: task["id"] in deployed.relay("dead-letters"))
    with Receiver(port=port, token=TOKEN, secret=SECRET) as receiver:
        deployed.relay("redrive", "--task", task["id"])
        arrived = receiver.wait_for(lambda each: any(one.is_accepted and one.state == "completed" for one in each), ARRIVAL_SECONDS)
    assert {each.task_id for each in arrived} == {task["id"]}


def test_agent_registered_from_the_command_line_answers_at_its_address(deployed: Deployed, agent_url: str) -> None:
    deployed.relay("agents", "add", "second", agent_url)
    card = deployed.request("GET", "/agents/second/.well-known/agent-card.json")
    assert card.status_code == httpx.codes.OK, card.text
    assert "/agents/second" in card.json()["supportedInterfaces"][0]["url"]


def test_sweep_runs_under_its_role_and_iam_is_enforced(deployed: Deployed) -> None:
    """The second half shows that the first means something: without its policy the function cannot read the table."""
    functions, iam = deployed.ministack.client("lambda"), deployed.ministack.client("iam")
    name, role = deployed.resources()["SweepFunction"], deployed.resources()["SweepRole"]
    assert "FunctionError" not in functions.invoke(FunctionName=name, Payload="{}")
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    refused = functions.invoke(FunctionName=name, Payload="{}")
    assert "AccessDenied" in json.loads(refused["Payload"].read())["errorMessage"]


def test_nothing_failed_on_our_side(deployed: Deployed) -> None:
    sqs = deployed.ministack.client("sqs")
    for queue in ("DeliveryFaultQueueUrl", "WatchFaultQueueUrl", "StreamFailureQueueUrl"):
        waiting = sqs.get_queue_attributes(QueueUrl=deployed.outputs[queue], AttributeNames=["ApproximateNumberOfMessages"])
        assert waiting["Attributes"]["ApproximateNumberOfMessages"] == "0", queue


def test_stack_without_a_relay_key_lets_nobody_call_unsigned_but_shows_its_card(deployed_otherwise: Deployed) -> None:
    document = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "task-1"}}
    assert "RelayKeySecret" not in deployed_otherwise.resources()
    assert deployed_otherwise.request("POST", "/", document=document).status_code == httpx.codes.FORBIDDEN
    card = deployed_otherwise.request("GET", "/.well-known/agent-card.json")
    assert card.status_code == httpx.codes.OK, card.text
    assert "https://relay.example.com" in card.text


def test_credential_for_the_agent_is_in_a_secret_and_in_no_functions_environment(deployed_otherwise: Deployed) -> None:
    secret = deployed_otherwise.resources()["UpstreamCredentialSecret"]
    found = deployed_otherwise.ministack.client("secretsmanager").get_secret_value(SecretId=secret)
    assert found["SecretString"] == "X-Api-Key: key-1"
    functions = deployed_otherwise.ministack.client("lambda").list_functions()["Functions"]
    assert "key-1" not in json.dumps([function["Environment"] for function in functions])


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.5)
