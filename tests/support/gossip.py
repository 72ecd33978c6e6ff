"""A whole relay among people who repeat all they hear, driven through everything that can happen; and everything it wrote meanwhile."""

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stdout
from datetime import timedelta
from io import StringIO
from typing import Any, Self

from relay import observability
from relay.adapters.table.agents import RegisteredAgent
from relay.domain.agent import FollowAs
from relay.domain.keys import AgentKey
from relay.wiring import wiring
from relay_dev.cli import _parser
from relay_dev.log_lines import LineHandler
from relay_dev.runner import Runner
from tests.support.indiscreet import Ears, IndiscreetAgent, IndiscreetReceiver
from tests.support.planted import Planted
from tests.support.world import World

RECEIVERS = ("bearer", "hmac", "jwt")
AGENT_FAILURES = ("500", "401", "429", "junk", "error", "redirect", "hang up")
REFUSALS = (500, 302, 400, 410)
FUNCTIONS = ("ApiFunction", "WatchFunction", "FanOutFunction", "DeliverFunction", "SweepFunction")
_SHOWN = ("CreateTaskPushNotificationConfig", "GetTaskPushNotificationConfig", "ListTaskPushNotificationConfigs")
_LARGE = 400_000  # characters that do not compress: the task goes to S3


class Gossip:
    """A context manager; `happen` makes everything happen. `said` is what was written, by where; lists of bytes."""

    def __init__(self, *, for_people: bool) -> None:
        self.planted, self.ears, self.agent = Planted(), Ears(), IndiscreetAgent()
        self.receivers = {name: IndiscreetReceiver() for name in RECEIVERS}
        self.said: dict[str, list[bytes]] = {"answers": [], "answers to own credentials": [], "own configs": [], "commands": []}
        self._for_people = for_people
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        World.end_kept()
        with ExitStack() as ends:
            ends.enter_context(self.agent)
            for receiver in self.receivers.values():
                ends.enter_context(receiver)
            overrides = {
                "UpstreamAgentUrl": self.agent.url,
                "UpstreamCredential": f"X-Agent-Key: {self.planted['upstream-credential']}",
                "AllowedWebhookHosts": "127.0.0.1",
                "RetrySchedule": "5",
                "WatchMinSeconds": "10",
                "WatchMaxSeconds": "10",
                "LogLevel": "DEBUG",
            }
            runner = Runner(overrides=overrides, on_call=self.ears.on_call, around_invoke=self.ears.around_invoke)
            self.runner = ends.enter_context(runner)
            for variable in ("RELAY_KEY_SECRET_ARN", "SIGNING_SECRET_ARN"):
                secret = runner.aws.client("secretsmanager").get_secret_value(SecretId=os.environ[variable])["SecretString"]
                self.planted.add(variable, secret)
            ends.enter_context(self.ears.open())
            self._log_for_people(ends)
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def _log_for_people(self, ends: ExitStack) -> None:
        """As `relay dev` does."""
        if self._for_people:
            logger = observability._logger()
            ends.callback(logger.handlers.__setitem__, slice(None), list(logger.handlers))
            observability.send_lines_to(LineHandler())

    # --- what happens

    def happen(self) -> None:
        self._open_up()
        self._register()
        for state in ("TASK_STATE_WORKING", "TASK_STATE_INPUT_REQUIRED"):
            self._change(state)
        self._agents_fail()
        self._receivers_refuse()
        self._aws_fails()
        self._functions_die()
        self._operate()
        self._collect()

    def _open_up(self) -> None:
        """Two owners, each with a key and an agent."""
        self.planted.add("other-key", wiring().issue_keys.create("other", agents=frozenset(), label="", expires_at=None).text)
        credential = (("Authorization", f"Bearer {self.planted['agent-credential']}"),)
        for owner, name in (("default", "writer"), ("other", "default")):
            agent = RegisteredAgent(AgentKey(owner, name), self.agent.url, credential, follow_as=FollowAs.CALLER)
            wiring().agent_records.put(agent)

    def _register(self) -> None:
        for name, authentication in (
            ("bearer", {"scheme": "Bearer", "credentials": self.planted["credentials"]}),
            ("hmac", {"scheme": "HMAC-SHA256", "credentials": self.planted["replaced-secret"]}),
            ("hmac", {"scheme": "HMAC-SHA256", "credentials": self.planted["signing-secret"]}),
        ):
            self.call("CreateTaskPushNotificationConfig", {"taskId": "task-1", **self._config(name), "authentication": authentication})
        inline = {**self._config("jwt"), "authentication": {"scheme": "Bearer"}}
        message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
        self.call("SendMessage", {"message": message, "configuration": {"returnImmediately": True, "taskPushNotificationConfig": inline}})
        lent = {"x-upstream-authorization": f"Bearer {self.planted['lent-credential']}"}
        self.call("CreateTaskPushNotificationConfig", {"taskId": "task-2", **self._config("bearer")}, headers=lent, path="/agents/writer")
        self.call("GetTaskPushNotificationConfig", {"taskId": "task-1", "id": "hmac"})
        self.call("ListTaskPushNotificationConfigs", {"taskId": "task-1"})
        self._be_refused()

    def _config(self, name: str) -> dict[str, Any]:
        path = f"/{self.planted[f'user-{name}']}:{self.planted[f'password-{name}']}@hook?key={self.planted[f'query-{name}']}"
        return {"id": name, "url": self.receivers[name].url(path), "token": self.planted[f"token-{name}"]}

    def _be_refused(self) -> None:
        """By mistakes in what holds a secret, and by keys that open nothing."""
        good = self._config("bearer")
        secret = self.planted["mistaken"]
        host = good["url"].partition("//")[2]
        for mistake in (
            {"url": f"http://user:{secret}@{host}"},
            {"url": f"ftp://127.0.0.1/{secret}"},
            {"url": f"https://10.0.0.1/{secret}"},
            {"token": f"{secret}\r\n"},
            {"token": [secret]},
            {"authentication": {"scheme": f"Bearer {secret}é", "credentials": secret}},
            {"authentication": {"scheme": "HMAC-SHA256", "credentials": f"whsec_{secret}!"}},
            {"authentication": secret},
            {"retryPolicy": {"maxRetries": secret}},
        ):
            self.call("CreateTaskPushNotificationConfig", {"taskId": "task-1", **good, **mistake})
        for key in (self.planted["other-key"], secret, ""):
            for method in (*_SHOWN[1:], "DeleteTaskPushNotificationConfig", "GetTask", "ListTasks"):
                self.call(method, {"taskId": "task-1", "id": "bearer"}, key=key)
        for body in (f'{{"x": "{secret}'.encode(), secret.encode(), b"\xff" + secret.encode()):
            self._ask(body, key=self.planted["RELAY_KEY_SECRET_ARN"])

    def _change(self, state: str, *, artifact: str = "") -> None:
        self.agent.state, self.agent.artifact = state, artifact or state
        self._let_pass(11)

    def _agents_fail(self) -> None:
        for mode in AGENT_FAILURES:
            self.agent.mode = mode
            for given in ({}, {"x-upstream-authorization": f"Bearer {self.planted['caller-credential']}"}):
                message = {"messageId": "m", "taskId": "task-1", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
                self.call("SendMessage", {"message": message, "configuration": {"returnImmediately": True}}, headers=given)
                self.call("CreateTaskPushNotificationConfig", {"taskId": "task-1", **self._config("bearer")}, headers=given)
                for method in ("GetTask", "CancelTask"):
                    self.call(method, {"id": "task-1"}, headers=given)
            self.call("GetTask", {"id": "task-1"}, headers={"x-upstream-authorization": f"{self.planted['caller-credential']}é"})
            self._let_pass(61)
        self.agent.mode = ""

    def _receivers_refuse(self) -> None:
        for number, status in enumerate(REFUSALS):
            for receiver in self.receivers.values():
                receiver.status = status
            self._change("TASK_STATE_WORKING", artifact=f"refused {number}")
            self._let_pass(11)
        self._let_pass(3700)  # a receiver that is gone is asked again after an hour
        self._register()

    def _aws_fails(self) -> None:
        """Each function's every request fails once, while receivers refuse and while they do not; queues and streams bring all back."""
        for status in (500, 200):
            for receiver in self.receivers.values():
                receiver.status = status
            self.ears.fail_anew()
            for turn in range(6):
                self.agent.artifact = f"{status} {turn}"
                self.call("GetTask", {"id": "task-1"})
                self.call("ListTaskPushNotificationConfigs", {"taskId": "task-1"})
                self.call("CreateTaskPushNotificationConfig", {"taskId": "task-1", **self._config("bearer")})
                self.runner.cold_start()
                self._let_pass(301)
            self.ears.is_failing = False
            self._let_pass(361)

    def _functions_die(self) -> None:
        for function in FUNCTIONS:
            self.ears.next_death = function
            self.agent.artifact = function
            self.call("GetTaskPushNotificationConfig", {"taskId": "task-1", "id": "hmac"})
            for _ in range(3):
                self._let_pass(361)

    def _operate(self) -> None:
        for command in (
            ["dead-letters"],
            ["redrive", "--all", "--dry-run"],
            ["redrive", "--all", "--every"],
            ["agents", "list"],
            ["agents", "add", "new", self.agent.url, "--header", f"X-Key: {self.planted['agent-credential']}"],
            ["keys", "list"],
        ):
            args, told = _parser(command[0]).parse_args(command), StringIO()
            with redirect_stdout(told):
                args.command(args)
            self.said["commands"].append(told.getvalue().encode())
        self._let_pass(11)
        self._change("TASK_STATE_WORKING", artifact=os.urandom(_LARGE).hex())
        self._change("TASK_STATE_COMPLETED")

    # --- how

    def call(
        self, method: str, params: Mapping[str, Any], *, key: str | None = None, headers: Mapping[str, str] | None = None, path: str = "/"
    ) -> None:
        """By the owner's first key unless another is given. Only what shows an owner its own configs may hold what it registered."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        own = self.planted["RELAY_KEY_SECRET_ARN"]
        answer = self._ask(body, key=own if key is None else key, headers=headers, path=path)
        is_shown = method in _SHOWN and key is None and b'"result"' in answer
        self.said["own configs" if is_shown else "answers to own credentials" if headers else "answers"].append(answer)

    def _ask(self, body: bytes, *, key: str, headers: Mapping[str, str] | None = None, path: str = "/") -> bytes:
        given = {"a2a-version": "1.0", **({"authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
        answer = self.runner.request("POST", path, body=body, headers=given)
        return f"{answer.status} {answer.headers}\n".encode() + answer.body

    def _let_pass(self, seconds: float) -> None:
        self.runner.settle()
        self.runner.advance(timedelta(seconds=seconds))
        self.runner.settle()

    def _collect(self) -> None:
        client = self.runner.aws.client
        self.said |= {"requests to AWS": self.ears.aws, "log": self.ears.log, "exceptions": self.ears.exceptions}
        self.said["table"] = [
            part
            for page in client("dynamodb").get_paginator("scan").paginate(TableName=os.environ["TABLE_NAME"])
            for part in _parts(page["Items"])
        ]
        bucket = os.environ["BUCKET_NAME"]
        objects = client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
        self.said["bucket"] = [client("s3").get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in objects]
        self.said["queues"] = []
        for queue in self.runner.definition.queues:
            while (
                messages := client("sqs").receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, VisibilityTimeout=999).get("Messages")
            ):
                self.said["queues"] += [json.dumps(message).encode() for message in messages]


def _parts(value: Any) -> list[bytes]:
    """Every text and every bytes in there."""
    if isinstance(value, Mapping):
        return [part for pair in value.items() for part in _parts(list(pair))]
    if isinstance(value, list):
        return [part for each in value for part in _parts(each)]
    return [value if isinstance(value, bytes) else str(value).encode()]
