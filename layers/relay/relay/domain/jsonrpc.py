"""The JSON-RPC 2.0 envelope: requests taken apart, answers put together.

Source: JSON-RPC 2.0 Specification §4 and §5; A2A 1.0 §9.5 (`error.data` is an array of `google.protobuf.Any` in ProtoJSON); A2A 0.3 §8
(`error.data` is free: an object here). Batches are not part of A2A.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from relay.domain.errors import (
    ContentTypeNotSupportedError,
    InternalError,
    InvalidParamsError,
    InvalidRequestError,
    OwnerCapError,
    ParseError,
    RelayError,
)
from relay.domain.json_body import MAX_FORWARDED_BODY_BYTES, check_size, is_json, parse_json
from relay.domain.task import Json, ProtocolVersion

RequestId = str | int | float | None

A2A_DOMAIN = "a2a-protocol.org"
RELAY_DOMAIN = "a2a-push-relay"  # the reasons of -32603 are the relay's own, and that of an owner's cap


@dataclass(frozen=True)
class Request:
    """One call. A call without an id is answered too, with the id `null`: A2A knows no notifications in JSON-RPC's sense."""

    id: RequestId
    method: str
    params: Json


class RequestError(Exception):
    """A faulty request: the protocol error to answer, and the request's id as far as it could be read."""

    def __init__(self, error: RelayError, request_id: RequestId = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.request_id = request_id


def parse_request(body: bytes, content_type: str | None) -> Request:
    """Params that are absent or `null` are an empty object.

    Raises: RequestError around ParseError, InvalidRequestError, InvalidParamsError (params by position) or ContentTypeNotSupportedError.
    """
    try:
        check_size(body, MAX_FORWARDED_BODY_BYTES)
        document = parse_json(body)
    except ParseError as error:
        raise RequestError(error if is_json(content_type) else _wrong_content_type(content_type)) from error
    except InvalidRequestError as error:
        raise RequestError(error) from error
    request_id = _request_id(document)
    try:
        if not is_json(content_type):
            raise _wrong_content_type(content_type)
        return _request(document, request_id)
    except RelayError as error:
        raise RequestError(error, request_id) from error


def result_response(request_id: RequestId, result: Any) -> Json:
    """A successful answer; `result` may be None, and then is `null`, not absent."""
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def error_response(request_id: RequestId, error: RelayError, version: ProtocolVersion) -> Json:
    """An error in the form of the version that was called."""
    data = error_details(error) if version is ProtocolVersion.V10 else {"reason": error.reason, **error.metadata}
    return {"jsonrpc": "2.0", "id": request_id, "error": {"code": error.code, "message": error.message, "data": data}}


def error_details(error: RelayError) -> list[Json]:
    """The details of an error in A2A 1.0, the same in every binding: ErrorInfo, and for wrong params BadRequest."""
    details: list[Json] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": error.reason,
            "domain": RELAY_DOMAIN if isinstance(error, InternalError | OwnerCapError) else A2A_DOMAIN,
            "metadata": error.metadata,
        }
    ]
    if isinstance(error, InvalidParamsError):
        violation = {"field": error.field, "description": error.message}
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]})
    return details


def _wrong_content_type(content_type: str | None) -> RelayError:
    return ContentTypeNotSupportedError(f"The content type {(content_type or '')[:100]!r} is not taken: send application/json.")


def _is_request_id(value: object) -> bool:
    return value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))


def _request_id(document: Any) -> RequestId:
    request_id = document.get("id") if isinstance(document, Mapping) else None
    return request_id if _is_request_id(request_id) else None


def _request(document: Any, request_id: RequestId) -> Request:
    if isinstance(document, list):
        raise InvalidRequestError("Batches are not supported: send one request object.")
    if not isinstance(document, Mapping):
        raise InvalidRequestError("The request must be a JSON object.")
    if document.get("jsonrpc") != "2.0":
        raise InvalidRequestError('`jsonrpc` must be exactly "2.0".')
    if not _is_request_id(document.get("id")):
        raise InvalidRequestError("`id` must be a string, a number or null.")
    method = document.get("method")
    if not isinstance(method, str) or not method:
        raise InvalidRequestError("`method` must be the name of a method.")
    return Request(request_id, method, _params(document.get("params")))


def _params(params: Any) -> Json:
    if params is None:
        return {}
    if isinstance(params, list):
        raise InvalidParamsError("`params` must be an object: no method of A2A takes them by position.", field="params")
    if not isinstance(params, Mapping):
        raise InvalidRequestError("`params` must be an object.")
    return params
