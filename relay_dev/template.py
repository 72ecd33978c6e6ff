"""Reads template.yaml into a Definition: the deployed stack's own file is the only schema of the local one."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from relay_dev.cloudformation import Resolver, TemplateError, load
from relay_dev.definition import Definition, Function, Queue, Route, Secret, Table
from relay_dev.mappings import queue_mapping, schedule_mapping, stream_mapping
from relay_dev.parameters import Parameter, parameter_values
from relay_dev.place import Place

TEMPLATE = Path(__file__).resolve().parent.parent / "template.yaml"

# What CreateTable is given; encryption, recovery and tags make no difference on one machine.
_TABLE_PROPERTIES = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "StreamSpecification",
)


def read_template(path: Path, *, place: Place, overrides: Mapping[str, str] | None = None) -> Definition:
    """Raises: TemplateError with one sentence."""
    raw = load(path)
    declared = {name: Parameter.read(name, given) for name, given in raw.get("Parameters", {}).items()}
    parameters = parameter_values(declared, overrides or {})
    reading = _Reading(raw, parameters, place)
    try:
        return reading.definition()
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise TemplateError(f"The template {path.name} cannot be used: {type(error).__name__} {error}.") from error


class _Reading:
    """One template with one set of parameters at one place."""

    def __init__(self, raw: dict[str, Any], parameters: Mapping[str, str], place: Place) -> None:
        self._raw = raw
        self._parameters = parameters
        self._place = place
        self._resolver = Resolver(parameters=parameters, conditions=raw.get("Conditions", {}), attributes=self._attribute)
        self._globals = self._resolver.resolve(raw.get("Globals", {}).get("Function", {}))

    def definition(self) -> Definition:
        functions = self._resources("AWS::Serverless::Function")
        events = [
            (name, event["Type"], event["Properties"], given) for name, given in functions for event in given.get("Events", {}).values()
        ]
        return Definition(
            parameters=dict(self._parameters),
            tables=tuple(_table(name, given) for name, given in self._resources("AWS::DynamoDB::Table")),
            queues=tuple(self._queue(name, given) for name, given in self._resources("AWS::SQS::Queue")),
            buckets=tuple(name.lower() for name, _ in self._resources("AWS::S3::Bucket")),
            keys=tuple(name for name, _ in self._resources("AWS::KMS::Key")),
            secrets=tuple(_secret(name, given) for name, given in self._resources("AWS::SecretsManager::Secret")),
            functions={name: self._function(name, given) for name, given in functions},
            streams=tuple(stream_mapping(name, given) for name, kind, given, _ in events if kind == "DynamoDB"),
            queue_mappings=tuple(queue_mapping(name, given) for name, kind, given, _ in events if kind == "SQS"),
            schedules=tuple(schedule_mapping(name, given, function) for name, kind, given, function in events if kind == "Schedule"),
            routes=tuple(self._routes()),
        )

    def _resources(self, resource_type: str) -> list[tuple[str, dict[str, Any]]]:
        """The resources of a type whose condition holds, with their properties resolved."""
        return [
            (name, self._resolver.resolve(resource.get("Properties", {})))
            for name, resource in self._raw["Resources"].items()
            if resource["Type"] == resource_type and ("Condition" not in resource or self._resolver.condition(resource["Condition"]))
        ]

    def _attribute(self, logical_id: str, attribute: str) -> str:
        if (pseudo := self._place.pseudo(logical_id)) is not None:
            return pseudo
        if logical_id not in self._raw["Resources"]:
            raise TemplateError(f"The template refers to {logical_id}, which it does not define.")
        return self._place.attribute(self._raw["Resources"][logical_id]["Type"], logical_id, attribute)

    def _queue(self, name: str, given: Mapping[str, Any]) -> Queue:
        redrive = given.get("RedrivePolicy", {})
        return Queue(
            name=name,
            url=self._place.queue_url(name),
            arn=self._place.arn("sqs", name),
            delay=_seconds(given.get("DelaySeconds", 0)),
            visibility_timeout=_seconds(given.get("VisibilityTimeout", 30)),  # SQS's default
            retention=_seconds(given.get("MessageRetentionPeriod", 345_600)),  # SQS's default: 4 days
            dead_letter_queue_arn=redrive.get("deadLetterTargetArn", ""),
            max_receive_count=int(redrive.get("maxReceiveCount", 0)),
        )

    def _function(self, name: str, given: Mapping[str, Any]) -> Function:
        merged = {**self._globals, **given}
        module, _, attribute = str(merged["Handler"]).rpartition(".")
        package = str(merged["CodeUri"]).strip("./").replace("/", ".")
        environment = {**_variables(self._globals), **_variables(given)}
        return Function(
            name=name,
            arn=self._place.arn("lambda", f"function:{name}"),
            module=f"{package}.{module}".strip("."),
            attribute=attribute,
            timeout=_seconds(merged.get("Timeout", 3)),  # Lambda's default
            memory_mb=int(merged.get("MemorySize", 128)),  # Lambda's default
            environment={variable: str(value) for variable, value in environment.items()},
        )

    def _routes(self) -> list[Route]:
        integrations = {
            name: given["IntegrationUri"].rsplit(":", 1)[-1] for name, given in self._resources("AWS::ApiGatewayV2::Integration")
        }
        return [
            Route(
                key=given["RouteKey"],
                function=integrations[given["Target"].removeprefix("integrations/")],
                needs_iam=given.get("AuthorizationType") == "AWS_IAM",
            )
            for _, given in self._resources("AWS::ApiGatewayV2::Route")
        ]


def _table(name: str, given: Mapping[str, Any]) -> Table:
    properties = {key: given[key] for key in _TABLE_PROPERTIES if key in given}
    if "StreamSpecification" in properties:
        properties["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
    ttl = given.get("TimeToLiveSpecification", {})
    return Table(name=name, properties=properties, ttl_attribute=ttl.get("AttributeName", ""))


def _secret(name: str, given: Mapping[str, Any]) -> Secret:
    return Secret(name=name, value=given.get("SecretString"), generate=given.get("GenerateSecretString", {}))


def _variables(given: Mapping[str, Any]) -> Mapping[str, Any]:
    variables: Mapping[str, Any] = given.get("Environment", {}).get("Variables", {})
    return variables


def _seconds(value: Any) -> timedelta:
    return timedelta(seconds=float(value))
