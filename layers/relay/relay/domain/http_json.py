"""The HTTP+JSON binding: which method a request's verb and path mean, and the params in its path, query and body.

Both versions have the same paths, 0.3 below `/v1`. Where clients go their own way: a2akit's, told to speak HTTP+JSON, takes the card's own
address and calls 0.3 there without `/v1`, so a version that is named counts; SDKs of 0.3 add `/v1` to whatever address the card names.

A slash in an id cannot be told from one of the path, nor can what an id was before an HTTP API decoded it (`path_ids`): where a wrong guess
would do harm, it is looked up (`Target.readings`).

Source: A2A 1.0 §11 and a2a.proto's `google.api.http`; A2A 0.3 §3.2.3 and §3.5.3; a2akit 0.0.32 and a2a-sdk 0.3.26 and 1.3.0, as recorded.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from relay.domain.errors import ContentTypeNotSupportedError, InvalidParamsError, InvalidRequestError, VersionNotSupportedError
from relay.domain.json_body import check_size, is_json, parse_json
from relay.domain.jsonrpc import Request
from relay.domain.keys import fits_key
from relay.domain.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from relay.domain.proto_03 import config_of_proto, is_proto_send, is_proto_set, send_of_proto
from relay.domain.protocol import Kind, Method, names_of, names_patch, negotiate, requested_version
from relay.domain.task import Json, ProtocolVersion

V03_PREFIX = "/v1"
OLD_CARD_PATH = "/agent/authenticatedExtendedCard"  # of A2A 0.2.1 on; a2a-sdk 0.3 serves it too


class Route(NamedTuple):
    """`{id}` in the path is the task's id, `{configId}` the push config's."""

    verb: str
    path: str
    kind: Kind


_IN_BOTH = (
    Route("POST", "/message:send", Kind.SEND),
    Route("POST", "/message:stream", Kind.STREAM),
    Route("GET", "/tasks", Kind.LIST_TASKS),
    Route("POST", "/tasks/{id}/pushNotificationConfigs", Kind.SET_PUSH),
    Route("GET", "/tasks/{id}/pushNotificationConfigs", Kind.LIST_PUSH),
    Route("GET", "/tasks/{id}/pushNotificationConfigs/{configId}", Kind.GET_PUSH),
    Route("DELETE", "/tasks/{id}/pushNotificationConfigs/{configId}", Kind.DELETE_PUSH),
    Route("POST", "/tasks/{id}:cancel", Kind.CANCEL),
    Route("GET", "/tasks/{id}:subscribe", Kind.SUBSCRIBE),
    Route("POST", "/tasks/{id}:subscribe", Kind.SUBSCRIBE),
    Route("GET", "/tasks/{id}", Kind.GET_TASK),
)
ROUTES: Mapping[ProtocolVersion, tuple[Route, ...]] = {
    ProtocolVersion.V10: (*_IN_BOTH, Route("GET", "/extendedAgentCard", Kind.EXTENDED_CARD)),
    ProtocolVersion.V03: (*_IN_BOTH, Route("GET", "/card", Kind.EXTENDED_CARD)),
}

_LIST_QUERY = ("contextId", "status", "pageSize", "pageToken", "historyLength", "statusTimestampAfter", "includeArtifacts")
QUERIES: Mapping[Kind, tuple[str, ...]] = {
    Kind.GET_TASK: ("historyLength",),
    Kind.LIST_TASKS: _LIST_QUERY,
    Kind.LIST_PUSH: ("pageSize", "pageToken"),
}
_INTEGERS = frozenset({"historyLength", "pageSize"})
_TRUTHS = {"true": True, "false": False}
_INTEGER = re.compile(r"-?[0-9]{1,10}")
_WITH_BODY = frozenset({Kind.SEND, Kind.STREAM, Kind.CANCEL, Kind.SET_PUSH})


@dataclass(frozen=True)
class Target:
    """What is at a path: the kinds of call there by their verbs, and what the path names. `tenant` is 1.0's prefix.

    `readings`: each task id and config id that it names as it arrives, if it may name a config; the likeliest first.
    """

    version: ProtocolVersion
    kinds: Mapping[str, Kind]
    task_id: str = ""
    config_id: str = ""
    tenant: str = ""
    readings: tuple[tuple[str, str], ...] = ()

    def kind(self, verb: str) -> Kind | None:
        """What is read with GET may be asked for with HEAD."""
        return self.kinds.get("GET" if verb == "HEAD" else verb)

    @property
    def verbs(self) -> str:
        """As the header `Allow` has them."""
        return ", ".join(sorted({*self.kinds, *(["HEAD"] if "GET" in self.kinds else [])}))


@dataclass(frozen=True)
class Content:
    """What a request says beside its verb and path."""

    query: Mapping[str, str]
    body: bytes = field(repr=False)
    content_type: str | None = None


@dataclass(frozen=True)
class HttpJsonCall:
    """A call as JSON-RPC would have it, its id the method's name. `speaks_proto`: its body is in the words of 0.3's proto.

    `may_speak_proto`: it has no body that would show it, and is not a2akit's, which names a patch of 0.3.
    """

    request: Request
    kind: Kind
    task_id: str
    speaks_proto: bool = False
    may_speak_proto: bool = False


def find_target(path: str, version_header: str | None) -> Target | None:
    """What is at a path below an agent's address; None when it is none of this binding's.

    Below `/v1` it is 0.3, elsewhere 1.0, but 0.3 where the call says so.
    """
    if path == OLD_CARD_PATH:
        return Target(ProtocolVersion.V03, {"GET": Kind.EXTENDED_CARD})
    if path.startswith(V03_PREFIX + "/"):
        return _at(path.removeprefix(V03_PREFIX).removeprefix(V03_PREFIX), ProtocolVersion.V03)
    if version_header and requested_version(version_header) is ProtocolVersion.V03:
        return _at(path, ProtocolVersion.V03)
    if found := _at(path, ProtocolVersion.V10):
        return found
    tenant, separator, rest = path.removeprefix("/").partition("/")
    return _at(separator + rest, ProtocolVersion.V10, tenant=tenant) if tenant else None


def negotiated(target: Target, kind: Kind, version_header: str | None) -> Method:
    """The method that is called. Raises: VersionNotSupportedError naming what is supported."""
    name = names_of(kind, target.version)[0]
    if target.version is ProtocolVersion.V03 and requested_version(version_header) is ProtocolVersion.V10:
        raise VersionNotSupportedError(
            f"This path is A2A 0.3's: A2A 1.0 has the same without {V03_PREFIX}, and its extended card at /extendedAgentCard.",
            metadata={"requestedVersion": (version_header or "").strip()[:32], "supportedVersions": ProtocolVersion.V03.value},
        )
    return negotiate(name, version_header)


def read_call(target: Target, method: Method, content: Content, version_header: str | None) -> HttpJsonCall:
    """Raises: BodyTooLargeError, ContentTypeNotSupportedError, ParseError, InvalidRequestError, InvalidParamsError."""
    kind = method.kind
    said = _body(kind, content) if kind in _WITH_BODY else {}
    asked = _query(QUERIES.get(kind, ()), content.query)
    if target.version is ProtocolVersion.V03:
        read_proto = _FROM_PROTO.get(kind, _never)(said)
        params = _params_03(kind, target, (said if read_proto is None else read_proto) | asked)
        is_open = kind in _SILENT and not said and not names_patch(version_header)
        return HttpJsonCall(Request(method.name, method.name, params), kind, target.task_id, read_proto is not None, is_open)
    tenant = tenant_of(target, content.query)
    params = {**said, **asked, **_named_10(kind, target), **({"tenant": tenant} if tenant else {})}
    return HttpJsonCall(Request(method.name, method.name, params), kind, target.task_id)


def tenant_of(target: Target, query: Mapping[str, str]) -> str:
    """0.3 knows none."""
    return target.tenant or query.get("tenant", "") if target.version is ProtocolVersion.V10 else ""


def _at(path: str, version: ProtocolVersion, *, tenant: str = "") -> Target | None:
    for pattern, kinds in _PATTERNS[version]:
        if match := pattern.fullmatch(path.rstrip("/")):
            names = match.groupdict()
            return _with_readings(Target(version, kinds, names.get("id", ""), names.get("configId", ""), tenant), path)
    return None


def _with_readings(target: Target, path: str) -> Target:
    readings = tuple(dict.fromkeys(_readings(path)))
    if not readings:
        return target
    if target.config_id:
        return replace(target, task_id=readings[0][0], config_id=readings[0][1], readings=readings)
    return replace(target, kinds={**target.kinds, "DELETE": Kind.DELETE_PUSH}, readings=readings)  # of a config whose id ends so


def _readings(path: str) -> Iterator[tuple[str, str]]:
    """A slash at the end may be the id's or idle."""
    for text in (path.rstrip("/"), path):
        for between in re.finditer("(?=/pushNotificationConfigs/.)", text, re.DOTALL):
            task_id, config_id = text[len("/tasks/") : between.start()], text[between.start() + len("/pushNotificationConfigs/") :]
            if fits_key(task_id) and fits_key(config_id):
                yield task_id, config_id


