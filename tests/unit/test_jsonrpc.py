"""The JSON-RPC envelope: what is taken, what is refused, and with which id."""

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.json_format import ParseDict
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from relay.domain import errors
from relay.domain.json_body import (
    MAX_DEPTH,
    MAX_FORWARDED_BODY_BYTES,
    MAX_PUSH_CONFIG_BODY_BYTES,
    check_size,
    parse_json,
    parse_noting_repeats,
)
from relay.domain.jsonrpc import Request, RequestError, error_response, parse_request, result_response
from relay.domain.task import ProtocolVersion


def envelope(**members: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 7, "method": "GetTask", "params": {"id": "t"}} | members).encode()


def refusal(body: bytes, content_type: str | None = "application/json") -> RequestError:
    with pytest.raises(RequestError) as raised:
        parse_request(body, content_type)
    return raised.value


def nested(depth: int) -> bytes:
    """A request whose deepest value stands `depth` levels deep."""
    return b'{"jsonrpc":"2.0","id":7,"method":"GetTask","params":{"x":' + b"[" * (depth - 2) + b"]" * (depth - 2) + b"}}"


def test_a_request_is_its_id_method_and_params() -> None:
    assert parse_request(envelope(), "application/json") == Request(7, "GetTask", {"id": "t"})


def test_every_recorded_request_is_taken(recorded_call: dict[str, Any]) -> None:
    request = parse_request(recorded_call["request"].encode(), recorded_call["content-type"])
    sent = json.loads(recorded_call["request"])
    assert (request.id, request.method, request.params) == (sent["id"], sent["method"], sent.get("params", {}))


@pytest.mark.parametrize(
    "content_type",
    [None, "", "application/json", "Application/JSON; charset=utf-8", "application/a2a+json", "application/vnd.x+json;v=1"],
)
def test_any_name_of_json_and_no_name_are_taken(content_type: str | None) -> None:
    assert parse_request(envelope(), content_type).method == "GetTask"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json"])
def test_another_content_type_is_refused_with_the_id_of_the_request(content_type: str) -> None:
    fault = refusal(envelope(), content_type)
    assert isinstance(fault.error, errors.ContentTypeNotSupportedError)
    assert fault.request_id == 7


def test_another_content_type_is_refused_as_such_even_when_the_body_is_no_json() -> None:
    assert isinstance(refusal(b"a=1", "text/plain").error, errors.ContentTypeNotSupportedError)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b'{"jsonrpc":"2.0"} x', id="something after it"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', id="not UTF-8"),
        pytest.param('{"jsonrpc":"2.0","id":1,"method":"ü"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"x":NaN}}', id="NaN"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"x":-Infinity}}', id="Infinity"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"x":1e999}}', id="a number beyond all floats"),
        pytest.param(b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"GetTask"}', id="a number of 5,000 digits"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}', id="half of a surrogate pair"),
        pytest.param(nested(MAX_DEPTH + 1), id="one level too deep"),
        pytest.param(b"[" * 3_000_000, id="deeper than any stack"),
        pytest.param(b'{"a":' * 500_000, id="objects deeper than any stack"),
    ],
)
def test_what_is_no_json_for_us_is_a_parse_error(body: bytes) -> None:
    fault = refusal(body)
    assert isinstance(fault.error, errors.ParseError)
    assert fault.request_id is None


def test_the_deepest_allowed_nesting_is_taken() -> None:
    assert parse_request(nested(MAX_DEPTH), None).id == 7


def test_brackets_in_strings_are_no_nesting() -> None:
    text = '[{"\\' * 500
    assert parse_json(json.dumps([text] * 3).encode()) == [text] * 3


def test_many_shallow_values_are_no_nesting() -> None:
    assert parse_json(b"[" + b"[],{}," * 200 + b"0]")[-1] == 0


@pytest.mark.parametrize(
    "before",
    [
        "[1]," * 40_000,
        "[[]]," * 20_000 + " " * 5_000,
        '"[",' * 40_000,
        '"' + "[" * 9_000 + '\\\\",' + '"\\"[",' * 5_000,
        "1," * 9_000,
        '{"[":"\\\\"},' * 9_000,
    ],
    ids=["arrays", "arrays and spaces", "strings", "long strings and escapes", "numbers", "objects"],
)
def test_nesting_is_found_wherever_in_a_large_body_it_stands(before: str) -> None:
    def body(depth: int) -> bytes:
        return f"[{before}{'[' * (depth - 1)}{']' * (depth - 1)},{before}0]".encode()

    assert parse_json(body(MAX_DEPTH))[-1] == 0
    with pytest.raises(errors.ParseError, match="nested deeper"):
        parse_json(body(MAX_DEPTH + 1))


@pytest.mark.parametrize("row", ["[1],", '{"n":"v"},', '"v",'])
def test_what_is_parsed_needs_no_more_memory_than_the_result(row: str) -> None:
    """One answer of 16 MB must not end a function: to look for its depth took 80 times its size."""
    body = f"[{row * (400_000 // len(row))}[]{',[]' * 70}]".encode()
    assert peak(lambda: parse_json(body)) < peak(lambda: json.loads(body)) + 8_000_000


@pytest.mark.parametrize("row", [b"[],", b'{"a":1},'])
def test_a_body_of_too_many_objects_and_arrays_is_refused_before_it_is_parsed(row: bytes) -> None:
    """16 MB of them would need 430 MB as Python's, of the 512 that a function has."""
    assert len(parse_json(b"[" + row * 9_999 + b"[]]")) == 10_000
    with pytest.raises(errors.ParseError, match="more than 1000000 objects and arrays"):
        parse_json(b"[" + row * 1_000_000 + b"[]]")


