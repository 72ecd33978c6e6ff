"""API Gateway's event as one request at one agent's address, and answers as API Gateway takes them.

An agent lives at `/agents/{agent}`, the one named `default` also at `/`. What stands before that is not the relay's: a stage's name, and
the path of a custom domain's API mapping, which API Gateway leaves in the path.
Source: API Gateway, "payload format version 2.0"; aws-powertools/powertools-lambda-python #579 (events of custom domains with mappings);
aws/aws-lambda-python-runtime-interface-client #122 (which runtimes escape an answer).
"""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from relay.domain.errors import UpstreamTooLargeError
from relay.domain.keys import DEFAULT_AGENT

_MAX_ANSWER_BYTES = 6 * 1024 * 1024  # Lambda: a synchronous invocation's answer, its body escaped as JSON in it
_SURELY_FITS = 1024 * 1024 - 1024  # a character becomes six bytes at most

HttpAnswer = dict[str, Any]


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

    @property
    def version_header(self) -> str | None:
        """The header `A2A-Version`, or the query parameter of that name in any case."""
        in_query = (value for name, value in self.query.items() if name.lower() == "a2a-version")
        return self.headers.get("a2a-version") or next(in_query, None)

    @property
    def content_type(self) -> str | None:
        return self.headers.get("content-type")


def read_request(event: Mapping[str, Any], *, public_url: str) -> HttpRequest:
    """`public_url` is where callers reach the relay; empty, where this request says it came to."""
    context: Mapping[str, Any] = event.get("requestContext") or {}
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    stage = str(context.get("stage") or "$default")
    path = str(event.get("rawPath") or "/")
    prefix = "" if stage == "$default" else f"/{stage}"
    path = _below(urlsplit(public_url).path.rstrip("/"), path.removeprefix(prefix) or "/")
    agent, below, rest = _agent_in(path)
    origin = public_url.rstrip("/") or f"{headers.get('x-forwarded-proto', 'https')}://{context.get('domainName')}{prefix}"
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


def json_answer(status: int, content: Any, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    if not body.isascii():
        body = body.encode("utf-8", "backslashreplace").decode()  # half a surrogate pair becomes the JSON escape that it was
    return {"statusCode": status, "headers": {"content-type": "application/json", **(headers or {})}, "body": body}


def fitting(answer: HttpAnswer) -> HttpAnswer:
    """The answer as Lambda takes it: as base64 where its body, escaped, would be too large. Raises: UpstreamTooLargeError."""
    if len(answer["body"]) <= _SURELY_FITS or _size(answer) <= _MAX_ANSWER_BYTES:
        return answer
    encoded = {**answer, "body": base64.b64encode(answer["body"].encode()).decode(), "isBase64Encoded": True}
    if _size(encoded) <= _MAX_ANSWER_BYTES:
        return encoded
    raise UpstreamTooLargeError(f"The answer is larger than the {_MAX_ANSWER_BYTES} bytes that Lambda takes.")


def _size(answer: HttpAnswer) -> int:
    """As the runtime writes it: that of Python 3.11 escapes what is not ASCII, those after it do not."""
    return len(json.dumps(answer, ensure_ascii=os.environ.get("AWS_EXECUTION_ENV") == "AWS_Lambda_python3.11").encode())


def revalidated(request: HttpRequest, answer: HttpAnswer) -> HttpAnswer:
    """The answer with a name for its body, `ETag`; 304 without the body for whoever says that it has it (RFC 9110 §13.1.2)."""
    etag = f'"{hashlib.sha256(answer["body"].encode()).hexdigest()[:32]}"'
    headers = {**answer["headers"], "etag": etag}
    had = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if had.isdisjoint({etag, "*"}):
        return {**answer, "headers": headers}
    return {"statusCode": 304, "headers": {name: value for name, value in headers.items() if name != "content-type"}, "body": ""}


def plain_answer(status: int, text: str, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """For whoever called where there is nothing, or with the wrong verb."""
    return json_answer(status, {"message": text}, headers)


def _below(mapping: str, path: str) -> str:
    """The path without that of the API mapping, where it is in it: at the HTTP API's own address, or behind a proxy, it is not."""
    return path.removeprefix(mapping) or "/" if f"{path}/".startswith(f"{mapping}/") else path


def _agent_in(path: str) -> tuple[str, str, str]:
    """The agent's name, the path of its address, and the path below that."""
    _, first, *more = path.split("/", 3)
    if first != "agents" or not more or not more[0]:
        return DEFAULT_AGENT, "", path
    name = unquote(more[0])
    return name, f"/agents/{more[0]}", f"/{more[1]}" if len(more) > 1 else ""
