from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.push_config import Authentication, Dialect, PushConfig
from relay.domain.secret_overlap import MAX_RETIRED

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY, HOUR, MOMENT = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)


def config(secret: str, *, url: str = "https://you.example/hook", caller: str = "alice") -> PushConfig:
    key = ConfigKey(TaskKey("owner", "agent", "", "task"), "config")
    authentication = Authentication("HMAC-SHA256", secret) if secret else None
    return PushConfig(key=key, url=url, caller=caller, dialect=Dialect.A2A_V10, authentication=authentication)


def rotated(*secrets: str, every: timedelta = HOUR, overlap: timedelta = DAY) -> PushConfig:
    """Set with these secrets, one after the other, the last of them at `NOW`."""
    found = config(secrets[0])
    for turn, secret in enumerate(secrets[1:], start=2 - len(secrets)):
        found = config(secret).succeeding(found, now=NOW + turn * every, overlap=overlap)
    return found


def test_both_secrets_sign_the_new_one_first() -> None:
    assert rotated("old", "new").signing_secrets(NOW) == ("new", "old")


def test_replaced_secret_signs_until_the_overlap_is_over() -> None:
    found = rotated("old", "new")
    assert found.signing_secrets(NOW + DAY - MOMENT) == ("new", "old")
    assert found.signing_secrets(NOW + DAY) == ("new",)


def test_secrets_replaced_within_the_overlap_each_sign_for_their_own() -> None:
    found = rotated("first", "second", "third")
    assert found.signing_secrets(NOW) == ("third", "second", "first")
    assert found.signing_secrets(NOW + DAY - HOUR) == ("third", "second")


def test_secret_whose_overlap_is_over_is_not_kept() -> None:
    found = rotated("first", "second", "third", every=DAY)
    assert [each.text for each in found.retired] == ["second"]


def test_the_same_secret_set_again_neither_ends_nor_prolongs_the_overlap() -> None:
    (kept,) = rotated("old", "new", "new", "new").retired
    assert (kept.text, kept.until) == ("old", NOW - 2 * HOUR + DAY)


def test_secret_that_comes_back_is_not_named_twice() -> None:
    assert rotated("old", "new", "old").signing_secrets(NOW) == ("old", "new")


def test_only_the_last_of_many_secrets_are_kept() -> None:
    found = rotated(*(f"secret {number}" for number in range(9)))
    assert found.signing_secrets(NOW) == ("secret 8", "secret 7", "secret 6", "secret 5", "secret 4")
    assert len(found.retired) == MAX_RETIRED


@pytest.mark.parametrize("secrets", [("old", ""), ("", "new")])
def test_nothing_is_kept_where_one_of_both_is_no_secret(secrets: tuple[str, str]) -> None:
    assert rotated(*secrets).retired == ()


def test_config_without_a_secret_is_not_signed_with_an_earlier_one() -> None:
    assert replace(rotated("old", "new"), authentication=None).signing_secrets(NOW) == ()


def test_no_overlap_ends_every_earlier_secret_at_once() -> None:
    assert rotated("old", "new", overlap=timedelta(0)).retired == ()


@pytest.mark.parametrize(
    "other",
    [
        {"caller": "bob"},
        {"url": "https://other.example/hook"},
        {"url": "https://you.example:8443/hook"},
        {"url": "https://you.example/other"},
    ],
)
def test_another_caller_or_receiver_gets_nothing_signed_with_the_secret(other: dict[str, str]) -> None:
    assert config("new", **other).succeeding(rotated("older", "old"), now=NOW, overlap=DAY).retired == ()


def test_another_query_is_the_same_webhook() -> None:
    found = config("new", url="https://You.example:443/hook?v=2").succeeding(config("old"), now=NOW, overlap=DAY)
    assert found.signing_secrets(NOW) == ("new", "old")


def test_new_config_has_replaced_nothing() -> None:
    assert config("new").succeeding(None, now=NOW, overlap=DAY) == config("new")


def test_replaced_secrets_are_shown_to_nobody() -> None:
    found = rotated("<planted>", "<also planted>")
    assert "planted" not in repr(found)
    assert "planted" not in repr(found.retired)
    assert found.as_told_to("bob").retired == ()
