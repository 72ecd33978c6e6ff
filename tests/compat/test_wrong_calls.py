"""Whatever a caller gets wrong over HTTP+JSON is no fault of the server's, in front of every package's own agent: never a 5xx."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.relays import Relay
from tests.support.crippled import WRONG, crippled

pytestmark = pytest.mark.compat

AGENTS = ["v10", "both", "v03", "a2akit", "a2akit-http", "praisonai"]
CLIENT_SECONDS = 40
CONFIG = {"url": "http://127.0.0.1:9/hook", "token": "t"}
SEND = {
    "message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "slow 0"}], "contextId": "c", "metadata": {"a": 1}},
    "configuration": {"returnImmediately": True, "historyLength": 1, "acceptedOutputModes": ["text"], "taskPushNotificationConfig": CONFIG},
}
SEND_03 = {
    "message": {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "slow 0"}], "extensions": ["e"]},
    "configuration": {"blocking": False, "historyLength": 1, "pushNotificationConfig": CONFIG},
}
BODIES: list[tuple[str, Any]] = [
    ("/message:send", SEND),
    ("/v1/message:send", SEND_03),
    *((f"{prefix}/tasks/{task}/pushNotificationConfigs", CONFIG) for prefix in ("", "/v1") for task in ("t", "a%2Fb")),
    *((f"{prefix}/tasks/{task}:cancel", {"metadata": {"a": 1}}) for prefix in ("", "/v1") for task in ("t", "a%2Fb", "%2E%2E")),
]
LISTS = ["contextId", "status", "pageSize", "pageToken", "historyLength", "statusTimestampAfter", "includeArtifacts", "tenant"]
PATHS = ["/tasks", "/tasks/t", "/tasks/a%2Fb", "/tasks/%C3%A9", "/tasks/t/pushNotificationConfigs", "/tasks/a%2Fb/pushNotificationConfigs"]
SAYABLE = st.sampled_from([str(wrong) for wrong in WRONG if str(wrong).isprintable() and str(wrong).isascii()])
often = settings(deadline=None, max_examples=60, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module", params=AGENTS)
def client(quiet_relay: Relay, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=quiet_relay.at(request.param), timeout=CLIENT_SECONDS) as running:
        yield running


def headers(path: str) -> dict[str, str]:
    return {"content-type": "application/json"} | ({} if path.startswith("/v1/") else {"a2a-version": "1.0"})


@often
@given(data=st.data())
def test_a_wrong_body_is_the_callers_fault(client: httpx.Client, data: st.DataObject) -> None:
    path, body = data.draw(st.sampled_from(BODIES))
    answer = client.post(path, content=json.dumps(data.draw(crippled(body, most=2))), headers=headers(path))
    assert answer.status_code < 500, answer.text


@often
@given(data=st.data())
def test_a_wrong_query_is_the_callers_fault(client: httpx.Client, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(["", "/v1"])) + data.draw(st.sampled_from(PATHS))
    query = data.draw(st.dictionaries(st.sampled_from(LISTS), SAYABLE, max_size=3))
    answer = client.get(path, params=query, headers=headers(path))
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("path", ["/extendedAgentCard", "/v1/card", "/agent/authenticatedExtendedCard"])
def test_a_card_that_there_may_not_be_is_no_fault(client: httpx.Client, path: str) -> None:
    asked = {} if path.startswith("/agent") else headers(path)
    assert client.get(path, headers=asked).status_code < 500
