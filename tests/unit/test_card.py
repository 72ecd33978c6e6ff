"""The card the relay shows, judged by the parsers of a2a-sdk 0.3 and 1.x."""

import copy
import json
import sys
from typing import Any

import pytest
from a2a.client.card_resolver import parse_agent_card
from a2a.compat.v0_3.types import AgentCard as AgentCard03
from a2a.types import AgentCard
from google.protobuf.json_format import ParseDict
from hypothesis import given, reject, settings

from relay.domain.agent import Agent
from relay.domain.card import card_10, is_card, relay_card
from relay.domain.errors import InvalidAgentResponseError, ParseError
from relay.domain.json_body import parse_json
from relay.domain.keys import AgentKey
from relay.domain.lenient import struct
from relay.domain.task import ProtocolVersion
from relay.http_event import json_answer
from tests.support.cards import CARD_10, CARD_BOTH, FULL_CARD, PRAISONAI_CARD
from tests.support.crippled import NESTED, crippled

V03, V10 = ProtocolVersion.V03, ProtocolVersion.V10
RELAY = "https://relay.example.com/agents/writer"


def shown(card: Any, *, requires_key: bool = True) -> dict[str, Any]:
    return relay_card(card, RELAY, requires_key=requires_key, versions={V03, V10})


def parsed_10(card: Any) -> AgentCard:
    return parse_agent_card(copy.deepcopy(card))  # a2a-sdk takes the card it is given apart


# --- what is the agent's --------------------------------------------------------------------------------------------------------------


def test_what_the_agent_says_of_itself_is_shown() -> None:
    described = {
        **CARD_BOTH,
        "iconUrl": "https://x/i.png",
        "documentationUrl": "https://x/d",
        "provider": {"organization": "X", "url": "https://x"},
    }
    card = shown(described)
    for name in (
        "name",
        "description",
        "version",
        "defaultInputModes",
        "defaultOutputModes",
        "skills",
        "iconUrl",
        "documentationUrl",
        "provider",
    ):
        assert card[name] == described[name]


def test_extensions_are_shown_and_their_demand_is_kept() -> None:
    extension = {"uri": "https://example.com/ext", "required": True, "description": "An extension.", "params": {"a": [1]}}
    card = shown({**CARD_BOTH, "capabilities": {"extensions": [extension, {"description": "has no uri"}]}})
    assert card["capabilities"]["extensions"] == [extension]
    assert AgentCard03.model_validate(card).capabilities.extensions
    assert parsed_10(card).capabilities.extensions[0].required


def test_push_is_on_and_streaming_is_off_whatever_the_agent_says() -> None:
    assert shown(CARD_10)["capabilities"] == {"streaming": False, "pushNotifications": True}


def test_the_agents_extended_card_is_announced_in_both_versions_words() -> None:
    for said in ({"supportsAuthenticatedExtendedCard": True}, {"capabilities": {"extendedAgentCard": True}}):
        card = shown({**CARD_BOTH, **said})
        assert card["supportsAuthenticatedExtendedCard"] is True
        assert card["capabilities"]["extendedAgentCard"] is True


# --- what is the relay's --------------------------------------------------------------------------------------------------------------


def test_no_address_of_the_agent_is_left() -> None:
    card = shown(
        {**CARD_BOTH, "additionalInterfaces": [{"url": "https://agent.example.com/grpc", "transport": "GRPC"}], "signatures": [{}]}
    )
    assert "agent.example.com" not in str(card)
    assert "GRPC" not in str(card)
    assert "signatures" not in card


