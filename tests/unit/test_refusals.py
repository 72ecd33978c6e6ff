"""The sentences of refusals: who is refused reads what is wrong, not only a code."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from relay.domain import praisonai
from relay.domain.bridge_params import bridge_params
from relay.domain.callback import admit_agent
from relay.domain.custom_headers import MAX_BYTES, MAX_HEADERS, MAX_NAME_LENGTH, MAX_VALUE_LENGTH, is_allowed, read_headers
from relay.domain.door import ClientAuthentication, admit_key, admit_reporter, admit_without_key
from relay.domain.endpoint import rpc_endpoint
from relay.domain.errors import AgentNotFoundError, InvalidParamsError, RelayError
from relay.domain.evo_webhook import check_headers, check_members
from relay.domain.fields import Fields
from relay.domain.forwarding import caller_credential
from relay.domain.http_json import Content, find_target, negotiated, read_call
from relay.domain.jsonrpc import RequestError, parse_request
from relay.domain.keys import AgentKey, ListKey, TaskKey
from relay.domain.listing import MAX_TOKEN, Lister, Page, Round, read_page
from relay.domain.paging import MAX_PAGE_SIZE, check_page_size, place_of
from relay.domain.protocol import Kind
from relay.domain.push_methods import parse_set
from relay.domain.relay_key import RelayKey, digest_of
from relay.domain.report import read_push, read_report
from relay.domain.sends import parse_send
from relay.domain.task import ProtocolVersion, Snapshot

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
NOW = datetime(2026, 11, 27, tzinfo=UTC)
AGENT = AgentKey("default", "a")
CARD = "https://agent.example/.well-known/agent-card.json"
TOKEN = RelayKey(digest_of("t"), "default", frozenset({"another"}), "", created_at=NOW)
TOLD = b'{"task": {"id": "t", "status": {"state": "TASK_STATE_WORKING"}}}'


def http_json(verb: str, path: str, version: str, *, body: bytes = b"", content_type: str | None = "application/json", **query: str) -> Any:
    target = find_target(path, version)
    assert target is not None
    kind = target.kind(verb)
    assert kind is not None
    return read_call(target, negotiated(target, kind, version), Content(query, body, content_type), version)


def headers(**members: Any) -> Any:
    return read_headers(Fields(members))


def listed(result: Any) -> Page:
    return read_page(result, NOW)


def rpc(body: bytes, content_type: str = "application/json") -> Any:
    return parse_request(body, content_type)


def bridged_parts(part: Any) -> Any:
    return bridge_params(Kind.SEND, {"message": {"messageId": "m", "role": "user", "parts": [part]}}, V10)


REFUSED: dict[str, Callable[[], Any]] = {
    "This is no callback of the relay's, or its token is missing: X-A2A-Notification-Token.": lambda: admit_agent(None, []),
    "Show this relay's key as `Authorization: Bearer KEY` or `X-API-Key`.": lambda: admit_key(None, now=NOW),
    "Show this agent's report token: X-A2A-Notification-Token, or Authorization: Bearer TOKEN.": lambda: admit_reporter([], "a", now=NOW),
    "This report token is for another agent's address.": lambda: admit_reporter([TOKEN], "a", now=NOW),
    "This relay takes requests signed with AWS Signature Version 4 only.": lambda: admit_without_key(ClientAuthentication.IAM, {}),
    "This relay takes requests with a token of its issuer only.": lambda: admit_without_key(ClientAuthentication.JWT, {}),
    "This relay takes no such requests only.": lambda: admit_without_key(ClientAuthentication.RELAY_KEY, {}),
    "X-Upstream-Authorization must be printable ASCII.": lambda: caller_credential({"X-Upstream-Authorization": "Bearer ü"}),
    "This callback is for another task.": lambda: read_push(TaskKey("default", "a", "", "u"), TOLD, content_type="application/json"),
    "A report is JSON: application/a2a+json or application/json.": lambda: read_report(AGENT, TOLD, content_type="text/plain", query={}),
    "The task has no status. A report is a Task, a StreamResponse, or an event of 0.3.": lambda: read_report(
        AGENT, b'{"task": {"id": "t"}}', content_type="application/json", query={}
    ),
    "There is no agent named 'b' at this relay.": lambda: (_ for _ in ()).throw(AgentNotFoundError("b")),
    "The agent's card names no address that can be called on the host that the agent is registered with, and the relay "
    "follows it to no other host: register the agent with the URL that its card names.": lambda: rpc_endpoint(
        {"protocolVersion": "0.3.0", "url": "https://elsewhere.example"}, CARD
    ),
    "The agent's card offers neither JSON-RPC nor HTTP+JSON of A2A 1.0 or 0.3 that can be called.": lambda: rpc_endpoint(
        {"protocolVersion": "7.0"}, CARD
    ),
    "This path is A2A 0.3's: A2A 1.0 has the same without /v1, and its extended card at /extendedAgentCard.": lambda: http_json(
        "GET", "/v1/tasks/t", "1.0"
    ),
    "The content type 'text/plain' is not taken: send application/json or application/a2a+json.": lambda: http_json(
        "POST", "/message:send", "1.0", body=b"{}", content_type="text/plain"
    ),
    f"The content type {'x' * 100!r} is not taken: send application/json or application/a2a+json.": lambda: http_json(
        "POST", "/message:send", "1.0", body=b"{}", content_type="x" * 101
    ),
    "The body must be a JSON object.": lambda: http_json("POST", "/message:send", "1.0", body=b"[]"),
    "historyLength must be a whole number.": lambda: http_json("GET", "/tasks/t", "1.0", historyLength="x"),
    "historyLength must not be negative.": lambda: http_json("GET", "/tasks/t", "1.0", historyLength="-1"),
    "includeArtifacts must be true or false.": lambda: http_json("GET", "/tasks", "1.0", includeArtifacts="x"),
    f"pageSize must be 1 to {MAX_PAGE_SIZE}.": lambda: http_json("GET", "/tasks", "1.0", pageSize=str(MAX_PAGE_SIZE + 1)),
    "pageToken is not one this list has given: leave it out to begin again.": lambda: place_of("x", "list"),
    "The agent answered ListTasks with no list of tasks.": lambda: listed({"tasks": "t"}),
    "The agent's ListTasks has a page token too long to keep.": lambda: listed({"tasks": [], "nextPageToken": "x" * (MAX_TOKEN + 1)}),
    "The agent's ListTasks shows no task with a timestamp.": lambda: Lister(ListKey(AGENT, ""), NOW).marked(Page((), "", NOW)),
    "The pages of the agent's ListTasks do not end.": lambda: Round(NOW, NOW, token="x").after(Page((), "x", NOW)),
    "`params` must be an object: no method of A2A takes them by position.": lambda: rpc(
        b'{"jsonrpc": "2.0", "id": 1, "method": "m", "params": []}'
    ),
    "`params` must be an object.": lambda: rpc(b'{"jsonrpc": "2.0", "id": 1, "method": "m", "params": "x"}'),
    "Batches are not supported: send one request object.": lambda: rpc(b"[]"),
    "The request must be a JSON object.": lambda: rpc(b"1"),
    '`jsonrpc` must be exactly "2.0".': lambda: rpc(b'{"jsonrpc": "1.0"}'),
    "`id` must be a string, a number or null.": lambda: rpc(b'{"jsonrpc": "2.0", "id": []}'),
    "`method` must be the name of a method.": lambda: rpc(b'{"jsonrpc": "2.0", "id": 1}'),
    "The content type 'text/plain' is not taken: send application/json.": lambda: rpc(b"{}", "text/plain"),
    "message is required.": lambda: parse_send({}, V10),
    "message.parts is required.": lambda: bridge_params(Kind.SEND, {"message": {"messageId": "m", "role": "user"}}, V10),
    "message.parts holds at 0 what is no object.": lambda: bridged_parts("x"),
    "message.parts holds at 0 neither text, file nor data.": lambda: bridged_parts({}),
    "configuration.historyLength must not be negative.": lambda: parse_send(
        {"message": {"messageId": "m"}, "configuration": {"historyLength": -1}}, V10
    ),
    "token must be printable ASCII, without line breaks and without spaces around it: it is sent in a header.": lambda: Fields(
        {"token": "a\nb"}
    ).header_value("token", max_length=9),
    "taskId and url required": lambda: parse_set({"url": "", "taskId": "t"}, V03),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_who_is_refused_reads_why(sentence: str) -> None:
    with pytest.raises((RelayError, RequestError)) as raised:
        REFUSED[sentence]()
    error = raised.value.error if isinstance(raised.value, RequestError) else raised.value
    assert isinstance(error, RelayError)
    assert error.message == sentence
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({f"x-{n}": "v" for n in range(MAX_HEADERS + 1)}, f"x-{MAX_HEADERS} is one header too many: {MAX_HEADERS} are allowed"),
        ({"X-One": "v", "X-Two": "v", "x-one": "w"}, "x-one or another header is named twice"),
        ({"X-One": "v", "Content-Length": "1"}, "Content-Length is no header that a client may set"),
        ({"X-One": ""}, "X-One must be a string that is not empty"),
        (
            {f"x-{n}": "v" * MAX_VALUE_LENGTH for n in range(MAX_BYTES // MAX_VALUE_LENGTH)},
            f"x-{MAX_BYTES // MAX_VALUE_LENGTH - 1} and the other headers are more than {MAX_BYTES} bytes",
        ),
    ],
)
def test_a_header_that_is_refused_is_named_and_so_is_the_reason(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(RelayError) as raised:
        headers(**given)
    assert sentence in raised.value.message


def test_as_much_as_is_allowed_is_taken() -> None:
    longest = "x" * MAX_NAME_LENGTH
    assert is_allowed(longest)
    assert not is_allowed(longest + "x")
    assert len(headers(**{f"x-{n}": "v" for n in range(MAX_HEADERS)})) == MAX_HEADERS
    value = "v" * (MAX_VALUE_LENGTH - 2)
    full = {f"x{n}": value for n in range(MAX_BYTES // MAX_VALUE_LENGTH)}
    left = MAX_BYTES - sum(len(name) + len(value) for name, value in full.items())
    assert not left or headers(**full, y="v" * (left - 1))
    with pytest.raises(RelayError):
        headers(**full, y="v" * left)


def test_an_operator_reads_which_of_evo_ais_names_are_wrong() -> None:
    with pytest.raises(ValueError, match=r"^each header needs a name of its own$"):
        check_headers(("X-One", "x-one"))
    with pytest.raises(ValueError, match=r"^each member needs a name of its own$"):
        check_members(("one", "one"))


def test_a_page_of_any_size_between_the_limits_is_taken() -> None:
    for size in (None, 0, 1, MAX_PAGE_SIZE):
        check_page_size(size)
    with pytest.raises(RelayError, match=f"^pageSize must be 1 to {MAX_PAGE_SIZE}"):
        check_page_size(-1)
    assert len(listed({"tasks": [{"id": "t", "status": {}}], "nextPageToken": "x" * MAX_TOKEN}).tasks) == 1


def test_a_version_that_was_asked_for_is_named_in_the_refusal() -> None:
    with pytest.raises(RelayError) as raised:
        http_json("GET", "/v1/tasks/t", " 1.0 ")
    assert raised.value.metadata == {"requestedVersion": "1.0", "supportedVersions": "0.3"}


@pytest.mark.parametrize(("given", "field"), [({"taskId": "t", "url": ""}, "url"), ({"url": "https://x"}, "taskId")])
def test_praisonais_client_reads_which_member_lacks(given: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidParamsError) as raised:
        praisonai.parse_set(Fields(given))
    assert (raised.value.field, raised.value.message) == (field, "taskId and url required")


def test_every_kind_of_a_listed_task_is_kept() -> None:
    assert listed({"tasks": [{"id": "t", "status": {"state": "TASK_STATE_WORKING"}}]}).tasks == (
        Snapshot(V10, {"id": "t", "status": {"state": "TASK_STATE_WORKING"}}),
    )
    assert listed({"tasks": []}).asked_at == NOW
