"""What a call of a push-config method says, in the domain's words, whichever dialect said it; and the members that all dialects share.

Whether a URL may be called is not decided here (`webhook_url`).
"""

from dataclasses import dataclass, field
from datetime import datetime

from relay.domain.authentication import read_authentication
from relay.domain.fields import Fields
from relay.domain.keys import ConfigKey
from relay.domain.push_config import Authentication, Dialect, PushConfig, RetryPolicy, Updates
from relay.domain.task import ProtocolVersion

MAX_URL_LENGTH = 2048
MAX_TOKEN_LENGTH = 4096

_DIALECTS = {ProtocolVersion.V10: Dialect.A2A_V10, ProtocolVersion.V03: Dialect.A2A_V03}


@dataclass(frozen=True)
class Registration:
    """What a caller registers. `config_id` is empty when the relay is to choose one; `task_id` when a send has yet to make the task.

    `url_field` is where the caller wrote the URL, for whoever finds fault with it.
    """

    task_id: str
    tenant: str
    config_id: str
    url: str
    token: str = field(repr=False)
    authentication: Authentication | None = field(repr=False)
    dialect: Dialect
    url_field: str = field(default="url", compare=False)
    updates: Updates | None = None
    retry_policy: RetryPolicy | None = None
    is_challenged: bool = False
    secret: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    events: tuple[str, ...] = ()
    caller: str = field(default="", repr=False)

    def as_config(self, key: ConfigKey, now: datetime) -> PushConfig:
        """The config that it makes, or makes of the one that is there."""
        return PushConfig(
            key=key,
            url=self.url,
            dialect=self.dialect,
            token=self.token,
            authentication=self.authentication,
            registered_at=now,
            updates=self.updates,
            retry_policy=self.retry_policy,
            is_challenged=self.is_challenged,
            secret=self.secret,
            headers=self.headers,
            events=self.events,
            caller=self.caller,
        )


@dataclass(frozen=True)
class ConfigRef:
    """Which push config a caller means; an empty `config_id` means the task's only, or first, one.

    `is_by_task`: said as PraisonAI and Evo AI do, who name a task where A2A names a config of it.
    """

    task_id: str
    tenant: str
    config_id: str
    is_by_task: bool = False


@dataclass(frozen=True)
class ListRequest:
    """Which page of a task's push configs: `page_size` 0 asks for the default, None for all at once (0.3 knows no pages).

    `is_by_task` as in `ConfigRef`; an empty `task_id` means all tasks then.
    """

    task_id: str
    tenant: str
    page_size: int | None
    page_token: str
    is_by_task: bool = False


def registration(
    config: Fields, *, task_id: str, tenant: str, version: ProtocolVersion, url: str = "url", authentication: str = "authentication"
) -> Registration:
    """What the object of a push config says, whether it came with a call of its own or inline with a send.

    `url` and `authentication` are the names of these members. Raises: InvalidParamsError naming the field.
    """
    said = config.text(url, max_length=MAX_URL_LENGTH)
    if not said:
        raise config.error(url, "is required")
    return Registration(
        task_id=task_id,
        tenant=tenant,
        config_id=config.identifier("id"),
        url=said,
        token=config.header_value("token", max_length=MAX_TOKEN_LENGTH),
        authentication=read_authentication(config.object(authentication), version),
        dialect=_DIALECTS[version],
        url_field=config.path_of(url),
        retry_policy=read_retry_policy(config.object("retryPolicy")),
    )


def read_retry_policy(given: Fields | None) -> RetryPolicy | None:
    """Not A2A's: Evo AI documents it, and other clients may send it too. Absent members have Evo's defaults."""
    if given is None:
        return None
    usual = RetryPolicy()
    return RetryPolicy(
        max_retries=int(given.number("maxRetries", usual.max_retries, lowest=0, highest=10)),
        backoff_multiplier=given.number("backoffMultiplier", usual.backoff_multiplier, lowest=1, highest=10),
        initial_delay=given.number("initialDelay", usual.initial_delay, lowest=1, highest=900),
    )
