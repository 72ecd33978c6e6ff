"""The card a relay shows for an agent: what the agent says of itself, at the relay's address, with push and without streaming.

Every address, binding and security scheme in it is made here from what the relay serves, never copied (design §7, "Card"). It holds the
members of 0.3 and of 1.0 side by side; of what both call alike only `securitySchemes` differs, so its values carry both forms. Signatures
are dropped: they would not fit.

Source: A2A 0.3 §5.5, A2A 1.0 §4.4 (`AgentCard`); what a2a-sdk 0.3.26 and 1.x, a2akit and PraisonAI need to parse a card.
"""

from collections.abc import Collection
from typing import Any

from relay.domain.http_json import V03_PREFIX
from relay.domain.lenient import filled, mapping, mappings, struct, text, texts
from relay.domain.task import Json, ProtocolVersion

_DEFAULT_MODES = ["text/plain"]
_UNKNOWN_VERSION = "0.0.0"
_PROTOCOL_03 = "0.3.0"

_KEY_SCHEMES: Json = {
    "bearer": {
        "type": "http",
        "scheme": "Bearer",
        "httpAuthSecurityScheme": {"scheme": "Bearer", "description": "A relay key."},
        "description": "A relay key.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "apiKeySecurityScheme": {"location": "header", "name": "X-API-Key", "description": "A relay key."},
        "description": "A relay key.",
    },
}
_MEMBERS_03 = frozenset(
    {"protocolVersion", "url", "preferredTransport", "additionalInterfaces", "security", "supportsAuthenticatedExtendedCard"}
)
_WRAPPERS_10 = ("httpAuthSecurityScheme", "apiKeySecurityScheme")


def is_card(result: object) -> bool:
    """Whether an agent's answer, to whatever method, is a card; a card that went through as it is would lead the client past the relay."""
    if not isinstance(result, dict) or not isinstance(result.get("name"), str):
        return False
    if "parts" in result or "status" in result:
        return False  # an artifact, or a task with a name of its own
    return any(
        isinstance(result.get(name), kind) for name, kind in (("supportedInterfaces", list), ("capabilities", dict), ("skills", list))
    )


def relay_card(agent_card: Json, base_url: str, *, requires_key: bool, versions: Collection[ProtocolVersion]) -> dict[str, Any]:
    """The card as every client parses it, whatever the agent left out. `base_url` is the agent's address at the relay.

    `versions` are those offered there: the relay speaks them for the agent.
    """
    return {
        "name": text(agent_card.get("name")) or "Agent",
        "description": text(agent_card.get("description")) or text(agent_card.get("name")) or "An A2A agent.",
        "version": text(agent_card.get("version")) or _UNKNOWN_VERSION,
        "capabilities": _capabilities(agent_card),
        "defaultInputModes": texts(agent_card.get("defaultInputModes")) or _DEFAULT_MODES,
        "defaultOutputModes": texts(agent_card.get("defaultOutputModes")) or _DEFAULT_MODES,
        "skills": [_skill(skill) for skill in mappings(agent_card.get("skills")) if text(skill.get("id")) or text(skill.get("name"))],
        **filled((name, text(agent_card.get(name))) for name in ("iconUrl", "documentationUrl")),
        **_provider(mapping(agent_card.get("provider"))),
        **_connection(base_url.rstrip("/"), versions, is_extended=has_extended_card(agent_card)),
        **(_security() if requires_key else {}),
    }


def card_10(relay_card: Json) -> dict[str, Any]:
    """The relay's card with 1.0's members only, for the answer to `GetExtendedAgentCard`: a2a-sdk 1.0 to 1.2 parse that strictly."""
    card = {name: value for name, value in relay_card.items() if name not in _MEMBERS_03}
    card["capabilities"] = {name: value for name, value in card["capabilities"].items() if name != "stateTransitionHistory"}
    if "securitySchemes" in card:
        card["securitySchemes"] = {
            name: {wrapper: scheme[wrapper] for wrapper in _WRAPPERS_10 if wrapper in scheme}
            for name, scheme in card["securitySchemes"].items()
        }
    return card


