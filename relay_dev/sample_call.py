"""A call to try: one `curl` that sends a message, with a webhook, in the version of A2A that the agent speaks."""

import json
import shlex
from typing import Any

LISTEN_URL = "http://127.0.0.1:9900/webhook"  # where `relay listen` listens unless told otherwise


def curl(url: str, relay_key: str, *, only_0_3: bool) -> str:
    message: dict[str, Any] = {"messageId": "m-1"}
    webhook = {"url": LISTEN_URL}
    if only_0_3:
        message |= {"kind": "message", "role": "user", "parts": [{"kind": "text", "text": "hello"}]}
        configuration = {"pushNotificationConfig": webhook, "blocking": False}
        method, version = "message/send", "0.3"
    else:
        message |= {"role": "ROLE_USER", "parts": [{"text": "hello"}]}
        configuration = {"taskPushNotificationConfig": webhook, "returnImmediately": True}
        method, version = "SendMessage", "1.0"
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"message": message, "configuration": configuration}}
    key = f" -H 'Authorization: Bearer {relay_key}'" if relay_key else ""
    return f"curl -s {url} -H 'Content-Type: application/json' -H 'A2A-Version: {version}'{key} -d {shlex.quote(json.dumps(call))}"
