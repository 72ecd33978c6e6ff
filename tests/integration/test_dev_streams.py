"""The runner's stream source does what AWS documents of a DynamoDB event source mapping."""

import json
from datetime import timedelta
from pathlib import Path

from tests.integration.dev_parts import STACK, Died, Script, failing, held, put, running

ONE_BY_ONE = STACK.replace("BatchSize: 10\n            Par", "BatchSize: 1\n            Par")
WHOLE = STACK.replace("BisectBatchOnFunctionError: true", "BisectBatchOnFunctionError: false")
BACKOFF = timedelta(seconds=20)  # longer than any the runner makes


def test_records_arrive_in_order_with_the_shape_of_lambdas_event(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        put(runner, "a", "b")
        runner.settle()
        function, event = script.events[0]
        record = event["Records"][0]
        assert function == "Stream"
        assert script.batches("Stream") == [["a", "b"]]
        assert record["eventName"] == "INSERT"
        assert record["eventSource"] == "aws:dynamodb"
        assert record["eventSourceARN"].startswith("arn:aws:dynamodb:us-east-1:123456789012:table/Table/stream/")
        assert record["dynamodb"]["Keys"] == {"pk": {"S": "task-1"}, "sk": {"S": "KEEP#a"}}
        assert record["dynamodb"]["StreamViewType"] == "KEYS_ONLY"
        assert json.dumps(event)


def test_filtered_records_never_invoke_the_function(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        table = runner.aws.client("dynamodb")
        put(runner, "a")
        put(runner, "a")  # a MODIFY, and only INSERT passes
        table.put_item(TableName="Table", Item={"pk": {"S": "task-1"}, "sk": {"S": "OTHER#1"}})
        table.delete_item(TableName="Table", Key={"pk": {"S": "task-1"}, "sk": {"S": "KEEP#a"}})
        runner.settle()
        assert script.batches("Stream") == [["a"]]


def test_no_batch_is_larger_than_its_size(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        put(runner, *(f"{number:02d}" for number in range(23)))
        runner.settle()
        assert [len(batch) for batch in script.batches("Stream")] == [10, 10, 3]


def test_a_partial_failure_goes_on_at_the_lowest_that_failed(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        script.then(failing("d", "b"))
        put(runner, "a", "b", "c", "d")
        runner.settle()
        put(runner, "e")
        runner.settle()
        assert script.batches("Stream") == [["a", "b", "c", "d"]]  # the retry waits for its backoff, and what is newer for the retry
        runner.advance(BACKOFF)
        runner.settle()
        assert script.batches("Stream") == [["a", "b", "c", "d"], ["b", "c", "d"], ["e"]]


def test_an_error_splits_the_batch_and_keeps_its_order(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        script.then(ValueError("poison"))
        put(runner, "a", "b", "c")
        runner.settle()
        assert script.batches("Stream") == [["a", "b", "c"], ["a"], ["b", "c"]]


def test_splitting_spends_no_retry_and_only_the_bad_record_is_given_up(tmp_path: Path) -> None:
    def poison(event: object) -> object:
        if '"KEEP#c"' in json.dumps(event):
            raise ValueError("poison")
        return {}

    script = Script()
    with running(tmp_path, script) as runner:
        script.then(*[poison] * 20)
        put(runner, "a", "b", "c", "d")
        for _ in range(5):
            runner.settle()
            runner.advance(BACKOFF)
        tried = [batch for batch in script.batches("Stream") if batch == ["c"]]
        assert len(tried) == 3  # one attempt and MaximumRetryAttempts: 2
        assert script.batches("Stream")[-1] == ["d"]
        told = json.loads(held(runner, "StreamFailures")[0])
        assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
        assert told["requestContext"]["approximateInvokeCount"] == 3
        assert told["DDBStreamBatchInfo"]["batchSize"] == 1
        assert told["DDBStreamBatchInfo"]["startSequenceNumber"] == told["DDBStreamBatchInfo"]["endSequenceNumber"]


def test_a_batch_that_uses_up_its_retries_is_passed_over_whole_and_told(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script, stack=WHOLE) as runner:
        script.then(Died(), ValueError(), {"batchItemFailures": [{"itemIdentifier": "unknown"}]})
        put(runner, "a", "b")
        for _ in range(3):
            runner.settle()
            runner.advance(BACKOFF)
        put(runner, "c")
        runner.settle()
        assert script.batches("Stream") == [["a", "b"]] * 3 + [["c"]]
        told = json.loads(held(runner, "StreamFailures")[0])
        assert told["DDBStreamBatchInfo"]["batchSize"] == 2


def test_records_past_their_age_are_told_and_never_tried(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        put(runner, "old")
        runner.advance(timedelta(hours=2))
        put(runner, "young")
        runner.settle()
        assert script.batches("Stream") == [["young"]]
        assert json.loads(held(runner, "StreamFailures")[0])["requestContext"]["condition"] == "RecordAgeExceeded"


def test_a_failing_task_does_not_hold_up_tasks_of_another_lane(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script, stack=ONE_BY_ONE) as runner:
        script.then(ValueError())
        put(runner, "a1", "a2", partition="task-1")
        put(runner, "b1", "b2", partition="task-2")  # falls into the other of the two lanes
        runner.settle()
        assert script.batches("Stream") == [["a1"], ["b1"], ["b2"]]
        runner.advance(BACKOFF)
        runner.settle()
        assert script.batches("Stream")[3:] == [["a1"], ["a2"]]


def test_a_window_collects_records_until_it_is_over(tmp_path: Path) -> None:
    script = Script()
    stack = STACK.replace("BatchSize: 10\n            Par", "BatchSize: 3\n            MaximumBatchingWindowInSeconds: 5\n            Par")
    with running(tmp_path, script, stack=stack) as runner:
        put(runner, "a")
        runner.settle()
        put(runner, "b")
        runner.settle()
        assert script.events == []
        runner.advance(timedelta(seconds=5))
        runner.settle()
        assert script.batches("Stream") == [["a", "b"]]
        put(runner, "c", "d", "e")  # a full batch does not wait
        runner.settle()
        assert script.batches("Stream")[1:] == [["c", "d", "e"]]


def test_long_polling_of_an_idle_stream_keeps_no_iterators(tmp_path: Path) -> None:
    from moto.dynamodbstreams.models import dynamodbstreams_backends

    script = Script()
    with running(tmp_path, script) as runner:
        for number in range(300):
            put(runner, str(number))
            runner.settle()
        assert len(script.batches("Stream")) == 300
        assert len(dynamodbstreams_backends[runner.aws.place.account]["us-east-1"].shard_iterators) < 250
