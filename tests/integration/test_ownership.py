"""The ownership challenge through the whole relay: asked before the first notification, remembered per owner and origin."""

import json
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest

from relay.adapters.table.agents import RegisteredAgent
from relay.domain.challenge import PROOF_LASTS
from relay.domain.keys import AgentKey
from relay.wiring import wiring
from relay_dev import execution_environment
from relay_dev.cli import _parser
from tests.integration.loopback import OK, Receiver, Request
from tests.support.world import World, config_key

CHALLENGE = "a2a-relay-challenge"
TOKEN, SECRET = "hunter2-token", "hunter2-credentials-0123456789"


class Challenged(Receiver):
    """Answers challenges with `answer`, in which NONCE stands for the nonce, and anything else with 200."""

    def __init__(self) -> None:
        super().__init__(self._reply)
        self.answer = b'HTTP/1.1 200 OK\r\nContent-Length: 49\r\n\r\n{"challenge": "NONCE"}'

    def _reply(self, connection: socket.socket, request: Request) -> None:
        nonce = request.headers.get(CHALLENGE)
        connection.sendall(self.answer.replace(b"NONCE", nonce.encode()) if nonce else OK)

    @property
    def challenges(self) -> list[Request]:
        return [request for request in self.requests if CHALLENGE in request.headers]

    @property
    def told(self) -> list[Request]:
        return [request for request in self.requests if CHALLENGE not in request.headers]


@pytest.fixture
def world() -> Iterator[World]:
    with World(OwnershipChallenge="true", RetrySchedule="5,5") as world:
        yield world


@pytest.fixture
def receiver() -> Iterator[Challenged]:
    with Challenged() as receiver:
        yield receiver


def register(world: World, receiver: Receiver, *, task: str = "t1") -> None:
    world.agent.task(task)
    authentication = {"scheme": "Bearer", "credentials": SECRET}
    world.register(task, id="c", url=receiver.url(f"/{task}"), token=TOKEN, authentication=authentication)
    world.settle()


def change(world: World, state: str, *, task: str = "t1") -> None:
    world.agent.task(task).becomes(state)
    world.advance(11)


def outcomes(world: World, task: str = "t1") -> list[tuple[str, int | None]]:
    """Of the failed attempts, the oldest first."""
    return [(attempt.kind, attempt.status) for attempt in reversed(world.attempts.last(config_key(task, "c"), most=9))]


def test_receiver_is_challenged_once_and_then_told(world: World, receiver: Challenged) -> None:
    register(world, receiver)
    change(world, "working")
    change(world, "completed")
    assert [CHALLENGE in request.headers for request in receiver.requests] == [True, False, False]
    assert outcomes(world) == []


def test_challenge_is_signed_and_carries_no_token_or_credentials(world: World, receiver: Challenged) -> None:
    register(world, receiver)
    change(world, "working")
    [challenge] = receiver.challenges
    assert challenge.line == "POST /t1 HTTP/1.1"
    assert json.loads(challenge.body) == {"challenge": challenge.headers[CHALLENGE]}
    assert challenge.headers["webhook-id"] == f"chl_{challenge.headers[CHALLENGE]}"
    assert challenge.headers["webhook-signature"].startswith("v1a,")
    assert "authorization" not in challenge.headers
    assert "hunter2" not in str(challenge)
    assert "hunter2" in str(receiver.told[0])


def test_nonce_is_another_each_time(world: World, receiver: Challenged) -> None:
    receiver.answer = OK
    register(world, receiver)
    change(world, "working")
    world.advance(6)
    assert len({challenge.headers[CHALLENGE] for challenge in receiver.challenges}) == 2


def test_proof_counts_for_all_tasks_of_the_owner_and_survives_a_cold_start(world: World, receiver: Challenged) -> None:
    for task in ("t1", "t2"):
        register(world, receiver, task=task)
        change(world, "working", task=task)
        world.runner.cold_start()
    assert len(receiver.challenges) == 1
    assert len(receiver.told) == 2


