"""A call of the relay's to an agent that speaks HTTP+JSON only: as an HTTP request, and the HTTP answer as the JSON-RPC response it means.

So nothing but the adapter knows of the binding. In 0.3 there are two kinds of agents: a2akit, whose address ends in `/v1` and whose bodies
are 0.3's own JSON, and those by a2a-sdk 0.3, whose address does not and whose bodies are in the proto's words (`proto_03`).

Source: A2A 1.0 §11, A2A 0.3 §3.2.3; a2akit 0.0.32 `endpoints.py` and `server.py`, a2a-sdk 0.3.26 and 1.3.0 `rest_handler.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from relay.domain.bridge_errors import REASONS
from relay.domain.endpoint import Binding, Endpoint
from relay.domain.http_json import QUERIES, ROUTES, V03_PREFIX, Route
from relay.domain.jsonrpc import RequestId
from relay.domain.lenient import mapping, mappings, text
from relay.domain.proto_03 import answer_of_proto, event_of_proto, proto_send, task_of_proto
from relay.domain.protocol import METHODS, Kind, Method
from relay.domain.task import Json, ProtocolVersion

_CODES = {reason: code for code, reason in REASONS.items()}
_LACKING, _NO_TASK = -32601, -32001
_CODES_BY_STATUS = {400: -32602, 404: _LACKING, 405: _LACKING, 409: -32002, 415: -32005, 422: -32602, 501: -32004}
_TASK_KINDS = frozenset({Kind.GET_TASK, Kind.CANCEL, Kind.SEND})


@dataclass(frozen=True)
class HttpCall:
    """`body` is None for a verb that has none.

    `has_encoded_id`: a web server that decodes a path before it is matched may have no path for it.
    """

    verb: str
    url: str
    body: Json | None = field(repr=False)
    has_encoded_id: bool = False


def call_of(endpoint: Endpoint, method: str, params: Json, request_id: RequestId) -> HttpCall:
    """The request for a call, in the endpoint's binding."""
    if endpoint.binding is Binding.HTTP_JSON:
        return http_call(endpoint, method, params)
    return HttpCall("POST", endpoint.url, {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})


def http_call(endpoint: Endpoint, method_name: str, params: Json) -> HttpCall:
    """The request for a JSON-RPC call of the method, which is one of the endpoint's version."""
    method = METHODS[method_name]
    route = _route(method)
    task_id, config_id = _named(method.kind, params)
    path = route.path.replace("{id}", _segment(task_id)).replace("{configId}", _segment(config_id))
    query = {name: _in_query(params[name]) for name in QUERIES.get(method.kind, ()) if params.get(name) not in (None, "")}
    url = _url(endpoint, path, query, tenant=text(params.get("tenant")))
    if method.kind is Kind.SUBSCRIBE:  # a2akit knows the other verb only
        return HttpCall("POST" if endpoint.version is ProtocolVersion.V03 and is_plain_03(endpoint) else route.verb, url, None)
    return HttpCall(route.verb, url, _body(endpoint, method.kind, params) if route.verb == "POST" else None, "%" in path)


def rpc_response(
    version: ProtocolVersion, method_name: str, status: int, document: Any, *, request_id: RequestId, has_encoded_id: bool = False
) -> Json | None:
    """The JSON-RPC response that an answer means; None when it means none.

    An error without a code of A2A's is told by its HTTP status. A 404 says that there is no such task where it says anything in JSON, or
    where the task's id may have led the path astray: else there is no such path.
    """
    head = {"jsonrpc": "2.0", "id": request_id}
    kind = METHODS[method_name].kind
    if 200 <= status < 300:
        return {**head, "result": _result(version, kind, document)} if isinstance(document, dict | list) else None
    error = _error(kind, status, document, no_path=_NO_TASK if has_encoded_id else _LACKING)
    return {**head, "error": error} if error else None


def _named(kind: Kind, params: Json) -> tuple[str, str]:
    """The task's id and the push config's: 1.0 says `taskId` and `id`, 0.3 `id` and `pushNotificationConfigId`, and `taskId` to set one."""
    if not kind.is_about_push:
        return text(params.get("id")), ""
    return text(params.get("taskId") or params.get("id")), text(params.get("pushNotificationConfigId") or params.get("id"))


