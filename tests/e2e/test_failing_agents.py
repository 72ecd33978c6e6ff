"""Agents that show their card and then fail, each in its way: what the relay answers then (design §7)."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext

import httpx
import pytest

from tests.e2e.relays import Relay
from tests.integration.loopback import Request
from tests.support.scripted_agent import http, scripted_agent

pytestmark = pytest.mark.e2e

CALL = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "task-1"}}
FAILURES: dict[str, bytes | None] = {
    "down": None,  # gone, after its card was read
    "silent": None,
    "chatty": http(200, b"<h1>Welcome</h1>"),
    "unauthenticated": http(401, {"error": "who are you"}),
    "forbidden": http(403, {"error": "not you"}),
}


@pytest.fixture(scope="module")
def failed(relay: Relay) -> Iterator[Mapping[str, httpx.Response]]:
    """What the relay answers when its agents fail, each in its way; all are asked at the same time, for one of them takes its time."""
    with ExitStack() as ends:
        for name, told in FAILURES.items():
            agent = scripted_agent(answering(told))
            with agent if name == "down" else nullcontext(ends.enter_context(agent)):
                relay.command("agents", "add", name, agent.url(""))
                assert httpx.get(f"{relay.at(name)}/.well-known/agent-card.json", trust_env=False).status_code == 200
        with ThreadPoolExecutor(len(FAILURES)) as threads:
            yield dict(zip(FAILURES, threads.map(call, map(relay.at, FAILURES)), strict=True))


def call(url: str) -> httpx.Response:
    return httpx.post(url, json=CALL, headers={"A2A-Version": "1.0"}, trust_env=False, timeout=40)


def answering(told: bytes | None) -> Callable[[Request], bytes | None]:
    return lambda _request: told


@pytest.mark.parametrize(
    ("agent_name", "code", "reason"),
    [
        ("down", -32603, "UPSTREAM_UNAVAILABLE"),
        ("silent", -32603, "UPSTREAM_TIMEOUT"),
        ("chatty", -32006, "INVALID_AGENT_RESPONSE"),
    ],
)
def test_an_agent_that_fails_is_a_protocol_error(failed: Mapping[str, httpx.Response], agent_name: str, code: int, reason: str) -> None:
    answer = failed[agent_name]
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["data"][0]["reason"]) == (200, code, reason)


@pytest.mark.parametrize(("agent_name", "status"), [("unauthenticated", 401), ("forbidden", 403)])
def test_an_agents_refusal_stays_one(failed: Mapping[str, httpx.Response], agent_name: str, status: int) -> None:
    assert failed[agent_name].status_code == status
