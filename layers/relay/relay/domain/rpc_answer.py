"""An agent's JSON-RPC response in an envelope that every client can read: the caller's own id, and a result or an error, never both.

Python's SDKs compare no ids, JavaScript's complain of another one, and other clients may wait for theirs for ever; some agents answer with
an id of their own, with `"error": null` beside the result, or without a result that is empty.

Source: JSON-RPC 2.0 §5; a2a-sdk 0.3.26 (leaves an empty `result` out), a2akit 0.0.32 (answers a version it does not speak with an error
object that nothing is around).
"""

from typing import Any, TypeGuard

from relay.domain.jsonrpc import RequestId
from relay.domain.lenient import text
from relay.domain.task import Json

_ENVELOPE = frozenset({"jsonrpc", "id", "result", "error"})


def response_of(document: Any, request_id: RequestId) -> Json | None:
    """The response to the call of that id; the document itself when it is one already, None when it is no response at all."""
    if not _is_response(document):
        return None
    error = document.get("error")
    said: Json = {"result": document.get("result")} if error is None else {"error": _error(error)}
    others = {name: value for name, value in document.items() if name not in _ENVELOPE}
    response = {"jsonrpc": "2.0", "id": request_id, **said, **others}
    return document if document == response and type(document["id"]) is type(request_id) else response


def bare_error(document: Any, request_id: RequestId) -> Json | None:
    """The response that an error object without an envelope means."""
    if not isinstance(document, dict) or not _is_code(document.get("code")) or document["code"] >= 0:
        return None
    error = {"code": document["code"], "message": text(document.get("message"))}
    return {"jsonrpc": "2.0", "id": request_id, "error": error}


def _is_response(document: Any) -> bool:
    """HTTP+JSON has an `error` too, whose code is an HTTP status."""
    if not isinstance(document, dict) or "method" in document:
        return False
    error = document.get("error")
    if error is not None:
        code = error.get("code") if isinstance(error, dict) else None
        return _is_code(code) and ("jsonrpc" in document or code < 0)
    return "result" in document or "jsonrpc" in document


def _is_code(code: Any) -> TypeGuard[int]:
    return isinstance(code, int) and not isinstance(code, bool)


def _error(error: Json) -> Json:
    """SDKs of 0.3 refuse an error whose message is no text."""
    return error if isinstance(error.get("message"), str) else {**error, "message": text(error.get("message"))}
