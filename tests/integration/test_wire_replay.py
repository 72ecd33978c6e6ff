"""Every JSON-RPC call that was recorded of a real client, replayed at the front door in the order in which its client made it.

The relay, and the agent behind it, give ids of their own, which replace the recorded ones in what follows. A call is answered as its client
reads it: a result where there was one, with all that a client may read of it, and the code of an error where there was one; where not,
`OTHERWISE` says why. HTTP+JSON is replayed in `test_http_json_api`.
"""

import json
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from relay_dev.runner import Runner
from tests.support.agent import FakeAgent

WIRE = Path(__file__).parents[1] / "fixtures" / "wire"
FILES = ["jsonrpc-calls.jsonl", "jsonrpc-other-calls.jsonl"]
Call = dict[str, Any]

NOT_FOUND, NOT_SUPPORTED, INVALID, NO_METHOD, VERSION = -32001, -32004, -32602, -32601, -32009
ERRORS_OF_CONFIGS = (NOT_FOUND, INVALID, VERSION, -32000)
HOSTS = "localhost,127.0.0.1"


def _calls() -> list[Call]:
    calls = [json.loads(line) for name in FILES for line in (WIRE / name).read_text().splitlines()]
    return sorted(calls, key=lambda call: str(call["recorded"]))


STORIES = {story: list(calls) for story, calls in groupby(_calls(), lambda call: str(call["recorded"]).rpartition("/")[0])}


# Where the relay answers otherwise than the agent that was recorded, and why; None is a result.
OTHERWISE: dict[str, int | None] = {
    "a2akit/03-0.0.32-jsonrpc/10": None,  # deleting twice is no error
    "a2akit/03-0.0.32-jsonrpc/13": INVALID,  # ftp://x is refused at registration, not at delivery
    "a2akit/05-push-disabled/03": NO_METHOD,  # a method of 0.3 with the header of 1.0
    "handler/07-0.1.16-vs-sdk1.3.0-compat-payload-mismatch/09": NOT_FOUND,  # a get without a config's id
    "praisonai/01-default-no-push/09": NOT_FOUND,  # what the agent behind the relay says, here and in the next ones
    "praisonai/01-default-no-push/16": None,
    "praisonai/02-seed001-WebhookA2A-as-published/09": NOT_FOUND,
    "praisonai/02-seed001-WebhookA2A-as-published/16": None,
    "praisonai/03-seed001-notify-wired/10": NOT_FOUND,
    "praisonai/03-seed001-notify-wired/17": None,
}
# Recordings of agents whose push was off, or broken: the relay has it.
WITHOUT_PUSH = ("a2akit/05", "a2akit/07", "handler/04", "praisonai/01")
OTHERWISE_BY_METHOD = {
    "health": NO_METHOD,  # a2akit's client takes any answer
    "agent/getExtendedCard": NOT_FOUND,  # what the agent behind the relay says here
}


@pytest.fixture(scope="module")
def agent() -> Iterator[FakeAgent]:
    """Its tasks end at once, so that no send waits."""
    with FakeAgent(next_state="completed") as running:
        yield running


@pytest.fixture(scope="module")
def runner(agent: FakeAgent) -> Iterator[Runner]:
    environment = {"CLIENT_AUTHENTICATION": "none", "POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
    overrides = {"UpstreamAgentUrl": agent.url, "AllowedWebhookHosts": HOSTS}
    with Runner(overrides=overrides, environment=environment) as running:
        yield running


@pytest.mark.parametrize("story", STORIES)
def test_every_recorded_call_is_answered_as_its_client_reads_it(runner: Runner, agent: FakeAgent, story: str) -> None:
    ids = Ids()
    for call in STORIES[story]:
        request, recorded = json.loads(call["request"]), call["response"]
        if isinstance(recorded, str):  # a stream; what follows is about its task
            agent.task(re.findall(r'"taskId": ?"([^"]+)"', recorded)[-1])
        request["params"] = ids.ours_in(request["method"], request.get("params", {}))
        headers = {name: call[name] for name in ("a2a-version", "content-type") if call[name]}
        answer = runner.request("POST", "/a2a" if story.startswith("praisonai") else "/", body=request, headers=headers)
        told = json.loads(answer.body)
        assert (answer.status, told["jsonrpc"], told["id"]) == (200, "2.0", request["id"])
        if story.startswith(WITHOUT_PUSH) and "ushNotificationConfig" in request["method"]:
            assert _code(told) in (None, *ERRORS_OF_CONFIGS), (call["recorded"], told)
            continue
        expected = OTHERWISE.get(_number(call), OTHERWISE_BY_METHOD.get(request["method"], _code(recorded)))
        assert _code(told) == expected, (call["recorded"], request, told)
        if _code(told) is _code(recorded) is None:
            assert _tells(told["result"], recorded.get("result")), (call["recorded"], told)
            ids.learn(told["result"], recorded.get("result"))


class Ids:
    """What the relay, and the agent behind it, call the configs and tasks that were recorded under other names."""

    def __init__(self) -> None:
        self._configs: dict[str, str] = {}
        self._tasks: dict[str, str] = {}

    def learn(self, ours: Any, theirs: Any) -> None:
        for our, their in zip(_configs_in(ours), _configs_in(theirs), strict=False):
            if "id" in their:
                self._configs[their["id"]] = our["id"]
        for our, their in zip(_tasks_in(ours), _tasks_in(theirs), strict=False):
            self._tasks[their["id"]] = our["id"]

    def ours_in(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        config_id = "id" if method.endswith("PushNotificationConfig") else "pushNotificationConfigId"
        return {
            name: self._configs.get(value, value) if name == config_id and value in self._configs else self._ours(value)
            for name, value in params.items()
        }

    def _ours(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._ours(inner) for name, inner in value.items()}
        return self._tasks.get(value, value) if isinstance(value, str) else value


def _configs_in(result: Any) -> list[dict[str, Any]]:
    """In any dialect."""
    if isinstance(result, list):
        return [config for each in result for config in _configs_in(each)]
    if not isinstance(result, dict):
        return []
    if "configs" in result:
        return _configs_in(result["configs"])
    if "url" in result:
        return [result]
    return [result["pushNotificationConfig"]] if "pushNotificationConfig" in result else []


def _tasks_in(result: Any) -> list[dict[str, Any]]:
    found = result.get("task", result) if isinstance(result, dict) else None
    return [found] if found and "status" in found and "id" in found else []


def _tells(ours: Any, theirs: Any) -> bool:
    """All that was recorded of configs is there, but for the ids that an agent gives; and a task is one."""
    if _configs_in(theirs):
        return type(ours) is type(theirs) and all(any(_is_same(our, their) for our in _configs_in(ours)) for their in _configs_in(theirs))
    if _tasks_in(theirs):
        return all({"id", "contextId", "status"} <= task.keys() for task in _tasks_in(ours)) and bool(_tasks_in(ours))
    return bool(ours == theirs) or isinstance(ours, list) or (theirs == {} and ours == {"configs": []})


def _is_same(our: dict[str, Any], their: dict[str, Any]) -> bool:
    told = {name: value for name, value in their.items() if value and name not in ("id", "taskId")}
    return all(our.get(name) == value for name, value in told.items())


def _code(response: Any) -> int | None:
    """None for a result; of a stream the relay has none, and says so."""
    if isinstance(response, str):
        return NOT_SUPPORTED
    return response["error"]["code"] if "error" in response else None


def _number(call: Call) -> str:
    story, _, name = str(call["recorded"]).rpartition("/")
    return f"{story}/{name[:2]}"
