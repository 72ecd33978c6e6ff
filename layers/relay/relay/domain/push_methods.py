"""The push-config methods: their params as the domain's words, and push configs as their results.

Source: A2A 1.0 §3.1.7 to §3.1.10 (`TaskPushNotificationConfig` is flat), A2A 0.3 §7.5 to §7.8 (it is nested, and lists are bare arrays).
What is emitted for 1.0 holds no key the specification does not name: a2a-sdk below 1.3 refuses unknown ones.
Whether a URL may be called is not decided here (`webhook_url`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from relay.domain.authentication import authentication_result, read_authentication
from relay.domain.fields import Fields
from relay.domain.push_config import Authentication, Dialect, PushConfig, RetryPolicy, Updates
from relay.domain.task import Json, ProtocolVersion

MAX_URL_LENGTH = 2048
MAX_TOKEN_LENGTH = 4096
MAX_PAGE_TOKEN_LENGTH = 4096

_DIALECTS = {ProtocolVersion.V10: Dialect.A2A_V10, ProtocolVersion.V03: Dialect.A2A_V03}
# The members that name the task and the config in get, list and delete; `set` says `taskId` in both versions.
_TASK_ID = {ProtocolVersion.V10: "taskId", ProtocolVersion.V03: "id"}
_CONFIG_ID = {ProtocolVersion.V10: "id", ProtocolVersion.V03: "pushNotificationConfigId"}


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


@dataclass(frozen=True)
class ConfigRef:
    """Which push config a caller means; an empty `config_id` means the task's only, or first, one."""

    task_id: str
    tenant: str
    config_id: str


@dataclass(frozen=True)
class ListRequest:
    """Which page of a task's push configs: `page_size` 0 asks for the default, None for all at once (0.3 knows no pages)."""

    task_id: str
    tenant: str
    page_size: int | None
    page_token: str


def parse_set(params: Json, version: ProtocolVersion) -> Registration:
    """Raises: InvalidParamsError naming the field."""
    call = Fields(params)
    task_id, tenant = call.required_identifier("taskId"), _tenant(call, version)
    if version is ProtocolVersion.V10:
        return registration(call, task_id=task_id, tenant=tenant, version=version)
    config = call.object("pushNotificationConfig")
    if config is None:
        raise call.error("pushNotificationConfig", "is required")
    return registration(config, task_id=task_id, tenant=tenant, version=version)


def registration(config: Fields, *, task_id: str, tenant: str, version: ProtocolVersion) -> Registration:
    """What the object of a push config says, whether it came with a call of its own or inline with a send.

    Raises: InvalidParamsError naming the field.
    """
    url = config.text("url", max_length=MAX_URL_LENGTH)
    if not url:
        raise config.error("url", "is required")
    return Registration(
        task_id=task_id,
        tenant=tenant,
        config_id=config.identifier("id"),
        url=url,
        token=config.header_value("token", max_length=MAX_TOKEN_LENGTH),
        authentication=read_authentication(config.object("authentication"), version),
        dialect=_DIALECTS[version],
        url_field=config.path_of("url"),
        retry_policy=_retry_policy(config.object("retryPolicy")),
    )


def _retry_policy(given: Fields | None) -> RetryPolicy | None:
    """Not A2A's: Evo AI documents it, and other clients may send it too. Absent members have Evo's defaults."""
    if given is None:
        return None
    usual = RetryPolicy()
    return RetryPolicy(
        max_retries=int(given.number("maxRetries", usual.max_retries, lowest=0, highest=10)),
        backoff_multiplier=given.number("backoffMultiplier", usual.backoff_multiplier, lowest=1, highest=10),
        initial_delay=given.number("initialDelay", usual.initial_delay, lowest=1, highest=900),
    )


def parse_get(params: Json, version: ProtocolVersion) -> ConfigRef:
    """The config's id may be absent, in 1.0 too: a2akit sends none. Raises: InvalidParamsError naming the field."""
    call = Fields(params)
    return ConfigRef(call.required_identifier(_TASK_ID[version]), _tenant(call, version), call.identifier(_CONFIG_ID[version]))


def parse_delete(params: Json, version: ProtocolVersion) -> ConfigRef:
    """Raises: InvalidParamsError naming the field."""
    call = Fields(params)
    return ConfigRef(call.required_identifier(_TASK_ID[version]), _tenant(call, version), call.required_identifier(_CONFIG_ID[version]))


def parse_list(params: Json, version: ProtocolVersion) -> ListRequest:
    """The size of a page is checked by `paging.page`. Raises: InvalidParamsError naming the field."""
    call = Fields(params)
    task_id, tenant = call.required_identifier(_TASK_ID[version]), _tenant(call, version)
    if version is ProtocolVersion.V03:
        return ListRequest(task_id, tenant, page_size=None, page_token="")
    page_token = call.text("pageToken", max_length=MAX_PAGE_TOKEN_LENGTH)
    return ListRequest(task_id, tenant, page_size=call.integer("pageSize") or 0, page_token=page_token)


def config_result(config: PushConfig, version: ProtocolVersion) -> Json:
    """One push config in the form of the call. Token and credentials go back to the owner that set them; a signing secret never does."""
    task_id, tenant = config.key.task.task_id, config.key.task.tenant
    described = {
        "id": config.key.config_id,
        "url": config.url,
        "token": config.token,
        "authentication": authentication_result(config.authentication, version),
    }
    if version is ProtocolVersion.V03:
        return {"taskId": task_id, "pushNotificationConfig": _without_empty(described)}
    return _without_empty({"tenant": tenant, "taskId": task_id, **described})


def list_result(configs: Sequence[PushConfig], next_page_token: str, version: ProtocolVersion) -> Any:
    """A page of push configs; no next page is an empty token, and left out."""
    results = [config_result(config, version) for config in configs]
    if version is ProtocolVersion.V03:
        return results
    return {"configs": results} | ({"nextPageToken": next_page_token} if next_page_token else {})


def _tenant(call: Fields, version: ProtocolVersion) -> str:
    return call.identifier("tenant") if version is ProtocolVersion.V10 else ""


def _without_empty(members: Mapping[str, Any]) -> Json:
    return {name: value for name, value in members.items() if value}
