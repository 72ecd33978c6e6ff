"""What the relay asks of an agent: its card, a call over whichever binding it speaks, a task.

Source: A2A 1.0 §9, §11 and §3.1.3, A2A 0.3 §7; JSON-RPC 2.0. No call is ever repeated, but for the relay's own questions (a card, a task),
once, when a connection ended without an answer.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import httpx

from relay.adapters.upstream.exchange import MAX_ANSWER_BYTES, MAX_TASK_ANSWER_BYTES, ConnectionLostError, Exchange, exchange
from relay.adapters.upstream.transport import afresh, deadline
from relay.domain.bridge_errors import is_task_not_found
from relay.domain.card import is_card
from relay.domain.endpoint import Binding, Endpoint, card_urls
from relay.domain.errors import (
    InvalidAgentResponseError,
    ParseError,
    RelayError,
    UpstreamBusyError,
    UpstreamForbiddenError,
    UpstreamRefusedError,
    UpstreamUnauthenticatedError,
    UpstreamUnavailableError,
)
from relay.domain.forwarding import VERSION_HEADER
from relay.domain.http_json_calls import HttpCall, call_of, rpc_response
from relay.domain.json_body import parse_json, parse_noting_repeats
from relay.domain.jsonrpc import RequestId
from relay.domain.lenient import text
from relay.domain.outcome import parse_retry_after
from relay.domain.rpc_answer import bare_error, response_of
from relay.domain.sends import task_of_answer
from relay.domain.task import Json, ProtocolVersion, View

_T = TypeVar("_T")

CARD_TIMEOUT = timedelta(seconds=10)

_GET_TASK = {ProtocolVersion.V10: "GetTask", ProtocolVersion.V03: "tasks/get"}
_FORBIDDEN = {401: UpstreamUnauthenticatedError, 403: UpstreamForbiddenError}
BUSY = (429, 503)
_GATEWAY_FAILED = (502, 504)


@dataclass(frozen=True)
class Answer:
    """An agent's answer to one call. `payload` is the JSON-RPC response object, None only when `status` is 401 or 403.

    `body` is the payload's bytes, as they came where nothing had to be mended; header names are in lower case.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    payload: Json | None = field(repr=False)
    asked_at: datetime
    arrived_at: datetime

    @property
    def is_forbidden(self) -> bool:
        """The agent wants another credential: its 401 or 403 is the caller's answer."""
        return self.status in _FORBIDDEN

    @property
    def error(self) -> Json | None:
        """The JSON-RPC error object, if it is one."""
        error = self.payload.get("error") if self.payload else None
        return error if isinstance(error, dict) else None

    @property
    def result(self) -> Any:
        return self.payload.get("result") if self.payload else None

    def with_payload(self, payload: Json) -> "Answer":
        """The same answer, saying something else."""
        return replace(self, payload=payload, body=_written(payload))

    @property
    def retry_after(self) -> timedelta | None:
        """How long the agent asks to be left alone."""
        return parse_retry_after(self.headers.get("retry-after", ""), self.arrived_at)


