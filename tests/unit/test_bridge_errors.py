"""Errors between 0.3 and 1.0, judged by a2a-sdk's own clients."""

from typing import Any, cast

import pytest
from a2a.client.transports.jsonrpc import JsonRpcTransport
from a2a.compat.v0_3 import types as types_03
from a2a.types import AgentCard
from a2a.utils.errors import JSON_RPC_ERROR_CODE_MAP, A2AError, InvalidParamsError, TaskNotFoundError
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.bridge_errors import bridge_error
from relay.domain.task import ProtocolVersion
from tests.unit.test_any_json import JSON, made_of

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
CODES_03 = [-32700, -32600, -32601, -32602, -32603, *range(-32007, -32000)]


def details(reason: str, **metadata: str) -> list[dict[str, Any]]:
    return [{"@type": ERROR_INFO, "reason": reason, "domain": "a2a-protocol.org", "metadata": metadata}]


def raised_10(error: Any) -> Any:
    """What a2a-sdk 1.x raises for the error."""
    return JsonRpcTransport(cast(Any, None), AgentCard(), "")._create_jsonrpc_error(error)


@pytest.mark.parametrize("code", CODES_03)
@pytest.mark.parametrize("to", ProtocolVersion)
def test_a_code_that_both_versions_know_is_kept(code: int, to: ProtocolVersion) -> None:
    bridged = bridge_error({"code": code, "message": "No."}, to)
    assert (bridged["code"], bridged["message"]) == (code, "No.")


@pytest.mark.parametrize(("code", "in_03"), [(-32008, -32004), (-32009, -32603)])
def test_a_code_of_1_0_alone_is_told_to_0_3_by_one_it_knows_and_the_text(code: int, in_03: int) -> None:
    bridged = bridge_error({"code": code, "message": "Say which extension.", "data": details("ITS_REASON")}, V03)
    assert bridged == {"code": in_03, "message": "Say which extension.", "data": {"reason": "ITS_REASON"}}
    assert bridge_error({"code": code, "message": "No."}, V10)["code"] == code


@pytest.mark.parametrize("code", [-32000, -32050, 1234])
@pytest.mark.parametrize("to", ProtocolVersion)
def test_a_code_of_the_agents_own_stays(code: int, to: ProtocolVersion) -> None:
    assert bridge_error({"code": code, "message": "Config not ready"}, to)["code"] == code


def test_praisonais_task_not_found_gets_a2as_code() -> None:
    error = {"code": -32000, "message": "Task not found: nope"}
    assert bridge_error(error, V10) == {"code": -32001, "message": "Task not found: nope", "data": details("TASK_NOT_FOUND")}
    assert isinstance(raised_10(bridge_error(error, V10)), TaskNotFoundError)


def test_0_3s_data_become_the_metadata_of_an_error_info() -> None:
    bridged = bridge_error({"code": -32602, "message": "Wrong.", "data": {"field": "id", "limits": [1, 2], "none": None}}, V10)
    assert bridged["data"] == details("INVALID_PARAMS", field="id", limits="[1, 2]")
    raised = raised_10(bridged)
    assert isinstance(raised, InvalidParamsError)
    assert raised.data == {"field": "id", "limits": "[1, 2]"}


@pytest.mark.parametrize("data", ["the agent's words", ["a", 1], 7])
def test_0_3s_data_in_any_other_form_are_metadata_too(data: Any) -> None:
    (info,) = bridge_error({"code": -32603, "message": "Failed.", "data": data}, V10)["data"]
    assert list(info["metadata"]) == ["data"]


def test_1_0s_details_become_an_object() -> None:
    violations = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": "id", "description": "missing"}]}
    error = {"code": -32602, "message": "Wrong.", "data": [*details("INVALID_PARAMS", field="id"), violations]}
    bridged = bridge_error(error, V03)
    assert bridged["data"] == {"reason": "INVALID_PARAMS", "field": "id", "details": [violations]}
    assert bridge_error(bridged, V10) == error


def test_details_that_an_agent_of_0_3_already_gives_are_kept() -> None:
    assert bridge_error({"code": -32001, "message": "No.", "data": details("MINE", a="b")}, V10)["data"] == details("MINE", a="b")


def test_data_in_no_known_form_reach_0_3_as_they_are() -> None:
    assert bridge_error({"code": -32603, "message": "No.", "data": ["a"]}, V03)["data"] == ["a"]
    assert "data" not in bridge_error({"code": -32603, "message": "No."}, V03)


@pytest.mark.parametrize("error", [{}, {"code": None}, {"code": True, "message": 5}, {"code": "x"}])
def test_an_error_without_a_code_is_an_internal_one(error: Any) -> None:
    for to in ProtocolVersion:
        assert bridge_error(error, to)["code"] == -32603
        assert bridge_error(error, to)["message"]


texts = st.text(st.characters(codec="utf-8"), max_size=9)
names = texts.filter(lambda name: name not in ("reason", "domain", "details"))
infos = st.builds(
    lambda reason, domain, metadata: [{"@type": ERROR_INFO, "reason": reason, "domain": domain, "metadata": metadata}],
    st.text(min_size=1),
    st.sampled_from(["a2a-protocol.org", "agent.example"]),
    st.dictionaries(names, texts, max_size=3),
)
errors_10 = st.fixed_dictionaries({"code": st.sampled_from(CODES_03), "message": st.text(min_size=1), "data": infos})


@given(errors_10)
def test_a_1_0_error_comes_back_unchanged_from_0_3(error: Any) -> None:
    assert bridge_error(bridge_error(error, V03), V10) == error


@given(made_of(["code", "message", "data", "reason", "details", "@type"]) | st.dictionaries(st.just("data"), JSON))
def test_both_sdks_read_whatever_an_agent_calls_an_error(error: Any) -> None:
    types_03.JSONRPCErrorResponse.model_validate({"jsonrpc": "2.0", "id": 1, "error": bridge_error(error, V03)})
    assert isinstance(raised_10(bridge_error(error, V10)), Exception)


@pytest.mark.parametrize("code", sorted(JSON_RPC_ERROR_CODE_MAP.values()))
def test_each_code_of_1_0_is_the_sdks_own_exception_with_its_metadata(code: int) -> None:
    raised = raised_10(bridge_error({"code": code, "message": "No.", "data": {"a": "b"}}, V10))
    assert isinstance(raised, A2AError)
    assert JSON_RPC_ERROR_CODE_MAP[type(raised)] == code
    assert raised.data == {"a": "b"}
