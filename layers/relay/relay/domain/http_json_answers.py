"""What the HTTP+JSON binding answers: an HTTP status and a body, from a method's result or an error, the relay's own or an agent's.

Source: A2A 1.0 §5.4 and §11.6 (`google.rpc.Status` around the details); for 0.3, whose text names no form, what a2akit 0.0.32 sends and its
client reads (`code` and `message` at the top), and `type`, by which the 0.3 client in a2a-sdk 1.x knows an error.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from relay.domain.bridge_errors import METHOD_NOT_FOUND, bridge_error, code_of
from relay.domain.errors import RelayError, UnsupportedOperationError
from relay.domain.jsonrpc import error_details, error_response
from relay.domain.lenient import mapping, mappings
from relay.domain.proto_03 import proto_answer, proto_config, proto_task
from relay.domain.protocol import Kind
from relay.domain.task import Json, ProtocolVersion

MEDIA_TYPES = {ProtocolVersion.V10: "application/a2a+json", ProtocolVersion.V03: "application/json"}

_UNKNOWN = (500, "INTERNAL")
_STATUSES: Mapping[int, tuple[int, str]] = {
    -32700: (400, "INVALID_ARGUMENT"),
    -32600: (400, "INVALID_ARGUMENT"),
    -32601: (404, "NOT_FOUND"),
    -32602: (400, "INVALID_ARGUMENT"),
    -32603: _UNKNOWN,
    -32001: (404, "NOT_FOUND"),
    -32002: (400, "FAILED_PRECONDITION"),
    -32003: (400, "FAILED_PRECONDITION"),
    -32004: (400, "FAILED_PRECONDITION"),
    -32005: (400, "INVALID_ARGUMENT"),
    -32006: _UNKNOWN,
    -32007: (400, "FAILED_PRECONDITION"),
    -32008: (400, "FAILED_PRECONDITION"),
    -32009: (400, "FAILED_PRECONDITION"),
}
# Where 0.3's own servers, a2akit's and a2a-sdk's, agree on another status than 1.0's; -32005 as a2a-sdk 0.3.26 has it.
_STATUSES_03 = {-32002: 409, -32003: 501, -32005: 415, -32007: 404}
_TYPES_03 = {
    -32700: "JSONParseError",
    -32600: "InvalidRequestError",
    -32601: "MethodNotFoundError",
    -32602: "InvalidParamsError",
    -32603: "InternalError",
    -32001: "TaskNotFoundError",
    -32002: "TaskNotCancelableError",
    -32003: "PushNotificationNotSupportedError",
    -32004: "UnsupportedOperationError",
    -32005: "ContentTypeNotSupportedError",
    -32006: "InvalidAgentResponseError",
    -32007: "ExtendedAgentCardNotConfiguredError",
    -32009: "VersionNotSupportedError",
}


@dataclass(frozen=True)
class HttpJsonAnswer:
    status: int
    body: Any
    version: ProtocolVersion

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.version]


def result_answer(kind: Kind, result: Any, version: ProtocolVersion, *, is_proto: bool = False) -> HttpJsonAnswer:
    """1.0's answer to a delete is an empty object, which its SDKs parse; 0.3's is `null`, as in JSON-RPC, or in the proto's words."""
    if kind is Kind.DELETE_PUSH and version is ProtocolVersion.V10:
        return HttpJsonAnswer(200, {}, version)
    if kind is Kind.SET_PUSH and version is ProtocolVersion.V03:
        result = {name: value for name, value in result.items() if name != "success"}  # Evo AI's, which speaks JSON-RPC only
    shape = list if kind is Kind.LIST_PUSH else dict  # what an agent answers may be anything
    told = _PROTO[kind](result) if is_proto and kind in _PROTO and isinstance(result, shape) else result
    return HttpJsonAnswer(200, told, version)


_PROTO: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.SEND: proto_answer,
    Kind.GET_TASK: proto_task,
    Kind.CANCEL: proto_task,
    Kind.SET_PUSH: proto_config,
    Kind.GET_PUSH: proto_config,
    Kind.LIST_PUSH: lambda results: {"configs": [proto_config(result) for result in results]},
}


def error_answer(error: RelayError, version: ProtocolVersion) -> HttpJsonAnswer:
    """An error of the relay's own."""
    if version is ProtocolVersion.V10:
        return _status(error.http_status, error.grpc_status, error.message, error_details(error))
    return _answer_03(error.http_status, mapping(error_response(None, error, version)["error"]))


def agent_error_answer(error: Json, version: ProtocolVersion) -> HttpJsonAnswer:
    """An agent's JSON-RPC error, which is told in the words of `version`.

    There is a path for every method here, so one that the agent has not is unsupported, not unknown.
    """
    if code_of(error) == METHOD_NOT_FOUND:
        return error_answer(UnsupportedOperationError("The agent has no method for this."), version)
    told = bridge_error(error, version)
    http_status, grpc_status = _STATUSES.get(told["code"], _UNKNOWN)
    if version is ProtocolVersion.V10:
        return _status(http_status, grpc_status, told["message"], mappings(told["data"]))
    return _answer_03(http_status, told)


def _status(http_status: int, grpc_status: str, message: str, details: list[Json]) -> HttpJsonAnswer:
    status = {"code": http_status, "status": grpc_status, "message": message, "details": details}
    return HttpJsonAnswer(http_status, {"error": status}, ProtocolVersion.V10)


def _answer_03(http_status: int, error: Json) -> HttpJsonAnswer:
    code = error["code"]
    body = {"code": code, "message": error["message"], "type": _TYPES_03.get(code, "InternalError")}
    return HttpJsonAnswer(
        _STATUSES_03.get(code, http_status), {**body, **({"data": error["data"]} if "data" in error else {})}, ProtocolVersion.V03
    )
