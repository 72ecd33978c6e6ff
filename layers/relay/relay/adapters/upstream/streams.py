"""An agent's stream of one task: SubscribeToTask of A2A 1.0, tasks/resubscribe of 0.3, as server-sent events.

Source: A2A 1.0 §3.1.6, §9.4.6 and §11.7, A2A 0.3 §7.9. The same client, headers, limits and errors as every other call to an agent.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

import httpx

from relay.adapters.upstream.calls import BUSY, answer_of, content_of, refusal
from relay.adapters.upstream.exchange import MAX_ANSWER_BYTES, MAX_TASK_ANSWER_BYTES, Exchange, body_of, translated
from relay.adapters.upstream.transport import deadline, waiting
from relay.domain.bridge_errors import is_task_not_found
from relay.domain.endpoint import Endpoint
from relay.domain.errors import (
    InvalidAgentResponseError,
    ParseError,
    TaskNotFoundError,
    UpstreamRefusedError,
    UpstreamTooLargeError,
    UpstreamUnavailableError,
)
from relay.domain.forwarding import VERSION_HEADER
from relay.domain.http_json_calls import call_of, event_of
from relay.domain.json_body import parse_json
from relay.domain.lenient import text
from relay.domain.masking import without
from relay.domain.sse import EventTooLargeError, SseReader
from relay.domain.task import Json, ProtocolVersion

_SUBSCRIBE = {ProtocolVersion.V10: "SubscribeToTask", ProtocolVersion.V03: "tasks/resubscribe"}
_OPEN_TIMEOUT = timedelta(seconds=30)  # to the answer's headers; an agent may look for the task first
_IDLE = timedelta(seconds=120)  # without a byte the connection is taken for dead; a2a-sdk's agents ping every 15 s


class Subscription:
    """One open stream."""

    def __init__(self, response: httpx.Response, endpoint: Endpoint, hidden: Collection[str], called: Callable[[], float]) -> None:
        self._response = response
        self._endpoint = endpoint
        self._hidden = hidden
        self._called = called

    def events(self) -> Iterator[Json]:
        """What is told on it, in A2A's own words, in JSON-RPC responses or bare, until the agent ends it.

        Raises: UpstreamUnavailableError, UpstreamTimeoutError when it breaks; UpstreamTooLargeError; TaskNotFoundError or
        UpstreamRefusedError when the agent tells an error; InvalidAgentResponseError when an event is no JSON object.
        """
        pieces, reader = self._response.iter_raw(), SseReader(MAX_TASK_ANSWER_BYTES)
        while (piece := self._next(pieces)) is not None:
            try:
                for data in reader.feed(piece):
                    yield event_of(self._endpoint, _result(without(self._hidden, data)))
            except EventTooLargeError as error:
                raise UpstreamTooLargeError(f"An event is larger than {MAX_TASK_ANSWER_BYTES} bytes, the most the relay takes.") from error

    def _next(self, pieces: Iterator[bytes]) -> bytes | None:
        with translated(self._endpoint.url), deadline(_IDLE), waiting(self._called):
            return next(pieces, None)


class Streams:
    """Every agent's, over one client of their own (`upstream_client`): they are held for long, and must not take questions' connections."""

    def __init__(self, client: httpx.Client, *, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    @contextmanager
    def subscription(
        self,
        endpoint: Endpoint,
        task_id: str,
        *,
        tenant: str = "",
        headers: Mapping[str, str],
        hidden: Collection[str] = (),
        called: Callable[[], float],
    ) -> Iterator[Subscription]:
        """The agent's stream of the task, open.

        `called` is called at least every second while the agent is waited for, and says in how many seconds again; what it raises ends
        the stream.
        Raises: what `Upstream.call` raises; UpstreamUnauthenticatedError and its kin; TaskNotFoundError; UpstreamRefusedError for any
        other JSON-RPC error; InvalidAgentResponseError when the answer is no stream.
        """
        method = _SUBSCRIBE[endpoint.version]
        params = {"id": task_id} | ({"tenant": tenant} if tenant and endpoint.version is ProtocolVersion.V10 else {})
        asked = call_of(endpoint, method, params, method)
        content, kind = content_of(asked)
        sent = {**kind, "accept": "text/event-stream", VERSION_HEADER: endpoint.version.value, **headers}
        asked_at = self._now()
        with translated(endpoint.url), deadline(_OPEN_TIMEOUT), waiting(called):
            request = self._client.build_request(asked.verb, asked.url, headers=sent, content=content)
            response = self._client.send(request, stream=True)
        try:
            if not _is_stream(response):
                with translated(endpoint.url), deadline(_OPEN_TIMEOUT):
                    body = without(hidden, body_of(response, MAX_ANSWER_BYTES))
                received = {name.lower(): value for name, value in response.headers.items()}
                got = Exchange(response.status_code, received, body, asked_at=asked_at, arrived_at=self._now())
                _raise_refusal(got, endpoint, method)
            yield Subscription(response, endpoint, hidden, called)
        finally:
            response.close()


def _is_stream(response: httpx.Response) -> bool:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_plain = response.headers.get("content-encoding", "identity").strip().lower() in ("", "identity")
    return response.status_code == httpx.codes.OK and media_type == "text/event-stream" and is_plain


def _raise_refusal(got: Exchange, endpoint: Endpoint, method: str) -> None:
    """An agent that fails may have streams; one that answers something else has none."""
    if got.status in BUSY:
        raise refusal(got, f"The agent's answer to {method} is no stream")
    if got.status >= httpx.codes.INTERNAL_SERVER_ERROR and got.status != httpx.codes.NOT_IMPLEMENTED:
        raise UpstreamUnavailableError(f"The agent's answer to {method} is HTTP {got.status}.")
    answer = answer_of(got, endpoint, method, method)
    if answer.error is not None:
        _raise_error(answer.error)
    raise refusal(got, f"The agent's answer to {method} is no stream")


def _result(data: bytes) -> Json:
    try:
        document = parse_json(data)
    except ParseError as error:
        raise InvalidAgentResponseError("An event on the agent's stream is no JSON.") from error
    if not isinstance(document, dict):
        raise InvalidAgentResponseError("An event on the agent's stream is no JSON object.")
    if isinstance(document.get("error"), dict):
        _raise_error(document["error"])
    return document


def _raise_error(error: Json) -> None:
    if is_task_not_found(error):
        raise TaskNotFoundError("The agent has no stream of this task.")
    code = error.get("code")
    agent_code = code if isinstance(code, int) else 0
    raise UpstreamRefusedError(
        f"The agent answered with error {agent_code}.", agent_code=agent_code, agent_message=text(error.get("message"))
    )
