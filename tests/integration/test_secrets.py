from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
import pytest

from relay.adapters.secrets import MAX_AGE, SecretError, SecretsManager

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