def _patterns(routes: tuple[Route, ...]) -> list[tuple[re.Pattern[str], Mapping[str, Kind]]]:
    """In the routes' order: `/tasks/{id}` would match all that is below it."""
    kinds: dict[str, dict[str, Kind]] = {}
    for route in routes:
        kinds.setdefault(route.path, {})[route.verb] = route.kind
    return [(re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>.+)", path), re.DOTALL), by_verb) for path, by_verb in kinds.items()]


_PATTERNS = {version: _patterns(routes) for version, routes in ROUTES.items()}


def _body(kind: Kind, content: Content) -> dict[str, Any]:
    """An empty body is an empty object."""
    check_size(content.body, kind.max_body_bytes)
    if not content.body.strip():
        return {}
    if not is_json(content.content_type):
        given = (content.content_type or "")[:100]
        raise ContentTypeNotSupportedError(f"The content type {given!r} is not taken: send application/json or application/a2a+json.")
    document = parse_json(content.body)
    if not isinstance(document, dict):
        raise InvalidRequestError("The body must be a JSON object.")
    return dict(document)


def _query(names: tuple[str, ...], query: Mapping[str, str]) -> dict[str, Any]:
    """What is not known is ignored (A2A 1.0 §5.7), and so is an empty value. Raises: InvalidParamsError."""
    return {name: _typed(name, query[name]) for name in names if query.get(name)}


def _typed(name: str, value: str) -> Any:
    if name in _INTEGERS:
        if not _INTEGER.fullmatch(value):
            raise InvalidParamsError(f"{name} must be a whole number.", field=name)
        return _bounded(name, int(value))
    if name == "includeArtifacts":
        if value.lower() not in _TRUTHS:
            raise InvalidParamsError(f"{name} must be true or false.", field=name)
        return _TRUTHS[value.lower()]
    return value


def _bounded(name: str, number: int) -> int:
    """a2akit 0.0.32 answers a page size beyond these with HTTP 500."""
    if name == "pageSize" and not 0 <= number <= MAX_PAGE_SIZE:
        raise InvalidParamsError(f"{name} must be 1 to {MAX_PAGE_SIZE}.", field=name)
    if number < 0:
        raise InvalidParamsError(f"{name} must not be negative.", field=name)
    return number


def _named_10(kind: Kind, target: Target) -> Json:
    """What the path names, which nothing in the body can change."""
    if kind in (Kind.GET_PUSH, Kind.DELETE_PUSH):
        return {"taskId": target.task_id, "id": target.config_id}
    if kind in (Kind.SET_PUSH, Kind.LIST_PUSH):
        return {"taskId": target.task_id}
    return {"id": target.task_id} if target.task_id else {}


def _params_03(kind: Kind, target: Target, said: Json) -> Json:
    shape = _SHAPES_03.get(kind)
    return shape(target, said) if shape else said


# a2akit's client knows pages only; it names the size of one in every call. 0 is the default; a2akit's server answers it with HTTP 500.
_SHAPES_03: Mapping[Kind, Callable[[Target, Json], Json]] = {
    Kind.LIST_TASKS: lambda _, said: {**said, "pageSize": said.get("pageSize") or DEFAULT_PAGE_SIZE},
    Kind.GET_TASK: lambda target, said: {**said, "id": target.task_id},
    Kind.CANCEL: lambda target, said: {**said, "id": target.task_id},
    Kind.SUBSCRIBE: lambda target, _: {"id": target.task_id},
    Kind.SET_PUSH: lambda target, said: {"taskId": target.task_id, "pushNotificationConfig": _config_03(said)},
    Kind.LIST_PUSH: lambda target, _: {"id": target.task_id},
    Kind.GET_PUSH: lambda target, _: {"id": target.task_id, "pushNotificationConfigId": target.config_id},
    Kind.DELETE_PUSH: lambda target, _: {"id": target.task_id, "pushNotificationConfigId": target.config_id},
}


def _never(_: Json) -> None:
    return None


# What a body in the proto's words says in 0.3's own; None when it is not in them.
_FROM_PROTO: Mapping[Kind, Callable[[Json], dict[str, Any] | None]] = {
    Kind.SEND: lambda said: send_of_proto(said) if is_proto_send(said) else None,
    Kind.SET_PUSH: lambda said: config_of_proto(said) if is_proto_set(said) else None,
    Kind.CANCEL: lambda said: {} if "name" in said else None,
}
_SILENT = frozenset({Kind.GET_TASK, Kind.GET_PUSH, Kind.LIST_PUSH, Kind.CANCEL})


def _config_03(said: Json) -> Json:
    """a2akit's client says the config itself; the specification's JSON-RPC form, the config within the task's, is taken too."""
    nested = said.get("pushNotificationConfig")
    return nested if isinstance(nested, dict) else said
