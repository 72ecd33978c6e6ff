"""A relay that asks for keys, with two owners who know nothing of each other. Each has an agent named `writer`, with tasks of its own."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any, Self

from relay.adapters.table.agents import RegisteredAgent
from relay.domain.keys import AgentKey
from relay.domain.relay_key import RelayKey
from relay.use_cases.issue_keys import Issued
from relay.wiring import wiring
from relay_dev.http_event import HttpAnswer
from relay_dev.receiver import Receiver
from relay_dev.runner import Runner
from tests.support.agent import FakeAgent
from tests.support.wire import AwsRequest, Wire

OWNERS = ("acme", "globex")
AGENT = "writer"
TASK_NOT_FOUND = -32001
CARD_PATH = "/.well-known/agent-card.json"
_PARAMETERS = {"WatchMinSeconds": "10", "WatchMaxSeconds": "10", "AllowedWebhookHosts": "127.0.0.1", "ClientAuthentication": "relay-key"}


class ClosedRelay:
    """A context manager. Keyword arguments are parameters of template.yaml.

    `agents` and `keys` are by owner, `default` among the agents; `first_key` is the stack's own.
    """

    def __init__(self, **parameters: str) -> None:
        self._parameters = parameters
        self._ends = ExitStack()
        self.wire = Wire()
        self.agents: dict[str, FakeAgent] = {}
        self.keys: dict[str, str] = {}
        self.first_key = ""
        self.receiver: Receiver
        self.runner: Runner

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            for owner in ("default", *OWNERS):
                self.agents[owner] = ends.enter_context(FakeAgent(now=lambda: self.runner.clock.now()))
            self.receiver = ends.enter_context(Receiver())
            ends.enter_context(self.wire.attached())
            overrides = {**_PARAMETERS, "UpstreamAgentUrl": self.agents["default"].url, **self._parameters}
            self.runner = Runner(overrides=overrides, on_call=self.wire.on_call, around_invoke=self.wire.around_invoke)
            ends.enter_context(self.runner)
            secret = self.runner.aws.client("secretsmanager").get_secret_value(SecretId=wiring().settings.relay_key_secret_arn)
            self.first_key = secret["SecretString"]
            for owner in OWNERS:
                self.register(owner, AGENT)
                self.keys[owner] = self.issue(owner).text
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    # --- what the operator does

    def register(self, owner: str, name: str, *, url: str = "") -> None:
        """Under another name too, it is the owner's one agent."""
        wiring().agent_records.put(RegisteredAgent(AgentKey(owner, name), url or self.agents[owner].url))

    def issue(self, owner: str, *agents: str, expires_at: datetime | None = None) -> Issued:
        return wiring().issue_keys.create(owner, agents=frozenset(agents), label="", expires_at=expires_at)

    def revoke(self, key: RelayKey) -> None:
        wiring().issue_keys.revoke(key)

    def rotate(self, key: RelayKey, overlap: timedelta) -> Issued:
        issued = wiring().issue_keys.rotate(key, overlap=overlap)
        assert issued is not None
        return issued

    # --- what callers do

    def post(
        self,
        key: str,
        method: str = "GetTask",
        params: Mapping[str, Any] | None = None,
        *,
        agent: str = AGENT,
        version: str = "1.0",
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """A call at the address of the agent of that name."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": dict(params or {"id": "task-1"})}
        return self.runner.request(
            "POST", f"/agents/{agent}", body=body, headers={"a2a-version": version, **bearer(key), **(headers or {})}
        )

    def result(self, owner: str, method: str, params: Mapping[str, Any]) -> Any:
        """For the owner's key, at its agent."""
        answered = json.loads(self.post(self.keys[owner], method, params).body)
        assert "error" not in answered, answered
        return answered["result"]

    def error(self, owner: str, method: str, params: Mapping[str, Any]) -> int:
        """The code of the error that the owner is answered."""
        return int(json.loads(self.post(self.keys[owner], method, params).body)["error"]["code"])

    def register_webhook(self, owner: str, config_id: str = "hook") -> None:
        """For the owner's task-1."""
        config = {"taskId": "task-1", "id": config_id, "url": f"{self.receiver.url}/{owner}"}
        self.result(owner, "CreateTaskPushNotificationConfig", config)

    def card(self, key: str = "", *, agent: str = AGENT) -> HttpAnswer:
        return self.runner.request("GET", f"/agents/{agent}{CARD_PATH}", headers=bearer(key))

    def status(self, key: str, *, agent: str = AGENT) -> int:
        """Of a call that any agent understands."""
        return self.post(key, agent=agent).status

    def advance(self, seconds: float) -> None:
        self.runner.advance(timedelta(seconds=seconds))
        self.runner.settle()

    @property
    def now(self) -> datetime:
        return self.runner.clock.now()

    # --- what was asked of AWS

    def asked_by_post(self, key: str, *, agent: str = AGENT) -> list[AwsRequest]:
        """The requests that a call costs."""
        before = len(self.wire.requests)
        self.post(key, agent=agent)
        return self.wire.requests[before:]


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}