@pytest.mark.parametrize("card", [CARD_10, PRAISONAI_CARD, CARD_BOTH])
def test_both_versions_are_offered_whichever_the_agent_speaks(card: Any) -> None:
    card = shown(card)
    assert card["supportedInterfaces"] == [
        {"url": RELAY, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        {"url": RELAY, "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
        {"url": RELAY, "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
        {"url": f"{RELAY}/v1", "protocolBinding": "HTTP+JSON", "protocolVersion": "0.3"},
    ]
    assert (card["url"], card["preferredTransport"], card["protocolVersion"]) == (RELAY, "JSONRPC", "0.3.0")
    assert card["additionalInterfaces"] == [{"url": RELAY, "transport": "JSONRPC"}, {"url": f"{RELAY}/v1", "transport": "HTTP+JSON"}]
    assert AgentCard03.model_validate(card).url == RELAY
    assert [interface.protocol_version for interface in parsed_10(card).supported_interfaces] == ["1.0", "1.0", "0.3", "0.3"]


def test_an_agent_that_cannot_be_called_is_offered_in_no_version() -> None:
    card = relay_card(CARD_10, RELAY + "/", requires_key=False, versions=())
    assert card["supportedInterfaces"] == []
    assert "url" not in card


def test_the_key_schemes_are_read_alike_by_both_versions() -> None:
    card = shown({**CARD_BOTH, "securitySchemes": {"own": {"type": "mutualTLS"}}, "security": [{"own": []}]})
    in_03 = AgentCard03.model_validate(card)
    assert in_03.security == [{"bearer": []}, {"apiKey": []}]
    assert in_03.security_schemes
    assert in_03.security_schemes["bearer"].root.model_dump(exclude_none=True, exclude={"description"}) == {
        "type": "http",
        "scheme": "Bearer",
    }
    assert in_03.security_schemes["apiKey"].root.model_dump(mode="json", exclude={"description"}) == {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
    }
    for in_10 in (parsed_10(card), ParseDict(card_10(card), AgentCard())):
        assert in_10.security_schemes["bearer"].http_auth_security_scheme.scheme == "Bearer"
        assert in_10.security_schemes["apiKey"].api_key_security_scheme.location == "header"
        assert [list(requirement.schemes) for requirement in in_10.security_requirements] == [["bearer"], ["apiKey"]]


def test_an_open_relay_names_no_scheme() -> None:
    card = shown(CARD_BOTH, requires_key=False)
    assert not {"security", "securityRequirements", "securitySchemes"} & set(card)
    ParseDict(card_10(card), AgentCard())


# --- every client parses it -----------------------------------------------------------------------------------------------------------


def test_what_03_asks_for_and_the_agent_left_out_is_there() -> None:
    card = shown(PRAISONAI_CARD)
    in_03 = AgentCard03.model_validate(card)
    assert in_03.skills == []
    assert in_03.default_input_modes == ["text/plain"]
    assert in_03.provider
    assert in_03.provider.organization == "PraisonAI"
    assert parsed_10(card).provider.organization == "PraisonAI"


def fetched(card: Any) -> Any:
    """As the relay reads it from an agent: what is no JSON is no card."""
    try:
        return parse_json(json.dumps(card).encode())
    except ParseError:
        reject()


def served(card: Any) -> Any:
    """As a client reads it from the relay."""
    return parse_json(json_answer(200, card)["body"].encode("utf-8"))


@pytest.mark.parametrize(
    "extension", [{"uri": 7}, {"uri": "u", "params": {"a": [10**400]}}, {"uri": "u", "params": {"a": NESTED}}, {"uri": "u", "params": [1]}]
)
def test_an_extension_that_no_client_could_parse_is_mended(extension: Any) -> None:
    ours = served(relay_card({**CARD_10, "capabilities": {"extensions": [extension]}}, RELAY, requires_key=False, versions={V03, V10}))
    assert AgentCard03.model_validate(ours).capabilities.extensions
    assert parsed_10(ours).capabilities.extensions[0].uri


@settings(max_examples=200)
@given(crippled(FULL_CARD).map(fetched) | crippled(CARD_10).map(fetched) | crippled(PRAISONAI_CARD).map(fetched))
def test_whatever_an_agent_calls_its_card_every_client_parses_ours(card: Any) -> None:
    ours = served(relay_card(card, RELAY, requires_key=True, versions={V03, V10}))
    AgentCard03.model_validate(ours)
    parsed_10(ours)
    ParseDict(served(card_10(ours)), AgentCard())


@given(crippled(FULL_CARD))
def test_no_card_breaks_the_search_for_an_endpoint(card: Any) -> None:
    for card_url in ("", "https://agent.example.com/.well-known/agent.json"):
        assert agent(card, card_url).versions <= {V03, V10}


# --- an answer that is a card ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("card", [CARD_10, CARD_BOTH, PRAISONAI_CARD, {"name": "Bare", "url": "https://a", "skills": []}])
def test_a_card_is_known_by_its_shape(card: Any) -> None:
    assert is_card(card)
    assert is_card(shown(card))


@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        "card",
        {},
        {"name": "only a name"},
        {"id": "t", "name": "a task", "status": {"state": "working"}, "capabilities": {}},
        {"artifactId": "a", "name": "an artifact", "parts": [], "skills": []},
        {"url": "https://hook", "token": "t"},
        {"tasks": [], "totalSize": 0},
    ],
)
def test_no_other_answer_is_taken_for_a_card(result: Any) -> None:
    assert not is_card(result)


# --- where the agent is called --------------------------------------------------------------------------------------------------------


def agent(card: Any, card_url: str = "https://agent.example.com/.well-known/agent-card.json") -> Agent:
    return Agent(AgentKey("o", "a"), "https://agent.example.com", card=card, card_url=card_url)


def url_of(url: str, card_url: str) -> str | None:
    offered = agent({"name": "A", "url": url, "capabilities": {}}, card_url).endpoints
    return offered[V03].url if offered else None


def test_10_is_preferred_and_both_are_known() -> None:
    both = agent(CARD_BOTH)
    assert (both.endpoint.version, both.endpoint.url) == (V10, "https://agent.example.com/")
    assert both.endpoints[V03].url == "https://agent.example.com/old"
    assert both.versions == {V03, V10}


def test_the_interfaces_tenant_goes_with_it() -> None:
    interface = {"url": "https://agent.example.com/", "protocolBinding": "JSONRPC", "protocolVersion": "1.1", "tenant": "acme"}
    assert agent({**CARD_10, "supportedInterfaces": [interface]}).endpoint.tenant == "acme"


def test_json_rpc_among_the_additional_interfaces_is_found() -> None:
    card = {
        "name": "A",
        "protocolVersion": "0.3.0",
        "url": "https://agent.example.com/v1",
        "preferredTransport": "HTTP+JSON",
        "additionalInterfaces": [{"url": "https://agent.example.com/rpc", "transport": "JSONRPC"}],
    }
    assert agent(card).endpoint.url == "https://agent.example.com/rpc"


@pytest.mark.parametrize("interface", [{"protocolBinding": "GRPC"}, {"protocolBinding": "JSONRPC", "protocolVersion": "2.0"}])
def test_an_agent_without_json_rpc_we_speak_cannot_be_called(interface: Any) -> None:
    stranger = agent({**CARD_10, "supportedInterfaces": [{"url": "https://agent.example.com/", **interface}]})
    assert not stranger.versions
    with pytest.raises(InvalidAgentResponseError, match="JSON-RPC"):
        _ = stranger.endpoint


@pytest.mark.parametrize(
    ("url", "card_url", "called"),
    [
        ("", "https://a.example/.well-known/agent-card.json", "https://a.example"),
        ("", "https://a.example/prefix/.well-known/agent.json", "https://a.example/prefix"),
        ("rpc", "https://a.example/prefix/.well-known/agent.json", "https://a.example/prefix/rpc"),
        ("/rpc", "https://a.example/prefix/.well-known/agent.json", "https://a.example/rpc"),
        ("https://a.example:8443/rpc?x=1#y", "https://a.example/.well-known/agent.json", "https://a.example:8443/rpc?x=1"),
    ],
)
def test_an_address_is_resolved_against_where_the_card_was_found(url: str, card_url: str, called: str) -> None:
    assert url_of(url, card_url) == called


@pytest.mark.parametrize(
    ("url", "card_url", "called"),
    [
        ("http://localhost:8000/a2a", "http://127.0.0.1:9001/.well-known/agent.json", "http://127.0.0.1:9001/a2a"),
        ("http://0.0.0.0:8000/", "https://a.example/.well-known/agent-card.json", "https://a.example/"),
        ("http://localhost:8000/a2a", "https://a.example/prefix/.well-known/agent.json", "https://a.example/prefix/a2a"),
        ("http://localhost:8000/prefix/a2a", "https://a.example/prefix/.well-known/agent.json", "https://a.example/prefix/a2a"),
        (
            "http://[::ffff:127.0.0.1]:9001/2018-06-01/runtime",
            "https://a.example/.well-known/agent.json",
            "https://a.example/2018-06-01/runtime",
        ),
        ("http://169.254.169.254/latest", "https://a.example/.well-known/agent.json", "https://a.example/latest"),
    ],
)
def test_an_address_on_the_agents_own_machine_moves_to_where_the_card_was_found(url: str, card_url: str, called: str) -> None:
    assert url_of(url, card_url) == called


def test_a_card_over_https_leads_to_https() -> None:
    assert url_of("http://a.example:8080/rpc", "https://a.example/.well-known/agent.json") == "https://a.example/rpc"
    assert url_of("http://b.example/rpc", "https://a.example/.well-known/agent.json") is None


@pytest.mark.parametrize("url", ["ftp://a.example/rpc", "http://[", "http://a:99999/", "https://:443/"])
def test_an_address_that_is_none_is_not_called(url: str) -> None:
    assert url_of(url, "https://a.example/.well-known/agent.json") is None


def test_a_credential_in_a_cards_address_is_not_taken() -> None:
    assert url_of("https://user:pass@a.example/rpc", "https://a.example/.well-known/agent.json") == "https://a.example/rpc"


def test_an_agents_repr_holds_no_secret() -> None:
    secretive = Agent(
        AgentKey("o", "a"), "https://user:hidden@a.example", credential_headers=(("x-api-key", "hidden"),), card={"a": "hidden"}
    )
    assert "hidden" not in repr(secretive)


SKILL = {"id": "s", "name": "Skill", "description": "It does.", "tags": ["t"]}
LISTS = {"examples": ["do it"], "inputModes": ["text/plain"], "outputModes": ["image/png"]}


def test_a_skill_is_shown_whole_but_for_the_agents_security() -> None:
    card = shown({**CARD_BOTH, "skills": [{**SKILL, **LISTS, "security": [{"own": []}]}]})
    assert card["skills"] == [{**SKILL, **LISTS}]


@pytest.mark.parametrize(("left", "expected"), [("id", "Skill"), ("name", "s")])
def test_of_a_skills_id_and_name_one_stands_for_both(left: str, expected: str) -> None:
    [skill] = shown({**CARD_BOTH, "skills": [{name: value for name, value in SKILL.items() if name != left}, {"tags": ["t"]}]})["skills"]
    assert skill[left] == expected
    assert {**skill, left: SKILL[left]} == SKILL


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ({}, ("Agent", "An A2A agent.")),
        ({"name": "N"}, ("N", "N")),
        ({"description": "D"}, ("Agent", "D")),
        ({"name": "N", "description": "D"}, ("N", "D")),
    ],
)
def test_what_an_agent_does_not_say_of_itself_has_a_stand_in(card: dict[str, str], expected: tuple[str, str]) -> None:
    told = shown(card)
    assert (told["name"], told["description"]) == expected


