"""An agent's JSON-RPC response, in an envelope that every client can read."""

from typing import Any

import pytest

from relay.domain.rpc_answer import bare_error, response_of

ERROR = {"code": -32001, "message": "no", "data": [{"a": 1}]}


@pytest.mark.parametrize("request_id", ["mine", 7, 7.5, None])
@pytest.mark.parametrize("said", [{"result": {"a": 1}}, {"result": None}, {"error": ERROR}, {"result": 1, "_meta": {"b": 2}}])
def test_a_response_to_this_call_is_told_as_it_is(request_id: Any, said: dict[str, Any]) -> None:
    document = {"jsonrpc": "2.0", "id": request_id, **said}
    assert response_of(document, request_id) is document


@pytest.mark.parametrize("request_id", ["mine", 7, None])
@pytest.mark.parametrize("theirs", [{}, {"id": "another"}, {"id": None}, {"id": True}, {"id": 7.0}, {"id": {"a": 1}}, {"id": [7]}])
def test_the_id_is_the_callers_whatever_the_agent_says(request_id: Any, theirs: dict[str, Any]) -> None:
    told = response_of({"jsonrpc": "2.0", **theirs, "result": {"a": 1}}, request_id)
    assert told == {"jsonrpc": "2.0", "id": request_id, "result": {"a": 1}}
    assert type(told["id"]) is type(request_id)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"jsonrpc": "2.0"}, {"result": None}),
        ({"jsonrpc": "2.0", "error": None}, {"result": None}),
        ({"error": None, "result": 1}, {"result": 1}),
        ({"jsonrpc": 2, "result": 1}, {"result": 1}),
        ({"jsonrpc": "2.0", "error": ERROR, "result": None}, {"error": ERROR}),
        ({"jsonrpc": "2.0", "error": ERROR, "result": 1}, {"error": ERROR}),
        ({"error": ERROR}, {"error": ERROR}),
        ({"jsonrpc": "2.0", "error": {"code": 5}}, {"error": {"code": 5, "message": ""}}),
        ({"jsonrpc": "2.0", "error": {"code": 5, "message": 404}}, {"error": {"code": 5, "message": "404"}}),
        ({"jsonrpc": "2.0", "error": {"code": 5, "message": {"a": 1}, "data": 1}}, {"error": {"code": 5, "message": "", "data": 1}}),
    ],
)
def test_there_is_a_result_or_an_error(said: dict[str, Any], told: dict[str, Any]) -> None:
    assert response_of(said, 7) == {"jsonrpc": "2.0", "id": 7, **told}


@pytest.mark.parametrize(
    "document",
    [
        *(None, [], "x", {}, {"id": 7}, {"jsonrpc": "2.0", "id": 7, "method": "x", "result": 1}),
        *({"error": {"code": 404}}, {"error": {}}, {"jsonrpc": "2.0", "error": "no"}, {"jsonrpc": "2.0", "error": {"code": True}}),
        {"jsonrpc": "2.0", "error": {"code": "-32001"}},
    ],
)
def test_what_is_no_response(document: Any) -> None:
    assert response_of(document, 7) is None


@pytest.mark.parametrize(("message", "told"), [("no", "no"), (None, ""), ({}, "")])
def test_an_error_without_an_envelope_gets_one(message: Any, told: str) -> None:
    assert bare_error({"code": -32009, "message": message, "more": 1}, 7) == {
        "jsonrpc": "2.0",
        "id": 7,
        "error": {"code": -32009, "message": told},
    }


@pytest.mark.parametrize("document", [None, [], {}, {"code": 5}, {"code": "x"}, {"code": True}, {"code": 0}])
def test_what_is_no_error(document: Any) -> None:
    assert bare_error(document, 7) is None
