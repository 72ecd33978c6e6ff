import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError
from urllib3 import HTTPResponse

from relay.adapters.secrets import MAX_AGE, MAX_AGE_IN_AN_OUTAGE, PAUSE_IN_AN_OUTAGE, SecretError, SecretsManager

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def client(aws: None) -> "SecretsManagerClient":
    return boto3.client("secretsmanager")


@pytest.fixture
def arn(client: "SecretsManagerClient") -> str:
    return client.create_secret(Name="relay-key", SecretString="first")["ARN"]


@pytest.fixture
def times() -> list[datetime]:
    """What the clock says: its last entry."""
    return [NOW]


@pytest.fixture
def secrets(client: "SecretsManagerClient", times: list[datetime]) -> SecretsManager:
    return SecretsManager(client, lambda: times[-1])


def test_a_changed_secret_is_seen_after_five_minutes(
    client: "SecretsManagerClient", secrets: SecretsManager, arn: str, times: list[datetime]
) -> None:
    assert secrets.get(arn) == "first"
    client.put_secret_value(SecretId=arn, SecretString="second")
    times.append(NOW + MAX_AGE - timedelta(seconds=1))
    assert secrets.get(arn) == "first"
    times.append(NOW + MAX_AGE)
    assert secrets.get(arn) == "second"


def test_secrets_are_kept_apart(client: "SecretsManagerClient", secrets: SecretsManager, arn: str) -> None:
    other = client.create_secret(Name="credential", SecretString="other")["ARN"]
    assert [secrets.get(arn), secrets.get(other), secrets.get(arn)] == ["first", "other", "first"]


def test_a_secret_that_is_not_there_is_named(secrets: SecretsManager, arn: str) -> None:
    with pytest.raises(SecretError, match="missing"):
        secrets.get(arn.replace("relay-key", "missing"))


def test_a_binary_secret_is_refused_without_being_shown(client: "SecretsManagerClient", secrets: SecretsManager) -> None:
    binary = client.create_secret(Name="binary", SecretBinary=b"\xff\x00plain")["ARN"]
    with pytest.raises(SecretError, match="text") as raised:
        secrets.get(binary)
    assert "plain" not in str(raised.value)


def test_a_failed_read_is_not_remembered(client: "SecretsManagerClient", secrets: SecretsManager) -> None:
    with pytest.raises(SecretError):
        secrets.get("late")
    client.create_secret(Name="late", SecretString="now")
    assert secrets.get("late") == "now"


class Outage:
    """Answers the client's requests in AWS's place while it lasts; counts them."""

    def __init__(self, client: "SecretsManagerClient", kind: str) -> None:
        self._kind = kind
        self.is_over = False
        self.requests = 0
        client.meta.events.register_first("before-send.secrets-manager.*", self._answer)

    def _answer(self, request: Any, **_: object) -> Any:
        if self.is_over:
            return None
        self.requests += 1
        if self._kind == "silence":
            raise ConnectTimeoutError(endpoint_url=request.url)
        status, code = self._kind.split(" ")
        body = HTTPResponse(BytesIO(json.dumps({"__type": code}).encode()), preload_content=False)
        return AWSResponse(request.url, int(status), HTTPHeaders(), body)


OUTAGES = ["silence", "500 InternalServiceError", "400 ThrottlingException"]
REFUSALS = ["400 AccessDeniedException", "400 ResourceNotFoundException"]


@pytest.fixture
def impatient(client: "SecretsManagerClient") -> "SecretsManagerClient":
    """Does not try again by itself, for that takes pauses."""
    return boto3.client("secretsmanager", config=Config(retries={"total_max_attempts": 1}))


@pytest.mark.parametrize("kind", OUTAGES)
def test_what_was_read_before_serves_for_an_hour_of_an_outage(
    impatient: "SecretsManagerClient", arn: str, times: list[datetime], kind: str
) -> None:
    secrets = SecretsManager(impatient, lambda: times[-1])
    secrets.get(arn)
    Outage(impatient, kind)
    times.append(NOW + MAX_AGE_IN_AN_OUTAGE - timedelta(seconds=1))
    assert secrets.get(arn) == "first"
    times.append(NOW + MAX_AGE_IN_AN_OUTAGE + PAUSE_IN_AN_OUTAGE)
    with pytest.raises(SecretError):
        secrets.get(arn)


def test_an_outage_is_met_once_in_half_a_minute_and_its_end_is_seen(
    impatient: "SecretsManagerClient", arn: str, times: list[datetime]
) -> None:
    secrets = SecretsManager(impatient, lambda: times[-1])
    secrets.get(arn)
    impatient.put_secret_value(SecretId=arn, SecretString="second")
    outage = Outage(impatient, "silence")
    times.append(NOW + MAX_AGE)
    assert [secrets.get(arn), secrets.get(arn)] == ["first", "first"]
    assert outage.requests == 1
    outage.is_over = True
    times.append(NOW + MAX_AGE + PAUSE_IN_AN_OUTAGE)
    assert secrets.get(arn) == "second"


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_secret_that_is_refused_or_gone_serves_no_longer(
    impatient: "SecretsManagerClient", arn: str, times: list[datetime], kind: str
) -> None:
    secrets = SecretsManager(impatient, lambda: times[-1])
    secrets.get(arn)
    Outage(impatient, kind)
    times.append(NOW + MAX_AGE)
    with pytest.raises(SecretError, match="relay-key"):
        secrets.get(arn)


@pytest.mark.parametrize("kind", OUTAGES)
def test_a_secret_that_was_never_read_is_an_error_in_an_outage(impatient: "SecretsManagerClient", arn: str, kind: str) -> None:
    Outage(impatient, kind)
    with pytest.raises(SecretError):
        SecretsManager(impatient, lambda: NOW).get(arn)
