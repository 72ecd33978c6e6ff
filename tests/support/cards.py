"""Cards as agents show them: whole, in 1.0's members, in both versions', and PraisonAI's."""

from typing import Any

SKILL = {"id": "a", "name": "a", "description": "a", "tags": ["t"]}
CARD_10: dict[str, Any] = {
    "name": "Writer",
    "description": "Writes.",
    "supportedInterfaces": [{"url": "https://agent.example.com/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
    "version": "2",
    "capabilities": {"streaming": True, "pushNotifications": False},
    "defaultInputModes": ["text"],
    "defaultOutputModes": ["image/png"],
    "skills": [SKILL],
}
CARD_BOTH: dict[str, Any] = {
    **CARD_10,
    "supportedInterfaces": [
        *CARD_10["supportedInterfaces"],
        {"url": "https://agent.example.com/old", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
    ],
    "preferredTransport": "JSONRPC",
    "protocolVersion": "0.3",
    "url": "https://agent.example.com/old",
}
PRAISONAI_CARD: dict[str, Any] = {
    "name": "Webhook Agent",
    "url": "http://localhost:8000/a2a",
    "version": "1.0.0",
    "description": "Helper. help",
    "capabilities": {"streaming": True, "pushNotifications": False, "stateTransitionHistory": False, "extendedAgentCard": False},
    "provider": {"name": "PraisonAI"},
}
FULL_CARD: dict[str, Any] = {
    **CARD_BOTH,
    "iconUrl": "https://x/i.png",
    "documentationUrl": "https://x/d",
    "provider": {"organization": "X", "url": "https://x"},
    "capabilities": {
        "streaming": True,
        "pushNotifications": True,
        "stateTransitionHistory": True,
        "extendedAgentCard": True,
        "extensions": [{"uri": "https://x/e", "required": True, "description": "e", "params": {"a": [1, {"b": None}]}}],
    },
    "skills": [{**SKILL, "examples": ["e"], "inputModes": ["text"], "outputModes": ["text"], "security": [{"s": []}]}],
    "additionalInterfaces": [{"url": "https://agent.example.com/rpc", "transport": "JSONRPC"}],
    "security": [{"s": ["a"]}],
    "securitySchemes": {"s": {"type": "http", "scheme": "Bearer"}},
    "signatures": [{"protected": "p", "signature": "s"}],
    "supportsAuthenticatedExtendedCard": True,
}
