"""A day of an owner, and what is said when it is full."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from relay.domain.errors import OwnerCapError
from relay.domain.jsonrpc import error_details, error_response
from relay.domain.keys import OwnerDay
from relay.domain.owner_caps import OwnerCaps, receiver_digest
from relay.domain.retention import owner_day_expiry
from relay.domain.task import ProtocolVersion

NOW = datetime(2026, 11, 27, 23, 59, 59, tzinfo=UTC)
DAY = OwnerDay.at("acme", NOW)
CAPS = OwnerCaps(configs=5, receivers=3)


def test_day_is_one_of_utc_wherever_the_clock_stands() -> None:
    berlin = timezone(timedelta(hours=1))
    assert OwnerDay.at("acme", NOW.astimezone(berlin)) == DAY
    assert OwnerDay.at("acme", NOW + timedelta(seconds=1)) != DAY
    assert DAY.end == datetime(2026, 11, 28, tzinfo=UTC)


def test_its_items_are_its_owners_and_its_own() -> None:
    assert (DAY.partition, DAY.configs, DAY.receivers) == ("REGISTERED#acme", "DAY#2026-11-27#CONFIGS", "DAY#2026-11-27#RECEIVERS")
    assert OwnerDay.at("a#b", NOW).partition == "REGISTERED#a%23b"


def test_its_items_outlive_it_by_a_day() -> None:
    assert owner_day_expiry(DAY) == datetime(2026, 11, 29, tzinfo=UTC)


@pytest.mark.parametrize("url", ["https://one.example/other?x=y", "https://ONE.example:443/", "https://one.example"])
def test_receiver_is_scheme_host_and_port(url: str) -> None:
    assert receiver_digest(url) == receiver_digest("https://one.example/a")


@pytest.mark.parametrize("url", ["http://one.example/a", "https://one.example:8443/a", "https://two.example/a"])
def test_another_receiver_has_another_digest(url: str) -> None:
    assert receiver_digest(url) != receiver_digest("https://one.example/a")
    assert len(receiver_digest(url)) == 8


def test_who_has_too_many_configs_is_told_what_to_do() -> None:
    error = CAPS.configs_error(DAY)
    assert error.message == (
        "An owner may register at most 5 push configs a day, and this one has: set one that is there anew, "
        "wait until 2026-11-28T00:00:00Z, or have the relay's operator raise MaxDailyConfigsPerOwner."
    )
    assert (error.until, error.metadata) == (
        DAY.end,
        {"cap": "MaxDailyConfigsPerOwner", "limit": "5", "until": "2026-11-28T00:00:00Z"},
    )


def test_whose_new_task_would_get_too_many_copies_is_told_what_to_do() -> None:
    error = CAPS.copies_error(DAY)
    assert error.message == (
        "An owner may register at most 5 push configs a day, and the copies that a new task gets would be more: delete the configs without "
        "a task, wait until 2026-11-28T00:00:00Z, or have the relay's operator raise MaxDailyConfigsPerOwner."
    )
    assert error.metadata == CAPS.configs_error(DAY).metadata


def test_who_has_too_many_receivers_is_told_what_to_do() -> None:
    error = CAPS.receivers_error(DAY)
    assert error.message == (
        "An owner may register push configs for at most 3 receivers a day, and this one has: name one of those, "
        "wait until 2026-11-28T00:00:00Z, or have the relay's operator raise MaxDailyReceiversPerOwner."
    )
    assert error.metadata == {"cap": "MaxDailyReceiversPerOwner", "limit": "3", "until": "2026-11-28T00:00:00Z"}


def test_reason_is_the_relays_own() -> None:
    """A2A has none for it."""
    error = OwnerCapError("Enough.", until=DAY.end, metadata={"limit": "5"})
    (info,) = error_details(error)
    assert (info["reason"], info["domain"], info["metadata"]) == ("OWNER_CAP_REACHED", "a2a-push-relay", {"limit": "5"})
    told = error_response(1, error, ProtocolVersion.V03)["error"]
    assert (told["code"], told["data"]) == (-32602, {"reason": "OWNER_CAP_REACHED", "limit": "5"})
