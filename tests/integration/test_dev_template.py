"""template.yaml is the local stack's only definition: these read the real one, and small ones for what it does not use."""

from datetime import timedelta
from pathlib import Path

import pytest

from relay.settings import Settings
from relay_dev.cloudformation import TemplateError
from relay_dev.place import Place
from relay_dev.template import TEMPLATE, read_template
from tests.integration.dev_parts import STACK

PLACE = Place()


def _read(tmp_path: Path, text: str, **overrides: str) -> object:
    template = tmp_path / "template.yaml"
    template.write_text(text)
    return read_template(template, place=PLACE, overrides=overrides)


def test_the_functions_get_the_environment_that_their_settings_need() -> None:
    environment = read_template(TEMPLATE, place=PLACE, overrides={"RetrySchedule": "1,2"}).environment
    found = Settings.from_environment(environment)
    assert found.table_name == "RelayTable"
    assert found.bucket_name == "relaybucket"
    assert found.delivery_queue_url == "https://sqs.us-east-1.amazonaws.com/123456789012/DeliveryQueue"
    assert found.kms_key_id == "arn:aws:kms:us-east-1:123456789012:alias/EncryptionKey"
    assert found.retry_schedule == (1, 2)
    assert found.public_url == ""


def test_handlers_are_found_where_the_code_lies() -> None:
    functions = read_template(TEMPLATE, place=PLACE).functions
    modules = {name: (function.module, function.attribute) for name, function in functions.items()}
    assert modules == {
        "ApiFunction": ("functions.api", "handler"),
        "WorkerFunction": ("functions.worker", "handler"),
        "WatchFunction": ("functions.watch", "handler"),
        "StreamFunction": ("functions.stream", "handler"),
        "FanOutFunction": ("functions.fanout", "handler"),
        "DeliverFunction": ("functions.deliver", "handler"),
        "SweepFunction": ("functions.sweep", "handler"),
    }


def test_the_stream_is_wired_as_the_template_says() -> None:
    (stream,) = read_template(TEMPLATE, place=PLACE).streams
    assert (stream.function, stream.table, stream.from_beginning) == ("FanOutFunction", "RelayTable", True)
    assert stream.bisect
    assert stream.partial_failures
    assert stream.max_retries is not None
    assert stream.max_record_age is not None
    assert stream.on_failure_queue_arn.endswith(":StreamFailureQueue")
    assert len(stream.filters) == 2


def test_queues_delays_and_their_dead_letter_queues_are_the_templates() -> None:
    definition = read_template(TEMPLATE, place=PLACE)
    delivery = definition.queue("arn:aws:sqs:us-east-1:123456789012:DeliveryQueue")
    assert delivery.visibility_timeout == timedelta(seconds=360)
    assert delivery.retention == timedelta(days=4)
    assert delivery.dead_letter_queue_arn.endswith(":DeliveryFaultQueue")
    assert delivery.max_receive_count >= 10
    assert {mapping.function for mapping in definition.queue_mappings} == {
        "WorkerFunction",
        "WatchFunction",
        "StreamFunction",
        "DeliverFunction",
    }
    assert all(mapping.partial_failures for mapping in definition.queue_mappings)


def test_pausing_delivery_disables_its_source_alone() -> None:
    definition = read_template(TEMPLATE, place=PLACE, overrides={"DeliveryPaused": "true"})
    enabled = {mapping.function: mapping.enabled for mapping in definition.queue_mappings}
    assert enabled == {"WorkerFunction": True, "WatchFunction": True, "StreamFunction": True, "DeliverFunction": False}


def test_a_resource_whose_condition_does_not_hold_is_not_made() -> None:
    without = read_template(TEMPLATE, place=PLACE)
    given = read_template(TEMPLATE, place=PLACE, overrides={"UpstreamCredential": "x-api-key: secret"})
    assert "UpstreamCredentialSecret" not in {secret.name for secret in without.secrets}
    assert {secret.name: secret.value for secret in given.secrets}["UpstreamCredentialSecret"] == "x-api-key: secret"
    assert given.environment["UPSTREAM_CREDENTIAL_SECRET_ARN"] == "UpstreamCredentialSecret"


def test_the_sweep_and_the_routes_are_read() -> None:
    definition = read_template(TEMPLATE, place=PLACE)
    assert [(schedule.function, schedule.rate) for schedule in definition.schedules] == [("SweepFunction", timedelta(minutes=5))]
    assert definition.schedules[0].on_failure_queue_arn.endswith(":SweepFaultQueue")
    assert "$default" in {route.key for route in definition.routes}
    assert {route.function for route in definition.routes} == {"ApiFunction"}


