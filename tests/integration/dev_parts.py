"""A small stack and functions that do as they are told, for the tests of the local runner."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from relay_dev.invoker import Invoke, Outcome
from relay_dev.runner import Runner

# Every number that AWS would make a test wait for is small, or moved past by the runner's clock.
STACK = """
Parameters:
  Paused: {Type: String, Default: "false", AllowedValues: ["true", "false"]}
Conditions:
  IsPaused: !Equals [!Ref Paused, "true"]
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}, {AttributeName: sk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
      StreamSpecification: {StreamViewType: KEYS_ONLY}
  Bucket: {Type: AWS::S3::Bucket}
  Key: {Type: AWS::KMS::Key}
  Made: {Type: AWS::SecretsManager::Secret, Properties: {GenerateSecretString: {PasswordLength: 20}}}
  StreamFailures: {Type: AWS::SQS::Queue}
  TickFailures: {Type: AWS::SQS::Queue}
  Faults: {Type: AWS::SQS::Queue}
  Work:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 360
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Faults.Arn, maxReceiveCount: 3}
  Stream:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: tests/integration/
      Handler: dev_handlers.handler
      Events:
        Changes:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Table.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: 10
            ParallelizationFactor: 2
            MaximumRetryAttempts: 2
            MaximumRecordAgeInSeconds: 3600
            BisectBatchOnFunctionError: true
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria: {Filters: [{Pattern: '{"eventName":["INSERT"],"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"KEEP#"}]}}}}'}]}
            DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt StreamFailures.Arn}}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: tests/integration/
      Handler: dev_handlers.handler
      Environment: {Variables: {WORK_URL: !Ref Work, TABLE: !Ref Table, KEY: !GetAtt Key.Arn, BUCKET: !Ref Bucket}}
      Events:
        Messages:
          Type: SQS
          Properties:
            Queue: !GetAtt Work.Arn
            Enabled: !If [IsPaused, false, true]
            BatchSize: 10
            FunctionResponseTypes: [ReportBatchItemFailures]
  Tick:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: tests/integration/
      Handler: dev_handlers.handler
      EventInvokeConfig:
        MaximumRetryAttempts: 0
        DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt TickFailures.Arn}}
      Events:
        Rate: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
  Web:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: tests/integration/, Handler: dev_handlers.handler, Timeout: 20}
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP}}
  Integration: {Type: AWS::ApiGatewayV2::Integration, Properties: {ApiId: !Ref Api, IntegrationUri: !GetAtt Web.Arn}}
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: $default, Target: !Sub "integrations/${Integration}"}
"""


class Died(BaseException):
    """The function's process ended."""


class Script:
    """Stands for the functions: remembers each event and does the next thing it was told, or else succeeds."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self.changed = threading.Condition()
        self._told: list[Callable[[Mapping[str, Any]], Any]] = []

    def then(self, *todo: Callable[[Mapping[str, Any]], Any] | BaseException | Any) -> None:
        """Each is an answer, an exception to raise, or a function of the event that gives the answer."""
        for each in todo:
            self._told.append(each if callable(each) else _doing(each))

    def __call__(self, function: str, event: Mapping[str, Any]) -> Outcome:
        with self.changed:
            self.events.append((function, event))
            todo = self._told.pop(0) if self._told else _doing({})
            self.changed.notify_all()
        try:
            return Outcome("request-1", answer=todo(event))
        except BaseException as error:  # noqa: BLE001
            return Outcome("request-1", error=error)

    def batches(self, function: str) -> list[list[str]]:
        """Sort keys, or bodies, of each batch that the function got."""
        return [[_name(record) for record in event["Records"]] for name, event in self.events if name == function]


def _doing(answer: Any) -> Callable[[Mapping[str, Any]], Any]:
    def do(_: Mapping[str, Any]) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return do


def _name(record: Mapping[str, Any]) -> str:
    return str(record["body"] if "body" in record else record["dynamodb"]["Keys"]["sk"]["S"].removeprefix("KEEP#"))


def failing(*names: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """An answer that names these records as failed."""

    def answer(event: Mapping[str, Any]) -> dict[str, Any]:
        records = [record for record in event["Records"] if _name(record) in names]
        return {"batchItemFailures": [{"itemIdentifier": _identifier(record)} for record in records]}

    return answer


def _identifier(record: Mapping[str, Any]) -> str:
    return str(record["messageId"] if "body" in record else record["dynamodb"]["SequenceNumber"])


@contextmanager
def running(tmp_path: Path, script: Invoke | None = None, *, stack: str = STACK, **arguments: Any) -> Iterator[Runner]:
    """The small stack on the embedded AWS, to be driven step by step."""
    template = tmp_path / "template.yaml"
    template.write_text(stack)
    around = (lambda _: script) if script else (lambda invoke: invoke)
    with Runner(template=template, around_invoke=around, **arguments) as runner:
        yield runner


def put(runner: Runner, *names: str, partition: str = "task-1") -> None:
    """Writes items that the stream's filter lets through."""
    for name in names:
        runner.aws.client("dynamodb").put_item(TableName="Table", Item={"pk": {"S": partition}, "sk": {"S": f"KEEP#{name}"}})


def send(runner: Runner, *bodies: str, **more: Any) -> None:
    for body in bodies:
        runner.aws.client("sqs").send_message(QueueUrl=queue_url(runner, "Work"), MessageBody=body, **more)


def held(runner: Runner, queue: str) -> list[str]:
    """Bodies of the messages that are visible in a queue; they stay there, unseen for a while."""
    return [
        message["Body"]
        for message in runner.aws.client("sqs")
        .receive_message(QueueUrl=queue_url(runner, queue), MaxNumberOfMessages=10)
        .get("Messages", [])
    ]


def queue_url(runner: Runner, name: str) -> str:
    return next(queue.url for queue in runner.definition.queues if queue.name == name)
