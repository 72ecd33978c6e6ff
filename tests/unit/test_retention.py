"""How long items live, against what needs them."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from relay.domain.outcome import MAX_RETRY_AFTER
from relay.domain.retention import ATTEMPT, DEAD_LETTER, config_expiry, relay_task_expiry, revision_expiry
from relay.settings import Settings
from tests.support.samples import NOW

DEADLINE = timedelta(hours=168)
MOST_RETRIES = max(len(Settings.model_fields["retry_schedule"].default), 10)  # a config's own policy: at most 10
LONGEST_TRY = MOST_RETRIES * MAX_RETRY_AFTER * 1.1  # each wait as long as a receiver may ask for, and a tenth on top

deadlines = st.timedeltas(timedelta(hours=1), timedelta(hours=1000))


def test_lifetimes_are_as_documented() -> None:
    assert config_expiry(NOW, DEADLINE) == NOW + timedelta(days=7 + 16)
    assert revision_expiry(NOW, DEADLINE) == NOW + timedelta(days=7 + 32)
    assert timedelta(days=14) == ATTEMPT == DEAD_LETTER


@given(deadlines)
def test_config_outlives_its_watch_and_the_longest_schedule(deadline: timedelta) -> None:
    assert config_expiry(NOW, deadline) >= NOW + deadline + LONGEST_TRY


@given(deadlines)
def test_newest_revision_outlives_the_last_config_of_its_task(deadline: timedelta) -> None:
    """Else revision numbers would start again under a cursor that knows higher ones."""
    assert revision_expiry(NOW, deadline) > config_expiry(NOW, deadline)


def test_revisions_outlive_the_dead_letter_that_speaks_of_them() -> None:
    assert revision_expiry(NOW, DEADLINE) > NOW + LONGEST_TRY + DEAD_LETTER


def test_a_task_of_the_relays_own_lives_as_long_as_its_revisions() -> None:
    assert relay_task_expiry(NOW, DEADLINE) == revision_expiry(NOW, DEADLINE)
