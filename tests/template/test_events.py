"""What events/ promises: an event for each function, in the form that AWS sends and the functions read, under the local stack's names."""

import json
from pathlib import Path
from typing import Any

import pytest

from relay.domain.wakeup import DeliveryWakeup, StreamWakeup, WatchWakeup
from relay.settings import Settings
from relay_dev.filters import passes
from relay_dev.place import Place
from relay_dev.template import TEMPLATE, read_template
from tests.template.stack import ROOT, STACK

EVENTS = ROOT / "events"
ENVIRONMENT_FILE = EVENTS / "local.env.json"
FILES = sorted(path for path in EVENTS.glob("*.json") if path != ENVIRONMENT_FILE)
LOCAL = read_template(TEMPLATE, place=Place())


def _load(name: str) -> Any:
    return json.loads((EVENTS / name).read_text(encoding="utf-8"))


def _record(name: str) -> Any:
    (record,) = _load(name)["Records"]
    return record


@pytest.mark.parametrize("name", sorted(STACK.functions))
def test_function_has_an_event(name: str) -> None:
    function = name.removesuffix("Function").lower()
    assert [path for path in FILES if path.stem == function or path.stem.startswith(f"{function}-")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_event_is_invoked_by_a_test(path: Path) -> None:
    assert f'local("{path.name}")' in (ROOT / "tests" / "rie" / "test_built_functions.py").read_text(encoding="utf-8")


def test_wakeups_are_of_the_version_that_the_functions_read() -> None:
    tasks = {DeliveryWakeup.load(_record("deliver.json")["body"]).key.task}
    tasks |= {WatchWakeup.load(_record("watch.json")["body"]).task, StreamWakeup.load(_record("stream.json")["body"]).task}
    assert len(tasks) == 1


@pytest.mark.parametrize("name", ["deliver.json", "watch.json", "worker.json", "stream.json"])
def test_message_comes_from_the_queue_of_its_function(name: str) -> None:
    arn = _record(name)["eventSourceARN"]
    assert STACK.source_queues[arn.rpartition(":")[2]] == f"{name.removesuffix('.json').capitalize()}Function"


def test_stream_records_pass_the_filter() -> None:
    (stream,) = LOCAL.streams
    assert all(passes(record, stream.filters) for record in _load("fanout.json")["Records"])


@pytest.mark.parametrize("name", ["api-agent-card.json", "api-send-message.json", "api-set-push-config.json"])
def test_request_comes_by_a_route_of_the_front_door(name: str) -> None:
    assert _load(name)["routeKey"] in {route.key for route in LOCAL.routes}


def test_local_environment_names_only_what_sam_passes_on() -> None:
    """`sam local invoke` drops a variable that the template does not declare."""
    assert set(_load("local.env.json")["Parameters"]) <= set(STACK.shared["Environment"]["Variables"])


def test_local_environment_names_what_relay_dev_makes() -> None:
    given, made = _load("local.env.json")["Parameters"], LOCAL.environment
    for name in (
        "TABLE_NAME",
        "BUCKET_NAME",
        "DELIVERY_QUEUE_URL",
        "WATCH_QUEUE_URL",
        "WORKER_QUEUE_URL",
        "STREAM_QUEUE_URL",
        "WEBHOOK_DEAD_LETTER_QUEUE_URL",
    ):
        assert given[name] == made[name]
    assert made["KMS_KEY_ID"].endswith(f":{given['KMS_KEY_ID']}")


def test_local_environment_lets_the_events_webhook_be_reached() -> None:
    settings = Settings.from_environment(_load("local.env.json")["Parameters"])
    assert "127.0.0.1" in settings.allowed_webhook_hosts
    assert "//127.0.0.1:" in _load("api-set-push-config.json")["body"]
