from datetime import timedelta

import pytest

from relay.domain.batches import BATCH, FURTHER_PATIENCE, MAX_BODY_BYTES, MAX_CONFIGS, PATIENCE, Unanswered, takes_more

MOMENT = timedelta(microseconds=1)
TIMEOUT = timedelta(seconds=10)
HANGING = Unanswered(longest=PATIENCE, body_bytes=1000)


def takes(
    unanswered: Unanswered = HANGING, *, configs: int = 1, newest: timedelta | None = PATIENCE, remaining: timedelta = timedelta(seconds=60)
) -> bool:
    return takes_more(unanswered, configs=configs, newest=newest, remaining=remaining, timeout=TIMEOUT)


def test_who_waits_for_a_receiver_takes_more() -> None:
    assert takes()


@pytest.mark.parametrize("unanswered", [Unanswered(), Unanswered(longest=PATIENCE - MOMENT)])
def test_who_waits_for_no_receiver_takes_nothing_however_long_the_batch_lasts(unanswered: Unanswered) -> None:
    assert not takes(unanswered, newest=timedelta(seconds=30))


def test_a_batch_that_was_taken_is_the_only_new_one_until_it_has_ended_or_waits_itself() -> None:
    assert not takes(newest=FURTHER_PATIENCE - MOMENT)
    assert takes(newest=FURTHER_PATIENCE)
    assert takes(newest=None)


def test_only_so_many_configs_are_under_way() -> None:
    assert takes(configs=MAX_CONFIGS - BATCH)
    assert not takes(configs=MAX_CONFIGS - BATCH + 1)


def test_only_so_much_is_held_for_receivers_that_do_not_answer() -> None:
    assert takes(Unanswered(PATIENCE, MAX_BODY_BYTES - 1))
    assert not takes(Unanswered(PATIENCE, MAX_BODY_BYTES))


def test_no_batch_is_taken_that_the_function_might_not_outlast() -> None:
    """A POST starts only if it has its timeout and 10 s (`tell`); a look takes a second."""
    least = TIMEOUT + timedelta(seconds=15)
    assert takes(remaining=least)
    assert not takes(remaining=least - MOMENT)
