"""Every package's own client as a process of its own, behind the face that the end-to-end tests know."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.e2e.face import Seen, Webhook
from tests.e2e.lines import LineProcess

ROOT = Path(__file__).parents[2]
DRIVERS = Path(__file__).parent
JS = DRIVERS / "js"
A2AKIT_SDIST = ROOT / ".venv-compat-a2akit" / "sdist"  # its source distribution: its examples are in no wheel


def python(environment: str) -> str:
    """The interpreter of `.venv-compat-{environment}`."""
    return str(ROOT / f".venv-compat-{environment}" / "bin" / "python")


@dataclass(frozen=True)
class Package:
    """Whose client it is; `version` is the A2A version that it registers in, and is told in."""

    command: tuple[str, ...]
    version: str


SDKS = {
    **{
        f"a2a-sdk {line}": Package((python(f"sdk-{line}"), str(DRIVERS / "sdk10_client.py")), "1.0") for line in ("1.0.3", "1.1.5", "1.2.3")
    },
    "@a2a-js/sdk 1.3.0": Package(("node", str(JS / "client10.mjs")), "1.0"),
    "@a2a-js/sdk 0.3.14": Package(("node", str(JS / "client03.mjs")), "0.3"),
}

PACKAGES = {
    **SDKS,
    "a2akit 0.0.32": Package((python("a2akit"), str(DRIVERS / "a2akit_client.py")), "0.3"),
    "a2akit 0.0.32 over HTTP+JSON": Package((python("a2akit"), str(DRIVERS / "a2akit_client.py"), "http+json"), "0.3"),
}


class RemoteClient(LineProcess):
    """An `A2AClient` whose package lives in another environment. A context manager."""

    def __init__(self, package: Package) -> None:
        super().__init__(package.command)
        self.version = package.version

    def send(self, url: str, text: str, *, task: Seen | None = None, webhook: Webhook | None = None, waits: bool = False) -> Seen:
        return Seen(**self.call("send", url=url, text=text, task=_plain(task), webhook=_plain(webhook), waits=waits))

    def reply(self, url: str, text: str, *, webhook: Webhook | None = None) -> str:
        return str(self.call("reply", url=url, text=text, webhook=_plain(webhook)))

    def get(self, url: str, task_id: str) -> Seen:
        return Seen(**self.call("get", url=url, task_id=task_id))

    def cancel(self, url: str, task_id: str) -> Seen:
        return Seen(**self.call("cancel", url=url, task_id=task_id))

    def set_config(self, url: str, task_id: str, webhook: Webhook) -> Webhook:
        return Webhook(**self.call("set_config", url=url, task_id=task_id, webhook=asdict(webhook)))

    def get_config(self, url: str, task_id: str, config_id: str) -> Webhook:
        return Webhook(**self.call("get_config", url=url, task_id=task_id, config_id=config_id))

    def list_configs(self, url: str, task_id: str) -> list[Webhook]:
        return [Webhook(**config) for config in self.call("list_configs", url=url, task_id=task_id)]

    def delete_config(self, url: str, task_id: str, config_id: str) -> None:
        assert self.call("delete_config", url=url, task_id=task_id, config_id=config_id) is None

    def read_notification(self, body: bytes) -> Seen:
        return Seen(**self.call("read_notification", body=body.decode()))

    def card(self, url: str, path: str) -> dict[str, Any]:
        card: dict[str, Any] = self.call("card", url=url, path=path)
        return card


def _plain(value: Seen | Webhook | None) -> dict[str, Any] | None:
    return None if value is None else asdict(value)
