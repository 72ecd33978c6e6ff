"""The api function: API Gateway's HTTP requests at the agents' addresses; the only place that makes protocol errors.

JSON-RPC is POSTed to an agent's address, with and without trailing slash, and to `{base}/a2a`; HTTP+JSON has its paths below it
(`relay.domain.http_json`); the card is at both well-known paths. The relay key tells which owner a caller is, and an address means that
owner's agent; open to all are the cards of the owner `default`, the relay's public keys, and the description of the API.
"""

from collections.abc import Callable, Mapping
from email.utils import format_datetime
from functools import partial
from typing import Any
from urllib.parse import unquote

from relay import observability
from relay.adapters.upstream import Answer
from relay.domain.callback import PATH as CALLBACK_PATH
from relay.domain.door import Caller
from relay.domain.endpoint import WELL_KNOWN_PATHS
from relay.domain.errors import (
    AgentNotFoundError,
    ForbiddenError,
    InternalError,
    OwnerCapError,
    RelayError,
    UnauthenticatedError,
    UpstreamForbiddenError,
    UpstreamUnauthenticatedError,
)
from relay.domain.http_json import Content, Target, find_target, negotiated, read_call, tenant_of
from relay.domain.http_json_answers import HttpJsonAnswer, agent_error_answer, error_answer, result_answer
from relay.domain.json_body import check_size
from relay.domain.jsonrpc import Request, RequestError, error_details, error_response, parse_request, result_response
from relay.domain.keys import AgentKey
from relay.domain.masking import without
from relay.domain.protocol import Kind, Method, answer_version, negotiate
from relay.domain.report import Reported, read_push, read_report
from relay.domain.signer import JWKS_MAX_AGE, JWKS_PATH, jwks
from relay.http_event import HttpAnswer, HttpRequest, fitting, json_answer, plain_answer, read_request, revalidated
from relay.openapi import DESCRIPTION_PATHS, description
from relay.use_cases.answer import Call
from relay.wiring import wiring

# Which card it is depends on the key: no cache may show one caller's to another.
_CARD_HEADERS = {"cache-control": "private, max-age=60", "vary": "Authorization, X-API-Key"}
_PUBLIC = {"cache-control": "public, max-age=300"}
_KEYS_HEADERS = {"content-type": "application/jwk-set+json", "cache-control": f"public, max-age={int(JWKS_MAX_AGE.total_seconds())}"}
_RPC_PATHS = ("", "/", "/a2a", "/a2a/")
_REPORT_PATHS = ("/reports", "/reports/")
HEALTH_PATHS = ("/health", "/v1/health")  # the second is where a2akit's client looks before it speaks HTTP+JSON
_PLAIN_ERRORS = (AgentNotFoundError, ForbiddenError, UnauthenticatedError, UpstreamForbiddenError)  # HTTP's own, whatever the binding
_OUR_FAULT = "The relay failed; its operator finds the reason in its log."


def handler(event: dict[str, Any], context: object) -> HttpAnswer:
    """Every answer is an answer: the unknown becomes -32603 without details, and a log line with all of them."""
    with observability.unit_of_work("api", context):
        try:
            return _answer(read_request(event, public_url=wiring().settings.public_url))
        except _PLAIN_ERRORS as error:
            return _http_error(error)
        except Exception as error:
            observability.fault("request failed", error=error)
            return _http_error(InternalError(_OUR_FAULT))


def _answer(request: HttpRequest) -> HttpAnswer:
    if document := _DOCUMENTS.get(request.rest):
        return document(request) if request.method in ("GET", "HEAD") else plain_answer(405, "This is read with GET.", _allow("GET, HEAD"))
    if request.rest in _RPC_PATHS:
        if request.method != "POST":
            return plain_answer(405, "JSON-RPC is POSTed.", _allow("POST"))
        return _rpc(request, wiring().admit(request.headers, request.context))
    if take := _told_by_agents(request.rest):
        return take(request) if request.method == "POST" else plain_answer(405, "What agents tell is POSTed.", _allow("POST"))
    if target := find_target(request.rest, request.version_header):
        return _http_json(request, target)
    return plain_answer(404, "There is nothing at this path: JSON-RPC is POSTed to an agent's address, HTTP+JSON is below it.")


def _card(request: HttpRequest) -> HttpAnswer:
    caller = wiring().admit.to_cards(request.headers)
    try:
        agent = wiring().agents.find(caller.agent_key(request.agent))
    except (AgentNotFoundError, UpstreamForbiddenError):
        raise
    except RelayError as error:
        return _http_error(error)
    card = wiring().forward.card(agent, agent.card, base_url=request.base_url)
    return revalidated(request, json_answer(200, card, _CARD_HEADERS))


def _public_keys(_: HttpRequest) -> HttpAnswer:
    """The same at every agent's address: they are the relay's."""
    return json_answer(200, jwks(wiring().signer()), _KEYS_HEADERS)


def _description(request: HttpRequest) -> HttpAnswer:
    headers = {"content-type": DESCRIPTION_PATHS[request.rest], **_PUBLIC}
    return {"statusCode": 200, "headers": headers, "body": description(request.rest)}


def _health(_: HttpRequest) -> HttpAnswer:
    return json_answer(200, {"status": "ok"})


_DOCUMENTS: Mapping[str, Callable[[HttpRequest], HttpAnswer]] = {
    **dict.fromkeys(WELL_KNOWN_PATHS, _card),
    JWKS_PATH: _public_keys,
    **dict.fromkeys(DESCRIPTION_PATHS, _description),
    **dict.fromkeys(HEALTH_PATHS, _health),
}