def peak(work: Callable[[], object]) -> int:
    """The most bytes that it held."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_byte_order_mark_is_skipped() -> None:
    assert parse_request(b"\xef\xbb\xbf" + envelope(), None).id == 7


def test_the_last_of_duplicate_keys_wins() -> None:
    assert parse_request(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"GetTask","method":"CancelTask"}', None) == Request(2, "CancelTask", {})


@pytest.mark.parametrize(
    ("body", "repeats"),
    [(b"[]", False), (b'[{"a": 1}, {"a": 2}]', False), (b'{"a": {"b": 1, "b": 1}}', True), (b'[{"a": 1, "\\u0061": 2}]', True)],
)
def test_duplicate_keys_are_noted(body: bytes, repeats: bool) -> None:
    assert parse_noting_repeats(body) == (parse_json(body), repeats)


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert parse_request(envelope(method="😀"), None).method == "😀"


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null", b"true", b'[{"jsonrpc":"2.0","id":1,"method":"GetTask"}]'])
def test_only_an_object_is_a_request(body: bytes) -> None:
    fault = refusal(body)
    assert isinstance(fault.error, errors.InvalidRequestError)
    assert fault.request_id is None


@pytest.mark.parametrize(
    "members", [{"jsonrpc": "1.0"}, {"jsonrpc": 2.0}, {"jsonrpc": None}, {"method": ""}, {"method": 5}, {"method": None}]
)
def test_a_faulty_envelope_is_refused_with_its_id(members: dict[str, Any]) -> None:
    fault = refusal(envelope(**members))
    assert isinstance(fault.error, errors.InvalidRequestError)
    assert fault.request_id == 7


@pytest.mark.parametrize("request_id", [True, [], {}, [1]])
def test_an_id_that_is_none_is_refused_and_not_given_back(request_id: Any) -> None:
    fault = refusal(envelope(id=request_id))
    assert isinstance(fault.error, errors.InvalidRequestError)
    assert fault.request_id is None


@pytest.mark.parametrize("request_id", ["", "x", 0, -5, 1.5, None])
def test_any_id_of_json_rpc_is_given_back(request_id: Any) -> None:
    assert parse_request(envelope(id=request_id), None).id == request_id


@pytest.mark.parametrize("params", ["x", 5, True, 0, ""])
def test_params_that_are_no_structure_are_an_invalid_request(params: Any) -> None:
    fault = refusal(envelope(params=params))
    assert isinstance(fault.error, errors.InvalidRequestError)
    assert fault.request_id == 7


def test_params_by_position_are_invalid_params() -> None:
    fault = refusal(envelope(params=["t"]))
    assert isinstance(fault.error, errors.InvalidParamsError)
    assert fault.error.field == "params"


@pytest.mark.parametrize("body", [b'{"jsonrpc":"2.0","id":1,"method":"GetTask"}', envelope(params=None)])
def test_absent_params_are_an_empty_object(body: bytes) -> None:
    assert parse_request(body, None).params == {}


def test_a_body_over_the_limit_is_refused_with_the_limit() -> None:
    fault = refusal(b" " * MAX_FORWARDED_BODY_BYTES + envelope())
    assert isinstance(fault.error, errors.InvalidRequestError)
    assert str(MAX_FORWARDED_BODY_BYTES) in fault.error.message


def test_a_body_of_exactly_the_limit_is_taken() -> None:
    check_size(b" " * MAX_PUSH_CONFIG_BODY_BYTES, MAX_PUSH_CONFIG_BODY_BYTES)


def test_a_result_of_nothing_is_null() -> None:
    assert result_response("a", None) == {"jsonrpc": "2.0", "id": "a", "result": None}


def test_an_error_of_1_0_carries_error_info() -> None:
    error = errors.TaskNotFoundError("There is no task t.", metadata={"taskId": "t"})
    answer = error_response(2, error, ProtocolVersion.V10)
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "TASK_NOT_FOUND",
        "domain": "a2a-protocol.org",
        "metadata": {"taskId": "t"},
    }
    assert answer == {"jsonrpc": "2.0", "id": 2, "error": {"code": -32001, "message": "There is no task t.", "data": [info]}}


def test_wrong_params_in_1_0_carry_the_field_as_a_violation() -> None:
    error = errors.InvalidParamsError("url is required.", field="url")
    details = error_response(2, error, ProtocolVersion.V10)["error"]["data"]
    assert details[1]["fieldViolations"] == [{"field": "url", "description": "url is required."}]


def test_details_are_protobuf_any() -> None:
    details = error_response(2, errors.InvalidParamsError("url is required.", field="url"), ProtocolVersion.V10)["error"]["data"]
    for detail, message in zip(details, [ErrorInfo(), BadRequest()], strict=True):
        assert ParseDict(detail, AnyMessage()).Unpack(message)


def test_reasons_of_the_relay_are_in_its_own_domain() -> None:
    answer = error_response(2, errors.UpstreamTimeoutError("The agent did not answer."), ProtocolVersion.V10)
    assert answer["error"]["data"][0]["domain"] == "a2a-push-relay"


def test_an_error_of_0_3_carries_an_object() -> None:
    answer = error_response(2, errors.InvalidParamsError("url is required.", field="url"), ProtocolVersion.V03)
    assert answer["error"] == {"code": -32602, "message": "url is required.", "data": {"reason": "INVALID_PARAMS", "field": "url"}}
