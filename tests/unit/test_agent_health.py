from datetime import timedelta

import pytest

from relay.domain.agent_health import LONGEST_RETRY_AFTER, PROBE_WAIT, THRESHOLD, AgentHealth
from relay.domain.errors import (
    RelayError,
    TaskNotFoundError,
    UpstreamBusyError,
    UpstreamForbiddenError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from tests.support.samples import NOW

LONGEST = timedelta(seconds=60)
AWAY = UpstreamUnavailableError("away")


def after(*errors: RelayError | None) -> AgentHealth:
    health = AgentHealth()
    for error in errors:
        health = health.after(error, NOW, longest=LONGEST)
    return health


def busy(seconds: float | None) -> RelayError:
    return UpstreamBusyError("busy", retry_after=None if seconds is None else timedelta(seconds=seconds))


def test_few_failures_are_a_blip() -> None:
    assert after(*[AWAY] * (THRESHOLD - 1)) == AgentHealth(THRESHOLD - 1)


def test_agent_that_keeps_failing_is_left_alone_ever_longer_up_to_the_longest_pause() -> None:
    pauses = [after(*[AWAY] * failures).left(NOW) for failures in range(THRESHOLD, THRESHOLD + 10)]
    assert pauses == sorted(pauses)
    assert [pause.total_seconds() for pause in pauses[:5]] == [5, 10, 20, 40, 60]
    assert pauses[-1] == LONGEST


def test_retry_after_holds_from_the_first_time_and_within_bounds() -> None:
    assert after(busy(120)).left(NOW) == timedelta(seconds=120)
    assert after(busy(10**6)).left(NOW) == LONGEST_RETRY_AFTER
    assert not after(busy(None)).left(NOW)


@pytest.mark.parametrize("answer", [None, TaskNotFoundError("gone"), UpstreamForbiddenError("no")])
def test_any_answer_shows_that_somebody_is_there(answer: RelayError | None) -> None:
    assert after(*[UpstreamTimeoutError("late")] * 10, answer) == AgentHealth()


def test_while_one_probes_the_others_wait() -> None:
    health = after(*[AWAY] * THRESHOLD)
    later = NOW + health.left(NOW)
    assert not health.left(later)
    assert health.probed(later).left(later) == PROBE_WAIT
    assert health.probed(later).failures == THRESHOLD


def test_agent_that_is_well_is_asked_by_many_at_once() -> None:
    assert AgentHealth().probed(NOW) == AgentHealth()
