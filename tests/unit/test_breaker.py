from datetime import UTC, datetime, timedelta

import pytest

from relay.domain.breaker import FIRST_PAUSE, LONGEST_PAUSE, THRESHOLD, Gate, Receiver, counts, pause, postponed
from relay.domain.outcome import Outcome, OutcomeKind

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_without_failures_the_gate_is_closed() -> None:
    assert Receiver().gate(NOW) is Gate.CLOSED


def test_below_the_threshold_it_stays_closed() -> None:
    assert Receiver(failures=THRESHOLD - 1, open_until=NOW + timedelta(seconds=9)).gate(NOW) is Gate.CLOSED


def test_it_is_open_until_its_pause_is_over_and_then_half_open() -> None:
    receiver = Receiver(failures=THRESHOLD, open_until=NOW)
    assert receiver.gate(NOW - timedelta(milliseconds=1)) is Gate.OPEN
    assert receiver.gate(NOW) is Gate.HALF_OPEN


@pytest.mark.parametrize("kind", [OutcomeKind.CONNECT_ERROR, OutcomeKind.TIMEOUT])
def test_nobody_there_counts(kind: OutcomeKind) -> None:
    assert counts(Outcome(kind))


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_overloaded_receiver_counts(status: int) -> None:
    assert counts(Outcome(OutcomeKind.REFUSED, status=status))


@pytest.mark.parametrize("status", [400, 401, 404, 500, 301])
def test_a_refusal_does_not_count(status: int) -> None:
    assert not counts(Outcome(OutcomeKind.REFUSED, status=status))


@pytest.mark.parametrize("kind", [OutcomeKind.DELIVERED, OutcomeKind.BLOCKED_ADDRESS, OutcomeKind.TLS_ERROR, OutcomeKind.PROTOCOL_ERROR])
def test_other_outcomes_do_not_count(kind: OutcomeKind) -> None:
    assert not counts(Outcome(kind))


def test_pauses_double_up_to_the_longest() -> None:
    assert pause(THRESHOLD - 1) == timedelta(0)
    assert pause(THRESHOLD) == FIRST_PAUSE
    assert pause(THRESHOLD + 1) == 2 * FIRST_PAUSE
    assert pause(THRESHOLD + 99) == LONGEST_PAUSE


def test_postponed_configs_come_back_after_the_pause_and_spread() -> None:
    receiver = Receiver(failures=THRESHOLD, open_until=NOW + timedelta(seconds=60))
    assert postponed(receiver, NOW, 0.0) == timedelta(seconds=60)
    assert postponed(receiver, NOW, 0.5) == timedelta(seconds=75)


def test_those_who_wait_for_a_probe_come_back_soon() -> None:
    assert postponed(Receiver(failures=THRESHOLD), NOW, 0.0) == timedelta(seconds=5)
    assert postponed(Receiver(failures=THRESHOLD, open_until=NOW - timedelta(hours=1)), NOW, 1.0) == timedelta(seconds=7.5)
    assert postponed(Receiver(failures=THRESHOLD, open_until=NOW), NOW, 0.0) == timedelta(seconds=5)
