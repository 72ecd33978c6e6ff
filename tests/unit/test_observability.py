import ast
import contextvars
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from relay import metrics, observability
from relay.domain.dead_letter import DeadLetter
from relay.domain.door import Caller
from relay.domain.errors import InvalidParamsError, UpstreamTimeoutError
from relay.domain.keys import ConfigKey, OwnerDay, TaskKey
from relay.domain.outcome import Outcome, OutcomeKind, Phases
from relay.domain.owner_caps import OwnerCaps
from relay.domain.push_config import Authentication, Dialect, PushConfig
from relay.domain.task import ProtocolVersion, Revision, Snapshot, View
from relay.metrics import Metric, measure
from relay.observability import unit_of_work

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TASK = TaskKey("me", "default", "", "task-1")
KEY = ConfigKey(TASK, "config-1")
PLANTED = "plan7ed-s3cret"
CONFIG = PushConfig(
    key=KEY,
    url=f"https://user:{PLANTED}@receiver.example:8443/{PLANTED}?key={PLANTED}#{PLANTED}",
    dialect=Dialect.A2A_V10,
    token=PLANTED,
    authentication=Authentication("Bearer", PLANTED),
)
SNAPSHOT = Snapshot(ProtocolVersion.V10, {"id": "task-1", "status": {"state": "TASK_STATE_WORKING"}, "metadata": {"x": PLANTED}})
REVISION = Revision(3, View(SNAPSHOT, NOW, NOW, "poll"))


class Context:
    aws_request_id = "request-1"


