"""Every environment variable, typed, frozen; read on the first event, never at import.

The names are set for all functions in template.yaml (`Globals`), whose parameters document units and defaults.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf

from relay.domain.agent import FollowAs
from relay.domain.blocking import Blocks
from relay.domain.door import ClientAuthentication as ClientAuthentication
from relay.domain.evo_webhook import EvoNames, check_headers, check_members
from relay.domain.host_list import NO_HOSTS, HostList
from relay.domain.push_config import Updates
from relay.domain.strategy import AUTOMATIC, Strategy
from relay.domain.webhook_hosts import WebhookHosts


def _comma_separated(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


_Seconds = Annotated[tuple[Annotated[float, Field(ge=0, lt=1_000_000)], ...], BeforeValidator(_comma_separated)]
_Names = Annotated[tuple[str, ...], BeforeValidator(_comma_separated)]
_Strategy = Annotated[Strategy | None, BeforeValidator(lambda value: None if value == AUTOMATIC else value)]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_FourNames = Annotated[tuple[_Name, _Name, _Name, _Name], BeforeValidator(_comma_separated)]
_EvoHeaders = Annotated[_FourNames, AfterValidator(check_headers)]
_EvoMembers = Annotated[_FourNames, AfterValidator(check_members)]
_Hosts = Annotated[InstanceOf[HostList], BeforeValidator(lambda value: HostList.parse(_comma_separated(value)))]


class Settings(BaseModel):
    """One value per environment variable, named as the field in upper case."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    table_name: str
    bucket_name: str
    delivery_queue_url: str
    watch_queue_url: str
    worker_queue_url: str
    stream_queue_url: str
    webhook_dead_letter_queue_url: str
    kms_key_id: str
    client_authentication: ClientAuthentication = ClientAuthentication.RELAY_KEY
    relay_key_secret_arn: str = ""
    signing_secret_arn: str = ""
    upstream_agent_url: str = ""
    upstream_credential_secret_arn: str = ""
    upstream_blocks: Blocks = Blocks.AUTO
    public_url: str = ""
    secret_overlap_hours: float = Field(default=24, ge=0, le=720)
    retry_schedule: _Seconds = (5, 30, 120, 600, 1800, 7200, 18000, 36000)
    updates_after_failure: Updates = Updates.EVERY_REVISION
    webhook_timeout_seconds: float = Field(default=10, gt=0, le=30)
    follow_strategy: _Strategy = None
    follow_as: FollowAs = FollowAs.OPERATOR
    watch_min_seconds: float = Field(default=1, gt=0, le=900)
    watch_max_seconds: float = Field(default=60, gt=0, le=900)
    list_seconds: float = Field(default=5, ge=1, le=900)
    list_sweep_seconds: float = Field(default=900, ge=1, le=900)
    watch_deadline_hours: float = Field(default=168, gt=0, le=2160)
    agent_unreachable_minutes: float = Field(default=60, gt=0, le=129_600)
    allowed_webhook_hosts: _Names = ()
    denied_webhook_hosts: _Hosts = NO_HOSTS
    only_webhook_hosts: _Hosts = NO_HOSTS
    max_configs_per_task: int = Field(default=100, gt=0, le=1000)
    max_receivers_per_task: int = Field(default=100, gt=0, le=1000)
    max_daily_configs_per_owner: int = Field(default=1_000_000, ge=0, lt=1_000_000_000)
    max_daily_receivers_per_owner: int = Field(default=10_000, ge=0, le=20_000)
    ownership_challenge: bool = False
    evo_webhook_headers: _EvoHeaders = ("X-Webhook-Event", "X-Webhook-Delivery", "X-Webhook-Timestamp", "X-Webhook-Signature")
    evo_webhook_members: _EvoMembers = ("event", "timestamp", "deliveryId", "data")

    @property
    def webhook_hosts(self) -> WebhookHosts:
        return WebhookHosts(self.allowed_webhook_hosts, denied=self.denied_webhook_hosts, only=self.only_webhook_hosts)

    @property
    def evo_names(self) -> EvoNames:
        return EvoNames(*self.evo_webhook_headers, *self.evo_webhook_members)

    @property
    def webhook_timeout(self) -> timedelta:
        return timedelta(seconds=self.webhook_timeout_seconds)

    @property
    def secret_overlap(self) -> timedelta:
        return timedelta(hours=self.secret_overlap_hours)

    @property
    def watch_minimum(self) -> timedelta:
        return timedelta(seconds=self.watch_min_seconds)

    @property
    def watch_maximum(self) -> timedelta:
        return timedelta(seconds=self.watch_max_seconds)

    @property
    def list_interval(self) -> timedelta:
        return timedelta(seconds=self.list_seconds)

    @property
    def list_sweep(self) -> timedelta:
        return max(timedelta(seconds=self.list_sweep_seconds), self.watch_maximum)

    @property
    def unreachable_limit(self) -> timedelta:
        return timedelta(minutes=self.agent_unreachable_minutes)

    @property
    def watch_deadline(self) -> timedelta:
        return timedelta(hours=self.watch_deadline_hours)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises: pydantic.ValidationError naming the variable that is missing or wrong. An empty variable counts as not set."""
        given = {name: environment[name.upper()] for name in cls.model_fields if environment.get(name.upper())}
        return cls.model_validate(given)


@cache
def settings() -> Settings:
    """The settings of this process, read from its environment at the first call."""
    return Settings.from_environment(os.environ)