class Upstream:
    """Every agent, over one client (`upstream_client`). What is `hidden` is taken out of an answer that quotes it."""

    def __init__(self, client: httpx.Client, *, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    def fetch_card(
        self, base_url: str, headers: Mapping[str, str], *, hidden: Collection[str] = (), timeout: timedelta = CARD_TIMEOUT
    ) -> tuple[dict[str, Any], str]:
        """The agent's card and the URL where it was.

        Raises: UpstreamUnauthenticatedError, UpstreamForbiddenError, UpstreamUnavailableError, UpstreamTimeoutError, UpstreamTooLargeError,
        InvalidAgentResponseError when there is no card.
        """
        failures: list[RelayError] = []
        with deadline(timeout):
            for url in card_urls(base_url):
                got = asked_again(partial(self._exchange, "GET", url, headers=headers, hidden=hidden, timeout=timeout))
                card = _json(got) if got.status == httpx.codes.OK else None
                if isinstance(card, dict) and is_card(card):
                    return card, url
                failures.append(refusal(got, "The agent shows no agent card"))
        # Where one path is forbidden and the other not there, the first says more.
        raise next((failure for failure in failures if not isinstance(failure, InvalidAgentResponseError)), failures[0])

    def call(
        self,
        endpoint: Endpoint,
        method: str,
        params: Json,
        *,
        request_id: RequestId,
        headers: Mapping[str, str],
        hidden: Collection[str] = (),
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        timeout: timedelta,
    ) -> Answer:
        """One call, made once; a JSON-RPC error is an answer, and so is HTTP 401 or 403, whatever its body.

        Raises: UpstreamUnavailableError, UpstreamBusyError, UpstreamTimeoutError, UpstreamTooLargeError, InvalidAgentResponseError when the
        answer is none of the endpoint's binding.
        """
        asked = call_of(endpoint, method, params, request_id)
        content, sent = content_of(asked)
        got = self._exchange(
            asked.verb,
            asked.url,
            headers={**sent, VERSION_HEADER: endpoint.version.value, **headers},
            hidden=hidden,
            content=content,
            max_answer_bytes=max_answer_bytes,
            timeout=timeout,
        )
        return answer_of(got, endpoint, method, request_id, has_encoded_id=asked.has_encoded_id)

    def get_task(
        self,
        endpoint: Endpoint,
        task_id: str,
        *,
        tenant: str = "",
        headers: Mapping[str, str],
        hidden: Collection[str] = (),
        max_answer_bytes: int = MAX_TASK_ANSWER_BYTES,
        timeout: timedelta,
        learnt_by: str = "poll",
    ) -> View | None:
        """A full, fresh view of a task, with all of its history and artifacts; None when the agent knows no such task.

        Raises: what `call` raises; UpstreamUnauthenticatedError and UpstreamForbiddenError for HTTP 401 and 403; UpstreamRefusedError for
        any other JSON-RPC error.
        """
        params = {"id": task_id}
        if endpoint.version is ProtocolVersion.V10 and (tenant or endpoint.tenant):
            params["tenant"] = tenant or endpoint.tenant
        method = _GET_TASK[endpoint.version]
        with deadline(timeout):
            ask = partial(self.call, endpoint, method, params, request_id=method, headers=headers, hidden=hidden, timeout=timeout)
            answer = asked_again(partial(ask, max_answer_bytes=max_answer_bytes))
        if answer.is_forbidden or answer.status in BUSY:
            raise refusal(answer, f"The agent did not answer {method}")
        if answer.error is not None:
            _raise_unless_unknown_task(answer.error, method)
            return None
        return _view(answer, task_id, endpoint.version, learnt_by)

    def _exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        hidden: Collection[str],
        content: bytes | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        timeout: timedelta,
    ) -> Exchange:
        return exchange(
            self._client,
            method,
            url,
            headers=headers,
            hidden=hidden,
            content=content,
            max_answer_bytes=max_answer_bytes,
            timeout=timeout,
            now=self._now,
        )


def asked_again(ask: Callable[[], _T]) -> _T:
    """A kept connection that the agent has just closed looks like a lost answer; a question may be asked twice."""
    try:
        return ask()
    except ConnectionLostError:
        with afresh():
            return ask()


def content_of(asked: HttpCall) -> tuple[bytes | None, dict[str, str]]:
    """The body, and the header that it needs."""
    content = None if asked.body is None else json.dumps(asked.body, separators=(",", ":")).encode()
    return content, {"content-type": "application/json"} if content else {}


