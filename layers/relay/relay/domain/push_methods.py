"""The push-config methods: their params as the domain's words, and push configs as their results.

Source: A2A 1.0 §3.1.7 to §3.1.10 (`TaskPushNotificationConfig` is flat), A2A 0.3 §7.5 to §7.8 (it is nested, and lists are bare arrays).
What is emitted for 1.0 holds no key the specification does not name: a2a-sdk below 1.3 refuses unknown ones.
PraisonAI and Evo AI use the names of 0.3 for params of their own: their calls are known by their members, and read in their modules.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from relay.domain import evo_ai, praisonai
from relay.domain.authentication import authentication_result
from relay.domain.fields import Fields
from relay.domain.push_config import Dialect, PushConfig
from relay.domain.registration import ConfigRef, ListRequest, Registration, registration
from relay.domain.task import Json, ProtocolVersion

_EVO_AI = (Dialect.EVO_AI, Dialect.EVO_AI_EVENTS)
MAX_PAGE_TOKEN_LENGTH = 4096

# The members that name the task and the config in get, list and delete; `set` says `taskId` in both versions.
_TASK_ID = {ProtocolVersion.V10: "taskId", ProtocolVersion.V03: "id"}
_CONFIG_ID = {ProtocolVersion.V10: "id", ProtocolVersion.V03: "pushNotificationConfigId"}


def parse_set(params: Json, version: ProtocolVersion) -> Registration:
    """Raises: InvalidParamsError naming the field."""
    call = Fields(params)
    if version is ProtocolVersion.V03 and call.value("pushNotificationConfig") is None:
        if config := call.object("config"):
            return evo_ai.parse_set(call, config)
        if call.value("url") is not None:
            return praisonai.parse_set(call)
    task_id, tenant = call.required_identifier("taskId"), _tenant(call, version)
    if version is ProtocolVersion.V10:
        return registration(call, task_id=task_id, tenant=tenant, version=version)
    config = call.object("pushNotificationConfig")
    if config is None:
        raise call.error("pushNotificationConfig", "is required")
    if evo_ai.is_config(config):
        return evo_ai.code_registration(config, task_id=task_id)
    return registration(config, task_id=task_id, tenant=tenant, version=version)


def parse_get(params: Json, version: ProtocolVersion) -> ConfigRef:
    """The config's id may be absent, in 1.0 too: a2akit sends none. Raises: InvalidParamsError naming the field."""
    call = Fields(params)
    if _is_by_task(call, version):
        return praisonai.parse_ref(call)
    return ConfigRef(call.required_identifier(_TASK_ID[version]), _tenant(call, version), call.identifier(_CONFIG_ID[version]))


def parse_delete(params: Json, version: ProtocolVersion) -> ConfigRef:
    """Raises: InvalidParamsError naming the field."""
    call = Fields(params)
    if _is_by_task(call, version):
        return praisonai.parse_ref(call)
    return ConfigRef(call.required_identifier(_TASK_ID[version]), _tenant(call, version), call.required_identifier(_CONFIG_ID[version]))


def parse_list(params: Json, version: ProtocolVersion) -> ListRequest:
    """The size of a page is checked by `paging.page`. Raises: InvalidParamsError naming the field."""
    call = Fields(params)
    page_token = call.text("pageToken", max_length=MAX_PAGE_TOKEN_LENGTH)
    if _is_by_task(call, version):
        return ListRequest(call.identifier("taskId"), "", call.integer("pageSize"), page_token, is_by_task=True)
    task_id, tenant = call.required_identifier(_TASK_ID[version]), _tenant(call, version)
    if version is ProtocolVersion.V03:
        return ListRequest(task_id, tenant, page_size=None, page_token="")
    return ListRequest(task_id, tenant, page_size=call.integer("pageSize") or 0, page_token=page_token)


def config_result(config: PushConfig, version: ProtocolVersion) -> dict[str, Any]:
    """One push config in the form of the call. Whose token it tells is `as_told_to`'s to say; a signing secret never."""
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


def set_result(config: PushConfig, version: ProtocolVersion) -> Json:
    """The answer to a set, in the dialect that the config is registered in by it.

    Evo AI's clients may say exactly what 0.3's say: for them it holds a member that 0.3's readers pass over.
    """
    if config.dialect in _EVO_AI:
        return evo_ai.set_members(config)
    if config.dialect is Dialect.PRAISONAI:
        return by_task_result(config)
    return config_result(config, version) | ({"success": True} if version is ProtocolVersion.V03 else {})


def by_task_result(config: PushConfig) -> Json:
    """In Evo AI's own form if it was said so; else for PraisonAI's readers and 0.3's at once: the latter pass over what is at the top."""
    if config.dialect in _EVO_AI:
        return evo_ai.members(config)
    return {**praisonai.members(config), **config_result(config, ProtocolVersion.V03)}


def list_result(configs: Sequence[PushConfig], next_page_token: str, version: ProtocolVersion) -> Any:
    """A page of push configs; no next page is an empty token, and left out."""
    results = [config_result(config, version) for config in configs]
    if version is ProtocolVersion.V03:
        return results
    return by_task_list_result(results, next_page_token)


def by_task_list_result(results: Sequence[Json], next_page_token: str) -> Json:
    """The results of configs as a page of them, as A2A 1.0 and PraisonAI have it."""
    return {"configs": results} | ({"nextPageToken": next_page_token} if next_page_token else {})


def _is_by_task(call: Fields, version: ProtocolVersion) -> bool:
    """A2A 0.3 says `id` for the task; PraisonAI and Evo AI say `taskId`, or nothing."""
    return version is ProtocolVersion.V03 and not call.value("id")


def _tenant(call: Fields, version: ProtocolVersion) -> str:
    return call.identifier("tenant") if version is ProtocolVersion.V10 else ""


def _without_empty(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}