def test_no_slash_ends_an_address_at_the_relay() -> None:
    card = relay_card(CARD_BOTH, RELAY + "/", requires_key=False, versions={V03, V10})
    assert {card["url"], card["supportedInterfaces"][0]["url"]} == {RELAY}


def test_a_members_absence_is_no_yes() -> None:
    card = shown({"name": "N", "capabilities": {"extensions": [{"uri": "https://x/e"}]}})
    assert card["capabilities"] == {"streaming": False, "pushNotifications": True, "extensions": [{"uri": "https://x/e"}]}
    assert "supportsAuthenticatedExtendedCard" not in card
    assert "provider" not in card


def test_an_agent_that_keeps_the_history_of_states_is_shown_so_to_0_3_alone() -> None:
    card = shown({"name": "N", "capabilities": {"stateTransitionHistory": True}})
    assert card["capabilities"] == {"streaming": False, "pushNotifications": True, "stateTransitionHistory": True}
    assert card_10(card)["capabilities"] == {"streaming": False, "pushNotifications": True}


@pytest.mark.parametrize("member", [{"supportedInterfaces": []}, {"capabilities": {}}, {"skills": []}])
def test_each_of_a_cards_members_tells_it_by_itself(member: dict[str, Any]) -> None:
    assert is_card({"name": "N", **member})


