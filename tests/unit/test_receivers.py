"""What the relay sends in each dialect, judged by the rules of the receivers that register in it (`tests.support.receivers`)."""

import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from relay.domain import notification
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.push_config import Dialect, PushConfig
from relay.domain.signer import Signer, SigningKey
from relay.domain.task import ProtocolVersion, Revision, Snapshot, View
from tests.support import receivers
from tests.support.receivers import Read, Receiver

NOW = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
KEY = ConfigKey(TaskKey("owner", "default", "", "task-1"), "config-1")
TOKEN = "my-secret-token"

STATES = ["submitted", "working", "completed", "failed", "canceled", "rejected", "input-required", "auth-required"]
PRAISONAIS = {"canceled": "cancelled", "input-required": "input_required", "auth-required": "auth_required"}


SIGNER = Signer(
    (SigningKey(Ed25519PrivateKey.from_private_bytes(b"k" * 32).public_key().public_bytes_raw(), lambda _: b"s" * 64),), issuer=""
)

# The rows of the recorded matrix: what each receiver made of each body, for a task `t1` that is completed.
STATUS = {"state": "completed"}
TASK = {"kind": "task", "id": "t1", "status": STATUS, "artifacts": [{"parts": [{"kind": "text", "text": "x"}]}]}
TASK_10 = {"task": {"id": "t1", "status": {"state": "TASK_STATE_COMPLETED"}}}
UPDATE_10 = {"statusUpdate": {"taskId": "t1", "status": {"state": "TASK_STATE_COMPLETED"}}}
ARTIFACT_10 = {"artifactUpdate": {"taskId": "t1", "artifact": {"artifactId": "a", "parts": []}}}
PRAISONAI = {"taskId": "t1", "status": STATUS, "timestamp": "2026-11-20T12:00:30Z"}
EVO = {"event": "task.completed", "data": {"taskId": "t1"}}
MATRIX = [
    (receivers.handler_0_4, TASK, Read(200, "t1", "completed")),
    (receivers.handler_0_4, TASK_10, Read(200, "t1", "completed")),
    (receivers.handler_0_4, UPDATE_10, Read(200, "t1", "completed")),
    (receivers.handler_0_4, ARTIFACT_10, Read(200, "t1", None)),
    (receivers.handler_0_4, PRAISONAI, Read(200, "t1", "completed")),
    (receivers.handler_0_4, EVO, Read(200, None, None)),
    (receivers.handler_0_1, TASK, Read(200, "t1", "completed")),
    (receivers.handler_0_1, TASK_10, Read(200, None, None)),
    (receivers.handler_0_1, UPDATE_10, Read(200, None, None)),
    (receivers.handler_0_1, PRAISONAI, Read(200, None, "completed")),
    (receivers.handler_0_1, EVO, Read(200, None, None)),
    (receivers.a2akit_example, TASK, Read(200, "t1", "completed", 1)),
    (receivers.a2akit_example, TASK_10, Read(200, None, None)),
    (receivers.a2akit_example, PRAISONAI, Read(200, None, "completed")),
    (receivers.praisonai_handler, TASK, Read(500)),
    (receivers.praisonai_handler, TASK_10, Read(500)),
    (receivers.praisonai_handler, PRAISONAI, Read(200, "t1", "completed")),
    (receivers.praisonai_handler, EVO, Read(500)),
]

EVO_AIS = (receivers.handler_0_4, receivers.handler_0_1, receivers.a2akit_example)  # all that read a Task of 0.3

# Who registers in a dialect, and so has to be able to read it.
READERS = [
    (Dialect.A2A_V10, receivers.handler_0_4),
    (Dialect.A2A_V03, receivers.handler_0_4),
    (Dialect.A2A_V03, receivers.handler_0_1),
    (Dialect.A2A_V03, receivers.a2akit_example),
    (Dialect.PRAISONAI, receivers.handler_0_4),
    (Dialect.PRAISONAI, receivers.handler_0_1),
    (Dialect.PRAISONAI, receivers.a2akit_example),
    (Dialect.PRAISONAI, receivers.praisonai_handler),
    *((dialect, receiver) for dialect in (Dialect.EVO_AI, Dialect.EVO_AI_EVENTS) for receiver in EVO_AIS),
]


