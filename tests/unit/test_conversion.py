"""Tasks between 0.3 and 1.0. The judges are a2a-sdk's own types: its 1.0 protobuf messages, parsed strictly, and its 0.3 models."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from a2a.compat.v0_3 import types as types_03
from a2a.types import Message, Task
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.conversion import clean, convert, convert_message
from relay.domain.task import ProtocolVersion, Snapshot

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10

PRAISONAI_TASK = {
    "id": "task-4a4655e5fc8c",
    "status": {"state": "completed", "timestamp": "2026-11-20T23:36:23.961450+00:00"},
    "artifacts": [{"artifactId": "art-8741b7f2313e", "parts": [{"text": "answer to hello"}]}],
    "history": [{"messageId": "m1", "role": "user", "parts": [{"text": "hello"}]}],
}


def task_03(document: Any) -> Any:
    return convert(Snapshot(V03, document), V03).document


def task_10(document: Any) -> Any:
    return convert(Snapshot(V03, document), V10).document


def back_to_03(document: Any) -> Any:
    return convert(Snapshot(V10, document), V03).document


def part_10(part: Any) -> Any:
    return convert_message({"messageId": "m", "role": "user", "parts": [part]}, V10)["parts"][0]


def part_03(part: Any) -> Any:
    return convert_message({"messageId": "m", "role": "user", "parts": [part]}, V03)["parts"][0]


def strict_10(document: Any) -> Task:
    """Raises when a2a-sdk 1.0 to 1.2 would refuse the document."""
    task: Task = ParseDict(document, Task())
    return task


# --- what both versions can express -------------------------------------------------------------------------------------------------

names = st.text(st.characters(codec="utf-8", exclude_characters="_"), min_size=1, max_size=8)
words = st.text(st.characters(codec="utf-8"), max_size=12)
filled_words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(names, values, min_size=1, max_size=3)
uris = st.lists(filled_words, min_size=1, max_size=2)


def described(required: dict[str, Any], **optional: Any) -> Any:
    return st.fixed_dictionaries(required, optional=optional)


files = described({"bytes": st.binary(max_size=9).map(lambda raw: base64.b64encode(raw).decode())}, name=filled_words) | (
    described({"uri": words}, name=filled_words, mimeType=filled_words)
)
parts_03 = (
    described({"kind": st.just("text"), "text": words}, metadata=objects)
    | described({"kind": st.just("file"), "file": files}, metadata=objects)
    | described({"kind": st.just("data"), "data": st.dictionaries(names, values, max_size=3)}, metadata=objects)
)
parts_10 = (
    described({"text": words}, metadata=objects)
    | described({"raw": st.just("aGk=")}, metadata=objects, filename=filled_words, mediaType=filled_words)
    | described({"url": words}, metadata=objects, filename=filled_words)
    | described({"data": values}, metadata=objects)
)


def messages(version: ProtocolVersion) -> Any:
    is_03 = version is V03
    return described(
        {
            "messageId": filled_words,
            "role": st.sampled_from(["user", "agent"] if is_03 else ["ROLE_USER", "ROLE_AGENT"]),
            "parts": st.lists(parts_03 if is_03 else parts_10, max_size=3),
            **({"kind": st.just("message")} if is_03 else {}),
        },
        contextId=filled_words,
        taskId=filled_words,
        metadata=objects,
        extensions=uris,
        referenceTaskIds=uris,
    )


def tasks(version: ProtocolVersion) -> Any:
    is_03 = version is V03
    states = ["submitted", "working", "input-required", "auth-required", "completed", "canceled", "failed", "rejected", "unknown"]
    states_10 = ["TASK_STATE_" + ("UNSPECIFIED" if state == "unknown" else state.upper().replace("-", "_")) for state in states]
    artifacts = described(
        {"artifactId": filled_words, "parts": st.lists(parts_03 if is_03 else parts_10, max_size=3)},
        name=filled_words,
        description=filled_words,
        metadata=objects,
        extensions=uris,
    )
    timestamps = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
    status = described({"state": st.sampled_from(states if is_03 else states_10)}, message=messages(version), timestamp=timestamps)
    return described(
        {"id": filled_words, "contextId": filled_words, "status": status, **({"kind": st.just("task")} if is_03 else {})},
        artifacts=st.lists(artifacts, min_size=1, max_size=2),
        history=st.lists(messages(version), min_size=1, max_size=2),
        metadata=objects,
    )


@given(tasks(V03))
def test_a_03_task_comes_back_unchanged_from_10(document: Any) -> None:
    assert back_to_03(task_10(document)) == document


@given(tasks(V10))
def test_a_10_task_comes_back_unchanged_from_03(document: Any) -> None:
    there = convert(Snapshot(V10, document), V03)
    assert convert(there, V10).document == document


@given(tasks(V03), tasks(V10))
def test_a_well_formed_task_is_not_changed_in_its_own_version(in_03: Any, in_10: Any) -> None:
    assert clean(Snapshot(V03, in_03)).document == in_03
    assert clean(Snapshot(V10, in_10)).document == in_10


@given(tasks(V10), tasks(V03))
def test_both_versions_readers_take_what_is_converted(in_10: Any, in_03: Any) -> None:
    strict_10(task_10(in_03))
    types_03.Task.model_validate(convert(Snapshot(V10, in_10), V03).document)


# --- what agents really send --------------------------------------------------------------------------------------------------------

task_members = ["kind", "id", "contextId", "context_id", "status", "artifacts", "history", "metadata", "extra"]
inner_members = ["state", "message", "timestamp", "parts", "role", "messageId", "artifactId", "text", "file", "data", "raw", "bytes", "url"]
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words | st.sampled_from(["data", "text", "file", "2026-11-20T00:00:00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(inner_members), inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(task_members), anything), st.sampled_from([V03, V10]))
def test_whatever_an_agent_calls_a_task_strict_readers_can_read_it(document: Any, version: ProtocolVersion) -> None:
    snapshot = Snapshot(version, document)
    strict_10(convert(snapshot, V10).document)
    types_03.Task.model_validate(convert(snapshot, V03).document)


def test_praisonais_task_becomes_a_valid_03_task() -> None:
    mended = task_03(PRAISONAI_TASK)
    types_03.Task.model_validate(mended)
    assert mended["kind"] == "task"
    assert mended["contextId"] == "task-4a4655e5fc8c"
    assert mended["history"][0]["kind"] == "message"
    assert mended["artifacts"][0]["parts"] == [{"kind": "text", "text": "answer to hello"}]


def test_praisonais_task_becomes_a_valid_10_task() -> None:
    converted = task_10(PRAISONAI_TASK)
    assert strict_10(converted).artifacts[0].parts[0].text == "answer to hello"
    assert converted["status"] == {"state": "TASK_STATE_COMPLETED", "timestamp": "2026-11-20T23:36:23.961450Z"}


@pytest.mark.parametrize(
    ("said", "in_03", "in_10"),
    [
        ("input_required", "input-required", "TASK_STATE_INPUT_REQUIRED"),
        ("auth_required", "auth-required", "TASK_STATE_AUTH_REQUIRED"),
        ("cancelled", "canceled", "TASK_STATE_CANCELED"),
        ("TASK_STATE_REJECTED", "rejected", "TASK_STATE_REJECTED"),
        ("paused", "unknown", "TASK_STATE_UNSPECIFIED"),
        (None, "unknown", "TASK_STATE_UNSPECIFIED"),
    ],
)
def test_a_state_in_any_spelling_gets_the_versions_own(said: str | None, in_03: str, in_10: str) -> None:
    task = {"id": "t", "status": {"state": said}}
    assert task_03(task)["status"] == {"state": in_03}
    assert task_10(task)["status"] == {"state": in_10}


@pytest.mark.parametrize(
    ("said", "in_03", "in_10"), [("user", "user", "ROLE_USER"), ("assistant", "agent", "ROLE_AGENT"), (None, "agent", "ROLE_AGENT")]
)
def test_whoever_is_not_the_user_is_the_agent(said: str | None, in_03: str, in_10: str) -> None:
    message: dict[str, object] = {"messageId": "m", "role": said, "parts": []}
    assert convert_message(message, V03)["role"] == in_03
    assert convert_message(message, V10)["role"] == in_10


def test_a_message_answer_is_converted_whole() -> None:
    message = {"kind": "message", "messageId": "m", "role": "agent", "contextId": "c", "parts": [{"kind": "text", "text": "hi"}]}
    converted = convert_message(message, V10)
    assert converted == {"messageId": "m", "role": "ROLE_AGENT", "contextId": "c", "parts": [{"text": "hi"}]}
    ParseDict(converted, Message())
    assert convert_message(converted, V03) == message


@pytest.mark.parametrize(
    "part",
    [
        {"kind": "text", "text": ""},
        {"type": "text", "text": ""},
        {"text": ""},
    ],
)
def test_an_empty_text_stays_a_text(part: Any) -> None:
    assert part_10(part) == {"text": ""}
    assert part_03(part) == {"kind": "text", "text": ""}


def test_a_file_by_bytes_is_flat_in_10() -> None:
    part = {"kind": "file", "file": {"bytes": "aGk=", "mimeType": "text/plain", "name": "hi.txt"}, "metadata": {"a": 1}}
    assert part_10(part) == {"raw": "aGk=", "mediaType": "text/plain", "filename": "hi.txt", "metadata": {"a": 1}}
    assert part_03(part_10(part)) == part


def test_a_file_by_uri_is_flat_in_10() -> None:
    part = {"kind": "file", "file": {"uri": "https://example.com/a.pdf", "mimeType": "application/pdf"}}
    assert part_10(part) == {"url": "https://example.com/a.pdf", "mediaType": "application/pdf"}
    assert part_03(part_10(part)) == part


def test_praisonais_file_part_is_a_file() -> None:
    part = {"fileWithUri": "https://example.com/a.pdf", "mediaType": "application/pdf", "name": "a.pdf"}
    assert part_10(part) == {"url": "https://example.com/a.pdf", "mediaType": "application/pdf", "filename": "a.pdf"}


def test_bytes_that_are_no_base64_are_encoded_for_10() -> None:
    assert part_10({"kind": "file", "file": {"bytes": "hello, world"}}) == {"raw": "aGVsbG8sIHdvcmxk"}


def test_base64_with_line_breaks_and_without_padding_is_mended_for_10() -> None:
    assert part_10({"kind": "file", "file": {"bytes": "aGVs\r\nbG8"}}) == {"raw": "aGVsbG8="}


@pytest.mark.parametrize("value", [None, 7, "seven", [1, 2]])
def test_10_data_that_is_no_object_is_wrapped_for_03_as_the_sdk_does(value: Any) -> None:
    wrapped = part_03({"data": value})
    assert wrapped == {"kind": "data", "data": {"value": value}, "metadata": {"data_part_compat": True}}
    assert part_10(wrapped) == {"data": value}


def test_a_part_of_an_unknown_kind_is_kept_as_data() -> None:
    assert part_03({"kind": "video", "frames": 3}) == {"kind": "data", "data": {"kind": "video", "frames": 3}}


def test_nothing_but_named_members_is_in_a_10_task() -> None:
    task = {
        **PRAISONAI_TASK,
        "kind": "task",
        "generation": 3,
        "status": {"state": "working", "progress": 0.5},
        "metadata": {"own": {"a": None}},
    }
    cleaned = clean(Snapshot(V10, task)).document
    assert set(cleaned) == {"id", "contextId", "status", "artifacts", "history", "metadata"}
    assert cleaned["status"] == {"state": "TASK_STATE_WORKING"}
    assert cleaned["metadata"] == {"own": {"a": None}}


def test_null_and_empty_members_are_left_out() -> None:
    task: dict[str, object] = {
        "id": "t",
        "contextId": "c",
        "status": {"state": "working", "message": None},
        "artifacts": [],
        "history": None,
        "metadata": {},
    }
    assert task_10(task) == {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}
    assert task_03(task) == {"id": "t", "contextId": "c", "status": {"state": "working"}, "kind": "task"}


def test_a_03_task_keeps_what_else_the_agent_put_into_it() -> None:
    assert task_03({"id": "t", "status": {"state": "working"}, "progress": 0.5, "empty": None})["progress"] == 0.5


def test_snake_cased_twins_do_not_reach_03_readers() -> None:
    assert "context_id" not in task_03({"id": "t", "context_id": 5, "status": {"state": "working"}})


@pytest.mark.parametrize(
    ("said", "in_10"),
    [
        ("2026-11-20T23:37:46.123456789Z", "2026-11-20T23:37:46.123456789Z"),
        ("2026-11-20T23:37:46", "2026-11-20T23:37:46Z"),
        ("2026-11-20T23:37:46.5+02:00", "2026-11-20T21:37:46.500000Z"),
        ("yesterday", None),
        ("0001-01-01T00:00:00+05:00", None),
        (1700000000, None),
    ],
)
def test_10_timestamps_are_rfc_3339_in_utc(said: object, in_10: str | None) -> None:
    converted = task_10({"id": "t", "status": {"state": "working", "timestamp": said}})
    strict_10(converted)
    assert converted["status"].get("timestamp") == in_10


def test_a_status_message_that_is_a_text_becomes_a_message() -> None:
    status = task_03({"id": "t", "status": {"state": "failed", "message": "no quota"}})["status"]
    types_03.TaskStatus.model_validate(status)
    assert status["message"]["parts"] == [{"kind": "text", "text": "no quota"}]


def test_a_converted_task_is_still_marked_as_cut() -> None:
    assert convert(replace(Snapshot(V03, PRAISONAI_TASK), is_cut=True), V10).is_cut


def test_conversion_leaves_the_agents_own_document_untouched() -> None:
    before = json.dumps(PRAISONAI_TASK)
    task_10(PRAISONAI_TASK)
    task_03(PRAISONAI_TASK)
    assert json.dumps(PRAISONAI_TASK) == before
