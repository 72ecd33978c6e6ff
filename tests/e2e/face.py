"""One face for every client: what a test asks of it, and what it is told, whichever package and version is behind it.

Only the standard library: this runs in the other packages' environments, too.
"""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Seen:
    """A task as a client was told it, in 0.3's spelling. `said` is the status message's text."""

    id: str
    context_id: str
    state: str
    artifacts: int
    said: str = ""
    history: int = 0


@dataclass(frozen=True)
class Webhook:
    """What a client registers; with a secret, under the scheme HMAC-SHA256, notifications are signed."""

    url: str
    token: str = ""
    secret: str = ""
    id: str = ""


class RefusedError(Exception):
    """The relay's, or the agent's, protocol error; `code` is an HTTP status when it was none. `data` is as the SDK shows it."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{code} {message} {data}")
        self.code = code
        self.message = message
        self.data = data


class A2AClient(Protocol):
    """One SDK's client; `url` is an agent's address at the relay. Every method raises RefusedError."""

    version: str

    def send(self, url: str, text: str, *, task: Seen | None = None, webhook: Webhook | None = None, waits: bool = False) -> Seen: ...
    def reply(self, url: str, text: str, *, webhook: Webhook | None = None) -> str:
        """The text of a Message; the send waits, so that one is an answer at all."""

    def get(self, url: str, task_id: str) -> Seen: ...
    def cancel(self, url: str, task_id: str) -> Seen: ...
    def set_config(self, url: str, task_id: str, webhook: Webhook) -> Webhook: ...
    def get_config(self, url: str, task_id: str, config_id: str) -> Webhook: ...
    def list_configs(self, url: str, task_id: str) -> list[Webhook]: ...
    def delete_config(self, url: str, task_id: str, config_id: str) -> None: ...
    def read_notification(self, body: bytes) -> Seen: ...
    def card(self, url: str, path: str) -> dict[str, Any]: ...