def _connection(url: str, versions: Collection[ProtocolVersion], *, is_extended: bool) -> Json:
    """JSON-RPC first, in each version: clients take the first interface that they can speak."""
    supported = [
        {"url": address, "protocolBinding": binding, "protocolVersion": version.value}
        for version in (ProtocolVersion.V10, ProtocolVersion.V03)
        if version in versions
        for binding, address in _addresses(url, version)
    ]
    if ProtocolVersion.V03 not in versions:
        return {"supportedInterfaces": supported}
    return {
        "supportedInterfaces": supported,
        "protocolVersion": _PROTOCOL_03,
        "url": url,
        "preferredTransport": "JSONRPC",
        "additionalInterfaces": [{"url": address, "transport": binding} for binding, address in _addresses(url, ProtocolVersion.V03)],
        **({"supportsAuthenticatedExtendedCard": True} if is_extended else {}),
    }


def _addresses(url: str, version: ProtocolVersion) -> tuple[tuple[str, str], ...]:
    """a2akit's client goes on from `/v1`; SDKs of 0.3 add it once more, which is taken too."""
    return ("JSONRPC", url), ("HTTP+JSON", url + V03_PREFIX if version is ProtocolVersion.V03 else url)


def _capabilities(agent_card: Json) -> Json:
    capabilities = mapping(agent_card.get("capabilities"))
    extensions = [_extension(extension) for extension in mappings(capabilities.get("extensions")) if text(extension.get("uri"))]
    return {
        "streaming": False,
        "pushNotifications": True,
        **({"stateTransitionHistory": True} if capabilities.get("stateTransitionHistory") is True else {}),
        **({"extendedAgentCard": True} if has_extended_card(agent_card) else {}),
        **filled([("extensions", extensions)]),
    }


def has_extended_card(agent_card: Json) -> bool:
    """Whether the agent says so, in either version's words."""
    capabilities = mapping(agent_card.get("capabilities"))
    return agent_card.get("supportsAuthenticatedExtendedCard") is True or capabilities.get("extendedAgentCard") is True


def required_extensions(agent_card: Json) -> list[str]:
    """The URIs of those that the agent asks every client to support."""
    extensions = mappings(mapping(agent_card.get("capabilities")).get("extensions"))
    return [text(extension.get("uri")) for extension in extensions if extension.get("required") is True and text(extension.get("uri"))]


def _extension(extension: Json) -> Json:
    described = filled([("description", text(extension.get("description"))), ("params", struct(extension.get("params")))])
    return {"uri": text(extension.get("uri")), **({"required": True} if extension.get("required") is True else {}), **described}


def _skill(skill: Json) -> Json:
    """Without the agent's own security: the relay's holds for every skill."""
    lists = filled((name, texts(skill.get(name))) for name in ("examples", "inputModes", "outputModes"))
    return {
        "id": text(skill.get("id")) or text(skill.get("name")),
        "name": text(skill.get("name")) or text(skill.get("id")),
        "description": text(skill.get("description")),
        "tags": texts(skill.get("tags")),
        **lists,
    }


def _provider(provider: Json) -> Json:
    """0.3 asks for both members; PraisonAI calls the first `name`."""
    organization = text(provider.get("organization")) or text(provider.get("name"))
    return {"provider": {"organization": organization, "url": text(provider.get("url"))}} if organization else {}


def _security() -> Json:
    """Either scheme will do, in 0.3's words and in 1.0's."""
    return {
        "securitySchemes": {name: dict(scheme) for name, scheme in _KEY_SCHEMES.items()},
        "security": [{name: []} for name in _KEY_SCHEMES],
        "securityRequirements": [{"schemes": {name: {"list": []}}} for name in _KEY_SCHEMES],
    }
