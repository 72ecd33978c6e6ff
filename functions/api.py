"""The api function: API Gateway's HTTP requests at the agents' addresses; the only place that makes protocol errors.

An agent lives at `/agents/{agent}`, the one named `default` also at `/`. JSON-RPC is POSTed to the base, with and without trailing slash,
and to `{base}/a2a`; the card is at both well-known paths. The relay key tells which owner a caller is, and an address means that owner's
agent; open to all are the cards of the owner `default` and the relay's public keys.
Source: API Gateway, "payload format version 2.0".
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from relay import observability
from relay.adapters.upstream import Answer
from relay.domain.door import Caller
from relay.domain.endpoint import WELL_KNOWN_PATHS
from relay.domain.errors import (
    AgentNotFoundError,
    InternalError,
    RelayError,
    UnauthenticatedError,
    UpstreamForbiddenError,
    UpstreamUnauthenticatedError,
)
from relay.domain.json_body import check_size
from relay.domain.jsonrpc import Request, RequestError, error_response, parse_request, result_response
from relay.domain.keys import DEFAULT_AGENT
from relay.domain.protocol import answer_version, negotiate
from relay.domain.signer import JWKS_PATH, jwks
from relay.use_cases.answer import Call
from relay.wiring import wiring

HttpAnswer = dict[str, Any]

# Which card it is depends on the key: no cache may show one caller's to another.
_CARD_HEADERS = {"cache-control": "private, max-age=60", "vary": "Authorization, X-API-Key"}
_RPC_PATHS = ("", "/", "/a2a", "/a2a/")
_PLAIN_ERRORS = (AgentNotFoundError, UnauthenticatedError, UpstreamForbiddenError)  # HTTP's own, never JSON-RPC


@dataclass(frozen=True)
class HttpRequest:
    """One request at one agent's address; header names in lower case. `rest` is the path below that address."""

    method: str
    agent: str
    base_url: str
    rest: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    context: Mapping[str, Any] = field(repr=False)


def handler(event: dict[str, Any], context: object) -> HttpAnswer:
    """Every answer is an answer: the unknown becomes -32603 without details, and a log line with all of them."""
    with observability.unit_of_work("api", context):
        try:
            return _answer(_request(event))
        except _PLAIN_ERRORS as error:
            return _http_error(error)
        except Exception as error:
            observability.fault("request failed", error=error)
            return _http_error(InternalError("The relay failed; its operator finds the reason in its log."))


def _answer(request: HttpRequest) -> HttpAnswer:
    if request.rest in WELL_KNOWN_PATHS:
        return _card(request) if request.method in ("GET", "HEAD") else _plain(405, "A card is read with GET.")
    if request.rest == JWKS_PATH:
        return _public_keys(request.method)
    if request.rest == "/health":
        return _plain(200, "ok")
    if request.rest not in _RPC_PATHS:
        return _plain(404, "There is nothing at this path: JSON-RPC is POSTed to an agent's address.")
    if request.method != "POST":
        return _plain(405, "JSON-RPC is POSTed.")
    return _rpc(request, wiring().admit(request.headers, request.context))


def _card(request: HttpRequest) -> HttpAnswer:
    caller = wiring().admit.to_cards(request.headers)
    try:
        agent = wiring().agents.find(caller.agent_key(request.agent))
    except (AgentNotFoundError, UpstreamForbiddenError):
        raise
    except RelayError as error:
        return _http_error(error)
    return _json(200, wiring().forward.card(agent, agent.card, base_url=request.base_url), _CARD_HEADERS)


def _public_keys(method: str) -> HttpAnswer:
    """The same at every agent's address: they are the relay's. Not cached for longer than a secret is."""
    if method not in ("GET", "HEAD"):
        return _plain(405, "Keys are read with GET.")
    return _json(200, jwks(wiring().signer()), {"content-type": "application/jwk-set+json", "cache-control": "public, max-age=300"})


