"""Each built function takes its event from events/, under AWS's runtime interface emulator, and does what it is for."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from relay_dev.embedded import EmbeddedAws
from relay_dev.receiver import Receiver
from tests.rie.agent import TASK_ID, Agent
from tests.rie.conftest import OpenFunction

pytestmark = [pytest.mark.rie, pytest.mark.xdist_group("rie")]

PUBLIC_URL = "http://127.0.0.1:8787"  # in events/local.env.json

Local = Callable[[str], Any]


def _answered(payload: Any) -> Any:
    """The JSON-RPC result of an API Gateway answer."""
    assert payload["statusCode"] == 200, payload
    answer = json.loads(payload["body"])
    assert "error" not in answer, answer
    return answer["result"]


def _messages(aws: EmbeddedAws, queue: str) -> list[Any]:
    sqs = aws.client("sqs")
    found = sqs.receive_message(QueueUrl=aws.place.queue_url(queue), MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def _sort_keys(aws: EmbeddedAws) -> list[str]:
    return sorted(item["sk"]["S"] for item in aws.client("dynamodb").scan(TableName="RelayTable")["Items"])


def test_card_is_the_relays_own(open_function: OpenFunction, local: Local) -> None:
    answer = open_function("ApiFunction").invoke(local("api-agent-card.json"))
    card = json.loads(answer["body"])
    assert card["capabilities"]["pushNotifications"] is True
    assert {urlsplit(interface["url"]).netloc for interface in card["supportedInterfaces"]} == {urlsplit(PUBLIC_URL).netloc}, card


def test_send_with_a_webhook_stores_the_task_and_its_push_config(open_function: OpenFunction, local: Local, aws: EmbeddedAws) -> None:
    result = _answered(open_function("ApiFunction").invoke(local("api-send-message.json")))
    assert result["task"]["id"] == TASK_ID
    assert {"REVISION#0000000001", "PUSH#config-1", "CURSOR#config-1"} <= set(_sort_keys(aws))


def test_registered_webhook_is_answered_with_its_id(open_function: OpenFunction, local: Local, aws: EmbeddedAws) -> None:
    result = _answered(open_function("ApiFunction").invoke(local("api-set-push-config.json")))
    assert (result["taskId"], result["id"]) == (TASK_ID, "config-1")
    assert {"PUSH#config-1", "CURSOR#config-1"} <= set(_sort_keys(aws))


def test_fan_out_wakes_the_push_config_and_the_watch(open_function: OpenFunction, local: Local, aws: EmbeddedAws) -> None:
    open_function("ApiFunction").invoke(local("api-set-push-config.json"))
    assert open_function("FanOutFunction").invoke(local("fanout.json")) == {"batchItemFailures": []}
    assert {wakeup["config"] for wakeup in _messages(aws, "DeliveryQueue")} == {"config-1"}
    assert {wakeup["kind"] for wakeup in _messages(aws, "WatchQueue")} == {"watch"}


def test_watch_appends_what_changed_at_the_agent(open_function: OpenFunction, local: Local, aws: EmbeddedAws, agent: Agent) -> None:
    open_function("ApiFunction").invoke(local("api-set-push-config.json"))
    agent.state = "TASK_STATE_COMPLETED"
    assert open_function("WatchFunction").invoke(local("watch.json")) == {"batchItemFailures": []}
    assert "REVISION#0000000002" in _sort_keys(aws)


def test_stream_that_the_agent_refuses_ends_with_a_question(
    open_function: OpenFunction, local: Local, aws: EmbeddedAws, agent: Agent
) -> None:
    open_function("ApiFunction").invoke(local("api-set-push-config.json"))
    agent.state = "TASK_STATE_COMPLETED"
    assert open_function("StreamFunction").invoke(local("stream.json")) == {"batchItemFailures": []}
    assert "REVISION#0000000002" in _sort_keys(aws)


def test_deliver_posts_to_the_webhook_once(open_function: OpenFunction, local: Local, agent: Agent, receiver: Receiver) -> None:
    agent.state = "TASK_STATE_COMPLETED"
    open_function("ApiFunction").invoke(local("api-set-push-config.json"))
    deliver = open_function("DeliverFunction")
    assert deliver.invoke(local("deliver.json")) == {"batchItemFailures": []}
    assert deliver.invoke(local("deliver.json")) == {"batchItemFailures": []}
    (notification,) = receiver.accepted
    assert (notification.task_id, notification.state) == (TASK_ID, "completed")


def test_worker_acknowledges_a_task_that_nobody_knows(open_function: OpenFunction, local: Local) -> None:
    """That the built function starts, reads the table and answers; what it does is tested on the same code elsewhere."""
    assert open_function("WorkerFunction").invoke(local("worker.json")) == {"batchItemFailures": []}


def test_sweep_measures_the_oldest_change_that_is_not_delivered(open_function: OpenFunction, local: Local) -> None:
    sweep = open_function("SweepFunction")
    sweep.invoke(local("sweep.json"))
    assert "OldestUndeliveredChangeSeconds" in sweep.log


def test_secrets_of_a_push_config_are_in_no_log(open_function: OpenFunction, local: Local, agent: Agent, receiver: Receiver) -> None:
    agent.state = "TASK_STATE_COMPLETED"
    api, deliver = open_function("ApiFunction"), open_function("DeliverFunction")
    api.invoke(local("api-set-push-config.json"))
    deliver.invoke(local("deliver.json"))
    assert len(receiver.accepted) == 1
    for log in (api.log, deliver.log):
        assert "token-1" not in log
        assert "a secret of 24 bytes or more" not in log
