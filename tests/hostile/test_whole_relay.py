"""Each hostile behaviour through the whole relay: it ends, in bounded memory, with a clear outcome, and nobody else is touched by it.

Most of what these servers do has no end: that a test comes to its end shows that the relay ended it.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import certifi
import pytest

from relay.domain.dead_letter import FailedAttempt
from relay.domain.outcome import MAX_RETRY_AFTER, OutcomeKind
from tests.hostile.behaviours import BEHAVIOURS, SLOW, Behaviour
from tests.hostile.certificates import Authority
from tests.hostile.memory import growth
from tests.hostile.server import HostileServer
from tests.support.world import World, config_key

pytestmark = pytest.mark.timeout(60)

MOST_GROWTH = 32 * 1024 * 1024  # bytes: room for the relay's own work and the allocator's habits; what is thrown at it is far more
TIMEOUT = 1.0  # seconds
SLACK = 4.0  # seconds that a busy machine may add


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def shared_world(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """It trusts the authority, as it trusts the public ones elsewhere."""
    trusted: Path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.write(trusted)
    with pytest.MonkeyPatch.context() as patch, World(WebhookTimeoutSeconds=f"{TIMEOUT:g}", RetrySchedule="3600,3600") as world:
        patch.setattr(certifi, "where", lambda: str(trusted))
        yield world


@pytest.fixture
def world(shared_world: World) -> World:
    shared_world.reset()
    return shared_world


@pytest.fixture(params=BEHAVIOURS)
def behaviour(request: pytest.FixtureRequest) -> Behaviour:
    return BEHAVIOURS[request.param]


@pytest.fixture
def server(behaviour: Behaviour, authority: Authority) -> Iterator[HostileServer]:
    with HostileServer(behaviour, authority=authority) as server:
        yield server


def notify(world: World, url: str) -> None:
    """One batch for two configs of one task, one of them at the hostile receiver."""
    world.agent.task("t1")
    world.register("t1", id="hostile", url=f"{url}/hostile", token="hunter2")
    world.register("t1", id="other")
    world.settle()
    world.wire.requests.clear()
    world.agent.task("t1").becomes("working")
    world.advance(11)


def failed_attempts(world: World) -> tuple[FailedAttempt, ...]:
    return world.attempts.last_with_answers(config_key("t1", "hostile"), most=9)


def test_it_ends_in_bounded_memory_with_a_clear_outcome_and_no_effect_on_others(
    world: World, behaviour: Behaviour, server: HostileServer
) -> None:
    with growth() as memory:
        notify(world, server.url)
    assert memory.bytes < MOST_GROWTH
    assert outcome_of(world) == (behaviour.kind, behaviour.status)
    assert [world.posts("other")[0].revision, len(world.posts("other"))] == ["2", 1]
    assert were_one_batch(world)


def outcome_of(world: World) -> tuple[OutcomeKind, int | None]:
    """As the table tells it: an attempt, or a cursor that has moved."""
    if attempts := failed_attempts(world):
        [attempt] = attempts
        assert attempt.detail
        assert total_seconds(attempt) < TIMEOUT + SLACK
        return OutcomeKind(attempt.kind), attempt.status
    assert world.cursor("t1", "hostile").position == 2
    return OutcomeKind.DELIVERED, 200


def total_seconds(attempt: FailedAttempt) -> float:
    return int(attempt.phases.partition("total=")[2]) / 1000


def were_one_batch(world: World) -> bool:
    read = [str(request.body) for request in world.wire.asked("deliver", "BatchGetItem")]
    return any("PUSH#hostile" in each and "PUSH#other" in each for each in read)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("expired-certificate", "expired"),
        ("wrong-name-certificate", "match"),
        ("unknown-authority", "unable to get local issuer"),
        ("old-tls", "protocol version"),
        ("slow-tls", "the TLS handshake did not end"),
        ("slow-headers", "the request was sent"),
        ("endless-header", "too long or too many"),
        ("redirect-to-metadata", "redirects are not followed"),
        ("reset", "ended before an answer was complete"),
    ],
)
def test_operator_is_told_why(world: World, authority: Authority, name: str, words: str) -> None:
    with HostileServer(BEHAVIOURS[name], authority=authority) as server:
        notify(world, server.url)
    [attempt] = failed_attempts(world)
    assert words in attempt.detail


@pytest.mark.parametrize("name", ["two-answers", "redirect-to-metadata", "asks-for-a-password", "reset", "http-1.0"])
def test_it_is_asked_once_per_attempt_and_again_only_on_schedule(world: World, name: str) -> None:
    """What came beyond an answer is no answer to the next request."""
    with HostileServer(BEHAVIOURS[name]) as server:
        notify(world, server.url)
        assert len(server.requests) == 1
        world.advance(3601)
        expected = 1 if BEHAVIOURS[name].kind is OutcomeKind.DELIVERED else 2
        assert len(server.requests) == expected
        assert {attempt.kind for attempt in failed_attempts(world)} <= {BEHAVIOURS[name].kind}


def test_wait_that_a_receiver_asks_for_is_bounded(world: World) -> None:
    with HostileServer(BEHAVIOURS["retry-after-for-ever"]) as server:
        notify(world, server.url)
    due = world.cursor("t1", "hostile").due
    assert due is not None
    assert due - world.runner.clock.now() < MAX_RETRY_AFTER * 1.2


def test_gzip_is_neither_asked_for_nor_unpacked(world: World) -> None:
    with HostileServer(BEHAVIOURS["gzip-transfer-bomb"]) as server:
        notify(world, server.url)
    assert b"accept-encoding" not in server.requests[0].lower()
    assert "\0" not in failed_attempts(world)[0].answer


def test_slow_receivers_of_a_batch_hold_up_nobody(world: World) -> None:
    """Nine hang, of every kind; the tenth is told before the first of them has been given up."""
    with ExitStack() as ends:
        hanging = {name: ends.enter_context(HostileServer(behaviour)) for name, behaviour in SLOW.items() if not behaviour.is_https}
        world.agent.task("t1")
        for name, server in hanging.items():
            world.register("t1", id=name, url=server.url)
        world.register("t1", id="other")
        world.settle()
        world.agent.task("t1").becomes("working")
        world.advance(11)
        given_up = [world.attempts.last(config_key("t1", name), most=1) for name in hanging]
        ended = [attempt.at.timestamp() + total_seconds(attempt) for attempts in given_up for attempt in attempts]
    ahead = world.runner.clock.now() - datetime.now(UTC)
    [told] = world.posts("other")
    assert (told.timestamp + ahead).timestamp() < min(ended)
