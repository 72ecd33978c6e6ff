"""Whether an agent reaches the relay: what its POSTs show, and how often it is tried."""

from datetime import timedelta

from relay.domain.reach import HEARD_FOR, PROBE_AGAIN, Reach, heard
from tests.support.samples import NOW, SECOND


def test_agent_of_which_nothing_is_known_is_tried_and_one_that_stays_silent_ever_more_seldom() -> None:
    reach, now, waits = Reach(), NOW, []
    for _ in range(5):
        assert reach.may_probe(now)
        reach = reach.probed(now)
        assert reach.probe_at is not None
        assert not reach.may_probe(reach.probe_at - SECOND)
        waits.append(reach.probe_at - now)
        now = reach.probe_at
    assert waits == [*PROBE_AGAIN, PROBE_AGAIN[-1], PROBE_AGAIN[-1]]


def test_agent_that_was_heard_counts_for_days_and_is_not_tried() -> None:
    reach = heard(NOW)
    assert reach.is_heard(NOW + HEARD_FOR - SECOND)
    assert not reach.may_probe(NOW + HEARD_FOR - SECOND)
    assert not reach.is_heard(NOW + HEARD_FOR)
    assert reach.may_probe(NOW + HEARD_FOR)


def test_what_is_heard_is_noted_once_a_day() -> None:
    assert heard(NOW).is_noted(NOW + timedelta(hours=23))
    assert not heard(NOW).is_noted(NOW + timedelta(hours=25))
    assert not Reach().is_noted(NOW)