def test_an_unknown_parameter_is_named_with_those_there_are() -> None:
    with pytest.raises(TemplateError, match=r"no parameter Retries; it has .*RetrySchedule"):
        read_template(TEMPLATE, place=PLACE, overrides={"Retries": "1"})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LogRetentionDays", "2", "one of 1, 3"),
        ("WatchMaxSeconds", "901", "at most 900"),
        ("WatchMaxSeconds", "0", "at least 0.1"),
        ("WatchMaxSeconds", "often", "a number"),
        ("RetrySchedule", "1,99999999999999999999999", "numbers below a million, separated by commas"),
        ("RetrySchedule", "5;30", "numbers below a million, separated by commas"),
        ("UpstreamAgentUrl", "https://user:password@agent.example/", "an http or https URL without user and password"),
        ("UpstreamAgentUrl", "https://agent.example/#part", "an http or https URL .* without fragment"),
        ("UpstreamAgentUrl", "ftp://agent.example/", "an http or https URL"),
        ("WatchMinSeconds", "901", "at most 900"),
        ("EvoWebhookHeaders", "Host,b,c,d", "four different names"),
        ("EvoWebhookHeaders", "a,b,c,content-length", "four different names"),
        ("EvoWebhookHeaders", "a,b,c,b", "four different names"),
        ("EvoWebhookMembers", "a,b,status,d", "four different names"),
        ("EvoWebhookMembers", "a,a,c,d", "four different names"),
        ("DeniedWebhookHosts", "a.example;b.example", "hosts separated by commas"),
    ],
)
def test_a_wrong_value_is_refused_with_what_it_should_be(name: str, value: str, expected: str) -> None:
    with pytest.raises(TemplateError, match=f"{name} must be {expected}"):
        read_template(TEMPLATE, place=PLACE, overrides={name: value})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Resources: [", "is not YAML"),
        ("Parameters: {}", "has no Resources"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !ImportValue x}}}", "uses Fn::ImportValue"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !Ref B}}}", "refers to B"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Condition: C}}", "no condition C"),
        ("Resources: {A: {Properties: {}}}", "cannot be used: KeyError 'Type'"),
        (STACK.replace("rate(1 day)", "cron(0 12 1 1 5 2030)"), r"knows rate\(…\) schedules only"),
        (STACK.replace('"prefix"', '"cidr"'), "does not know the filter operator cidr"),
    ],
)
def test_a_template_that_cannot_be_run_is_refused_in_one_sentence(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(TemplateError, match=expected) as refused:
        _read(tmp_path, text)
    assert "\n" not in str(refused.value)


def test_a_missing_template_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"template\.yaml cannot be read: No such file"):
        read_template(tmp_path / "template.yaml", place=PLACE)


def test_intrinsic_functions_have_their_values(tmp_path: Path) -> None:
    text = """
Parameters: {Name: {Type: String, Default: ada}}
Conditions:
  Is: !And [!Equals [!Ref Name, ada], !Not [!Equals [!Ref Name, bob]], !Or [!Equals [a, b], !Equals [a, a]]]
  Isnt: !Not [!Condition Is]
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: main.run
      Environment:
        Variables:
          SUB: !Sub "${Name} ${Queue.QueueName} ${!literal} ${AWS::Region}"
          SUB_WITH: !Sub ["${Url}!", {Url: !Ref Queue}]
          JOINED: !Join ["-", [a, !Ref Name]]
          CHOSEN: !Select [1, !Split [",", "a,b,c"]]
          IF: !If [Isnt, no, !If [Is, "yes", no]]
          LEFT_OUT: !If [Isnt, no, !Ref AWS::NoValue]
          LONG: {"Fn::GetAtt": [Queue, Arn]}
"""
    template = tmp_path / "template.yaml"
    template.write_text(text)
    assert read_template(template, place=PLACE).functions["Function"].environment == {
        "SUB": "ada Queue ${literal} us-east-1",
        "SUB_WITH": "https://sqs.us-east-1.amazonaws.com/123456789012/Queue!",
        "JOINED": "a-ada",
        "CHOSEN": "b",
        "IF": "yes",
        "LONG": "arn:aws:sqs:us-east-1:123456789012:Queue",
    }
