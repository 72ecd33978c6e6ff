"""The runner's queue source does what AWS documents of an SQS event source mapping."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.dev_parts import STACK, Died, Script, failing, held, running, send

VISIBILITY = timedelta(seconds=361)


def test_messages_arrive_in_the_shape_of_lambdas_event_and_are_deleted(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        attributes = {"kind": {"DataType": "String", "StringValue": "test"}, "raw": {"DataType": "Binary", "BinaryValue": b"\x00"}}
        send(runner, "hello", MessageGroupId="receiver-1", MessageAttributes=attributes)
        runner.settle()
        function, event = script.events[0]
        record = event["Records"][0]
        assert function == "Worker"
        assert record["body"] == "hello"
        assert record["attributes"]["ApproximateReceiveCount"] == "1"
        assert record["attributes"]["MessageGroupId"] == "receiver-1"
        assert record["messageAttributes"]["kind"] == {
            "stringValue": "test",
            "dataType": "String",
            "stringListValues": [],
            "binaryListValues": [],
        }
        assert record["messageAttributes"]["raw"]["binaryValue"] == "AA=="
        assert record["md5OfBody"] == "5d41402abc4b2a76b9719d911017c592"
        assert record["eventSource"] == "aws:sqs"
        assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:123456789012:Work"
        assert record["awsRegion"] == "us-east-1"
        assert {"messageId", "receiptHandle"} <= set(record)
        runner.advance(VISIBILITY)
        runner.settle()
        assert len(script.events) == 1


def test_batches_hold_what_is_there_up_to_their_size(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        send(runner, *(str(number) for number in range(13)))
        runner.settle()
        assert [len(batch) for batch in script.batches("Worker")] == [10, 3]


def test_a_batch_larger_than_one_receipt_is_gathered_from_several(tmp_path: Path) -> None:
    script = Script()
    stack = STACK.replace("BatchSize: 10\n            FunctionResponseTypes", "BatchSize: 25\n            FunctionResponseTypes")
    with running(tmp_path, script, stack=stack) as runner:
        send(runner, *(str(number) for number in range(30)))
        runner.settle()
        assert [len(batch) for batch in script.batches("Worker")] == [25, 5]


def test_only_the_failed_come_back_and_only_after_the_visibility_timeout(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        script.then(failing("b"))
        send(runner, "a", "b", "c")
        runner.settle()
        assert script.batches("Worker") == [["a", "b", "c"]]
        runner.advance(VISIBILITY)
        runner.settle()
        assert script.batches("Worker") == [["a", "b", "c"], ["b"]]
        assert script.events[1][1]["Records"][0]["attributes"]["ApproximateReceiveCount"] == "2"


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": None}, {"batchItemFailures": []}])
def test_an_empty_answer_is_success_of_all(tmp_path: Path, answer: Any) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        script.then(answer)
        send(runner, "a")
        runner.settle()
        runner.advance(VISIBILITY)
        runner.settle()
        assert len(script.events) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"wrongName": "x"}]},
        {"batchItemFailures": "all"},
        ValueError("the function failed"),
        Died(),
    ],
)
def test_a_wrong_answer_or_a_dead_function_is_failure_of_all(tmp_path: Path, answer: Any) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        script.then(answer)
        send(runner, "a", "b")
        runner.settle()
        runner.advance(VISIBILITY)
        runner.settle()
        assert script.batches("Worker") == [["a", "b"], ["a", "b"]]


def test_a_message_that_always_fails_ends_in_the_fault_queue(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        script.then(*[ValueError()] * 5)
        send(runner, "bad")
        for _ in range(5):
            runner.settle()
            runner.advance(VISIBILITY)
        assert len(script.events) == 3  # maxReceiveCount
        assert held(runner, "Faults") == ["bad"]


def test_a_delayed_message_waits_for_its_time(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        send(runner, "later", DelaySeconds=900)
        runner.settle()
        assert script.events == []
        runner.advance(timedelta(seconds=901))
        runner.settle()
        assert script.batches("Worker") == [["later"]]


def test_a_disabled_source_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script, overrides={"Paused": "true"}) as runner:
        send(runner, "kept")
        runner.settle()
        assert script.events == []
        assert held(runner, "Work") == ["kept"]
