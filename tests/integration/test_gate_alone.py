"""The gate before a receiver by itself: how long a config waits, who probes, what it learns. With tasks: test_receiver_gate.py."""

from contextlib import ExitStack
from datetime import timedelta

import boto3
import pytest

from relay import observability
from relay.adapters.table.connection import Connection
from relay.adapters.table.receivers import Receivers
from relay.domain.breaker import FIRST_PAUSE, LONGEST_PAUSE, PROBE_MARGIN, PROBE_WAIT, THRESHOLD, Gate
from relay.domain.keys import ReceiverKey
from relay.domain.outcome import Outcome, OutcomeKind
from relay.domain.push_config import Dialect, PushConfig
from relay.use_cases.receiver_gate import IN_FLIGHT, ReceiverGate
from relay_dev.clock import Clock
from tests.support.ticks import ticks
from tests.support.world import TABLE, World, config_key

TIMEOUT = timedelta(seconds=10)
NOBODY, REFUSED, TAKEN = Outcome(OutcomeKind.TIMEOUT), Outcome(OutcomeKind.REFUSED, status=500), Outcome(OutcomeKind.DELIVERED, status=200)
TICKS = timedelta(seconds=1)  # more than all looks at the clock take


@pytest.fixture
def clock() -> Clock:
    return Clock(ticks())


class Gates:
    """Gates of one table, each as of another process; `jitter` is what they draw."""

    def __init__(self, world: World, clock: Clock) -> None:
        self.clock = clock
        self.jitter = 0.0

    @property
    def receivers(self) -> Receivers:
        return Receivers(Connection(boto3.client("dynamodb"), TABLE), longest_pause=LONGEST_PAUSE, now=self.clock.now)

    def new(self) -> ReceiverGate:
        return ReceiverGate(self.receivers, timeout=TIMEOUT, now=self.clock.now, random=lambda: self.jitter)


@pytest.fixture
def gates(world: World, clock: Clock) -> Gates:
    return Gates(world, clock)


def config(url: str = "https://you.example/hook", owner: str = "default") -> PushConfig:
    key = config_key("t1", "c")
    return PushConfig(key=key._replace(task=key.task._replace(owner=owner)), url=url, dialect=Dialect.A2A_V10)


def opened(gates: Gates) -> ReceiverGate:
    gate = gates.new()
    for _ in range(THRESHOLD):
        gate.learn(config(), NOBODY)
    return gate


def test_an_open_breaker_postpones_to_the_end_of_its_pause(gates: Gates) -> None:
    gate = opened(gates)
    wait = gate.postponed(config())
    assert wait is not None
    assert FIRST_PAUSE - TICKS < wait <= FIRST_PAUSE


def test_those_who_wait_are_spread_over_half_as_long_again(gates: Gates) -> None:
    gate, gates.jitter = opened(gates), 1.0
    wait = gate.postponed(config())
    assert wait is not None
    assert 1.5 * (FIRST_PAUSE - TICKS) < wait <= 1.5 * FIRST_PAUSE


def test_below_the_threshold_nobody_waits(gates: Gates) -> None:
    gate = gates.new()
    for _ in range(THRESHOLD - 1):
        gate.learn(config(), NOBODY)
        assert gate.postponed(config()) is None


def test_what_says_that_somebody_is_there_begins_the_count_anew(gates: Gates) -> None:
    gate = gates.new()
    for outcome in (*[NOBODY] * (THRESHOLD - 1), REFUSED, *[NOBODY] * (THRESHOLD - 1), TAKEN, NOBODY):
        gate.learn(config(), outcome)
    assert gate.postponed(config()) is None
    assert gates.receivers.state(ReceiverKey("default", "https://you.example")).failures == 1


def test_after_the_pause_one_probes_and_the_others_wait_for_its_outcome(gates: Gates) -> None:
    gate, another = opened(gates), gates.new()
    gates.clock.advance(FIRST_PAUSE)
    assert gate.postponed(config()) is None
    assert another.postponed(config()) == PROBE_WAIT
    gate.learn(config(), TAKEN)
    gates.clock.advance(timedelta(seconds=6))  # a process looks every five seconds
    assert another.postponed(config()) is None


def test_a_probe_that_does_not_report_is_taken_for_dead_when_its_post_must_be_over(gates: Gates) -> None:
    opened(gates)
    gates.clock.advance(FIRST_PAUSE)
    assert gates.new().postponed(config()) is None
    gates.clock.advance(TIMEOUT + PROBE_MARGIN - TICKS)
    assert gates.new().postponed(config()) == PROBE_WAIT
    gates.clock.advance(TICKS)
    assert gates.new().postponed(config()) is None


def test_a_probe_that_fails_opens_the_breaker_for_twice_as_long(gates: Gates) -> None:
    gate = opened(gates)
    gates.clock.advance(FIRST_PAUSE)
    assert gate.postponed(config()) is None
    gate.learn(config(), NOBODY)
    wait = gate.postponed(config())
    assert wait is not None
    assert 2 * FIRST_PAUSE - TICKS < wait <= 2 * FIRST_PAUSE


@pytest.mark.parametrize("other", [config(owner="another"), config("https://you.example:8443/hook"), config("http://you.example/hook")])
def test_a_breaker_is_of_one_owner_and_one_origin(gates: Gates, other: PushConfig) -> None:
    gate = opened(gates)
    assert gate.postponed(other) is None
    assert gate.postponed(config("https://you.example/another/hook")) is not None


def test_operator_is_told_when_a_breaker_opens_and_only_then(
    gates: Gates, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = gates.new()
    said = []
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")
    observability.forget()
    for _ in range(THRESHOLD + 1):
        gate.learn(config(), NOBODY)
        said.append("https://you.example" in capsys.readouterr().out)
    assert said == [False] * (THRESHOLD - 1) + [True, False]


def test_a_slot_is_free_again_when_its_post_is_over(gates: Gates) -> None:
    gate = gates.new()
    for _ in range(2 * IN_FLIGHT):
        with gate.slot(config()) as is_free:
            assert is_free
    assert gates.receivers.state(ReceiverKey("default", "https://you.example")).gate(gates.clock.now()) is Gate.CLOSED


def test_who_finds_no_slot_in_time_is_told_so_and_another_receiver_has_its_own(gates: Gates) -> None:
    gate = gates.new()
    with ExitStack() as posts:
        for _ in range(IN_FLIGHT):
            assert posts.enter_context(gate.slot(config()))
        with gate.slot(config("https://other.example")) as is_free:
            assert is_free
        with gate.slot(config()) as is_free:
            assert not is_free, "and who had none gives none back"
    with gate.slot(config()) as is_free:
        assert is_free
