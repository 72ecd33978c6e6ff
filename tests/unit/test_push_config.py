from dataclasses import replace

import pytest

from relay.domain.errors import InvalidParamsError
from relay.domain.keys import ConfigKey, TaskKey
from relay.domain.push_config import Authentication, Dialect, PushConfig, RetryPolicy, Start, Updates, parse_updates, start_position
from relay.domain.registration import Registration
from tests.support.samples import INSTANT, KEY, NOW, cursor, head

# --- where a cursor starts


@pytest.mark.parametrize("state", ["working", "completed", "input-required"])
def test_inline_config_of_a_new_task_is_told_everything(state: str) -> None:
    assert start_position(Start.INLINE_NEW_TASK, head(3, state)) == 0


@pytest.mark.parametrize("start", Start)
def test_config_of_a_task_without_revisions_is_told_everything(start: Start) -> None:
    assert start_position(start, None) == 0


@pytest.mark.parametrize("state", ["working", "completed", "input-required"])
def test_inline_config_of_a_known_task_is_told_what_follows(state: str) -> None:
    assert start_position(Start.INLINE_KNOWN_TASK, head(3, state)) == 3


@pytest.mark.parametrize(
    ("state", "position"),
    [("submitted", 3), ("working", 3), ("unknown", 3), ("input-required", 2), ("auth-required", 2), ("completed", 2), ("rejected", 2)],
)
def test_later_registration_is_told_a_state_after_which_nothing_may_come(state: str, position: int) -> None:
    assert start_position(Start.LATER, head(3, state)) == position


# --- the cursor


def test_claim_holds_until_its_time_is_over() -> None:
    assert not cursor().is_claimed(NOW)
    assert not cursor(claim_token="left", claim_until=NOW).is_claimed(NOW)
    assert cursor(claim_until=NOW + INSTANT).is_claimed(NOW)


def test_config_is_behind_when_something_is_left_to_send() -> None:
    assert cursor(1).is_behind(2)
    assert not cursor(2).is_behind(2)
    assert not cursor(3).is_behind(2)
    assert cursor(3, resend=(1,)).is_behind(2)


# --- what a client registers


@pytest.mark.parametrize("scheme", ["HMAC-SHA256", "hmac-sha256"])
def test_credentials_of_that_scheme_sign_and_are_not_sent(scheme: str) -> None:
    config = PushConfig(KEY, "https://you.example", Dialect.A2A_V10, authentication=Authentication(scheme, "a secret"))
    assert config.signing_secret == "a secret"


def test_other_credentials_sign_nothing() -> None:
    config = PushConfig(KEY, "https://you.example", Dialect.A2A_V10, authentication=Authentication("Bearer", "a secret"))
    assert config.signing_secret == ""
    assert PushConfig(KEY, "https://you.example", Dialect.A2A_V10).signing_secret == ""


@pytest.mark.parametrize(
    ("authentication", "asks"),
    [
        (Authentication("Bearer"), True),
        (Authentication("bearer"), True),
        (Authentication("Bearer", "x"), False),
        (Authentication("Basic"), False),
    ],
)
def test_bearer_without_credentials_asks_for_a_jwt(authentication: Authentication, asks: bool) -> None:
    assert authentication.asks_for_jwt is asks


def test_no_secret_is_in_a_repr() -> None:
    config = PushConfig(KEY, "https://you.example", Dialect.A2A_V10, token="planted", authentication=Authentication("Bearer", "planted"))
    assert "planted" not in repr(config) + repr(config.authentication)


# --- its wishes


@pytest.mark.parametrize("header", [None, "", "  "])
def test_without_the_header_nothing_is_wished(header: str | None) -> None:
    assert parse_updates(header) is None


def test_updates_are_read_without_regard_to_case_and_spaces() -> None:
    assert parse_updates(" Latest-State ") is Updates.LATEST_STATE
    assert parse_updates("every-revision") is Updates.EVERY_REVISION


def test_another_wish_is_refused_with_what_can_be_wished() -> None:
    with pytest.raises(InvalidParamsError, match="A2A-Relay-Updates must be one of every-revision, latest-state") as raised:
        parse_updates("newest")
    assert raised.value.field == "A2A-Relay-Updates"


def test_a_configs_own_schedule_grows_by_its_multiplier_up_to_an_hour() -> None:
    assert RetryPolicy().schedule == (1, 2, 4)
    assert RetryPolicy(max_retries=4, backoff_multiplier=10, initial_delay=6).schedule == (6, 60, 600, 3600)
    assert RetryPolicy(max_retries=2, backoff_multiplier=1, initial_delay=9).schedule == (9, 9)
    assert RetryPolicy(max_retries=0).schedule == ()


@pytest.mark.parametrize("state", ["working", "completed"])
def test_config_that_came_with_a_message_is_told_the_answer_to_it(state: str) -> None:
    assert start_position(Start.INLINE_ANSWERED, head(3, state)) == 2


def test_configs_of_three_dialects_are_asked_for_by_task() -> None:
    assert {dialect for dialect in Dialect if dialect.is_by_task} == {Dialect.PRAISONAI, Dialect.EVO_AI, Dialect.EVO_AI_EVENTS}


def test_a_copy_of_a_template_leads_back_to_it() -> None:
    copy = PushConfig(KEY, "https://you.example", Dialect.EVO_AI)
    assert copy.template_key == ConfigKey(KEY.task.agent_key.no_task, KEY.config_id)


# --- what another caller may read


SECRETS = PushConfig(
    KEY, "https://receiver.example", Dialect.A2A_V10, token="t", authentication=Authentication("Bearer", "c"), caller="ann", secret="s"
)


def test_who_set_a_config_is_told_all_of_it() -> None:
    assert SECRETS.as_told_to("ann") is SECRETS


@pytest.mark.parametrize("caller", ["bob", ""])
def test_another_caller_is_told_a_config_without_its_secrets(caller: str) -> None:
    told = SECRETS.as_told_to(caller)
    assert (told.token, told.authentication, told.secret, told.url) == ("", Authentication("Bearer"), "", SECRETS.url)
    assert replace(SECRETS, authentication=None).as_told_to(caller).authentication is None


def test_a_config_is_all_that_was_registered() -> None:
    said = Registration(
        task_id="t",
        tenant="",
        config_id="c",
        url="https://you.example",
        token="token",
        authentication=Authentication("Bearer", "credentials"),
        dialect=Dialect.A2A_V03,
        url_field="url",
        retry_policy=RetryPolicy(max_retries=1),
        updates=Updates.EVENTS,
        is_challenged=True,
        secret="secret",
        headers=(("X-One", "1"),),
        events=("task.working",),
        caller="caller",
    )
    key, now = ConfigKey(TaskKey("o", "a", "", "t"), "c"), NOW
    assert said.as_config(key, now) == PushConfig(
        key=key,
        url="https://you.example",
        dialect=Dialect.A2A_V03,
        token="token",
        authentication=Authentication("Bearer", "credentials"),
        registered_at=now,
        updates=Updates.EVENTS,
        retry_policy=RetryPolicy(max_retries=1),
        is_challenged=True,
        secret="secret",
        headers=(("X-One", "1"),),
        events=("task.working",),
        caller="caller",
    )