def test_proof_of_one_port_is_none_of_another(world: World, receiver: Challenged) -> None:
    with Challenged() as other:
        for number, each in enumerate((receiver, other)):
            register(world, each, task=f"t{number}")
            change(world, "working", task=f"t{number}")
        assert (len(receiver.challenges), len(other.challenges)) == (1, 1)


def test_receiver_that_does_not_echo_is_told_nothing_and_given_up_on_the_normal_schedule(world: World, receiver: Challenged) -> None:
    receiver.answer = b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n"
    register(world, receiver)
    change(world, "working")
    for _ in range(3):
        world.advance(6)
    assert receiver.told == []
    assert outcomes(world) == [("unverified", 400)] * 3
    assert [letter.reason for letter in world.dead_letters()] == ["unverified"]


def test_receiver_that_learns_to_echo_is_told_on_the_next_attempt(world: World, receiver: Challenged) -> None:
    good, receiver.answer = receiver.answer, OK
    register(world, receiver)
    change(world, "working")
    assert outcomes(world) == [("unverified", 200)]
    receiver.answer = good
    world.advance(6)
    assert [request.headers["a2a-relay-attempt"] for request in receiver.told] == ["2"]


def test_proof_is_asked_for_again_after_thirty_days(world: World, receiver: Challenged) -> None:
    register(world, receiver)
    change(world, "working")
    world.runner.advance(PROOF_LASTS + timedelta(seconds=1))
    register(world, receiver, task="t2")
    change(world, "working", task="t2")
    assert len(receiver.challenges) == 2


def test_silence_is_a_timeout_within_the_webhooks_own(receiver: Challenged) -> None:
    receiver.answer = b""
    with World(OwnershipChallenge="true", WebhookTimeoutSeconds="1", RetrySchedule="60") as world:
        register(world, receiver)
        change(world, "working")
        [attempt] = world.attempts.last(config_key("t1", "c"), most=9)
        assert (attempt.kind, attempt.detail) == ("timeout", "No answer within 0.5 s: the request was sent.")


def test_inline_config_is_challenged_too(world: World, receiver: Challenged) -> None:
    world.send(webhook={"id": "c", "url": receiver.url("/c")})
    world.advance(1)
    assert [CHALLENGE in request.headers for request in receiver.requests] == [True, False]


def test_without_the_option_nobody_is_challenged_and_nothing_is_read_for_it(receiver: Challenged) -> None:
    with World() as world:
        register(world, receiver)
        change(world, "working")
        assert (receiver.challenges, len(receiver.told)) == ([], 1)
        assert "VERIFIED" not in str(world.wire.requests)


def test_option_is_each_agents_own(receiver: Challenged) -> None:
    with World() as world:
        args = _parser("agents").parse_args(["agents", "add", "strict", world.agent.url, "--challenge"])
        assert args.command(args) == 0
        assert wiring().agents.find(AgentKey("default", "strict")).challenges_receivers
        wiring().agent_records.put(RegisteredAgent(AgentKey("default", "default"), world.agent.url, challenges_receivers=True))
        world.runner.cold_start()
        register(world, receiver)
        change(world, "working")
        assert len(receiver.challenges) == 1


def test_what_was_registered_before_the_option_is_not_challenged(receiver: Challenged) -> None:
    with World() as world:
        register(world, receiver)
        execution_environment.set_variables({"OWNERSHIP_CHALLENGE": "true"})
        world.runner.cold_start()
        change(world, "working")
        assert receiver.challenges == []
        register(world, receiver)
        change(world, "completed")
        assert len(receiver.challenges) == 1


def test_relay_listen_proves_itself(world: World) -> None:
    world.agent.task("t1")
    world.register("t1", id="c")
    change(world, "working")
    assert world.told("c") == [2]
