"""What PraisonAI's and Evo AI's clients say, and what the relay answers them, against the schemas of docs/openapi.yaml."""

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from relay.openapi import description
from tests.integration.test_evo_ai_configs import RECORDED
from tests.integration.test_praisonai_configs import DELETE, GET, LIST, SET, ask, hook
from tests.support.world import World
from tests.unit.conftest import RECORDED_CALLS

COMPONENTS = yaml.safe_load(description("/openapi.yaml"))["components"]
APIKEY = {"type": "apiKey", "key": "s", "headerName": "X-Key"}
BEARER = {"scheme": "Bearer", "credentials": "c"}
PRAISONAI, EVO_AI, DOCUMENTED = "PraisonAiSetParams", "EvoAiSetParams", "EvoAiDocumentedSetParams"
DOCUMENTED_CONFIG = {
    "events": ["task.completed"],
    "headers": {"X-Custom": "v"},
    "secret": "s",
    "retryPolicy": {"maxRetries": 2, "backoffMultiplier": 1.5, "initialDelay": 5},
}
ANSWERS = {
    PRAISONAI: ("PraisonAiConfig", "PraisonAiConfig"),
    EVO_AI: ("EvoAiSetResult", "EvoAiConfig"),
    DOCUMENTED: ("EvoAiDocumentedSetResult", "EvoAiDocumentedConfig"),
}


def faults(value: Any, schema: str) -> list[str]:
    validator = Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": COMPONENTS})
    return [error.message for error in validator.iter_errors(value)]


def schema_of(params: dict[str, Any]) -> str:
    """That of a set."""
    return DOCUMENTED if "config" in params else EVO_AI if "pushNotificationConfig" in params else PRAISONAI


@pytest.mark.parametrize(
    "said",
    [
        {"taskId": "t1"},
        {"taskId": "t1", "token": "k", "secret": "s", "authentication": BEARER},
        {"taskId": "t1", "pushNotificationConfig": {"token": "k", "webhookAuthenticationInfo": APIKEY}},
        {"taskId": "t1", "pushNotificationConfig": {"authentication": {"type": "bearer", "token": "c"}}},
        {"taskId": "t1", "config": {}},
        {"taskId": "t1", "config": DOCUMENTED_CONFIG},
        {"config": DOCUMENTED_CONFIG},
    ],
)
def test_calls_and_answers_of_the_dialects_are_as_described(world: World, said: dict[str, Any]) -> None:
    world.agent.task("t1")
    schema = schema_of(said)
    inner = {DOCUMENTED: "config", EVO_AI: "pushNotificationConfig"}.get(schema)
    url = {"webhookUrl" if "webhookAuthenticationInfo" in said.get(inner or "", {}) else "url": hook(world)}
    params = {**said, inner: {**said[inner], **url}} if inner else {**said, **url}
    assert faults(params, schema) == []
    of_set, of_get = ANSWERS[schema]
    told = ask(world, SET, **params)
    assert faults(told, of_set) == []
    ref = {"taskId": "t1"} if "taskId" in said else {"configId": told["configId"]}
    assert faults(ref, "ByTaskParams") == []
    assert faults(ask(world, GET, **ref), of_get) == []
    for among in ({"taskId": "t1"} if "taskId" in said else {}, {}):
        listed = ask(world, LIST, **among)
        assert (len(listed["configs"]), faults(listed, "ByTaskListResult")) == (1, [])
    assert faults(ask(world, DELETE, **ref), "ByTaskDeleteResult") == []


def recorded() -> list[dict[str, Any]]:
    """The push-config calls that name the task as PraisonAI and Evo AI do."""
    praisonai = [json.loads(line) for line in RECORDED_CALLS.read_text().splitlines()]
    bodies = [json.loads(call["request"]) for call in praisonai if call["recorded"].startswith(("praisonai/02", "praisonai/03"))]
    bodies += [call["request"]["body"] for call in json.loads(RECORDED.read_text()) if "request" in call]
    return [body for body in bodies if body["method"] in (SET, GET, LIST, DELETE)]


def test_every_recorded_call_of_the_dialects_is_as_described() -> None:
    calls = recorded()
    assert {call["method"] for call in calls} == {SET, GET, LIST, DELETE}
    for call in calls:
        params = call["params"]
        is_refused = call["method"] == SET and not (
            {"config", "pushNotificationConfig"} & set(params) or (params.get("taskId") and params.get("url"))
        )
        schema = schema_of(params) if call["method"] == SET else "ByTaskParams"
        assert bool(faults(params, schema)) is is_refused, (call, faults(params, schema))
