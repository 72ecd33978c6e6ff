"""docs/openapi.yaml against what is served: the routes, their queries, the methods."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions import api
from relay.domain.endpoint import WELL_KNOWN_PATHS
from relay.domain.http_json import OLD_CARD_PATH, QUERIES, ROUTES, V03_PREFIX
from relay.domain.protocol import METHODS, Kind
from relay.domain.signer import JWKS_PATH
from relay.domain.task import ProtocolVersion
from relay.openapi import DESCRIPTION_PATHS, description

LINK = Path(__file__).parents[2] / "docs" / "openapi.yaml"
DESCRIBED: dict[str, Any] = yaml.safe_load(description("/openapi.yaml"))
PREFIX = {ProtocolVersion.V10: "", ProtocolVersion.V03: V03_PREFIX}
BESIDE = {
    *(("POST", path) for path in ("/", "/a2a", "/reports")),
    *(("GET", path) for path in (*WELL_KNOWN_PATHS, *api.HEALTH_PATHS, JWKS_PATH, *DESCRIPTION_PATHS, OLD_CARD_PATH)),
}


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {(verb.upper(), path): operation for path, verbs in DESCRIBED["paths"].items() for verb, operation in verbs.items()}


def resolved(node: Any) -> Any:
    """What a reference leads to."""
    if not isinstance(node, dict) or "$ref" not in node:
        return node
    found: Any = DESCRIBED
    for name in node["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def references(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def test_the_page_in_docs_is_the_one_that_is_served() -> None:
    assert LINK.read_text("utf-8") == description("/openapi.yaml")


def test_the_json_is_what_make_openapi_writes_of_it() -> None:
    assert description("/openapi.json") == json.dumps(DESCRIBED, indent=1, ensure_ascii=False) + "\n"
    assert json.loads(description("/openapi.json")) == DESCRIBED


def test_it_describes_every_route_and_nothing_else() -> None:
    routed = {(route.verb, PREFIX[version] + route.path) for version, routes in ROUTES.items() for route in routes}
    assert set(operations()) == routed | BESIDE


def test_every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() -> None:
    assert all(resolved(reference) for reference in references(DESCRIBED))
    names = [operation["operationId"] for operation in operations().values()]
    assert len(names) == len(set(names))


def test_it_names_every_method_of_json_rpc() -> None:
    assert DESCRIBED["components"]["schemas"]["JsonRpcRequest"]["properties"]["method"]["enum"] == list(METHODS)


@pytest.mark.parametrize("version", ProtocolVersion)
def test_each_route_takes_what_it_is_said_to_take(version: ProtocolVersion) -> None:
    for route in ROUTES[version]:
        operation = operations()[route.verb, PREFIX[version] + route.path]
        parameters = [resolved(parameter) for parameter in operation["parameters"]]
        taken = {parameter["name"] for parameter in parameters if parameter["in"] == "query"} - {"tenant"}
        knows_pages = route.kind is not Kind.LIST_PUSH or version is ProtocolVersion.V10
        assert taken == (set(QUERIES.get(route.kind, ())) if knows_pages else set())
        assert {parameter["name"] for parameter in parameters if parameter["in"] == "path"} == {
            name for name in ("id", "configId") if f"{{{name}}}" in route.path
        }
        assert ("requestBody" in operation) is (route.kind in (Kind.SEND, Kind.STREAM, Kind.CANCEL, Kind.SET_PUSH))
