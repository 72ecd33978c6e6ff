"""Rules on template.yaml: queues, the stream, the schedule; what happens to what fails, and who is told."""

import json

import pytest

from relay.domain.keys import PUSH_PREFIX, REVISION_PREFIX
from tests.template.stack import STACK, referred

SECONDS_PER_DAY = 86_400
QUEUES = sorted(STACK.queues)
SOURCE_QUEUES = sorted(STACK.source_queues)
DEAD_LETTER_QUEUES = sorted(STACK.dead_letter_queues)


@pytest.mark.parametrize("name", QUEUES)
def test_queue_is_encrypted(name: str) -> None:
    assert STACK.queues[name]["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize("name", SOURCE_QUEUES)
def test_messages_stay_hidden_for_six_times_the_functions_timeout(name: str) -> None:
    """AWS: less, and a message can be received again while its batch still runs."""
    function = STACK.functions[STACK.source_queues[name]]
    assert STACK.queues[name]["VisibilityTimeout"] >= 6 * function["Timeout"]


@pytest.mark.parametrize("name", SOURCE_QUEUES)
def test_our_own_faults_leave_a_queue_after_ten_receipts_or_more(name: str) -> None:
    redrive = STACK.queues[name]["RedrivePolicy"]
    fault_queue = referred(redrive["deadLetterTargetArn"])
    assert redrive["maxReceiveCount"] >= 10
    assert "RedrivePolicy" not in STACK.queues[fault_queue]


def test_every_source_gives_up_into_a_queue_of_its_own() -> None:
    used = [referred(given["RedrivePolicy"]["deadLetterTargetArn"]) for given in STACK.queues.values() if "RedrivePolicy" in given]
    used += [referred(event["DestinationConfig"]["OnFailure"]["Destination"]) for event in STACK.events("DynamoDB").values()]
    used += [referred(event["DeadLetterConfig"]["Arn"]) for event in STACK.events("Schedule").values()]
    sources = len(STACK.source_queues) + len(STACK.events("DynamoDB")) + len(STACK.events("Schedule"))
    assert len(used) == len(set(used)) == sources
    assert "WebhookDeadLetterQueue" not in used


@pytest.mark.parametrize("name", DEAD_LETTER_QUEUES)
def test_dead_letter_queue_keeps_messages_for_14_days(name: str) -> None:
    assert STACK.queues[name]["MessageRetentionPeriod"] == 14 * SECONDS_PER_DAY


@pytest.mark.parametrize("name", SOURCE_QUEUES)
def test_source_keeps_messages_for_less_than_its_dead_letter_queue(name: str) -> None:
    """SQS counts from when a message was first sent, also after it has moved."""
    assert STACK.queues[name]["MessageRetentionPeriod"] < 14 * SECONDS_PER_DAY


def test_every_queue_is_a_source_or_a_dead_letter_queue() -> None:
    assert set(QUEUES) == set(SOURCE_QUEUES) | set(DEAD_LETTER_QUEUES)


@pytest.mark.parametrize("name", DEAD_LETTER_QUEUES)
def test_one_message_in_a_dead_letter_queue_raises_an_alarm(name: str) -> None:
    assert [alarm["Threshold"] for alarm in STACK.alarms_on("ApproximateNumberOfMessagesVisible", name)] == [0]


@pytest.mark.parametrize("name", SOURCE_QUEUES)
def test_wakeup_that_waits_for_long_raises_an_alarm_and_a_timer_does_not(name: str) -> None:
    timer_seconds = 900  # SQS: DelaySeconds is at most 900
    (alarm,) = STACK.alarms_on("ApproximateAgeOfOldestMessage", name)
    assert alarm["Threshold"] > timer_seconds + STACK.queues[name]["VisibilityTimeout"]


@pytest.mark.parametrize("function", sorted(STACK.events("DynamoDB")))
def test_stream_is_read_from_its_beginning_and_a_bad_record_cannot_hold_its_shard(function: str) -> None:
    event = STACK.events("DynamoDB")[function]
    assert event["StartingPosition"] == "TRIM_HORIZON"
    assert event["BisectBatchOnFunctionError"] is True
    assert 0 < event["MaximumRetryAttempts"] <= 100
    assert event["MaximumRecordAgeInSeconds"] < SECONDS_PER_DAY  # what the stream itself keeps


@pytest.mark.parametrize("function", sorted(STACK.events("DynamoDB")))
def test_stream_that_falls_behind_raises_an_alarm(function: str) -> None:
    assert STACK.alarms_on("IteratorAge", function)


@pytest.mark.parametrize("function", sorted({**STACK.events("DynamoDB"), **STACK.events("SQS")}))
def test_one_failed_record_does_not_repeat_its_batch(function: str) -> None:
    event = {**STACK.events("DynamoDB"), **STACK.events("SQS")}[function]
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_stream_lets_through_new_revisions_and_every_put_of_a_push_config() -> None:
    """A write of the fan-out's own consumers (cursors, attempts, watches) must not invoke it again."""
    patterns = [json.loads(each["Pattern"]) for each in STACK.events("DynamoDB")["FanOutFunction"]["FilterCriteria"]["Filters"]]
    assert patterns == [
        {"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": REVISION_PREFIX}]}}}},
        {"dynamodb": {"Keys": {"sk": {"S": [{"prefix": PUSH_PREFIX}]}}}},
    ]


def test_pausing_delivery_stops_the_deliver_function_and_nothing_else() -> None:
    paused = {"Fn::If": ["Paused", False, True]}
    assert {function: event.get("Enabled", True) for function, event in STACK.events("SQS").items()} == {
        "WorkerFunction": True,
        "WatchFunction": True,
        "StreamFunction": True,
        "DeliverFunction": paused,
    }


def test_sweep_that_fails_is_told_of_as_one_that_does_not_start() -> None:
    sweep = STACK.functions["SweepFunction"]
    (event,) = sweep["Events"].values()
    assert referred(sweep["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"]) == "SweepFaultQueue"
    assert referred(event["Properties"]["DeadLetterConfig"]["Arn"]) == "SweepFaultQueue"


def test_change_that_stays_undelivered_raises_an_alarm() -> None:
    (alarm,) = [each for each in STACK.alarms if each["MetricName"] == "OldestUndeliveredChangeSeconds"]
    variables = STACK.shared["Environment"]["Variables"]
    assert alarm["Namespace"] == variables["POWERTOOLS_METRICS_NAMESPACE"]
    assert alarm["Dimensions"] == [{"Name": "service", "Value": variables["POWERTOOLS_SERVICE_NAME"]}]
