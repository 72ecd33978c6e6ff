from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.outcome import MAX_RETRY_AFTER, MIN_RETRY_AFTER, Outcome, OutcomeKind, classify, parse_retry_after

NOW = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, OutcomeKind.DELIVERED),
        (202, OutcomeKind.DELIVERED),
        (204, OutcomeKind.DELIVERED),
        (299, OutcomeKind.DELIVERED),
        (300, OutcomeKind.REFUSED),
        (302, OutcomeKind.REFUSED),
        (307, OutcomeKind.REFUSED),
        (400, OutcomeKind.REFUSED),
        (401, OutcomeKind.REFUSED),
        (404, OutcomeKind.REFUSED),
        (410, OutcomeKind.GONE),
        (429, OutcomeKind.REFUSED),
        (500, OutcomeKind.REFUSED),
        (503, OutcomeKind.REFUSED),
        (199, OutcomeKind.REFUSED),
        (999, OutcomeKind.REFUSED),
    ],
)
def test_status_decides_the_kind(status: int, kind: OutcomeKind) -> None:
    assert classify(status) is kind


@given(st.integers(min_value=0, max_value=1000))
def test_only_a_2xx_is_delivered(status: int) -> None:
    assert Outcome(classify(status), status=status).is_delivered == (200 <= status < 300)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("120", timedelta(seconds=120)),
        (" 7 ", timedelta(seconds=7)),
        ("0", MIN_RETRY_AFTER),
        ("1", MIN_RETRY_AFTER),
        ("86400", MAX_RETRY_AFTER),
        ("86401", MAX_RETRY_AFTER),
        ("999999999", MAX_RETRY_AFTER),
        ("Fri, 06 Nov 2026 08:51:37 GMT", timedelta(minutes=2)),
        ("Friday, 06-Nov-26 08:51:37 GMT", timedelta(minutes=2)),
        ("Fri Nov  6 08:51:37 2026", timedelta(minutes=2)),
        ("Fri, 06 Nov 2026 09:51:37 +0100", timedelta(minutes=2)),
        ("Thu, 05 Nov 2026 08:49:37 GMT", MIN_RETRY_AFTER),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER),
    ],
)
def test_retry_after_is_read_as_seconds_or_date_and_bounded(text: str, wait: timedelta) -> None:
    assert parse_retry_after(text, NOW) == wait


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "12 parsecs", "٣", "²", "1" * 5000, "Fri, 99 Nov 2026 08:51:37 GMT", "1_000"])
def test_retry_after_that_is_neither_is_none(text: str) -> None:
    assert parse_retry_after(text, NOW) is None


@given(st.text(max_size=60) | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{1,8} [A-Z0-9+-]{0,6}"))
def test_retry_after_never_raises_and_stays_in_its_bounds(text: str) -> None:
    wait = parse_retry_after(text, NOW)
    assert wait is None or MIN_RETRY_AFTER <= wait <= MAX_RETRY_AFTER


def test_answer_is_not_in_repr() -> None:
    outcome = Outcome(OutcomeKind.REFUSED, status=500, answer="stack trace with a secret", detail="The receiver answered 500.")
    assert "secret" not in repr(outcome)
