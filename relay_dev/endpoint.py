"""Another AWS-compatible endpoint in place of the embedded AWS: `relay dev --endpoint-url URL`."""

import os
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from relay_dev.changes import Changes
from relay_dev.failure import DevError
from relay_dev.place import Place

DEFAULT_REGION = "us-east-1"
_DEFAULTS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": DEFAULT_REGION}


class EndpointError(DevError):
    """The endpoint does not answer; one sentence."""


class EndpointAws:
    """Credentials and region are the environment's, or dummies: emulators take any."""

    def __init__(self, url: str) -> None:
        self.endpoint_url: str | None = url
        self.changes = Changes()
        self._region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
        self.environment: dict[str, str | None] = {
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": self._region,
            "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
            **{name: os.environ.get(name) or default for name, default in _DEFAULTS.items()},
        }
        self.place = Place(region=self._region, queue_base=url.rstrip("/"))

    def start(self) -> None:
        """Asks for the account, of which every ARN is made. Raises: EndpointError."""
        if urlsplit(self.endpoint_url or "").scheme not in {"http", "https"}:
            raise EndpointError(f"{self.endpoint_url} is no http or https URL.")
        try:
            account = self.client("sts").get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            raise EndpointError(f"No AWS-compatible endpoint answers at {self.endpoint_url}: {error}.") from error
        self.place = Place(account=account, region=self._region, queue_base=self.place.queue_base)

    def stop(self) -> None:
        """Nothing: what was made there stays there."""

    def client(self, service: str) -> Any:
        """A boto3 client for the runner's own calls."""
        config = Config(connect_timeout=2, read_timeout=30, retries={"total_max_attempts": 3})
        return boto3.session.Session().client(service, config=config)  # type: ignore[call-overload]

    def has_records(self, table: str, after: int) -> bool:
        """Not known without asking."""
        del table, after
        return True

    def has_messages(self, queue: str) -> bool:
        """Not known without asking."""
        del queue
        return True