def seen(state: str, version: ProtocolVersion) -> Snapshot:
    """A task with an artifact, as an agent of that version answers it."""
    if version is ProtocolVersion.V10:
        parts: list[dict[str, Any]] = [{"text": "an answer"}]
        document: dict[str, Any] = {
            "status": {"state": "TASK_STATE_" + state.replace("-", "_").upper(), "timestamp": "2026-11-20T12:00:30Z"}
        }
    else:
        parts = [{"kind": "text", "text": "an answer"}]
        document = {"kind": "task", "status": {"state": state, "timestamp": "2026-11-20T12:00:30Z"}}
    return Snapshot(version, {"id": "task-1", "contextId": "c", "artifacts": [{"artifactId": "a", "parts": parts}], **document})


def read(receiver: Receiver, config: PushConfig, told: Snapshot) -> Read:
    """What the receiver makes of the POST that tells the config of it."""
    revision = Revision(7, View(told, NOW, NOW, "poll"))
    body = notification.body(config, revision)
    sent = notification.headers(config, body=body, webhook_id="msg_1", timestamp=NOW, attempt=1, revision=revision.head, signer=SIGNER)
    return receiver(body, {name.lower(): value for name, value in sent})


def config(dialect: Dialect, *, token: str = TOKEN, secret: str = "") -> PushConfig:
    return PushConfig(key=KEY, url="https://receiver.example/hook", dialect=dialect, token=token, secret=secret)


@pytest.mark.parametrize(("receiver", "payload", "expected"), MATRIX)
def test_the_rules_read_what_the_receivers_were_recorded_to_read(receiver: Receiver, payload: dict[str, Any], expected: Read) -> None:
    assert receiver(json.dumps(payload).encode(), {"x-a2a-notification-token": TOKEN}) == expected


@pytest.mark.parametrize("version", ProtocolVersion)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("dialect", "receiver"), READERS)
def test_a_receiver_reads_id_and_state_of_what_comes_in_its_dialect_whichever_version_the_agent_speaks(
    dialect: Dialect, receiver: Receiver, state: str, version: ProtocolVersion
) -> None:
    found = read(receiver, config(dialect), seen(state, version))
    spelled = {Dialect.A2A_V10: state.replace("-", "_"), Dialect.PRAISONAI: PRAISONAIS.get(state, state)}
    assert (found.status, found.task_id, found.state) == (200, "task-1", spelled.get(dialect, state))
    assert found.artifacts == (1 if receiver is receivers.a2akit_example else 0)


@pytest.mark.parametrize("receiver", [receivers.a2akit_example, partial(receivers.handler_0_4, token=TOKEN)])
def test_a_receiver_that_asks_for_another_token_answers_401(receiver: Receiver) -> None:
    told = seen("working", ProtocolVersion.V03)
    assert read(receiver, config(Dialect.A2A_V03, token="another"), told) == Read(401)
    assert read(receiver, config(Dialect.A2A_V03), told).status == 200


def test_praisonais_secure_handler_takes_the_token_and_the_signature_over_the_raw_body() -> None:
    told = seen("canceled", ProtocolVersion.V10)
    secure = partial(receivers.praisonai_secure_handler, token=TOKEN, secret="s")
    assert read(secure, config(Dialect.PRAISONAI, secret="s"), told) == Read(200, "task-1", "cancelled")
    assert read(secure, config(Dialect.PRAISONAI, secret="another"), told) == Read(401)
    assert read(secure, config(Dialect.PRAISONAI, token="another", secret="s"), told) == Read(401)
