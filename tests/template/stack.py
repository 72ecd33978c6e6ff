"""template.yaml as the rules on it need it: resources by type, what refers to what, every policy statement. Nothing is resolved."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from relay_dev.cloudformation import load

ROOT = Path(__file__).resolve().parents[2]

Resource = dict[str, Any]


class Stack:
    """The template, its tags in their long form: `!Ref X` is `{"Ref": "X"}`."""

    def __init__(self) -> None:
        raw = load(ROOT / "template.yaml")
        self.parameters: dict[str, Any] = raw["Parameters"]
        self.resources: dict[str, Resource] = raw["Resources"]
        self.outputs: dict[str, Any] = raw["Outputs"]
        self.groups: list[Any] = raw["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        self.shared: dict[str, Any] = raw["Globals"]["Function"]

    def of_type(self, resource_type: str) -> dict[str, Any]:
        """Properties by logical id."""
        return {name: each.get("Properties", {}) for name, each in self.resources.items() if each["Type"] == resource_type}

    @property
    def functions(self) -> dict[str, Any]:
        """Their properties, with what all functions share."""
        return {name: {**self.shared, **given} for name, given in self.of_type("AWS::Serverless::Function").items()}

    @property
    def queues(self) -> dict[str, Any]:
        return self.of_type("AWS::SQS::Queue")

    @property
    def alarms(self) -> list[Any]:
        return list(self.of_type("AWS::CloudWatch::Alarm").values())

    def events(self, event_type: str) -> dict[str, Any]:
        """Properties of the events of one type, by the function they invoke."""
        return {
            name: event["Properties"]
            for name, function in self.functions.items()
            for event in function.get("Events", {}).values()
            if event["Type"] == event_type
        }

    @property
    def source_queues(self) -> dict[str, str]:
        """The function that each queue invokes, by the queue."""
        return {referred(event["Queue"]): function for function, event in self.events("SQS").items()}

    @property
    def dead_letter_queues(self) -> set[str]:
        """Every queue that something else gives up into: queues, the stream, the schedule, asynchronous invocations, our own code."""
        from_queues = {
            referred(given["RedrivePolicy"]["deadLetterTargetArn"]) for given in self.queues.values() if "RedrivePolicy" in given
        }
        on_failure = {referred(each["Destination"]) for _, each in find(self.resources, "OnFailure")}
        schedules = {referred(event["DeadLetterConfig"]["Arn"]) for event in self.events("Schedule").values()}
        return from_queues | on_failure | schedules | {"WebhookDeadLetterQueue"}

    def alarms_on(self, metric: str, logical_id: str) -> list[Any]:
        """The alarms on one metric of one resource."""
        return [
            alarm
            for alarm in self.alarms
            if alarm["MetricName"] == metric and any(referred(each["Value"]) == logical_id for each in alarm["Dimensions"])
        ]

    def roles_that_may(self, action: str, logical_id: str) -> set[str]:
        """The roles with a statement that allows the action on exactly this resource."""
        arns = [{"Fn::GetAtt": [logical_id, attribute]} for attribute in ("Arn", "Id", "StreamArn")]
        return {
            role
            for role in self.of_type("AWS::IAM::Role")
            for statement in self.statements(role)
            if statement["Effect"] == "Allow"
            and action in as_list(statement["Action"])
            and any(arn in as_list(statement["Resource"]) for arn in arns)
        }

    def statements(self, role: str) -> list[Any]:
        """The role's own policy statements; of a conditional one, the statement that applies when the condition holds."""
        given = [each for policy in self.resources[role]["Properties"]["Policies"] for each in policy["PolicyDocument"]["Statement"]]
        return [each["Fn::If"][1] if "Fn::If" in each else each for each in given]


def referred(value: Any) -> str:
    """The logical id (or parameter) in a `Ref` or `GetAtt`.

    Raises: ValueError when it is neither.
    """
    if isinstance(value, dict) and "Ref" in value:
        return str(value["Ref"])
    if isinstance(value, dict) and "Fn::GetAtt" in value:
        return str(value["Fn::GetAtt"][0])
    raise ValueError(f"not a reference: {value!r}")


def find(value: Any, key: str, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value under `key`, at any depth, with the path to it."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from find(each, key, f"{path}/{index}")
    if isinstance(value, dict):
        for name, each in value.items():
            if name == key:
                yield f"{path}/{name}", each
            yield from find(each, key, f"{path}/{name}")


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


STACK = Stack()