def _rpc(request: HttpRequest, caller: Caller) -> HttpAnswer:
    """JSON-RPC errors answer with HTTP 200."""
    version_header = request.headers.get("a2a-version") or _version_in_query(request.query)
    try:
        rpc = parse_request(request.body, request.headers.get("content-type"))
    except RequestError as error:
        return _json(200, error_response(error.request_id, error.error, answer_version("", version_header)))
    try:
        return _called(request, rpc, caller, version_header=version_header)
    except _PLAIN_ERRORS:
        raise
    except RelayError as error:
        observability.log("call refused", caller=caller, agent=request.agent, method=rpc.method, code=error.code, reason=error.reason)
        return _json(200, error_response(rpc.id, error, answer_version(rpc.method, version_header)))
    except Exception as error:
        observability.fault("call failed", caller=caller, agent=request.agent, method=rpc.method, error=error)
        failure = InternalError("The relay failed; its operator finds the reason in its log.")
        return _json(200, error_response(rpc.id, failure, answer_version(rpc.method, version_header)))


def _called(request: HttpRequest, rpc: Request, caller: Caller, *, version_header: str | None) -> HttpAnswer:
    method = negotiate(rpc.method, version_header)
    check_size(request.body, method.kind.max_body_bytes)
    call = Call(
        caller=caller,
        agent=request.agent,
        request=rpc,
        method=method,
        incoming=request.headers,
        base_url=request.base_url,
        path=request.rest,
    )
    result = wiring().answer(call)
    observability.log("call answered", caller=caller, agent=request.agent, method=rpc.method)
    if isinstance(result, Answer):
        if result.is_forbidden:
            return _http_error(
                UpstreamForbiddenError("The agent refused this credential.")
                if result.status == 403
                else UpstreamUnauthenticatedError("The agent asks for a credential: send it as X-Upstream-Authorization.")
            )
        return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": result.body.decode("utf-8", "replace")}
    return _json(200, result_response(rpc.id, result))


def _request(event: Mapping[str, Any]) -> HttpRequest:
    context: Mapping[str, Any] = event.get("requestContext") or {}
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    stage = str(context.get("stage") or "$default")
    path = str(event.get("rawPath") or "/")
    prefix = "" if stage == "$default" else f"/{stage}"
    path = path.removeprefix(prefix) or "/"
    agent, below, rest = _agent_in(path)
    origin = (
        wiring().settings.public_url.rstrip("/") or f"{headers.get('x-forwarded-proto', 'https')}://{context.get('domainName')}{prefix}"
    )
    body = str(event.get("body") or "")
    return HttpRequest(
        method=str((context.get("http") or {}).get("method") or "GET").upper(),
        agent=agent,
        base_url=origin + below,
        rest=rest,
        query=event.get("queryStringParameters") or {},
        headers=headers,
        body=base64.b64decode(body) if event.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass"),
        context=context,
    )


def _agent_in(path: str) -> tuple[str, str, str]:
    """The agent's name, the path of its address, and the path below that."""
    _, first, *more = path.split("/", 3)
    if first != "agents" or not more or not more[0]:
        return DEFAULT_AGENT, "", path
    name = unquote(more[0])
    return name, f"/agents/{more[0]}", f"/{more[1]}" if len(more) > 1 else ""


def _version_in_query(query: Mapping[str, str]) -> str | None:
    return next((value for name, value in query.items() if name.lower() == "a2a-version"), None)


def _http_error(error: RelayError) -> HttpAnswer:
    headers = {"www-authenticate": "Bearer"} if error.http_status == 401 else {}
    return _json(error.http_status, {"error": {"code": error.http_status, "status": error.grpc_status, "message": error.message}}, headers)


def _plain(status: int, text: str) -> HttpAnswer:
    return _json(status, {"message": text})


def _json(status: int, content: Any, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    if not body.isascii():
        body = body.encode("utf-8", "backslashreplace").decode()  # half a surrogate pair becomes the JSON escape that it was
    return {"statusCode": status, "headers": {"content-type": "application/json", **(headers or {})}, "body": body}