def _route(method: Method) -> Route:
    """Of two verbs for the same, the first."""
    return next(route for route in ROUTES[method.version] if route.kind is method.kind)


def _url(endpoint: Endpoint, path: str, query: Mapping[str, str], *, tenant: str) -> str:
    base = urlsplit(endpoint.url)
    below = base.path.rstrip("/")
    if endpoint.version is ProtocolVersion.V03:
        below += "" if is_plain_03(endpoint) else V03_PREFIX
    elif tenant:
        below += "/" + _segment(tenant)
    asked = "&".join(part for part in (base.query, urlencode(query)) if part)
    return urlunsplit(base._replace(path=below + path, query=asked, fragment=""))


def event_of(endpoint: Endpoint, told: Json) -> Json:
    """What is told on a stream, in A2A's own words."""
    is_proto = endpoint.binding is Binding.HTTP_JSON and endpoint.version is ProtocolVersion.V03 and not is_plain_03(endpoint)
    return event_of_proto(told) if is_proto else told


def is_plain_03(endpoint: Endpoint) -> bool:
    """Whether an agent of 0.3 speaks 0.3's own JSON, as a2akit does; else it is the proto's."""
    return urlsplit(endpoint.url).path.rstrip("/").endswith(V03_PREFIX)


def _segment(name: str) -> str:
    """A name from a stranger stays one segment of the path: dots alone would lead out of it."""
    return name.replace(".", "%2E") if name in (".", "..") else quote(name, safe="")


def _in_query(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _body(endpoint: Endpoint, kind: Kind, params: Json) -> Json:
    """What the path names is left out of a cancel's."""
    is_proto = endpoint.version is ProtocolVersion.V03 and not is_plain_03(endpoint)
    if kind is Kind.CANCEL:
        return {"name": f"tasks/{params.get('id')}"} if is_proto else {name: value for name, value in params.items() if name != "id"}
    if kind is Kind.SET_PUSH:
        return _config(endpoint, params, is_proto=is_proto)
    return proto_send(params) if is_proto else params


def _config(endpoint: Endpoint, params: Json, *, is_proto: bool) -> Json:
    """1.0 has the task's id in the config too; a2akit takes the bare config, and a2a-sdk 0.3 the proto's request."""
    if endpoint.version is ProtocolVersion.V10:
        return {name: value for name, value in params.items() if name != "tenant"}
    config = mapping(params.get("pushNotificationConfig"))
    if not is_proto:
        return config
    parent, config_id = f"tasks/{params.get('taskId')}", text(config.get("id"))
    name = f"{parent}/pushNotificationConfigs/{config_id}"
    return {"parent": parent, "configId": config_id, "config": {"name": name, "pushNotificationConfig": config}}


def _result(version: ProtocolVersion, kind: Kind, document: Any) -> Any:
    """The proto's words are known by the lack of `kind`, wherever the agent lives."""
    if version is ProtocolVersion.V10 or kind not in _TASK_KINDS or not isinstance(document, dict) or "kind" in document:
        return document
    return answer_of_proto(document) if kind is Kind.SEND else task_of_proto(document)


def _error(kind: Kind, status: int, document: Any, *, no_path: int) -> Json | None:
    said = mapping(document)
    inner = mapping(said.get("error")) or said
    message = text(inner.get("message"))
    if not message:  # a web server's own words, for a path that it does not know
        return {"code": no_path, "message": f"The agent answered HTTP {status}."} if status in (404, 405) else None
    details = mappings(inner.get("details"))
    code = _code(inner, details) or _code_by_status(kind, status)
    data = details or inner.get("data")
    return {"code": code, "message": message, **({"data": data} if data else {})}


def _code_by_status(kind: Kind, status: int) -> int:
    """a2a-sdk 0.3 has a path for listing tasks and nothing behind it, and says so with HTTP 500."""
    if status == 404 and kind in _TASK_KINDS:
        return _NO_TASK
    return _LACKING if status == 500 and kind is Kind.LIST_TASKS else _CODES_BY_STATUS.get(status, -32603)


def _code(error: Json, details: list[Json]) -> int | None:
    """1.0's is told by ErrorInfo's reason; 0.3's, where there is one, is JSON-RPC's."""
    if by_reason := next((_CODES[reason] for detail in details if (reason := text(detail.get("reason"))) in _CODES), None):
        return by_reason
    code = error.get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) and code < 0 else None