def _http_json_answer(got: Exchange, endpoint: Endpoint, method: str, request_id: RequestId, *, has_encoded_id: bool) -> Answer:
    """Raises: what an answer that is no JSON, or a gateway's own, means."""
    if got.status in _FORBIDDEN:
        return Answer(got.status, got.headers, got.body, None, asked_at=got.asked_at, arrived_at=got.arrived_at)
    is_the_agents = got.status not in (*BUSY, *_GATEWAY_FAILED)
    meant = partial(rpc_response, endpoint.version, method, got.status, request_id=request_id, has_encoded_id=has_encoded_id)
    payload = meant(_json(got)) if is_the_agents else None
    if payload is None:
        raise refusal(got, "The agent's answer is none of HTTP+JSON")
    return Answer(got.status, got.headers, _written(payload), payload, asked_at=got.asked_at, arrived_at=got.arrived_at)


def answer_of(got: Exchange, endpoint: Endpoint, method: str, request_id: RequestId, *, has_encoded_id: bool = False) -> Answer:
    """Raises: what an answer that is none of the endpoint's binding means."""
    if endpoint.binding is Binding.HTTP_JSON:
        return _http_json_answer(got, endpoint, method, request_id, has_encoded_id=has_encoded_id)
    return _rpc_answer(got, request_id)


def _rpc_answer(got: Exchange, request_id: RequestId) -> Answer:
    """What two readers could read differently, duplicate names or a byte order mark, is written anew. Raises: what no JSON-RPC means."""
    document, repeats = _json_noting_repeats(got)
    payload = response_of(document, request_id)
    if payload is None and got.status not in _FORBIDDEN:
        payload = bare_error(document, request_id)
        if payload is None:
            raise refusal(got, "The agent's answer is no JSON-RPC")
    is_as_it_came = payload is None or (payload is document and not repeats and not got.body.startswith(BOM_UTF8))
    body = got.body if is_as_it_came else _written(payload)
    return Answer(got.status, got.headers, body, payload, asked_at=got.asked_at, arrived_at=got.arrived_at)


def _written(payload: Json | None) -> bytes:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()


def _json(got: Exchange) -> Any:
    try:
        return parse_json(got.body)
    except ParseError:
        return None


def _json_noting_repeats(got: Exchange) -> tuple[Any, bool]:
    try:
        return parse_noting_repeats(got.body)
    except ParseError:
        return None, False


def refusal(got: Exchange | Answer, told: str) -> RelayError:
    """What an HTTP status without a usable body means. `told` begins the sentence."""
    if got.status in _FORBIDDEN:
        return _FORBIDDEN[got.status](f"{told}: HTTP {got.status}, its credential is missing or wrong.")
    if got.status in BUSY:
        retry_after = parse_retry_after(got.headers.get("retry-after", ""), got.arrived_at)
        return UpstreamBusyError(f"{told}: HTTP {got.status}, it is busy.", retry_after=retry_after, metadata={"outcome": "unknown"})
    if got.status in _GATEWAY_FAILED:
        return UpstreamUnavailableError(
            f"{told}: HTTP {got.status}, what stands before it cannot reach it.", metadata={"outcome": "unknown"}
        )
    redirect = ", a redirect, which the relay does not follow" if 300 <= got.status <= 399 else ""
    return InvalidAgentResponseError(f"{told}: HTTP {got.status}{redirect}.")


def _raise_unless_unknown_task(error: Json, method: str) -> None:
    if is_task_not_found(error):
        return
    code, message = error.get("code"), text(error.get("message"))
    raise UpstreamRefusedError(f"The agent answered {method} with error {code}.", agent_code=int(code or 0), agent_message=message)


def _view(answer: Answer, task_id: str, version: ProtocolVersion, learnt_by: str) -> View:
    snapshot = task_of_answer(answer.result, version)
    if snapshot is None or snapshot.task_id != task_id:
        raise InvalidAgentResponseError("The agent answered with something else than the task it was asked for.")
    return View(snapshot, asked_at=answer.asked_at, arrived_at=answer.arrived_at, learnt_by=learnt_by)
