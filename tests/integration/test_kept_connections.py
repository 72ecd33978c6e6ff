"""Connections to agents that are kept, and have died meanwhile: a question goes over a fresh one, a send is made once."""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from relay.adapters.upstream import Upstream, upstream_client
from relay.domain.endpoint import Endpoint
from relay.domain.errors import UpstreamUnavailableError
from relay.domain.task import ProtocolVersion
from tests.integration.loopback import Receiver, Request

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TIMEOUT = timedelta(seconds=20)
TASK = {"id": "t1", "contextId": "c1", "status": {"state": "TASK_STATE_WORKING"}}
TOGETHER = 2  # connections that are kept


class Agent:
    """Answers every call with a task; on a connection that is `stale`, a further request is answered with a reset."""

    def __init__(self) -> None:
        self.stale: set[int] = set()
        self.together = threading.Barrier(1)
        self.wire = Receiver(self._answer)

    def _answer(self, connection: socket.socket, request: Request) -> None:
        if request.connection in self.stale:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            connection.close()
            raise EOFError
        self.together.wait()
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": TASK}).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.wire.url("/rpc"), ProtocolVersion.V10)

    @property
    def connections(self) -> list[int]:
        """Of each request, in the order they came."""
        return [request.connection for request in self.wire.requests]


@pytest.fixture
def agent() -> Iterator[Agent]:
    agent = Agent()
    with agent.wire:
        yield agent


class WallClock:
    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
def upstream(clock: WallClock) -> Iterator[Upstream]:
    with upstream_client(wall_clock=clock) as client:
        yield Upstream(client, now=lambda: NOON)


def get_task(upstream: Upstream, agent: Agent) -> None:
    view = upstream.get_task(agent.endpoint, "t1", headers={}, timeout=TIMEOUT)
    assert view is not None
    assert view.snapshot.task_id == "t1"


def send(upstream: Upstream, agent: Agent) -> None:
    upstream.call(agent.endpoint, "SendMessage", {"message": {}}, request_id=1, headers={}, timeout=TIMEOUT)


def keep_connections(upstream: Upstream, agent: Agent) -> None:
    """As many as TOGETHER, by questions at the same time; then all of them are dead."""
    agent.together = threading.Barrier(TOGETHER)
    asking = [threading.Thread(target=get_task, args=(upstream, agent)) for _ in range(TOGETHER)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(TIMEOUT.total_seconds())
    agent.together = threading.Barrier(1)
    assert sorted(agent.connections) == [1, 2]


def test_a_question_over_a_dead_connection_is_asked_once_more_over_a_fresh_one(upstream: Upstream, agent: Agent) -> None:
    keep_connections(upstream, agent)
    agent.stale = {1, 2}
    get_task(upstream, agent)
    assert agent.connections[-1] == 3
    assert len(agent.connections) == TOGETHER + 2


def test_a_send_over_a_dead_connection_is_not_made_again_and_says_so(upstream: Upstream, agent: Agent) -> None:
    keep_connections(upstream, agent)
    agent.stale = {1, 2}
    with pytest.raises(UpstreamUnavailableError) as raised:
        send(upstream, agent)
    assert raised.value.metadata["outcome"] == "unknown"
    assert sum(b"SendMessage" in request.body for request in agent.wire.requests) == 1


def test_connection_that_the_agent_has_closed_is_not_used_for_a_send(upstream: Upstream, agent: Agent) -> None:
    get_task(upstream, agent)
    for kept in agent.wire._sockets:
        kept.shutdown(socket.SHUT_RDWR)
    send(upstream, agent)
    assert agent.connections == [1, 2]


def test_after_a_function_was_frozen_no_kept_connection_is_used(upstream: Upstream, agent: Agent, clock: WallClock) -> None:
    """Though the monotonic clock stood still, and nothing on the connection tells that it is dead."""
    get_task(upstream, agent)
    get_task(upstream, agent)
    agent.stale = {1}
    clock.seconds += 600
    send(upstream, agent)
    get_task(upstream, agent)
    assert agent.connections == [1, 1, 2, 2]


def test_a_clock_that_was_set_back_does_no_harm(upstream: Upstream, agent: Agent, clock: WallClock) -> None:
    get_task(upstream, agent)
    clock.seconds -= 600
    get_task(upstream, agent)
    assert agent.connections == [1, 2]
