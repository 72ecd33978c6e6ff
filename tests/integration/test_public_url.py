"""The relay under a path of a custom domain: API Gateway leaves the path of an API mapping in the request's path."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.world import World

MAPPING = "/push/relay"
PUBLIC_URL = f"https://relay.example{MAPPING}"
GET_TASK = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "t1"}}
V10 = {"a2a-version": "1.0"}


@pytest.fixture(scope="module")
def mapped() -> Iterator[World]:
    with World(PublicUrl=PUBLIC_URL) as world:
        world.agent.task("t1")
        yield world


def asked(world: World, method: str, path: str, body: Any = None) -> Any:
    answer = world.runner.request(method, path, body=body, headers=V10)
    assert answer.status == 200, (path, answer)
    return json.loads(answer.body)


@pytest.mark.parametrize("before", [MAPPING, ""], ids=["custom domain", "own address"])
@pytest.mark.parametrize("agent", ["", "/agents/default"])
def test_all_of_an_agent_is_found_with_the_path_of_the_mapping_and_without(mapped: World, before: str, agent: str) -> None:
    for path in ("", "/", "/a2a"):
        assert asked(mapped, "POST", f"{before}{agent}{path}", GET_TASK)["result"]["id"] == "t1"
    assert asked(mapped, "GET", f"{before}{agent}/tasks/t1")["id"] == "t1"
    card = asked(mapped, "GET", f"{before}{agent}/.well-known/agent-card.json")
    assert {each["url"].removeprefix(PUBLIC_URL + agent).rstrip("/") for each in card["supportedInterfaces"]} <= {"", "/v1"}


@pytest.mark.parametrize("path", ["/push", "/push/relays", "/push/relays/a2a", "/push/relay/nothing"])
def test_what_only_begins_alike_is_not_taken_for_the_mapping(mapped: World, path: str) -> None:
    assert mapped.runner.request("POST", path, body=GET_TASK, headers=V10).status == 404
