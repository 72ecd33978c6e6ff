"""An HTTP request as API Gateway's event, and the function's answer as an HTTP answer.

Source: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs", payload format 2.0.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from relay_dev.definition import Route
from relay_dev.place import Place

MAX_PAYLOAD_BYTES = 6 * 1024 * 1024  # Lambda: a synchronous invocation's event, and its answer

# Everything else arrives as base64, `application/a2a+json` and forms too: observed on AWS, where the documentation only says "binary".
_TEXT = re.compile(r"(text/.*|application/(json|xml|javascript))\s*(;.*)?", re.IGNORECASE)
_DEFAULT_ROUTE = "$default"
_NO_ESCAPE = re.compile("%(?![0-9a-fA-F]{2})")


class MalformedAnswerError(Exception):
    """The function's answer is nothing that API Gateway could send."""


@dataclass(frozen=True)
class HttpRequest:
    """`path` is decoded once, as a web server hands it over. Header names may come in any case, and more than once."""

    method: str
    path: str
    query: str = ""
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    protocol: str = "HTTP/1.1"
    source_ip: str = "127.0.0.1"


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    @classmethod
    def message(cls, status: int, message: str) -> "HttpAnswer":
        """What API Gateway itself says."""
        return cls(status, [("content-type", "application/json")], json.dumps({"message": message}).encode())


def as_on_aws(path: str) -> str | None:
    """What an HTTP API makes of a decoded path: it ends at a question mark, and is decoded again; None when it cannot be: answered 400.

    Source: hotsock/voker, `vokerhttp/testdata/ingress-paths.json`, captured on AWS in July 2026.
    """
    path = path.partition("?")[0]
    return None if _NO_ESCAPE.search(path) else unquote(path)


def choose_route(routes: Sequence[Route], request: HttpRequest) -> tuple[Route, dict[str, str]] | None:
    """The route that says most about the request, with its path parameters; `$default` takes what no other does."""
    found = [(route, parameters) for route in routes if (parameters := _path_parameters(route.key, request)) is not None]
    return max(found, key=lambda each: _specificity(each[0].key), default=None)


def gateway_event(
    request: HttpRequest, route: Route, parameters: Mapping[str, str], *, place: Place, now: datetime, request_id: str
) -> dict[str, Any]:
    headers = _joined(request.headers)
    cookies = headers.pop("cookie", "")
    host = headers.setdefault("host", "localhost")
    headers |= {"x-forwarded-for": request.source_ip, "x-forwarded-proto": "http", "x-forwarded-port": host.rpartition(":")[2]}
    path = request.path
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": place.account,
            "apiId": "local",
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": request.method,
                "path": path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": route.key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now.timestamp() * 1000),
        },
        **_body(request.body, headers.get("content-type", "")),
    }
    if cookies:
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
    if query := parse_qsl(request.query, keep_blank_values=True):
        event["queryStringParameters"] = _joined(query, lower=False)
    if parameters:
        event["pathParameters"] = dict(parameters)
    return event


def http_answer(answer: Any) -> HttpAnswer:
    """Raises: MalformedAnswerError."""
    if not isinstance(answer, dict) or "statusCode" not in answer:  # then all of it is the body
        return HttpAnswer(200, [("content-type", "application/json")], json.dumps(answer).encode())
    try:
        status = int(answer["statusCode"])
        given = {name.lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
        headers = [(name, value) for name, value in given.items() if name != "content-length"]  # the gateway counts for itself
        headers += [("set-cookie", cookie) for cookie in answer.get("cookies") or ()]
        text = answer.get("body") or ""
        body = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
    except (TypeError, ValueError, AttributeError) as error:
        raise MalformedAnswerError(f"an answer that API Gateway cannot send: {error}") from error
    size = len(json.dumps(answer, ensure_ascii=False).encode("utf-8", "surrogatepass"))  # the whole answer as the runtime writes it
    if size > MAX_PAYLOAD_BYTES:
        raise MalformedAnswerError(f"an answer of {size} bytes, and Lambda takes {MAX_PAYLOAD_BYTES}")
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain; charset=utf-8"))
    return HttpAnswer(status, headers, body)


def _body(body: bytes, content_type: str) -> dict[str, Any]:
    if not body:
        return {"isBase64Encoded": False}
    if _TEXT.fullmatch(content_type):
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _joined(pairs: Sequence[tuple[str, str]], *, lower: bool = True) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower() if lower else name
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    return joined


def _path_parameters(key: str, request: HttpRequest) -> dict[str, str] | None:
    """The parameters in the path when the route's key matches, else None."""
    if key == _DEFAULT_ROUTE:
        return {}
    method, _, template = key.partition(" ")
    if method not in {"ANY", request.method}:
        return None
    parts = re.split(r"\{(\w+\+?)\}", template)
    pattern = "".join(re.escape(part) if position % 2 == 0 else _group(part) for position, part in enumerate(parts))
    found = re.fullmatch(pattern, request.path)
    return None if found is None else found.groupdict()


def _group(name: str) -> str:
    return f"(?P<{name[:-1]}>.+)" if name.endswith("+") else f"(?P<{name}>[^/]+)"


def _specificity(key: str) -> tuple[bool, bool, int]:
    return (key != _DEFAULT_ROUTE, "+}" not in key, len(key))