@pytest.mark.parametrize(
    ("said", "is_shown"),
    [
        ({"capabilities": {"extendedAgentCard": True}}, True),
        ({"supportsAuthenticatedExtendedCard": True}, True),
        ({"capabilities": {"extendedAgentCard": False}, "supportsAuthenticatedExtendedCard": False}, False),
        ({"capabilities": {"extendedAgentCard": "yes"}}, False),
        ({}, False),
    ],
)
def test_an_extended_card_is_shown_where_the_agent_has_one_by_either_name(said: dict[str, Any], is_shown: bool) -> None:
    card = shown({"name": "N", **said})
    assert ("extendedAgentCard" in card["capabilities"], "supportsAuthenticatedExtendedCard" in card) == (is_shown, is_shown)


def test_params_as_deep_as_every_parser_reads_are_shown_and_deeper_ones_are_not() -> None:
    def nested(levels: int) -> dict[str, Any]:
        value: Any = {}
        for level in range(levels - 1):
            value = {"in": value} if level % 2 else [value]
        return {"in": value}

    assert struct(nested(32)) == nested(32)
    assert struct(nested(33)) == {}
    assert struct({"most": int(sys.float_info.max), "text": "[" * 99})
    assert struct({"more": int(sys.float_info.max) + 1}) == {}
