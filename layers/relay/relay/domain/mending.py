"""The answers of a 0.3 agent as 0.3's SDKs can read them: PraisonAI leaves out `kind` and `contextId` and spells states its own way.

And the other way round: PraisonAI's client waits for `cancelled`, whichever agent answers.

Source: praisonaiagents 1.7.17 as recorded on the wire, which no client of an SDK can read. What can be read is not touched: it goes
through as it came.
"""

from typing import Any

from relay.domain import praisonai
from relay.domain.bridge_errors import bridge_error, is_task_not_found
from relay.domain.bridge_lists import bridge_list
from relay.domain.conversion import clean, convert_message
from relay.domain.errors import InvalidAgentResponseError
from relay.domain.protocol import Kind
from relay.domain.sends import task_of_answer
from relay.domain.task import Json, ProtocolVersion

_TASK_KINDS = frozenset({Kind.SEND, Kind.GET_TASK, Kind.CANCEL})


def mend_response(kind: Kind, payload: Json, params: Json) -> Json:
    """The JSON-RPC response to a call with `params`; the same object when there is nothing to mend.

    Raises: InvalidParamsError for a `pageToken` that was never given.
    """
    error, result = payload.get("error"), payload.get("result")
    if isinstance(error, dict):
        if not is_task_not_found(error):
            return payload
        mended = bridge_error(error, ProtocolVersion.V03)
        return payload if mended["code"] == error.get("code") else {**payload, "error": mended}
    mended_result = mend_result(kind, result, params)
    return payload if mended_result is result else {**payload, "result": mended_result}


def mend_result(kind: Kind, result: Any, params: Json) -> Any:
    """The result of a call of `kind`; the same object when there is nothing to mend, or nothing that could be mended."""
    if kind is Kind.LIST_TASKS and isinstance(result, list):
        mended: Any = bridge_list(result, params, ProtocolVersion.V03)
    elif kind in _TASK_KINDS:
        mended = _task_or_message(result)
    else:
        return result
    return result if _say_the_same(mended, result) else mended


def spell_response(kind: Kind, payload: Json) -> Json:
    """The JSON-RPC response in PraisonAI's spelling; the same object when it is in it already."""
    result = payload.get("result")
    spelled = spell_result(kind, result)
    return payload if spelled is result else {**payload, "result": spelled}


def spell_result(kind: Kind, result: Any) -> Any:
    """The result of a call of `kind` with the states of its tasks in PraisonAI's spelling; the same object when they are."""
    if kind is Kind.LIST_TASKS and isinstance(result, list):
        spelled: Any = [_spelled(task) for task in result]
    elif kind in _TASK_KINDS:
        spelled = _spelled(result)
    else:
        return result
    return result if spelled == result else spelled


def _spelled(task: Any) -> Any:
    status = task.get("status") if isinstance(task, dict) else None
    return praisonai.spelled(task) if isinstance(status, dict) and isinstance(status.get("state"), str) else task


def _task_or_message(result: Any) -> Any:
    try:
        task = task_of_answer(result, ProtocolVersion.V03)
    except InvalidAgentResponseError:
        return result
    if task is not None:
        return clean(task).document
    return convert_message(result["message"] if isinstance(result.get("message"), dict) else result, ProtocolVersion.V03)


def _say_the_same(one: Any, other: Any) -> bool:
    """What is null or empty says nothing."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_say_the_same(one.get(name), other.get(name)) for name in one.keys() | other.keys())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_say_the_same, one, other))
    return bool(one == other) or (one in (None, "", [], {}) and other in (None, "", [], {}))