class ClientError(Exception):
    """As botocore's: what the log looks at is its shape."""

    operation_name = "Decrypt"

    def __init__(self) -> None:
        super().__init__(PLANTED)
        self.response = {"Error": {"Code": "AccessDeniedException", "Message": PLANTED}}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    powertools = ("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_METRICS_DISABLED", "POWERTOOLS_DEV")
    for name in (*powertools, "AWS_LAMBDA_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)


class Printed:
    """What stands on stdout, line by line; every line is one JSON object."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.text = ""

    def all(self) -> list[dict[str, Any]]:
        self.text += self._capsys.readouterr().out
        return [json.loads(line) for line in self.text.splitlines()]

    def lines(self) -> list[dict[str, Any]]:
        return [each for each in self.all() if "_aws" not in each]

    def metrics(self) -> list[dict[str, Any]]:
        return [each for each in self.all() if "_aws" in each]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    return Printed(capsys)


def attempt_ended(outcome: Outcome, *, now: datetime = NOW) -> None:
    observability.attempt_ended(CONFIG, REVISION.head, webhook_id="msg_1", number=2, outcome=outcome, now=now)


def raised(error: BaseException, *, cause: BaseException | None = None) -> BaseException:
    """The error as it comes out of a call, with its traceback and cause."""

    def fail() -> None:
        raise error from cause

    with pytest.raises(type(error)) as caught:
        fail()
    return caught.value


def test_a_delivered_notification_is_one_line_with_what_correlates_it(printed: Printed) -> None:
    with unit_of_work("deliver", Context()):
        attempt_ended(Outcome(OutcomeKind.DELIVERED, status=204, phases=Phases(total_ms=12)), now=NOW + timedelta(milliseconds=250))
    (line,) = printed.lines()
    del line["timestamp"]
    assert line == {
        "level": "INFO",
        "message": "notification delivered",
        "service": "a2a-push-relay",
        "function": "deliver",
        "request_id": "request-1",
        "owner": "me",
        "agent": "default",
        "task": "task-1",
        "config": "config-1",
        "webhook_id": "msg_1",
        "revision": 3,
        "state": "working",
        "attempt": 2,
        "outcome": "delivered",
        "http_status": 204,
        "url": "https://receiver.example:8443",
        "took_ms": 12.0,
        "age_ms": 250.0,
    }


def test_its_metrics_are_one_line_in_the_embedded_metric_format(printed: Printed) -> None:
    with unit_of_work("deliver", Context()):
        attempt_ended(Outcome(OutcomeKind.DELIVERED, status=204), now=NOW + timedelta(milliseconds=250))
        attempt_ended(Outcome(OutcomeKind.DELIVERED, status=200), now=NOW + timedelta(seconds=1))
        assert printed.metrics() == []
    (metrics,) = printed.metrics()
    written_at = metrics["_aws"].pop("Timestamp")
    assert datetime.fromisoformat(metrics.pop("timestamp")) == datetime.fromtimestamp(written_at / 1000, UTC)
    assert metrics == {
        "_aws": {
            "CloudWatchMetrics": [
                {
                    "Namespace": "A2APushRelay",
                    "Dimensions": [["service"]],
                    "Metrics": [
                        {"Name": "NotificationDelivered", "Unit": "Count"},
                        {"Name": "DeliveryLatencyMilliseconds", "Unit": "Milliseconds"},
                    ],
                }
            ]
        },
        "level": "INFO",
        "service": "a2a-push-relay",
        "function": "deliver",
        "request_id": "request-1",
        "NotificationDelivered": [1.0, 1.0],
        "DeliveryLatencyMilliseconds": [250.0, 1000.0],
    }


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARN", "ERROR"])
def test_metrics_pass_whatever_the_level_below_which_lambda_drops_lines(
    printed: Printed, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    """A line without a level, or without a time that Lambda can read, counts as INFO: its alarms would fall silent at WARN."""
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", level)
    measure(Metric.DEAD_LETTERED)
    (metrics,) = printed.metrics()
    assert (metrics["level"], datetime.fromisoformat(metrics["timestamp"]).utcoffset()) == (level, timedelta(0))


def test_service_and_namespace_come_from_the_environment(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "another")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Elsewhere")
    measure(Metric.POLL_FAILED)
    (metrics,) = printed.metrics()
    assert metrics["service"] == "another"
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Elsewhere"


@pytest.mark.parametrize(
    ("metric", "unit"),
    [
        (Metric.DEAD_LETTERED, "Count"),
        (Metric.DELIVERY_LATENCY_MILLISECONDS, "Milliseconds"),
        (Metric.OLDEST_UNDELIVERED_CHANGE_SECONDS, "Seconds"),
    ],
)
def test_unit_of_a_metric_is_in_its_name(metric: Metric, unit: str) -> None:
    assert metric.unit.value == unit


def test_a_failed_attempt_is_a_warning_and_counted(printed: Printed) -> None:
    with unit_of_work("deliver", Context()):
        attempt_ended(Outcome(OutcomeKind.TIMEOUT))
    (line,) = printed.lines()
    (metrics,) = printed.metrics()
    assert (line["level"], line["message"], line["outcome"]) == ("WARNING", "attempt failed", "timeout")
    assert "http_status" not in line
    assert metrics["AttemptFailed"] == [1.0]
    assert "NotificationDelivered" not in metrics


def test_each_unit_of_work_has_its_line_and_its_metric(printed: Printed) -> None:
    letter = DeadLetter(KEY, 4, 6, reason="timeout", receiver="https://receiver.example", webhook_id="msg_1", written_at=NOW)
    with unit_of_work("any", Context()):
        observability.revision_appended(TASK, REVISION)
        observability.dead_lettered(letter)
        observability.wakeup_returned(KEY)
        observability.poll_failed(TASK, raised(UpstreamTimeoutError("too slow")))
        observability.delivery_failed(KEY, raised(ValueError(PLANTED)))
        observability.swept(woken=2, oldest=timedelta(seconds=90))
        observability.breaker_opened(CONFIG)
        error = OwnerCaps(configs=1, receivers=1).configs_error(OwnerDay.at("owner", NOW))
        observability.owner_cap_reached(TASK.agent_key, error, url=None)
    assert [line["message"] for line in printed.lines()] == [
        "revision appended",
        "dead-lettered",
        "wake-up returned",
        "poll failed",
        "delivery failed",
        "swept",
        "receiver unavailable: its breaker opened",
        "registration refused: its owner has reached a cap",
    ]
    (metrics,) = printed.metrics()
    names = (
        "RevisionAppended",
        "DeadLettered",
        "WakeupReturned",
        "PollFailed",
        "OwnFault",
        "OverdueWoken",
        "OldestUndeliveredChangeSeconds",
        "BreakerOpened",
        "OwnerCapReached",
    )
    assert [metrics[name] for name in names] == [[1.0], [1.0], [1.0], [1.0], [1.0], [2.0], [90.0], [1.0], [1.0]]


def test_no_metrics_no_line(printed: Printed) -> None:
    with unit_of_work("api", Context()):
        pass
    assert printed.all() == []


def test_metrics_are_written_when_the_work_raises(printed: Printed) -> None:
    @unit_of_work("api", Context())
    def fail() -> None:
        measure(Metric.POLL_FAILED)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert printed.metrics()[0]["PollFailed"] == [1.0]


def test_metrics_of_one_unit_of_work_do_not_reach_the_next(printed: Printed) -> None:
    for name in ("first", "second"):
        with unit_of_work(name, Context()):
            measure(Metric.POLL_FAILED)
    assert [(each["function"], each["PollFailed"]) for each in printed.metrics()] == [("first", [1.0]), ("second", [1.0])]


def test_metrics_can_be_switched_off(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    with unit_of_work("api", Context()):
        for _ in range(250):
            measure(Metric.POLL_FAILED)
    measure(Metric.POLL_FAILED)
    assert printed.all() == []


def test_many_values_are_written_in_lines_that_cloudwatch_takes(printed: Printed) -> None:
    with unit_of_work("deliver", Context()):
        for number in range(250):
            measure(Metric.DELIVERY_LATENCY_MILLISECONDS, number)
    values = [each["DeliveryLatencyMilliseconds"] for each in printed.metrics()]
    assert list(chain(*values)) == list(range(250))
    assert max(map(len, values)) <= 100


def test_a_metric_outside_of_a_unit_of_work_is_written_at_once(printed: Printed) -> None:
    measure(Metric.POLL_FAILED)
    assert printed.metrics()[0]["PollFailed"] == [1.0]


def test_a_context_without_a_request_id_does_no_harm(printed: Printed) -> None:
    with unit_of_work("api", None):
        observability.log("call answered", method="GetTask")
    assert printed.lines()[0]["request_id"] == ""


def test_threads_that_a_unit_of_work_starts_belong_to_it(printed: Printed) -> None:
    with unit_of_work("deliver", Context()), ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: observability.wakeup_returned(KEY), range(20)))
    assert {line["request_id"] for line in printed.lines()} == {"request-1"}
    assert [each["WakeupReturned"] for each in printed.metrics()] == [[1.0] * 20]


def test_units_of_work_in_several_threads_are_not_mixed_up(printed: Printed) -> None:
    together = Barrier(4)

    def work(name: str) -> None:
        with unit_of_work(name, Context()):
            together.wait(timeout=30)
            for _ in range(50):
                observability.log("call answered", method=name)
                measure(Metric.POLL_FAILED)
            together.wait(timeout=30)

    names = ["one", "two", "three", "four"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, names))
    assert all(line["method"] == line["function"] for line in printed.lines())
    assert {each["function"]: len(each["PollFailed"]) for each in printed.metrics()} == dict.fromkeys(names, 50)


def test_a_thread_of_nobody_claims_no_unit_of_work(printed: Printed) -> None:
    with unit_of_work("one", Context()):
        contextvars.copy_context().run(_open_another_and_log_in_a_bare_thread)
    assert "request_id" not in printed.lines()[0]


def _open_another_and_log_in_a_bare_thread() -> None:
    with unit_of_work("two", Context()), ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: observability.wakeup_returned(KEY)).result()


def test_of_a_caller_owner_and_key_id_are_told(printed: Printed) -> None:
    observability.log("call answered", caller=Caller("me", frozenset({"a"}), "0123abcd"))
    observability.log("call answered", caller=Caller("o" * 300))
    with_key, without = printed.lines()
    assert (with_key["owner"], with_key["key"]) == ("me", "0123abcd")
    assert (without["owner"], "key" in without) == ("o" * 256, False)


def test_no_planted_secret_reaches_a_line(printed: Printed) -> None:
    errors = [
        raised(ValueError(PLANTED)),
        raised(RuntimeError("x"), cause=raised(ClientError())),
        raised(InvalidParamsError(f"url {PLANTED} is odd", field="url")),
        raised(UpstreamTimeoutError("The agent took too long."), cause=raised(KeyError(PLANTED))),
    ]
    with unit_of_work("deliver", Context()):
        observability.revision_appended(TASK, REVISION)
        attempt_ended(Outcome(OutcomeKind.DELIVERED, status=200, answer=PLANTED, detail=PLANTED))
        attempt_ended(Outcome(OutcomeKind.REFUSED, status=500, answer=PLANTED, detail=PLANTED))
        for error in errors:
            observability.delivery_failed(KEY, error)
    printed.all()
    assert PLANTED not in printed.text


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://receiver.example/a?b#c", "https://receiver.example"),
        ("http://u:p@127.0.0.1:9900/", "http://127.0.0.1:9900"),
        ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443"),
        ("https://receiver.example:bad/x", "<not a URL>"),
        ("https://[half/x", "<not a URL>"),
    ],
)
def test_of_a_url_the_origin_is_told(printed: Printed, url: str, told: str) -> None:
    observability.log("receiver", url=url)
    assert printed.lines()[0]["url"] == told


def test_of_an_error_types_place_and_aws_s_code_are_told(printed: Printed) -> None:
    observability.fault("request failed", error=raised(RuntimeError("x"), cause=raised(ClientError())))
    (line,) = printed.lines()
    assert line["error"] == ["RuntimeError", "ClientError"]
    assert line["error_code"] == "Decrypt: AccessDeniedException"
    assert all(place.startswith("test_observability.py:") for place in line["error_at"])
    assert "error_text" not in line


def test_of_an_error_of_the_relay_its_own_words_are_told(printed: Printed) -> None:
    observability.fault("request failed", error=raised(UpstreamTimeoutError("The agent took too long."), cause=TimeoutError(PLANTED)))
    assert printed.lines()[0]["error_text"] == "The agent took too long."


def test_errors_that_cause_each_other_end(printed: Printed) -> None:
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one
    observability.fault("request failed", error=one)
    assert printed.lines()[0]["error"] == ["ValueError", "KeyError"]


def test_a_stranger_s_text_is_cut_and_keeps_the_line_whole(printed: Printed) -> None:
    observability.log("call answered", method="a\nb\u2028\ud800" * 1000, task=TaskKey("me", "default", "ten\rant", "t\n" * 500))
    (line,) = printed.lines()
    assert (len(line["method"]), len(line["task"]), line["tenant"]) == (256, 256, "ten\rant")


def test_lines_stay_whole_in_powertools_development_mode(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_DEV", "true")
    monkeypatch.setattr(observability, "_made", [])
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "made-in-development")
    with pytest.warns(UserWarning, match="POWERTOOLS_DEV"):
        observability.log("receiver", count=1)
    assert printed.lines()[0]["count"] == 1


@pytest.fixture
def _lines_go_back_to_stdout() -> Iterator[None]:
    observability.log("receiver")
    handlers = logging.getLogger(metrics.SERVICE).handlers
    before = handlers[:]
    yield
    handlers[:] = before


@pytest.mark.usefixtures("_lines_go_back_to_stdout")
def test_another_handler_gets_the_rendered_fields_as_attributes(printed: Printed) -> None:
    before = len(printed.lines())
    records: list[logging.LogRecord] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    observability.send_lines_to(Kept())
    observability.wakeup_returned(KEY)
    (record,) = records
    assert (record.getMessage(), record.__dict__["task"], record.__dict__["config"]) == ("wake-up returned", "task-1", "config-1")
    assert len(printed.lines()) == before


@pytest.mark.parametrize("library", ["botocore.parsers", "boto3.resources", "urllib3.connectionpool", "httpx", "httpcore.http11"])
def test_libraries_that_log_what_they_send_are_not_heard_below_a_warning(printed: Printed, library: str) -> None:
    """At LogLevel DEBUG the root logger lets all through, and botocore would log secrets as Secrets Manager answers them."""
    with unit_of_work("api", Context()):
        assert not logging.getLogger(library).isEnabledFor(logging.INFO)
    assert logging.getLogger(library).isEnabledFor(logging.WARNING)


def test_words_of_every_line_are_constant() -> None:
    """`LiteralString` says so to type checkers that know it; mypy does not."""
    calls = [
        call
        for folder in ("functions", "layers/relay/relay", "relay_dev")
        for path in (ROOT / folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and _writes_a_line(call.func)
    ]
    assert calls
    assert [ast.unparse(call) for call in calls if not (call.args and isinstance(call.args[0], ast.Constant))] == []


def _writes_a_line(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return ast.unparse(function) in ("observability.log", "observability.warn", "observability.fault")
    return isinstance(function, ast.Name) and function.id in ("log", "warn", "fault")
