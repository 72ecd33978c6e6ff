"""Every method of A2A the relay knows, spelled as the specification writes it, and which version a call is in.

Source: A2A 1.0 §3.6 and §9.4, A2A 0.3 §7. `tasks/list` and two names of the extended card are not in 0.3's JSON-RPC; PraisonAI and Evo AI
use them.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from relay.domain.errors import MethodNotFoundError, VersionNotSupportedError
from relay.domain.json_body import MAX_FORWARDED_BODY_BYTES, MAX_PUSH_CONFIG_BODY_BYTES
from relay.domain.task import ProtocolVersion


class Kind(StrEnum):
    """What a call asks for, whatever its version calls it."""

    SEND = "send"
    STREAM = "stream"
    GET_TASK = "get task"
    LIST_TASKS = "list tasks"
    CANCEL = "cancel"
    SUBSCRIBE = "subscribe"
    SET_PUSH = "set push config"
    GET_PUSH = "get push config"
    LIST_PUSH = "list push configs"
    DELETE_PUSH = "delete push config"
    EXTENDED_CARD = "extended card"

    @property
    def is_about_push(self) -> bool:
        return self in _PUSH_CONFIG_KINDS

    @property
    def max_body_bytes(self) -> int:
        return MAX_PUSH_CONFIG_BODY_BYTES if self.is_about_push else MAX_FORWARDED_BODY_BYTES


_PUSH_CONFIG_KINDS = frozenset({Kind.SET_PUSH, Kind.GET_PUSH, Kind.LIST_PUSH, Kind.DELETE_PUSH})


class Method(NamedTuple):
    """One method of one version."""

    name: str
    version: ProtocolVersion
    kind: Kind


METHODS: dict[str, Method] = {
    name: Method(name, version, kind)
    for name, version, kind in (
        ("SendMessage", ProtocolVersion.V10, Kind.SEND),
        ("SendStreamingMessage", ProtocolVersion.V10, Kind.STREAM),
        ("GetTask", ProtocolVersion.V10, Kind.GET_TASK),
        ("ListTasks", ProtocolVersion.V10, Kind.LIST_TASKS),
        ("CancelTask", ProtocolVersion.V10, Kind.CANCEL),
        ("SubscribeToTask", ProtocolVersion.V10, Kind.SUBSCRIBE),
        ("CreateTaskPushNotificationConfig", ProtocolVersion.V10, Kind.SET_PUSH),
        ("GetTaskPushNotificationConfig", ProtocolVersion.V10, Kind.GET_PUSH),
        ("ListTaskPushNotificationConfigs", ProtocolVersion.V10, Kind.LIST_PUSH),
        ("DeleteTaskPushNotificationConfig", ProtocolVersion.V10, Kind.DELETE_PUSH),
        ("GetExtendedAgentCard", ProtocolVersion.V10, Kind.EXTENDED_CARD),
        ("message/send", ProtocolVersion.V03, Kind.SEND),
        ("message/stream", ProtocolVersion.V03, Kind.STREAM),
        ("tasks/get", ProtocolVersion.V03, Kind.GET_TASK),
        ("tasks/list", ProtocolVersion.V03, Kind.LIST_TASKS),
        ("tasks/cancel", ProtocolVersion.V03, Kind.CANCEL),
        ("tasks/resubscribe", ProtocolVersion.V03, Kind.SUBSCRIBE),
        ("tasks/pushNotificationConfig/set", ProtocolVersion.V03, Kind.SET_PUSH),
        ("tasks/pushNotificationConfig/get", ProtocolVersion.V03, Kind.GET_PUSH),
        ("tasks/pushNotificationConfig/list", ProtocolVersion.V03, Kind.LIST_PUSH),
        ("tasks/pushNotificationConfig/delete", ProtocolVersion.V03, Kind.DELETE_PUSH),
        ("agent/getAuthenticatedExtendedCard", ProtocolVersion.V03, Kind.EXTENDED_CARD),
        ("agent/authenticatedExtendedCard", ProtocolVersion.V03, Kind.EXTENDED_CARD),
        ("agent/getExtendedCard", ProtocolVersion.V03, Kind.EXTENDED_CARD),
    )
}

_SUPPORTED = ", ".join(ProtocolVersion)
_VERSION = re.compile(r"([0-9]{1,4})(?:\.([0-9]{1,4}))?(?:\.[0-9]{1,4})?")


def negotiate(name: str, version_header: str | None) -> Method:
    """The method a call means. `version_header` is the header, or query parameter, `A2A-Version`: missing means 0.3, a patch means nothing.

    Raises: MethodNotFoundError for an unknown method, or one of 0.3 called as 1.x; VersionNotSupportedError naming what is supported.
    """
    method = METHODS.get(name)
    if method is None:
        raise MethodNotFoundError(f"There is no method {name[:100]!r}.")
    version = requested_version(version_header)
    if version is method.version:
        return method
    if version is ProtocolVersion.V10:
        raise MethodNotFoundError(f"{name} is a method of A2A 0.3; with A2A-Version 1.0 call {names_of(method.kind, version)[0]}.")
    requested = (version_header or "").strip()[:32]
    said = f"A2A-Version {requested!r}" if requested else "A missing A2A-Version means 0.3, which"
    raise VersionNotSupportedError(
        f"{said} is not supported for {name}: send A2A-Version: {method.version}. Supported versions: {_SUPPORTED}.",
        metadata={"requestedVersion": requested, "supportedVersions": _SUPPORTED},
    )


def answer_version(name: str, version_header: str | None) -> ProtocolVersion:
    """The form for answering a call that failed before it was understood: its method's, else the one it asked for, else 0.3's."""
    method = METHODS.get(name)
    return method.version if method else requested_version(version_header) or ProtocolVersion.V03


def names_of(kind: Kind, version: ProtocolVersion) -> tuple[str, ...]:
    """What a version calls a method, the specification's own name first."""
    return tuple(method.name for method in METHODS.values() if method.version is version and method.kind is kind)


def names_patch(version_header: str | None) -> bool:
    """Whether a call names a patch (`0.3.0`), as a2akit's client does and no SDK: what it leaves unsaid means what it means there."""
    return (version_header or "").strip().count(".") > 1


def requested_version(version_header: str | None) -> ProtocolVersion | None:
    """The version a call asks for, 0.3 when it names none; None for one the relay does not speak."""
    text = (version_header or "").strip()
    if not text:
        return ProtocolVersion.V03
    match = _VERSION.fullmatch(text)
    if match and int(match[1]) == 1:
        return ProtocolVersion.V10
    if match and int(match[1]) == 0 and int(match[2] or 0) == 3:
        return ProtocolVersion.V03
    return None
