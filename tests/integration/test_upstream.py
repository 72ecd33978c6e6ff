"""The upstream adapter at the wire: a scripted agent on loopback that misbehaves as told, and a real one built with a2a-sdk."""

import contextlib
import json
import socket
import ssl
import struct
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import trustme
import uvicorn

from relay.adapters.upstream import Answer, Upstream, upstream_client
from relay.domain.conversion import convert
from relay.domain.endpoint import Binding, Endpoint, rpc_endpoint
from relay.domain.errors import (
    InvalidAgentResponseError,
    RelayError,
    UpstreamBusyError,
    UpstreamForbiddenError,
    UpstreamRefusedError,
    UpstreamTimeoutError,
    UpstreamTooLargeError,
    UpstreamUnauthenticatedError,
    UpstreamUnavailableError,
)
from relay.domain.forwarding import credential_texts, forwarded_headers
from relay.domain.task import ProtocolVersion, TaskState
from relay_dev.demo.agent import application

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SHORT = timedelta(seconds=0.3)  # for an agent that never ends its answer
LONG = timedelta(seconds=30)
CARD = {"name": "A", "url": "/rpc", "capabilities": {}}
TASK = {"id": "t1", "contextId": "c1", "status": {"state": "working"}, "kind": "task"}


class ScriptedAgent(ThreadingHTTPServer):
    """Answers each request with the next step of its script, and remembers it. Steps that never end do when `stopped` is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: deque[Callable[[_Handler], None]] = deque()
        self.requests: list[tuple[str, Mapping[str, str], bytes]] = []
        self.stopped = threading.Event()
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A relay that hangs up on an answer is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedAgent

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((f"{self.command} {self.path}", headers, body))
        self.server.script.popleft()(self)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *args: object) -> None:
        pass


def reply(status: int = 200, body: Any = None, **headers: str) -> Callable[[_Handler], None]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(handler: _Handler) -> None:
        handler.send_response(status)
        handler.send_header("content-length", str(len(content)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def result(value: Any) -> Callable[[_Handler], None]:
    return reply(body={"jsonrpc": "2.0", "id": 1, "result": value})


def error(code: int, message: str, status: int = 200) -> Callable[[_Handler], None]:
    return reply(status, {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}})


def silence(handler: _Handler) -> None:
    handler.server.stopped.wait()


def endless(start: bytes, piece: bytes) -> Callable[[_Handler], None]:
    """A byte now and then, for ever: each comes in time, the answer never does."""

    def answer(handler: _Handler) -> None:
        handler.wfile.write(start)
        while not handler.server.stopped.wait(0.02):
            handler.wfile.write(piece)

    return answer


def flood(handler: _Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while not handler.server.stopped.is_set():
        handler.wfile.write(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")


def hang_up(handler: _Handler) -> None:
    handler.close_connection = True


def reset(handler: _Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


@pytest.fixture
def agent() -> Iterator[ScriptedAgent]:
    server = ScriptedAgent()
    yield from running(server)


def running(server: ScriptedAgent) -> Iterator[ScriptedAgent]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.stopped.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with upstream_client() as client:
        yield Upstream(client, now=lambda: NOON)


def call(upstream: Upstream, agent: ScriptedAgent, *, timeout: timedelta = LONG, headers: Mapping[str, str] | None = None) -> Answer:
    return upstream.call(
        Endpoint(agent.url + "/rpc", V03), "tasks/cancel", {"id": "t1"}, request_id=7, headers=headers or {}, timeout=timeout
    )


def get_task(upstream: Upstream, agent: ScriptedAgent, **options: Any) -> Any:
    return upstream.get_task(Endpoint(agent.url + "/rpc", V03), "t1", headers={}, timeout=LONG, **options)


# --- one call -------------------------------------------------------------------------------------------------------------------------


def test_a_call_is_one_json_rpc_post_and_its_answer_comes_back_as_it_is(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(result(TASK))
    answer = call(upstream, agent)
    assert (answer.status, answer.result, answer.error) == (200, TASK, None)
    assert json.loads(answer.body)["result"] == TASK
    assert answer.asked_at == answer.arrived_at == NOON
    line, _, body = agent.requests[0]
    assert line == "POST /rpc"
    assert json.loads(body) == {"jsonrpc": "2.0", "id": 7, "method": "tasks/cancel", "params": {"id": "t1"}}


def test_the_agent_gets_the_headers_it_is_given_and_none_that_tell_of_us(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(result(None))
    call(upstream, agent, headers=forwarded_headers({"traceparent": "00-1", "cookie": "a=b"}, (("X-API-Key", "k"),), V03))
    assert set(agent.requests[0][1].items()) >= {("a2a-version", "0.3"), ("traceparent", "00-1"), ("x-api-key", "k")}
    transport = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-type", "content-length"}
    assert set(agent.requests[0][1]) - transport == {"a2a-version", "traceparent", "x-api-key"}


def test_one_callers_cookie_does_not_reach_the_agent_with_anothers_call(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.extend([reply(body={"jsonrpc": "2.0", "id": 1, "result": 1}, set_cookie="session=one; Path=/"), result(2)])
    call(upstream, agent)
    call(upstream, agent)
    assert "cookie" not in agent.requests[1][1]


def test_a_proxy_named_in_the_environment_is_not_used(agent: ScriptedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    agent.script.append(result(1))
    with upstream_client() as client:
        assert call(Upstream(client, now=lambda: NOON), agent).result == 1


def test_calls_share_a_connection(upstream: Upstream, agent: ScriptedAgent) -> None:
    ports = []

    def note(handler: _Handler) -> None:
        ports.append(handler.client_address[1])
        result(1)(handler)

    agent.script.extend([note, note])
    call(upstream, agent)
    call(upstream, agent)
    assert ports[0] == ports[1]


def test_a_json_rpc_error_is_an_answer(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(error(-32002, "Task cannot be canceled", status=400))
    assert call(upstream, agent).error == {"code": -32002, "message": "Task cannot be canceled"}


def test_an_answer_without_result_is_an_answer(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(reply(body={"jsonrpc": "2.0", "id": 7}))  # a2a-sdk 0.3.26 answers a delete so
    assert call(upstream, agent).result is None


def test_an_error_object_without_its_envelope_gets_one(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(reply(400, {"code": -32009, "message": "Unsupported A2A version: 1.0."}))  # a2akit 0.0.32
    answer = call(upstream, agent)
    assert answer.payload == {"jsonrpc": "2.0", "id": 7, "error": {"code": -32009, "message": "Unsupported A2A version: 1.0."}}
    assert json.loads(answer.body) == answer.payload


@pytest.mark.parametrize("status", [401, 403])
def test_401_and_403_are_answers_whatever_their_body(upstream: Upstream, agent: ScriptedAgent, status: int) -> None:
    agent.script.append(reply(status, b"<html>no</html>", www_authenticate="Bearer"))
    answer = call(upstream, agent)
    assert (answer.status, answer.payload, answer.is_forbidden) == (status, None, True)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("status", "said", "wait"), [(429, "120", 120), (503, "Fri, 20 Nov 2026 12:01:00 GMT", 60)])
def test_a_busy_agent_says_when_to_come_back(upstream: Upstream, agent: ScriptedAgent, status: int, said: str, wait: int) -> None:
    agent.script.append(reply(status, b"slow down", retry_after=said))
    with pytest.raises(UpstreamBusyError) as busy:
        call(upstream, agent)
    assert busy.value.retry_after == timedelta(seconds=wait)


def test_a_busy_agents_json_rpc_is_an_answer_that_says_when_to_come_back(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(reply(429, {"jsonrpc": "2.0", "id": 7, "error": {"code": -32000, "message": "quota"}}, retry_after="5"))
    assert call(upstream, agent).retry_after == timedelta(seconds=5)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>hello</html>"),
        (200, b""),
        (200, b'{"jsonrpc": "2.0", "id": 1, "result": NaN}'),
        (200, b'{"jsonrpc": "2.0", "id": 1, "result": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
        (200, b'event: task.status\ndata: {"taskId": "t"}\n\n'),
        (200, b'{"jsonrpc": "2.0", "id": 1, "method": "tasks/cancel"}'),
        (200, b'{"jsonrpc": "2.0", "id": 1, "error": "no"}'),
        (200, b"[]"),
        (404, b'{"error": {"code": 404, "message": "not JSON-RPC but HTTP+JSON"}}'),
        (404, b'{"detail": "Not Found"}'),
        (500, b"Internal Server Error"),
    ],
)
def test_an_answer_that_is_no_json_rpc_is_told_as_such(upstream: Upstream, agent: ScriptedAgent, status: int, body: bytes) -> None:
    agent.script.append(reply(status, body))
    with pytest.raises(InvalidAgentResponseError, match=f"HTTP {status}"):
        call(upstream, agent)


def test_a_gateway_without_an_agent_behind_it_is_an_agent_out_of_reach(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(reply(502, b"Bad Gateway"))
    with pytest.raises(UpstreamUnavailableError):
        call(upstream, agent)


def test_a_redirect_is_not_followed(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(reply(302, b"", location=agent.url + "/elsewhere"))
    with pytest.raises(InvalidAgentResponseError, match="does not follow"):
        call(upstream, agent)
    assert len(agent.requests) == 1


def test_a_compressed_answer_is_refused(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(reply(200, b"\x1f\x8b", content_encoding="gzip"))
    with pytest.raises(InvalidAgentResponseError, match="compressed"):
        call(upstream, agent)


def test_an_answer_without_end_is_cut_off_at_the_limit(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(flood)
    with pytest.raises(UpstreamTooLargeError, match="5242880"):
        call(upstream, agent)


# --- time and connections -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        silence,
        endless(b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n"),
        endless(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", b" "),
    ],
    ids=["silent", "slow headers", "slow body"],
)
def test_the_time_is_for_the_whole_answer(upstream: Upstream, agent: ScriptedAgent, step: Callable[[_Handler], None]) -> None:
    agent.script.append(step)
    with pytest.raises(UpstreamTimeoutError, match="not known") as late:
        call(upstream, agent, timeout=SHORT)
    assert late.value.metadata == {"outcome": "unknown"}


def test_after_a_late_answer_the_next_call_starts_afresh(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.extend([endless(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", b" "), result(2)])
    with pytest.raises(UpstreamTimeoutError):
        call(upstream, agent, timeout=SHORT)
    assert call(upstream, agent).result == 2


def test_an_agent_that_is_down_has_got_nothing(upstream: Upstream) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(UpstreamUnavailableError) as down:
        upstream.call(Endpoint(url, V10), "SendMessage", {}, request_id=1, headers={}, timeout=LONG)
    assert down.value.metadata == {"outcome": "not-sent"}
    assert down.value.__notes__ == [f"agent: {url}"]


@pytest.mark.parametrize("url", ["ftp://a.example/", "http://", "http://" + "a" * 70 + ".example/", "not a url", "http://[::1"])
def test_an_address_that_is_none_is_an_agent_out_of_reach(upstream: Upstream, url: str) -> None:
    with pytest.raises(UpstreamUnavailableError):
        upstream.call(Endpoint(url, V10), "SendMessage", {}, request_id=1, headers={}, timeout=LONG)


@pytest.mark.parametrize("step", [hang_up, reset])
def test_a_call_whose_connection_ends_is_not_repeated(upstream: Upstream, agent: ScriptedAgent, step: Callable[[_Handler], None]) -> None:
    agent.script.extend([step, result(1)])
    with pytest.raises(UpstreamUnavailableError, match="not known") as lost:
        call(upstream, agent)
    assert lost.value.metadata == {"outcome": "unknown"}
    assert len(agent.requests) == 1


def test_a_question_whose_connection_ends_is_asked_once_more(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.extend([hang_up, result(TASK)])
    assert get_task(upstream, agent).snapshot.task_id == "t1"
    agent.script.extend([hang_up, hang_up])
    with pytest.raises(UpstreamUnavailableError):
        get_task(upstream, agent)


def test_an_agent_with_a_certificate_of_nobody_is_not_called(upstream: Upstream) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = ScriptedAgent()
    server.scheme, server.socket = "https", context.wrap_socket(server.socket, server_side=True)
    server.script.append(result("over TLS"))
    for secure in running(server):
        with pytest.raises(UpstreamUnavailableError):
            call(upstream, secure)
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        with upstream_client(trusting) as client:
            assert call(Upstream(client, now=lambda: NOON), secure).result == "over TLS"


# --- a task ---------------------------------------------------------------------------------------------------------------------------


def test_a_task_comes_as_a_full_view(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(result(TASK))
    view = get_task(upstream, agent, learnt_by="register")
    assert (view.snapshot.version, view.snapshot.document, view.learnt_by) == (V03, TASK, "register")
    assert json.loads(agent.requests[0][2])["params"] == {"id": "t1"}
    assert json.loads(agent.requests[0][2])["method"] == "tasks/get"


@pytest.mark.parametrize(
    ("asked", "interfaces", "sent"), [("acme", "", "acme"), ("", "own", "own"), ("acme", "own", "acme"), ("", "", None)]
)
def test_the_tenant_goes_with_the_question(upstream: Upstream, agent: ScriptedAgent, asked: str, interfaces: str, sent: str | None) -> None:
    agent.script.append(result({"id": "t1", "status": {"state": "TASK_STATE_WORKING"}}))
    assert upstream.get_task(Endpoint(agent.url, V10, interfaces), "t1", tenant=asked, headers={}, timeout=LONG)
    assert json.loads(agent.requests[0][2])["params"].get("tenant") == sent


def test_a_task_in_a_wrapper_is_taken(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(result({"task": TASK}))
    assert get_task(upstream, agent).snapshot.document == TASK


@pytest.mark.parametrize(("code", "message"), [(-32001, "Task not found"), (-32000, "Task not found: t1")])
def test_a_task_the_agent_does_not_know_is_none(upstream: Upstream, agent: ScriptedAgent, code: int, message: str) -> None:
    agent.script.append(error(code, message))
    assert get_task(upstream, agent) is None


def test_another_error_is_told_with_the_agents_code(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(error(-32000, "quota exceeded"))
    with pytest.raises(UpstreamRefusedError) as refused:
        get_task(upstream, agent)
    assert (refused.value.agent_code, refused.value.agent_message) == (-32000, "quota exceeded")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (reply(401, b""), UpstreamUnauthenticatedError),
        (error(-32000, "no", status=403), UpstreamForbiddenError),
        (error(-32000, "busy", status=503), UpstreamBusyError),
        (result({**TASK, "id": "another"}), InvalidAgentResponseError),
        (result({"kind": "message", "messageId": "m", "parts": []}), InvalidAgentResponseError),
        (result(None), InvalidAgentResponseError),
    ],
)
def test_what_is_no_answer_to_the_question_is_told(
    upstream: Upstream, agent: ScriptedAgent, step: Callable[[_Handler], None], expected: type[RelayError]
) -> None:
    agent.script.append(step)
    with pytest.raises(expected):
        get_task(upstream, agent)


# --- a card ---------------------------------------------------------------------------------------------------------------------------


def test_the_card_is_looked_for_at_both_paths(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.extend([reply(404, {"detail": "Not Found"}), reply(body=CARD)])
    card, url = upstream.fetch_card(agent.url + "/prefix/", {"x-api-key": "k"})
    assert (card, url) == (CARD, agent.url + "/prefix/.well-known/agent.json")
    assert [line for line, _, _ in agent.requests] == ["GET /prefix/.well-known/agent-card.json", "GET /prefix/.well-known/agent.json"]
    assert all(headers["x-api-key"] == "k" for _, headers, _ in agent.requests)


def test_a_cards_own_address_is_used_as_it_is(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(reply(body=CARD))
    _, url = upstream.fetch_card(agent.url + "/.well-known/agent.json", {})
    assert url == agent.url + "/.well-known/agent.json"
    assert rpc_endpoint(CARD, url).url == agent.url + "/rpc"


def test_an_agent_without_a_card_is_told(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.extend([reply(body={"hello": "world"}), reply(404, b"")])
    with pytest.raises(InvalidAgentResponseError, match="no agent card"):
        upstream.fetch_card(agent.url, {})


def test_a_card_behind_a_credential_is_told_as_such(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.extend([reply(404, b""), reply(401, b"")])
    with pytest.raises(UpstreamUnauthenticatedError):
        upstream.fetch_card(agent.url, {})


# --- secrets --------------------------------------------------------------------------------------------------------------------------


def test_no_secret_is_in_any_errors_text_or_trace(upstream: Upstream, agent: ScriptedAgent) -> None:
    secret = "hunter2-hunter2"
    with socket.create_server(("127.0.0.1", 0)) as closed:
        down = f"http://user:{secret}@127.0.0.1:{closed.getsockname()[1]}/?key={secret}"
    agent.script.extend(
        [reply(400, f"bad key {secret}".encode()), error(-32603, f"bad key {secret}"), reply(429, secret.encode()), hang_up]
    )
    credential = {"authorization": f"Bearer {secret}"}
    endpoint = Endpoint(agent.url, V10)
    attempts: list[Callable[[], Any]] = [
        lambda: call(upstream, agent, headers=credential),
        lambda: upstream.get_task(endpoint, "t1", headers=credential, timeout=LONG),
        lambda: call(upstream, agent, headers=credential),
        lambda: call(upstream, agent, headers=credential),
        lambda: call(upstream, agent, headers={"authorization": f"Bearer {secret}\r\nx: y"}),
        lambda: call(upstream, agent, headers={"authorization": f"Bearer {secret}é"}),
        lambda: upstream.call(Endpoint(down, V10), "GetTask", {}, request_id=1, headers=credential, timeout=LONG),
        lambda: upstream.call(
            Endpoint(f"http://user:{secret}@:99999/", V10), "GetTask", {}, request_id=1, headers=credential, timeout=LONG
        ),
    ]
    for attempt in attempts:
        with pytest.raises(RelayError) as failed:
            attempt()
        told = "".join(traceback.format_exception(failed.value)) + repr(failed.value) + str(failed.value.metadata)
        assert secret not in told


def test_operators_credential_is_taken_out_of_an_answer_that_quotes_it(upstream: Upstream, agent: ScriptedAgent) -> None:
    secret = 'a "quoted" secret of some length'
    hidden = credential_texts((("X-Key", f"Bearer {secret}"), ("X-Short", "completed")))
    agent.script.append(result({"heard": f"Bearer {secret}, {secret} is completed"}))
    answer = upstream.call(Endpoint(agent.url, V10), "GetTask", {}, request_id=1, headers={}, hidden=hidden, timeout=LONG)
    assert answer.result == {"heard": "[credential], [credential] is completed"}


@pytest.mark.parametrize("binding", [Binding.JSON_RPC, Binding.HTTP_JSON])
@pytest.mark.parametrize("member", ["result", "error"])
def test_operators_credential_is_taken_out_however_the_answer_spells_it(
    upstream: Upstream, agent: ScriptedAgent, binding: Binding, member: str
) -> None:
    said: Any = {"result": {"SAID": "SAID"}, "error": {"code": -32603, "message": "SAID"}}[member]
    if binding is Binding.JSON_RPC:
        status, document = 200, {"jsonrpc": "2.0", "id": 1, member: said}
    else:
        status, document = (200, said) if member == "result" else (400, {"error": {"code": 400, "status": "X", "message": "SAID"}})
    content = json.dumps(document).replace("SAID", "a\\/key\\u002Bof-the-operator").encode()
    agent.script.append(reply(status, content))
    endpoint = Endpoint(agent.url, V10, binding=binding)
    answer = upstream.call(endpoint, "GetTask", {"id": "t1"}, request_id=1, headers={}, hidden={"a/key+of-the-operator"}, timeout=LONG)
    assert (b"[credential]" in answer.body, "a/key+of" in json.dumps(json.loads(answer.body))) == (True, False)


def test_an_answers_repr_holds_nothing_of_the_agents(upstream: Upstream, agent: ScriptedAgent) -> None:
    agent.script.append(result("hidden"))
    assert "hidden" not in repr(call(upstream, agent))


# --- a real agent ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sdk_agent() -> Iterator[str]:
    """An agent built with a2a-sdk 1.x that speaks 0.3, too."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(application(url, step_seconds=0, speaks_v03=True), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    with contextlib.ExitStack() as stack:
        stack.callback(thread.join)
        stack.callback(setattr, server, "should_exit", True)
        yield url


@pytest.mark.parametrize(
    ("version", "method", "message"),
    [
        (V10, "SendMessage", {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hello"}]}),
        (V03, "message/send", {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "hello"}]}),
    ],
)
def test_a_task_of_a_real_agent_is_sent_found_and_converted(
    upstream: Upstream, sdk_agent: str, version: ProtocolVersion, method: str, message: dict[str, Any]
) -> None:
    card, card_url = upstream.fetch_card(sdk_agent, {})
    endpoint = rpc_endpoint({**card, "supportedInterfaces": []} if version is V03 else card, card_url)
    assert endpoint.version is version
    headers = forwarded_headers({}, (), version)
    answer = upstream.call(endpoint, method, {"message": message}, request_id=1, headers=headers, timeout=LONG)
    task = answer.result["task"] if version is V10 else answer.result
    view = upstream.get_task(endpoint, task["id"], headers=headers, timeout=LONG)
    assert view is not None
    assert view.snapshot.state is TaskState.COMPLETED
    other = V03 if version is V10 else V10
    there_and_back = convert(convert(view.snapshot, other), version)
    assert there_and_back.document == view.snapshot.document
    assert upstream.get_task(endpoint, "unknown", headers=headers, timeout=LONG) is None
