from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from relay.domain.door import ClientAuthentication
from relay.domain.push_config import Updates
from relay.settings import Settings, settings

LEAST = {
    "TABLE_NAME": "table",
    "BUCKET_NAME": "bucket",
    "DELIVERY_QUEUE_URL": "https://delivery",
    "WATCH_QUEUE_URL": "https://watch",
    "WORKER_QUEUE_URL": "https://worker",
    "STREAM_QUEUE_URL": "https://stream",
    "WEBHOOK_DEAD_LETTER_QUEUE_URL": "https://dead",
    "KMS_KEY_ID": "key",
}


def read(**variables: str) -> Settings:
    return Settings.from_environment({**LEAST, **variables})


def test_a_relay_is_closed_and_open_to_nothing_private_unless_told_otherwise() -> None:
    found = read()
    assert found.client_authentication is ClientAuthentication.RELAY_KEY
    assert found.allowed_webhook_hosts == ()


def test_what_is_not_set_has_the_documented_defaults() -> None:
    found = read()
    assert found.retry_schedule == (5, 30, 120, 600, 1800, 7200, 18000, 36000)
    assert found.updates_after_failure is Updates.EVERY_REVISION
    assert found.webhook_timeout == timedelta(seconds=10)
    assert (found.watch_minimum, found.watch_maximum) == (timedelta(seconds=1), timedelta(seconds=60))
    assert found.watch_deadline == timedelta(days=7)
    assert found.max_configs_per_task == 100


def test_variables_are_named_as_the_fields_in_upper_case() -> None:
    assert set(LEAST) == {name.upper() for name, field in Settings.model_fields.items() if field.is_required()}
    assert read(PUBLIC_URL="https://relay.example", TABLE_NAME="mine").table_name == "mine"


def test_lists_are_comma_separated() -> None:
    found = read(RETRY_SCHEDULE="1, 2.5,3", ALLOWED_WEBHOOK_HOSTS=" localhost ,, 127.0.0.1:8080 ")
    assert found.retry_schedule == (1, 2.5, 3)
    assert found.allowed_webhook_hosts == ("localhost", "127.0.0.1:8080")


def test_lengths_of_time_have_the_unit_of_their_name() -> None:
    found = read(WEBHOOK_TIMEOUT_SECONDS="2.5", WATCH_MIN_SECONDS="3", WATCH_MAX_SECONDS="4", WATCH_DEADLINE_HOURS="0.5")
    assert found.webhook_timeout == timedelta(seconds=2.5)
    assert (found.watch_minimum, found.watch_maximum) == (timedelta(seconds=3), timedelta(seconds=4))
    assert found.watch_deadline == timedelta(minutes=30)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert read(WATCH_MAX_SECONDS="", UPDATES_AFTER_FAILURE="").watch_max_seconds == 60


@pytest.mark.parametrize("missing", LEAST)
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(ValidationError, match=missing.lower()):
        read(**{missing: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLIENT_AUTHENTICATION", "open"),
        ("WEBHOOK_TIMEOUT_SECONDS", "0"),
        ("WEBHOOK_TIMEOUT_SECONDS", "30.1"),
        ("WATCH_MIN_SECONDS", "0"),
        ("WATCH_MAX_SECONDS", "0"),
        ("WATCH_MAX_SECONDS", "901"),
        ("WATCH_DEADLINE_HOURS", "0"),
        ("MAX_CONFIGS_PER_TASK", "0"),
        ("MAX_DAILY_CONFIGS_PER_OWNER", "-1"),
        ("MAX_DAILY_RECEIVERS_PER_OWNER", "20001"),
        ("RETRY_SCHEDULE", "5,soon"),
        ("UPDATES_AFTER_FAILURE", "none"),
    ],
)
def test_what_is_out_of_bounds_is_named(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name.lower()):
        read(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEBHOOK_TIMEOUT_SECONDS", "30"),
        ("WATCH_MAX_SECONDS", "900"),
        ("MAX_CONFIGS_PER_TASK", "1"),
        ("MAX_DAILY_CONFIGS_PER_OWNER", "0"),
        ("MAX_DAILY_RECEIVERS_PER_OWNER", "20000"),
    ],
)
def test_bounds_themselves_are_within(name: str, value: str) -> None:
    assert getattr(read(**{name: value}), name.lower()) == float(value)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        *(
            ("EVO_WEBHOOK_HEADERS", f"{header},b,c,d", f"{header} is a header that says something else")
            for header in (
                *("host", "Content-Length", "Transfer-Encoding", "connection", "TE", "Authorization", "cookie", "proxy-authorization"),
                *("webhook-id", "Webhook-Signature", "traceparent", "A2A-Relay-Revision", "x-a2a-notification-token", "X-Webhook-Token"),
            )
        ),
        ("EVO_WEBHOOK_HEADERS", "a,b,c,A", "each header needs a name of its own"),
        ("EVO_WEBHOOK_HEADERS", "a,b,c", "evo_webhook_headers"),
        ("EVO_WEBHOOK_HEADERS", "a b,b,c,d", "evo_webhook_headers"),
        ("EVO_WEBHOOK_MEMBERS", "event,timestamp,id,data", "id is a member of the task itself"),
        ("EVO_WEBHOOK_MEMBERS", "a,b,c,a", "each member needs a name of its own"),
    ],
)
def test_names_of_evo_ais_webhooks_take_nothing_elses_place(name: str, value: str, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        read(**{name: value})


def test_names_of_evo_ais_webhooks_are_the_operators() -> None:
    found = read(EVO_WEBHOOK_HEADERS="X-Webhook-Event,x-webhook-id,X-Evo_Time,Evo", EVO_WEBHOOK_MEMBERS="type,at,id2,ID").evo_names
    assert (found.event_header, found.signature_header, found.event, found.data) == ("X-Webhook-Event", "Evo", "type", "ID")


def test_settings_do_not_change() -> None:
    found: Any = read()
    with pytest.raises(ValidationError, match="frozen"):
        found.table_name = "another"


def test_a_process_reads_its_environment_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LEAST.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    try:
        first = settings()
        monkeypatch.setenv("TABLE_NAME", "another")
        assert first.table_name == "table"
        assert settings() is first
    finally:
        settings.cache_clear()
