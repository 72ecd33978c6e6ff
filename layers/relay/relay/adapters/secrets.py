"""Secrets Manager: the secrets an operator keeps outside the table, such as the relay's key and the credential for the agent.

Source: AWS Secrets Manager, "GetSecretValue"; AWS advises to cache (a call per request would be slow, throttled and billed).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

MAX_AGE = timedelta(minutes=5)


class SecretError(Exception):
    """A secret cannot be read. The message names it by its ARN and holds nothing of it."""


class SecretsManager:
    """Reads secrets, each at most once in five minutes: a changed secret is seen after that long."""

    def __init__(self, client: "SecretsManagerClient", now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now
        self._read: dict[str, tuple[datetime, str]] = {}  # replaced whole, never changed: threads may share it

    def get(self, arn: str) -> str:
        """The secret's current text.

        Raises: SecretError when it cannot be read, or is binary.
        """
        now = self._now()
        read_at, text = self._read.get(arn, (None, ""))
        if read_at is not None and timedelta(0) <= now - read_at < MAX_AGE:
            return text
        text = self._fetch(arn)
        self._read = {**self._read, arn: (now, text)}
        return text

    def _fetch(self, arn: str) -> str:
        try:
            found = self._client.get_secret_value(SecretId=arn)
        except (BotoCoreError, ClientError) as error:
            raise SecretError(f"Secrets Manager did not give {arn}") from error
        if "SecretString" not in found:
            raise SecretError(f"{arn} is binary; a secret of the relay is text")
        return found["SecretString"]
