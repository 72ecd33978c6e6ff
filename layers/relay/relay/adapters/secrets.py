"""Secrets Manager: the secrets an operator keeps outside the table, such as the relay's key and the credential for the agent.

Source: AWS Secrets Manager, "GetSecretValue"; AWS advises to cache (a call per request would be slow, throttled and billed).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

MAX_AGE = timedelta(minutes=5)
MAX_AGE_IN_AN_OUTAGE = timedelta(hours=1)
PAUSE_IN_AN_OUTAGE = timedelta(seconds=30)  # each try costs seconds

_THROTTLED = ("RequestLimitExceeded", "Throttling", "ThrottlingException")


class SecretError(Exception):
    """A secret cannot be read. The message names it by its ARN and holds nothing of it."""


class SecretOutageError(SecretError):
    """Secrets Manager did not answer, or has no time; it refused nothing."""


@dataclass(frozen=True)
class _Read:
    text: str = field(repr=False)
    at: datetime
    try_again_at: datetime


class SecretsManager:
    """Reads secrets, each at most once in five minutes: a changed secret is seen after that long.

    While Secrets Manager is out, what was read before serves for up to an hour. What it refuses, or does not have, ends at once.
    """

    def __init__(self, client: "SecretsManagerClient", now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now
        self._read: dict[str, _Read] = {}  # replaced whole, never changed: threads may share it

    def get(self, arn: str) -> str:
        """The secret's current text.

        Raises: SecretError when it cannot be read, or is binary.
        """
        now = self._now()
        known = self._read.get(arn)
        if known and known.at <= now < known.try_again_at:
            return known.text
        try:
            found = _Read(self._fetch_text(arn), at=now, try_again_at=now + MAX_AGE)
        except SecretOutageError:
            if known is None or not known.at <= now < known.at + MAX_AGE_IN_AN_OUTAGE:
                raise
            found = replace(known, try_again_at=now + PAUSE_IN_AN_OUTAGE)
        self._read = {**self._read, arn: found}
        return found.text

    def changed_at(self, arn: str) -> datetime:
        """When the current text was put, whoever did it, by AWS's clock. For the operator's commands: asked for anew each time.

        Raises: SecretError when it cannot be read.
        """
        made_at: datetime = self._fetch(arn)["CreatedDate"]  # of the version that is current
        return made_at.astimezone(UTC)

    def put(self, arn: str, text: str) -> None:
        """For the operator's commands; the functions have no right to. Other processes see it within five minutes.

        Raises: SecretError when it is refused.
        """
        try:
            self._client.put_secret_value(SecretId=arn, SecretString=text)
        except (BotoCoreError, ClientError) as error:
            raise SecretError(f"Secrets Manager did not take {arn}") from error
        self._read = {name: read for name, read in self._read.items() if name != arn}

    def _fetch_text(self, arn: str) -> str:
        text: str | None = self._fetch(arn).get("SecretString")
        if text is None:
            raise SecretError(f"{arn} is binary; a secret of the relay is text")
        return text

    def _fetch(self, arn: str) -> Mapping[str, Any]:
        try:
            return self._client.get_secret_value(SecretId=arn)
        except BotoCoreError as error:
            raise SecretOutageError(f"Secrets Manager did not answer for {arn}") from error
        except ClientError as error:
            kind = SecretOutageError if _is_outage(error) else SecretError
            raise kind(f"Secrets Manager did not give {arn}") from error


def _is_outage(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or error.response.get("Error", {}).get("Code") in _THROTTLED
