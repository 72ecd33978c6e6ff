"""Rules on template.yaml: what its reader may rely on, whatever is added to it. Here: parameters, functions, stores, front door."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import ValidationError

from relay.domain import custom_headers
from relay.settings import Settings
from tests.template.stack import ROOT, STACK, find, referred

# Scripts and documentation use these names.
FIXED_PARAMETERS = (
    "UpstreamAgentUrl",
    "RetrySchedule",
    "WebhookTimeoutSeconds",
    "WatchMinSeconds",
    "WatchMaxSeconds",
    "WatchDeadlineHours",
    "AllowedWebhookHosts",
    "LogRetentionDays",
)

FUNCTIONS = sorted(STACK.functions)


@pytest.mark.parametrize("name", FIXED_PARAMETERS)
def test_parameter_that_scripts_use_keeps_its_name_and_has_a_default(name: str) -> None:
    assert "Default" in STACK.parameters[name]


@pytest.mark.parametrize("name", sorted(STACK.parameters))
def test_parameter_is_described_and_grouped_once(name: str) -> None:
    grouped = [parameter for group in STACK.groups for parameter in group["Parameters"]]
    assert STACK.parameters[name]["Description"]
    assert grouped.count(name) == 1


def test_every_setting_is_an_environment_variable_of_all_functions() -> None:
    libraries = {"AWS_ENDPOINT_URL", "MALLOC_ARENA_MAX", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}
    expected = {field.upper() for field in Settings.model_fields} | libraries
    assert set(STACK.shared["Environment"]["Variables"]) == expected


def test_parameters_and_settings_have_the_same_defaults() -> None:
    """Two places name them, so that `relay` can be used without the template; they must not part."""
    given = {
        variable: str(STACK.parameters[value["Ref"]]["Default"])
        for variable, value in STACK.shared["Environment"]["Variables"].items()
        if isinstance(value, dict) and value.get("Ref") in STACK.parameters and STACK.parameters[value["Ref"]].get("Default", "") != ""
    }
    needed = {field.upper(): "x" for field, about in Settings.model_fields.items() if about.is_required()}
    assert Settings.from_environment({**needed, **given}) == Settings.from_environment(needed)


_SAID_OTHERWISE = (  # each of the parts of domain/custom_headers.py, and what is near them
    *sorted(custom_headers.RESERVED),
    *(f"{prefix}x" for prefix in custom_headers.RESERVED_PREFIXES),
    *("authorization", "cookie", "x-webhook-token", "x-webhook-event", "x-host", "hosts", "tea", "content", "x-content-type", "evo_te"),
)


@pytest.mark.parametrize("name", [*_SAID_OTHERWISE, *map(str.title, _SAID_OTHERWISE), "X-B"])
def test_names_of_headers_that_the_template_lets_through_are_those_that_the_functions_take(name: str) -> None:
    """Else a stack is deployed of which every function fails."""
    needed = {field.upper(): "x" for field, about in Settings.model_fields.items() if about.is_required()}
    for value in (f"{name},x-b,c,d", f"a,x-b,c,{name}"):
        is_taken = False
        with suppress(ValidationError):
            is_taken = bool(Settings.from_environment({**needed, "EVO_WEBHOOK_HEADERS": value}))
        assert bool(re.fullmatch(STACK.parameters["EvoWebhookHeaders"]["AllowedPattern"], value)) is is_taken, value


def test_private_webhook_hosts_are_refused_by_default() -> None:
    assert STACK.parameters["AllowedWebhookHosts"]["Default"] == ""


def test_upstream_credential_is_never_shown() -> None:
    assert STACK.parameters["UpstreamCredential"]["NoEcho"] is True
    assert not [path for path, value in find(STACK.shared, "Ref") if value == "UpstreamCredential"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_logs_into_a_group_of_its_own(name: str) -> None:
    group = referred(STACK.functions[name]["LoggingConfig"]["LogGroup"])
    assert STACK.resources[group]["Type"] == "AWS::Logs::LogGroup"
    assert [function for function in FUNCTIONS if referred(STACK.functions[function]["LoggingConfig"]["LogGroup"]) == group] == [name]


@pytest.mark.parametrize("name", sorted(STACK.of_type("AWS::Logs::LogGroup")))
def test_log_group_forgets(name: str) -> None:
    assert STACK.resources[name]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_handler_is_a_file_of_its_own(name: str) -> None:
    module = name.removesuffix("Function").lower()  # functions/Makefile copies this file
    assert STACK.functions[name]["Handler"] == f"{module}.handler"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_that_fails_raises_an_alarm(name: str) -> None:
    assert STACK.alarms_on("Errors", name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_is_traced(name: str) -> None:
    assert STACK.functions[name]["Tracing"] == "Active"


@pytest.mark.parametrize("resource_type", ["AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key"])
def test_store_outlives_the_stack(resource_type: str) -> None:
    for name in STACK.of_type(resource_type):
        assert (STACK.resources[name]["DeletionPolicy"], STACK.resources[name]["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_table_streams_its_keys_expires_items_and_can_be_restored() -> None:
    table = STACK.of_type("AWS::DynamoDB::Table")["RelayTable"]
    assert table["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"]["KMSMasterKeyId"] == {"Fn::GetAtt": ["EncryptionKey", "Arn"]}


def test_bucket_is_encrypted_under_the_stacks_key_and_closed_to_the_public() -> None:
    bucket = STACK.of_type("AWS::S3::Bucket")["RelayBucket"]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == {"Fn::GetAtt": ["EncryptionKey", "Arn"]}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}


def test_front_door_is_never_open() -> None:
    routes = {given["RouteKey"]: given["AuthorizationType"] for given in STACK.of_type("AWS::ApiGatewayV2::Route").values()}
    assert STACK.parameters["ClientAuthentication"]["AllowedValues"] == ["relay-key", "iam", "jwt"]
    assert routes == {
        "$default": {"Fn::If": ["WithRelayKey", "NONE", {"Fn::If": ["WithJwt", "JWT", "AWS_IAM"]}]},
        "GET /.well-known/{file}": "NONE",
        "GET /agents/{agent}/.well-known/{file}": "NONE",
        "GET /openapi.yaml": "NONE",  # nothing of this stack is in it
        "GET /openapi.json": "NONE",
        "POST /reports": "NONE",  # the function compares the agent's report token
        "POST /agents/{agent}/reports": "NONE",
        "POST /callbacks/{id}": "NONE",  # likewise the callback's token
    }


def test_with_jwt_the_gateway_takes_tokens_of_the_issuer_for_the_audience_alone() -> None:
    authorizer = STACK.resources["RelayApiJwtAuthorizer"]
    route = STACK.of_type("AWS::ApiGatewayV2::Route")["RelayApiDefaultRoute"]
    assert authorizer["Condition"] == "WithJwt"
    assert authorizer["Properties"]["AuthorizerType"] == "JWT"
    assert authorizer["Properties"]["IdentitySource"] == ["$request.header.Authorization"]
    assert authorizer["Properties"]["JwtConfiguration"] == {"Issuer": {"Ref": "JwtIssuer"}, "Audience": {"Ref": "JwtAudience"}}
    assert route["AuthorizerId"] == {"Fn::If": ["WithJwt", {"Ref": "RelayApiJwtAuthorizer"}, {"Ref": "AWS::NoValue"}]}


def test_function_behind_the_front_door_ends_with_it() -> None:
    (integration,) = STACK.of_type("AWS::ApiGatewayV2::Integration").values()
    assert STACK.functions["ApiFunction"]["Timeout"] * 1000 <= integration["TimeoutInMillis"] <= 30_000  # API Gateway's most


def test_layer_keeps_the_models_of_every_service_that_is_called() -> None:
    """layers/relay/Makefile removes botocore's other models."""
    makefile = (ROOT / "layers" / "relay" / "Makefile").read_text(encoding="utf-8")
    (kept,) = [line.partition(":=")[2].split() for line in makefile.splitlines() if line.startswith("SERVICES")]
    called = _services_called(ROOT / "layers" / "relay" / "relay")
    assert "dynamodb" in called
    assert called <= set(kept)


def _services_called(package: Path) -> set[str]:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    return {part.split('"')[1] for part in sources.split("client(")[1:] if part.startswith('"')}
