"""Lambda takes 6 MiB of an answer, its body escaped as JSON in it: what is larger goes as base64, or is an error that says so."""

import json
from typing import Any

import pytest

from relay.adapters.upstream import MAX_ANSWER_BYTES
from relay.domain.errors import UpstreamTooLargeError
from relay.http_event import HttpAnswer, fitting
from tests.support.world import World

LIMIT = 6 * 1024 * 1024
AS_BASE64 = LIMIT // 4 * 3 - 1024


def answer(body: str) -> HttpAnswer:
    return {"statusCode": 200, "headers": {}, "body": body}


@pytest.mark.parametrize(
    ("body", "is_base64"),
    [
        ("x" * MAX_ANSWER_BYTES, False),
        ("\u0451" * (MAX_ANSWER_BYTES // 2), False),
        ('"' * (LIMIT // 2 - 50), False),
        ('"' * (LIMIT // 2), True),
        ('"' * AS_BASE64, True),
    ],
)
def test_a_body_goes_as_base64_only_when_it_must(body: str, is_base64: bool) -> None:
    sent = fitting(answer(body))
    assert sent.get("isBase64Encoded", False) is is_base64
    assert len(json.dumps(sent, ensure_ascii=False).encode()) <= LIMIT


@pytest.mark.parametrize(("runtime", "is_base64"), [("python3.11", True), ("python3.12", False), ("python3.13", False)])
def test_a_runtime_that_escapes_what_is_not_ascii_is_given_base64_in_time(
    monkeypatch: pytest.MonkeyPatch, runtime: str, is_base64: bool
) -> None:
    """Each of these characters is three bytes, or six where it is escaped: Lambda would answer 502."""
    monkeypatch.setenv("AWS_EXECUTION_ENV", f"AWS_Lambda_{runtime}")
    sent = fitting(answer("\u4e00" * 1_200_000))
    assert sent.get("isBase64Encoded", False) is is_base64
    assert len(json.dumps(sent, ensure_ascii=runtime == "python3.11").encode()) <= LIMIT


def test_a_body_that_fits_neither_way_is_refused() -> None:
    with pytest.raises(UpstreamTooLargeError):
        fitting(answer('"' * (AS_BASE64 + 1024)))


def test_a_callers_answer_rich_in_quotes_arrives_or_is_an_error_that_says_so(world: World) -> None:
    world.agent.task("task-1")
    text = ""

    def say(_method: str, told: dict[str, Any]) -> None:
        told["result"]["metadata"] = {"text": text}

    world.agent.before_answer = say
    text = '"' * 2_200_000
    assert world.result("GetTask", {"id": "task-1"})["metadata"] == {"text": text}
    text = '"' * 2_500_000
    error = world.call("GetTask", {"id": "task-1"})["error"]
    assert (error["code"], error["data"][0]["reason"]) == (-32603, "UPSTREAM_ANSWER_TOO_LARGE")