def _told_by_agents(rest: str) -> Callable[[HttpRequest], HttpAnswer] | None:
    if rest in _REPORT_PATHS:
        return _report
    return _callback if rest.startswith(CALLBACK_PATH) else None


def _report(request: HttpRequest) -> HttpAnswer:
    """What an agent tells of a task, or code beside it."""
    reporter = wiring().admit_reporter(request.headers, request.agent)
    read = partial(read_report, reporter, content_type=request.content_type, query=request.query)
    return _taken(request, reporter, read, lambda reported, _: wiring().report(*reported))


def _callback(request: HttpRequest) -> HttpAnswer:
    """What an agent pushes of the one task that the relay has registered a callback for."""
    callback_id = unquote(request.rest.removeprefix(CALLBACK_PATH))
    task = wiring().admit_callback(request.headers, callback_id)

    def take(reported: Reported, body: bytes) -> None:
        if task.task_id:
            wiring().report(*reported)
        else:
            wiring().callback_in_send.keep(callback_id, reported, body)

    answer = _taken(request, task.agent_key, partial(read_push, task, content_type=request.content_type), take)
    wiring().known_reach.heard(task.agent_key)
    return answer


def _taken(
    request: HttpRequest, agent: AgentKey, read: Callable[[bytes], Reported | None], take: Callable[[Reported, bytes], object]
) -> HttpAnswer:
    """Whatever becomes of it, the answer is the same: the relay has it. The operator's credential is not told on."""
    body = without(wiring().agents.hidden(agent), request.body)
    try:
        if reported := read(body):
            take(reported, body)
    except RelayError as error:
        observability.log("report refused", agent=request.agent, reason=error.reason)
        return _http_error(error)
    return json_answer(202, {})


def _rpc(request: HttpRequest, caller: Caller) -> HttpAnswer:
    """JSON-RPC errors answer with HTTP 200."""
    try:
        rpc = parse_request(request.body, request.content_type)
    except RequestError as error:
        return json_answer(200, error_response(error.request_id, error.error, answer_version("", request.version_header)))

    def call() -> HttpAnswer:
        method = negotiate(rpc.method, request.version_header)
        check_size(request.body, method.kind.max_body_bytes)
        result = _told(request, rpc, caller, method)
        if isinstance(result, Answer):
            return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": result.body.decode("utf-8", "replace")}
        return json_answer(200, result_response(rpc.id, result))

    def refuse(error: RelayError) -> HttpAnswer:
        return json_answer(200, error_response(rpc.id, error, answer_version(rpc.method, request.version_header)))

    return _answered(request, caller, rpc.method, call=call, refuse=refuse)


def _http_json(request: HttpRequest, target: Target) -> HttpAnswer:
    kind = target.kind(request.method)
    if kind is None:
        return plain_answer(405, f"At this path there is {target.verbs} only.", _allow(target.verbs))
    caller = wiring().admit(request.headers, request.context)

    def call() -> HttpAnswer:
        method = negotiated(target, kind, request.version_header)
        named = target
        if kind in (Kind.GET_PUSH, Kind.DELETE_PUSH):
            find = wiring().name_config.to_get if kind is Kind.GET_PUSH else wiring().name_config.to_delete
            named = find(target, caller.agent_key(request.agent), tenant_of(target, request.query))
        asked = read_call(named, method, Content(request.query, request.body, request.content_type), request.version_header)
        result = _told(request, asked.request, caller, method)
        if isinstance(result, Answer) and result.error is not None:
            return _in_http(agent_error_answer(result.error, target.version))
        result = result.result if isinstance(result, Answer) else result
        is_proto = wiring().speak_proto(asked, caller.agent_key(request.agent), result)
        return _in_http(result_answer(kind, result, target.version, is_proto=is_proto))

    def refuse(error: RelayError) -> HttpAnswer:
        return _in_http(error_answer(error, target.version), _when_to_return(error))

    return _answered(request, caller, f"{target.version} {kind}", call=call, refuse=refuse)


def _in_http(answer: HttpJsonAnswer, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    return json_answer(answer.status, answer.body, {"content-type": answer.media_type, **(headers or {})})


def _when_to_return(error: RelayError) -> Mapping[str, str]:
    return {"retry-after": format_datetime(error.until, usegmt=True)} if isinstance(error, OwnerCapError) else {}


def _answered(
    request: HttpRequest, caller: Caller, name: str, *, call: Callable[[], HttpAnswer], refuse: Callable[[RelayError], HttpAnswer]
) -> HttpAnswer:
    """The call's answer, or an error in the form of its binding."""
    try:
        return fitting(call())
    except _PLAIN_ERRORS:
        raise
    except RelayError as error:
        observability.call_refused(caller, error, agent=request.agent, method=name)
        return refuse(error)
    except Exception as error:
        observability.fault("call failed", caller=caller, agent=request.agent, method=name, error=error)
        return refuse(InternalError(_OUR_FAULT))


def _told(request: HttpRequest, rpc: Request, caller: Caller, method: Method) -> Answer | Any:
    """The result, or the agent's answer. Raises: RelayError; UpstreamForbiddenError for the agent's own 401 or 403."""
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
    if isinstance(result, Answer) and result.is_forbidden:
        if result.status == 403:
            raise UpstreamForbiddenError("The agent refused this credential.")
        raise UpstreamUnauthenticatedError("The agent asks for a credential: send it as X-Upstream-Authorization.")
    return result


def _http_error(error: RelayError) -> HttpAnswer:
    headers = {"www-authenticate": "Bearer"} if error.http_status == 401 else {}
    status = {"code": error.http_status, "status": error.grpc_status, "message": error.message, "details": error_details(error)}
    return json_answer(error.http_status, {"error": status}, headers)


def _allow(verbs: str) -> dict[str, str]:
    return {"allow": verbs}
