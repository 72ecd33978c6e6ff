"""The local HTTP API speaks API Gateway's payload format 2.0 to the function, and HTTP to the caller."""

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from relay_dev import front_door
from relay_dev.definition import Route
from relay_dev.http_event import HttpRequest, choose_route
from relay_dev.runner import Runner
from tests.integration.dev_parts import Died, Script, running


def _event(script: Script) -> Any:
    return script.events[-1][1]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def runner(tmp_path: Path, script: Script) -> Iterator[Runner]:
    with running(tmp_path, script) as runner:
        yield runner


@pytest.fixture
def url(runner: Runner) -> str:
    bound = socket.create_server(("127.0.0.1", 0))
    runner.serve(bound)
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_a_request_becomes_a_version_2_event(url: str, script: Script) -> None:
    headers = [("X-Twice", "1"), ("X-Twice", "2"), ("Cookie", "a=1; b=2"), ("User-Agent", "test")]
    httpx.post(f"{url}/agents/a%20b/a2a?x=1&x=2&y=", headers=headers, json={"id": 1})
    event = _event(script)
    host = url.removeprefix("http://")
    assert event["version"] == "2.0"
    assert event["rawPath"] == "/agents/a b/a2a"  # HTTP APIs decode it
    assert event["rawQueryString"] == "x=1&x=2&y="
    assert event["queryStringParameters"] == {"x": "1,2", "y": ""}
    assert event["headers"]["x-twice"] == "1,2"
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert event["headers"]["host"] == host
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]
    assert json.loads(event["body"]) == {"id": 1}
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert context["http"] == {
        "method": "POST",
        "path": "/agents/a b/a2a",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "test",
    }
    assert context["domainName"] == host
    assert context["stage"] == "$default"
    assert event["routeKey"] == context["routeKey"] == "$default"
    assert context["requestId"]


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("/question%3Fvalue", "/question"),
        ("/hash%23value", "/hash#value"),
        ("/slash%2Fvalue", "/slash/value"),
        ("/unicode-%CE%BB-%E4%B8%96%E7%95%8C", "/unicode-λ-世界"),
        ("/literal%252Fvalue", "/literal/value"),
        ("/literal%253Fvalue", "/literal?value"),
        ("/literal%2525value", "/literal%value"),
    ],
)
def test_a_path_arrives_as_captured_on_aws(url: str, script: Script, sent: str, arrives: str) -> None:
    httpx.get(f"{url}{sent}?x=1")
    assert (_event(script)["rawPath"], _event(script)["rawQueryString"]) == (arrives, "x=1")


def test_a_path_that_cannot_be_decoded_twice_comes_to_no_function(url: str, script: Script) -> None:
    answer = httpx.get(f"{url}/percent%25done")
    assert (answer.status_code, answer.json(), script.events) == (400, {"message": "Bad Request"}, [])


@pytest.mark.parametrize(
    ("content_type", "body", "is_base64"),
    [
        ("application/json", b"{}", False),
        ("application/json; charset=utf-8", b"{}", False),
        ("text/plain", b"hello", False),
        ("application/a2a+json", b"{}", True),
        ("application/x-www-form-urlencoded", b"a=1", True),
        ("application/octet-stream", b"\xff", True),
        ("application/json", b"\xff", True),
    ],
)
def test_a_body_is_text_only_where_api_gateway_says_so(
    runner: Runner, script: Script, content_type: str, body: bytes, *, is_base64: bool
) -> None:
    runner.request("POST", "/", body=body, headers={"Content-Type": content_type})
    event = _event(script)
    assert event["isBase64Encoded"] is is_base64
    assert (base64.b64decode(event["body"]) if is_base64 else event["body"].encode()) == body


def test_a_request_without_body_has_none(runner: Runner, script: Script) -> None:
    runner.request("GET", "/.well-known/agent-card.json")
    assert "body" not in _event(script)


def test_the_functions_answer_goes_back_whole(url: str, script: Script) -> None:
    script.then({"statusCode": 201, "headers": {"X-One": "1", "Content-Length": "999"}, "cookies": ["a=1", "b=2"], "body": "grüße"})
    answer = httpx.get(url)
    assert answer.status_code == 201
    assert answer.headers["x-one"] == "1"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.text == "grüße"
    script.then({"statusCode": 200, "body": base64.b64encode(b"\x00\xff").decode(), "isBase64Encoded": True})
    assert httpx.get(url).content == b"\x00\xff"


def test_an_answer_without_status_is_the_body(runner: Runner, script: Script) -> None:
    script.then({"hello": "world"})
    answer = runner.request("GET", "/")
    assert (answer.status, json.loads(answer.body)) == (200, {"hello": "world"})


@pytest.mark.parametrize("fault", [ValueError("secret"), Died(), {"statusCode": "many"}, {"statusCode": 200, "body": "x" * 7_000_000}])
def test_a_function_that_fails_is_a_502_that_tells_nothing(runner: Runner, script: Script, fault: Any) -> None:
    script.then(fault)
    answer = runner.request("POST", "/", body={})
    assert answer.status == 502
    assert json.loads(answer.body) == {"message": "Internal Server Error"}


def test_an_answer_is_measured_as_lambda_gets_it(runner: Runner, script: Script) -> None:
    envelope = len(json.dumps({"statusCode": 200, "body": ""}))
    fits = '"' * ((6 * 1024 * 1024 - envelope) // 2)
    script.then({"statusCode": 200, "body": fits})
    assert runner.request("GET", "/").body == fits.encode()
    script.then({"statusCode": 200, "body": fits + '"'})
    assert runner.request("GET", "/").status == 502


def test_a_body_above_ten_megabytes_never_reaches_the_function(url: str, script: Script) -> None:
    answer = httpx.post(url, content=b"x" * (10 * 1024 * 1024 + 1), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 413
    assert script.events == []


def test_a_body_that_lambda_would_not_take_never_reaches_the_function(runner: Runner, script: Script) -> None:
    assert runner.request("POST", "/", body=b"x" * 7_000_000).status == 413
    assert script.events == []


def test_a_function_that_is_too_slow_is_a_503(url: str, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr(front_door, "TIMEOUT_SECONDS", 0.05)
    released = threading.Event()
    script.then(lambda _: released.wait(10))
    try:
        assert httpx.get(url).status_code == 503
    finally:
        released.set()


def test_head_answers_without_a_body(url: str, script: Script) -> None:
    script.then({"statusCode": 200, "body": "four"})
    answer = httpx.head(url)
    assert (answer.headers["content-length"], answer.content) == ("4", b"")


def test_the_most_specific_route_is_chosen() -> None:
    routes = [Route(key, key) for key in ("$default", "GET /.well-known/{file}", "ANY /agents/{rest+}", "GET /agents/{agent}/card")]

    def chosen(method: str, path: str) -> tuple[str, dict[str, str]] | None:
        found = choose_route(routes, HttpRequest(method, path))
        return (found[0].key, found[1]) if found else None

    assert chosen("GET", "/.well-known/agent.json") == ("GET /.well-known/{file}", {"file": "agent.json"})
    assert chosen("POST", "/.well-known/agent.json") == ("$default", {})
    assert chosen("GET", "/agents/a/card") == ("GET /agents/{agent}/card", {"agent": "a"})
    assert chosen("GET", "/agents/a/b/c") == ("ANY /agents/{rest+}", {"rest": "a/b/c"})
    assert choose_route(routes[1:], HttpRequest("GET", "/")) is None
