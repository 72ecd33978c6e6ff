"""The embedded AWS: one state for threads, processes and the functions; one call at a time; a clock that can be moved."""

import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import httpx
import pycurl
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from relay_dev.embedded import Call
from relay_dev.runner import Runner
from tests.integration.dev_parts import Died, Script, held, put, queue_url, running, send


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with running(tmp_path, Script()) as runner:
        yield runner


@pytest.fixture
def aws_url(runner: Runner) -> str:
    return runner.open_aws_port(socket.create_server(("127.0.0.1", 0)))


def _client(service: str, url: str | None = None) -> Any:
    return boto3.client(service, endpoint_url=url)  # type: ignore[call-overload]


def test_other_processes_see_the_same_state_through_the_port(runner: Runner, aws_url: str) -> None:
    put(runner, "a")
    send(runner, "inside")
    assert _client("dynamodb", aws_url).scan(TableName="Table")["Count"] == 1
    assert _client("secretsmanager", aws_url).get_secret_value(SecretId="Made")["SecretString"]
    sqs = _client("sqs", aws_url)
    outside_url = sqs.get_queue_url(QueueName="Work")["QueueUrl"]
    assert outside_url.startswith(aws_url)
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=outside_url)["Messages"]] == ["inside"]
    assert sqs.receive_message(QueueUrl=queue_url(runner, "Faults")).get("Messages", []) == []  # the functions' own URL does too
    _client("s3", aws_url).put_object(Bucket="bucket", Key="k", Body=b"large")
    assert runner.aws.client("s3").get_object(Bucket="bucket", Key="k")["Body"].read() == b"large"


def test_what_comes_through_the_port_moves_the_event_loop(tmp_path: Path) -> None:
    script = Script()
    with running(tmp_path, script) as runner:
        url = runner.open_aws_port(socket.create_server(("127.0.0.1", 0)))
        _client("sqs", url).send_message(QueueUrl=queue_url(runner, "Work"), MessageBody="outside")
        runner.settle()
        assert script.batches("Worker") == [["outside"]]


def test_the_key_seals_and_opens_under_its_local_name(runner: Runner) -> None:
    kms = _client("kms")
    key = runner.definition.environment["KEY"]
    sealed = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"item": "1"})
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], KeyId=key, EncryptionContext={"item": "1"})
    assert opened["Plaintext"] == sealed["Plaintext"]


def test_a_conditional_put_has_one_winner_among_threads(runner: Runner) -> None:
    dynamodb = _client("dynamodb")

    def attempt(number: int) -> bool:
        try:
            dynamodb.put_item(
                TableName="Table",
                Item={"pk": {"S": "p"}, "sk": {"S": "s"}, "by": {"N": str(number)}},
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(40))) == 1


def test_a_long_poll_through_the_port_holds_nobody_up(runner: Runner, aws_url: str) -> None:
    sqs = _client("sqs", aws_url)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue_url(runner, "Work"), WaitTimeSeconds=20)


def test_requests_that_are_not_for_aws_go_out_as_ever(runner: Runner) -> None:
    class Hello(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Hello)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/"
    try:
        assert httpx.get(url).text == "hello"
        curl = pycurl.Curl()
        curl.setopt(pycurl.URL, url)
        assert curl.perform_rs() == "hello"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_environment_is_the_functions_own_and_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1")
    before = dict(os.environ)
    with running(tmp_path, Script(), environment={"EXTRA": "1"}):
        assert os.environ["TABLE"] == "Table"
        assert os.environ["EXTRA"] == "1"
        assert "AWS_PROFILE" not in os.environ
        assert "AWS_ENDPOINT_URL" not in os.environ
    assert dict(os.environ) == before


def test_a_function_can_be_ended_before_or_after_any_call(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []

    def on_call(when: str, call: Call) -> None:
        seen.append((when, call.operation))
        if when == "after" and call.operation == "DynamoDB_20120810.PutItem":
            raise Died

    def function(_: Any) -> None:
        dynamodb = _client("dynamodb")
        dynamodb.get_item(TableName="Table", Key={"pk": {"S": "x"}, "sk": {"S": "x"}})
        dynamodb.put_item(TableName="Table", Item={"pk": {"S": "x"}, "sk": {"S": "x"}})
        raise AssertionError("it went on")

    script = Script()
    with running(tmp_path, script, on_call=on_call) as runner:
        script.then(function)
        send(runner, "wake-up")
        runner.settle()
        assert seen == [
            ("before", "DynamoDB_20120810.GetItem"),
            ("after", "DynamoDB_20120810.GetItem"),
            ("before", "DynamoDB_20120810.PutItem"),
            ("after", "DynamoDB_20120810.PutItem"),
        ]
        assert runner.aws.client("dynamodb").scan(TableName="Table")["Count"] == 1  # the write took effect
        assert held(runner, "Work") == []  # and the message is hidden until its visibility timeout


def test_a_call_whose_answer_is_lost_is_repeated_by_the_sdk(tmp_path: Path) -> None:
    lost = ["AmazonSQS.SendMessage"]

    def on_call(when: str, call: Call) -> None:
        if when == "after" and call.operation in lost:
            lost.remove(call.operation)
            raise ConnectTimeoutError(endpoint_url="local")

    with running(tmp_path, Script(), on_call=on_call) as runner:
        _client("sqs").send_message(QueueUrl=queue_url(runner, "Faults"), MessageBody="twice")
        assert held(runner, "Faults") == ["twice", "twice"]


def test_the_functions_clock_moves_with_that_of_aws(runner: Runner) -> None:
    from relay.clock import now

    runner.advance(timedelta(days=3))
    assert now() - datetime.now(UTC) > timedelta(days=2)
